"""Verify: what an archive really holds against what it says, from its first byte to its last.

Every file is hashed and nothing is unpacked. What is missing, torn or surplus is reported, each by
its name; an archive that breaks off is told once. It asks nobody.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import IO, Any, Final

from compiler.model import lock as locks
from compiler.model import source
from compiler.model.bundle import (
    ARTIFACTS,
    CHUNKS,
    CONTENTS,
    LOCK,
    Contents,
    Layout,
    parse,
)
from compiler.model.codes import bundle as codes
from compiler.model.diagnostics import Code, Diagnostics
from compiler.model.lock import Lock, LockedArtifact, LockedImage
from compiler.model.marks import Map
from compiler.model.record import dataclass
from compiler.stages.pack import listing
from compiler.stages.pack.tar import END

_PIECE: Final = 1 << 20
_SMALL: Final = 16 << 20
"""Bytes of what is read as a whole: the contents, the lock, an index."""
_BLOBS: Final = "blobs/sha256/"
SHOWN: Final = 20
"""Findings of one sort that are named one by one."""


def verify(file: IO[bytes], diagnostics: Diagnostics) -> Contents | None:
    """What an archive holds, all of it hashed; None where it is no bundle."""
    findings = _Findings()
    contents = _read(file, findings)
    findings.tell(diagnostics)
    return contents


@dataclass(frozen=True, slots=True)
class _Expected:
    """What the contents say of a file; `size` is None where only the digest is stated."""

    size: int | None
    sha256: str = ""
    layout: Layout | None = None


class _Findings:
    def __init__(self) -> None:
        self._found: dict[Code, list[str]] = {}

    def add(self, code: Code, message: str) -> None:
        """Take one down."""
        self._found.setdefault(code, []).append(message)

    def tell(self, diagnostics: Diagnostics) -> None:
        """Report them; of many of one sort, the first."""
        for code, messages in self._found.items():
            for message in messages[:SHOWN]:
                diagnostics.add(code, message, None)
            if len(messages) > SHOWN:
                diagnostics.add(code, f"and {len(messages) - SHOWN} more", None)


def _read(file: IO[bytes], findings: _Findings) -> Contents | None:
    try:
        with tarfile.open(fileobj=file, mode="r|") as archive:
            contents, end = _contents(archive)
            end = max(end, _Check(contents, findings).through(archive))
    except (tarfile.TarError, ValueError, EOFError) as error:
        # Of pydantic's words the first line says what is wrong.
        findings.add(codes.NO_BUNDLE, str(error).splitlines()[0])
        return None
    file.seek(end)
    if file.read(len(END) + 1) != END:
        findings.add(codes.TORN, "the archive does not end where it should")
    return contents


def _contents(archive: tarfile.TarFile) -> tuple[Contents, int]:
    """The contents, and where their file ends."""
    first = archive.next()
    if first is None or first.name != CONTENTS or not first.isfile():
        raise ValueError(f"its first file is not {CONTENTS}")
    stream = archive.extractfile(first) if first.size <= _SMALL else None
    if stream is None:
        raise ValueError(f"{CONTENTS} has {first.size:,} bytes")
    return parse(stream.read()), _end(first)


class _Check:
    def __init__(self, contents: Contents, findings: _Findings) -> None:
        self._contents = contents
        self._findings = findings
        self._expected = _expected(contents)
        self._lock: Lock | None = None
        self._lists: frozenset[str] = frozenset()
        self._listed: set[str] = set()

    def through(self, archive: tarfile.TarFile) -> int:
        """Hash every file, then see what is not there; where the last file ends."""
        left, end = dict(self._expected), 0
        try:
            for member in _members(archive):
                end = _end(member)
                expected = left.pop(member.name, None)
                if expected is None:
                    self._findings.add(codes.SURPLUS, f"{member.name}: nothing names it")
                else:
                    self._file(archive, member, expected)
        except (tarfile.TarError, EOFError) as error:
            self._findings.add(codes.TORN, f"the archive breaks off: {error}")
        for name in left:
            self._findings.add(codes.MISSING, f"{name} is not there")
        if self._lock is not None:
            self._against(self._lock)
        return end

    def _file(self, archive: tarfile.TarFile, member: tarfile.TarInfo, expected: _Expected) -> None:
        stream = archive.extractfile(member) if member.isfile() else None
        if stream is None:
            self._findings.add(codes.SURPLUS, f"{member.name} is no plain file")
        elif expected.size is not None and member.size != expected.size:
            words = f"{member.name} has {member.size:,} bytes, not {expected.size:,}"
            self._findings.add(codes.TORN, words)
        elif expected.layout is not None:
            self._images(member.name, stream, expected.layout)
        elif member.name == LOCK and member.size <= _SMALL:
            text = stream.read()
            self._judge(member.name, hashlib.sha256(text).hexdigest(), expected.sha256)
            self._lock = _lock(text)
            self._lists = _lists(self._lock)
        elif expected.sha256 in self._lists:
            text = stream.read()
            self._judge(member.name, hashlib.sha256(text).hexdigest(), expected.sha256)
            self._listed.update(_digests(text))
        else:
            self._judge(member.name, _digest(stream), expected.sha256)

    def _judge(self, name: str, found: str, sha256: str) -> None:
        if found != sha256:
            self._findings.add(
                codes.TORN, f"{name} has the digest {found[:12]}…, not {sha256[:12]}…"
            )

    def _images(self, name: str, stream: IO[bytes], layout: Layout) -> None:
        left = {one.removeprefix("sha256:") for one in layout.blobs}
        named: Mapping[str, str] = {}
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in _members(archive):
                content = archive.extractfile(member) if member.isfile() else None
                digest = member.name.removeprefix(_BLOBS)
                if member.name == "index.json" and content and member.size <= _SMALL:
                    named = _named(content.read())
                elif digest in left and content is not None:
                    left.remove(digest)
                    self._judge(f"{name}: {member.name}", _digest(content), digest)
                elif member.name != "oci-layout":
                    self._findings.add(codes.SURPLUS, f"{name}: {member.name}: nothing names it")
        for digest in sorted(left):
            self._findings.add(codes.MISSING, f"{name}: {_BLOBS}{digest} is not there")
        if named != dict(layout.names):
            self._findings.add(codes.TORN, f"{name}: its index names other images")

    def _against(self, lock: Lock) -> None:
        """Hold the contents against the lock inside."""
        digests = {
            digest for one in self._contents.images.values() for digest in one.names.values()
        }
        locked = set()
        for (_, _, name), entry in lock.entries.items():
            if isinstance(entry, LockedArtifact):
                locked.add(entry.sha256)
                if entry.sha256 not in self._contents.artifacts:
                    self._findings.add(codes.MISSING, f"{name}: {ARTIFACTS}{entry.sha256}")
            elif isinstance(entry, LockedImage) and digests and entry.digest not in digests:
                self._findings.add(codes.MISSING, f"{name}: {entry.digest}")
        for sha256 in sorted(self._listed - self._contents.artifacts.keys()):
            self._findings.add(codes.MISSING, f"{ARTIFACTS}{sha256}, a file of a prefix")
        for sha256 in sorted(self._contents.artifacts.keys() - locked - self._listed):
            self._findings.add(codes.SURPLUS, f"{ARTIFACTS}{sha256}: the lock does not name it")


def _expected(contents: Contents) -> dict[str, _Expected]:
    """What every file of the archive has to be, in the archive's order."""
    found = {name: _Expected(one.size, one.sha256) for name, one in contents.files.items()}
    for sha256, held in contents.artifacts.items():
        found[f"{ARTIFACTS}{sha256}"] = _Expected(held.size, sha256)
        if held.chunks:
            found[f"{ARTIFACTS}{sha256}{CHUNKS}"] = _Expected(None, held.root or "")
    for name, layout in contents.images.items():
        found[name] = _Expected(layout.size, layout=layout)
    return found


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Every further file; what is behind is forgotten."""
    while (member := archive.next()) is not None:
        yield member
        archive.members.clear()  # type: ignore[attr-defined]


def _end(member: tarfile.TarInfo) -> int:
    """Where the last block of a file ends."""
    return member.offset_data + member.size + -member.size % tarfile.BLOCKSIZE


def _digest(stream: IO[bytes]) -> str:
    found = hashlib.sha256()
    while data := stream.read(_PIECE):
        found.update(data)
    return found.hexdigest()


def _named(index: bytes) -> dict[str, str]:
    """The digests of an index of images by their names; empty where it is none."""
    try:
        found: Any = json.loads(index)
        return {
            str(one["annotations"]["io.containerd.image.name"]): str(one["digest"])
            for one in found["manifests"]
        }
    except (ValueError, KeyError, TypeError):
        return {}


def _lists(lock: Lock | None) -> frozenset[str]:
    """The digests of lists of files."""
    entries = lock.entries.values() if lock else ()
    artifacts = (one for one in entries if isinstance(one, LockedArtifact))
    return frozenset(one.sha256 for one in artifacts if one.manifest)


def _digests(text: bytes) -> Iterator[str]:
    """The digests that a list names; none where it is torn, which its own digest tells."""
    with suppress(ValueError, TypeError):
        yield from (one.sha256 for one in listing.files(text))


def _lock(text: bytes) -> Lock | None:
    """The lock inside; None where it cannot be read, which its digest tells."""
    diagnostics = Diagnostics()
    documents = source.parse(LOCK, text.decode("utf-8", "replace"), diagnostics)
    if diagnostics.has_errors or len(documents) != 1 or not isinstance(documents[0].data, Map):
        return None
    return locks.read(documents[0].data, documents[0].data.marks, diagnostics)
