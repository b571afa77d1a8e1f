"""Lists of what the datasets of a site hold: written by each node, pulled by the others, united.

A worker publishes through its sidecar's socket; the sidecar writes the node's own list, one for all
tenants, to `store/datasets/<dataset>/self.json`. The other nodes of the site pull it and keep their
copy by the address that they pulled it from: nobody's word counts for the list of another. A copy
is given out for one purpose: its own writer takes back what it lost. A list holds names, digests
and sizes, never bytes; bytes move by digest like any others, once a config names them.

On the sidecar's socket (`Lists.answer`):

    POST   /v1/datasets/<dataset>                        {"entries": [{name, sha256, size, meta}]}
    DELETE /v1/datasets/<dataset>/<epoch>/<sequence>     takes back what this node published
    GET    /v1/datasets/<dataset>                        the union of all nodes, one JSON per line

Between nodes (`offered`, `pull`): `GET /v1/datasets/<dataset>/<writer>`, conditional; the writer is
`self` for the list of the node that is asked, or an address.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from json import dumps, loads
from typing import Any, Final, NamedTuple

from sidecar.disk import documents, failure, fsops, locks
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.model.config import Config
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean
from sidecar.peers import manifest
from sidecar.peers.manifest import Dot, Manifest, ManifestError
from sidecar.wire.head import escape
from sidecar.wire.server import FilePart, Request, Response

OWN: Final = "self"
BYTES: Final = 8 << 20
"""The most that a list may take as JSON."""

KEPT: Final = 30 * 86_400
"""Seconds that a tombstone can be seen."""

_DATASET = re.compile(r"[a-z0-9]([-a-z0-9._]{0,251}[a-z0-9])?")
_WRITER = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9.:]{0,251}[A-Za-z0-9])?|self")
_BATCH = 1000
_LAST = 2**50


class Fetched(NamedTuple):
    """An answer to `get`: the status, the body, and the headers `ETag` and `Edgewright-Host`."""

    status: int
    body: bytes = b""
    tag: str = ""
    host: str = ""


Get = Callable[[str, str], Fetched]
"""Asks a URL, with `If-None-Match` if the second argument is not empty; raises PeerError."""


class Lists:
    """The lists as workers of this node see them. Each process writes in an epoch of its own."""

    def __init__(self, layout: Layout, owner: Owner, clock: Callable[[], float]) -> None:
        self._layout = layout
        self._owner = owner
        self._clock = clock
        self._epoch = os.urandom(8).hex()

    def publish(self, dataset: str, entries: Sequence[Any]) -> list[Dot]:
        """Write entries down; they have their dots once they survive a power cut.

        Raises:
            ManifestError: one of them is none, or the list is full.
            ReasonError: the disk failed.
        """
        now = int(self._clock())
        found = [manifest.entry_of(entry, max(0, now)) for entry in entries]
        with self._own(dataset) as own:
            own.list, dots = manifest.add(own.list, self._minted(own), found)
        return dots

    def take_back(self, dataset: str, dot: Dot, kept: int = KEPT) -> None:
        """Remove an entry that this node wrote, in whatever epoch.

        Raises:
            KeyError: this node's list does not hold it.
            ReasonError: the disk failed.
        """
        with self._own(dataset) as own:
            until = int(self._clock()) + kept
            own.list = manifest.remove(own.list, self._minted(own), dot, until)

    def answer(self, request: Request, public: Collection[str]) -> Response:
        """The answer to a request on the socket; `public` are datasets that may be shared."""
        parts = request.path.split("/")[3:]
        if not parts or not _DATASET.fullmatch(parts[0]) or parts[0] not in public:
            return Response(404, b"no dataset of the config that may be shared\n")
        try:
            return self._routed(request, parts)
        except KeyError:
            return Response(404, b"this node wrote no such entry\n")
        except (ValueError, RecursionError) as error:
            return Response(400, f"{clean(str(error))}\n".encode())
        except ReasonError as error:
            return Response(507, f"{error}\n".encode())

    def _routed(self, request: Request, parts: list[str]) -> Response:
        match (request.method, parts[1:]):
            case ("GET", []):
                return _lines(union(self._layout, parts[0]))
            case ("POST", []):
                return self._post(parts[0], request)
            case ("DELETE", [epoch, sequence]) if sequence.isdecimal():
                self.take_back(parts[0], Dot(epoch, int(sequence[:18])))
                return Response(204)
        return Response(405, b"GET, POST or DELETE\n")

    def _post(self, dataset: str, request: Request) -> Response:
        body = b""
        while piece := request.body.read():
            body += piece
            if len(body) > BYTES:
                return Response(413, f"more than {BYTES} bytes\n".encode())
        found = loads(body)
        entries = found.get("entries") if isinstance(found, dict) else None
        if not isinstance(entries, list) or not 1 <= len(entries) <= _BATCH:
            return Response(400, f"entries: a list of 1 to {_BATCH}\n".encode())
        dots = self.publish(dataset, entries)
        return Response(201, dumps({"dots": dots}).encode(), "application/json")

    def _minted(self, own: _Writing) -> str:
        """The epoch to write in; another one where somebody claims to have seen its end."""
        if own.list.seen.get(self._epoch, 0) > _LAST:
            self._epoch = os.urandom(8).hex()
        own.minted.add(self._epoch)
        return self._epoch

    def _own(self, dataset: str) -> _Writing:
        return _Writing(self._layout, self._owner, dataset, OWN, self._clock())


class _Writing:
    """A list of this node's store, locked while it is changed, and written where it was."""

    def __init__(
        self, layout: Layout, owner: Owner, dataset: str, writer: str, now: float = 0
    ) -> None:
        self._layout, self._owner = layout, owner
        self._dataset, self._writer, self._now = dataset, writer, now
        self._lock: locks.Lock | None = None
        self.list = manifest.EMPTY
        self.tags: dict[str, str] = {}
        self.minted: set[str] = set()

    def __enter__(self) -> _Writing:
        with failure.told(self._layout.store("locks")):
            self._lock = locks.take(self._layout.lock(f"dataset-{self._dataset}"))
        self.list, self.tags, self.minted = _read(self._layout, self._dataset, self._writer)
        self._before = (self.list, dict(self.tags))
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if kind is None and (self.list, self.tags) != self._before:
                self._write()
        finally:
            if self._lock is not None:
                self._lock.release()

    def _write(self) -> None:
        if self._writer == OWN:
            self.list = manifest.expire(self.list, self._now)
        document = {
            **manifest.document(self.list),
            "tags": self.tags,
            "minted": sorted(self.minted),
        }
        if len(dumps(document)) > BYTES:
            raise ManifestError(f"the list of {self._dataset} has more than {BYTES} bytes")
        folder = self._layout.store("datasets", self._dataset)
        with failure.told(folder):
            if not os.path.isdir(folder):
                with suppress(FileExistsError):
                    fsops.make_directory(folder)
                fsops.sync_directory(os.path.dirname(folder))
        documents.write(self._owner, _path(self._layout, self._dataset, self._writer), document)


