"""Hands a tree back instead of writing it: what every file is known by, and bytes that are new.

For whoever holds an earlier output: what equals it by name crosses no process. Touches no disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from compiler.model.hashing import blob_id
from compiler.model.manifest import Directory
from compiler.model.ports import Output
from compiler.model.record import dataclass


@dataclass(frozen=True, slots=True)
class Handed:
    """Files by path: what their bytes are known by, and the bytes that were not known before."""

    files: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HandedOutput:
    """An output that was handed back; `earlier` has the bytes of what is equal in both."""

    handed: Handed
    earlier: Output | None = None

    @classmethod
    def nothing(cls) -> HandedOutput:
        """An output without a file."""
        return cls(Handed())

    @property
    def files(self) -> Mapping[str, str]:
        """Every file by its path, with the name of its content."""
        return self.handed.files

    def read(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        """The bytes of some files."""
        texts = self.handed.texts
        rest = [path for path in paths if path not in texts]
        same = self.earlier.read(rest) if self.earlier and rest else {}
        return {path: texts[path] if path in texts else same[path] for path in paths}


def hand(directory: Directory, known: Mapping[str, str]) -> Handed:
    """One directory; `known` are the files of the earlier output."""
    like = next(iter(known.values()), "")
    files: dict[str, str] = {}
    texts: dict[str, bytes] = {}
    for name, data in directory.files.items():
        path = f"{directory.unit.path}/{name}"
        files[path] = blob_id(data, like)
        if known.get(path) != files[path]:
            texts[path] = data
    return Handed(files, texts)


def together(parts: Iterable[Handed]) -> Handed:
    """Several directories as one."""
    files: dict[str, str] = {}
    texts: dict[str, bytes] = {}
    for part in parts:
        files.update(part.files)
        texts.update(part.texts)
    return Handed(files, texts)