class Shown(NamedTuple):
    """An entry of the union: who wrote it, under which dot. The writer is `self` or an address."""

    writer: str
    dot: Dot
    entry: manifest.Entry


def union(layout: Layout, dataset: str) -> Iterator[Shown]:
    """Everything that any node of the site has written of a dataset and not taken back."""
    for writer in writers(layout, dataset):
        for dot, entry in sorted(_read(layout, dataset, writer)[0].entries.items()):
            yield Shown(writer, dot, entry)


def writers(layout: Layout, dataset: str) -> list[str]:
    """Whose lists are here."""
    try:
        names = os.listdir(layout.store("datasets", dataset))
    except FileNotFoundError:
        return []
    stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
    return sorted(one for one in stems if _WRITER.fullmatch(one))


def offered(layout: Layout, dataset: str, writer: str, host: str) -> Response:
    """The answer of the node `host` to another one that asks for a list of this store."""
    if not _DATASET.fullmatch(dataset) or not _WRITER.fullmatch(writer):
        return _NO_LIST
    named = (("Edgewright-Host", host),) if host else ()
    try:
        descriptor = os.open(
            _path(layout, dataset, writer), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        )
    except OSError:
        return _NO_LIST._replace(headers=named)
    found = os.fstat(descriptor)
    # A list is replaced by a rename, so that its file tells one version from another.
    tag = f'"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}"'
    file = FilePart(descriptor, found.st_size, tag)
    return Response(200, type="application/json", headers=named, file=file)


def public(config: Config) -> tuple[str, ...]:
    """The datasets of a config whose lists may be shared."""
    found = [one for one in config.artifacts if one.kind == "dataset"]
    private = {one.name for one in found if one.private}
    return tuple(one.name for one in found if one.name not in private)


class Node(NamedTuple):
    """What a node knows of itself: its name, and its address if it has one."""

    host: str
    address: str


class Pulled(NamedTuple):
    """Writers of whom there was something new, and why which members gave nothing."""

    changed: list[str]
    failed: dict[str, str]


def pull(
    layout: Layout, owner: Owner, dataset: str, members: Collection[str], node: Node, get: Get
) -> Pulled:
    """Take over what the other nodes have written, and what they still have of this one's list.

    Raises:
        ReasonError: the disk failed.
    """
    pulled = Pulled([], {})
    own = {one for one in members if node.address and address_of(one) == node.address}
    for member in members:
        if member not in own and address_of(member) not in ("", OWN):
            try:
                if _take(layout, owner, dataset, member, node, get, pulled):
                    own.add(member)
            except PeerError as error:
                pulled.failed[member] = str(error)
    for member in set(members) - own - set(pulled.failed):
        for one in own:
            with suppress(PeerError):
                _recover(layout, owner, dataset, (member, address_of(one)), get, pulled)
    return pulled


class PeerError(Exception):
    """A node gives no list: it does not answer, or answers what is none."""


def address_of(member: str) -> str:
    """What a member's list is kept under: its address without port, or nothing if it has none."""
    place = member.partition("://")[2].partition("/")[0]
    host = place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0]
    return host if _WRITER.fullmatch(host) else ""


def _take(
    layout: Layout, owner: Owner, dataset: str, member: str, node: Node, get: Get, pulled: Pulled
) -> bool:
    """Join what a member has written to our copy; whether it turns out to be this very node."""
    writer = address_of(member)
    tags = _read(layout, dataset, writer)[1]
    answer = get(_url(member, dataset, OWN), tags.get(writer, ""))
    if answer.host and answer.host == node.host:
        return True
    if answer.status not in (304, 404):
        theirs = _understood(answer)
        with _Writing(layout, owner, dataset, writer) as copy:
            joined = manifest.join(copy.list, theirs)
            if joined != copy.list:
                pulled.changed.append(writer)
            copy.list, copy.tags = joined, {writer: answer.tag}
    return False


def _recover(
    layout: Layout, owner: Owner, dataset: str, place: tuple[str, str], get: Get, pulled: Pulled
) -> None:
    """Take back from a member what it has under this node's address and this node has not."""
    member, address = place
    tags = _read(layout, dataset, OWN)[1]
    answer = get(_url(member, dataset, address), tags.get(member, ""))
    if answer.status == 200:
        returned = _understood(answer)
        with _Writing(layout, owner, dataset, OWN) as own:
            recovered = manifest.recover(own.list, returned, own.minted)
            if recovered != own.list:
                pulled.changed.append(OWN)
            own.list = recovered
            own.tags[member] = answer.tag


def _url(member: str, dataset: str, writer: str) -> str:
    return f"{member.rstrip('/')}/v1/datasets/{dataset}/{escape(writer)}"


def _understood(answer: Fetched) -> Manifest:
    try:
        if answer.status != 200:
            raise PeerError(f"status {answer.status}")
        return manifest.manifest_of(loads(answer.body))
    except (ValueError, RecursionError) as error:
        raise PeerError(clean(str(error))) from None


def _read(layout: Layout, dataset: str, writer: str) -> tuple[Manifest, dict[str, str], set[str]]:
    """A list, the entity tags of what went into it, and epochs that were minted for it here."""
    found = documents.read(_path(layout, dataset, writer)) or {}
    tags, minted = found.get("tags"), found.get("minted")
    try:
        return (
            manifest.manifest_of(found),
            dict(tags) if isinstance(tags, dict) else {},
            set(map(str, minted)) if isinstance(minted, list) else set(),
        )
    except ManifestError:
        return manifest.EMPTY, {}, set()


def _path(layout: Layout, dataset: str, writer: str) -> str:
    return layout.store("datasets", dataset, f"{writer}.json")


def _lines(shown: Iterator[Shown]) -> Response:
    rows = []
    for writer, dot, entry in shown:
        row = {"writer": writer, **dot._asdict(), **entry._asdict()}
        with suppress(ValueError):
            row["meta"] = loads(entry.meta)
        rows.append(dumps(row, separators=(",", ":")))
    return Response(200, "".join(f"{row}\n" for row in rows).encode(), "application/x-ndjson")


_NO_LIST = Response(404, b"no such list\n")
