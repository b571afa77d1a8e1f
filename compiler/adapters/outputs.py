"""Finished outputs as others left them: in a folder, or committed in a revision of Git.

Both know every file by the name that Git has for its bytes, so that two of them can be compared
without reading what is equal. Reads regular files only; a link is nobody's output.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

from compiler.adapters.git import Git
from compiler.model.hashing import blob_id
from compiler.model.ledger import LEDGER_FILE
from compiler.model.record import dataclass

_REGULAR = "100"
"""How Git's mode of a regular file begins."""
_DEPTH = 6
"""No directory of an output lies deeper below its folder."""


@dataclass(slots=True)
class RevisionOutput:
    """What is committed below a folder of a revision; bytes are read once."""

    git: Git
    files: Mapping[str, str]
    texts: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, git: Git, revision: str, folder: str) -> RevisionOutput:
        """The files below a folder, by their path from there.

        Raises:
            GitError: Git does not answer.
        """
        prefix = f"{folder}/" if folder else ""
        found = git.entries(revision, folder)
        regular = [one for one in found if one.mode.startswith(_REGULAR)]
        return cls(git, {one.path.removeprefix(prefix): one.blob for one in regular})

    def read(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        """The bytes of some files."""
        missing = [path for path in paths if path not in self.texts]
        blobs = self.git.blobs([self.files[path] for path in missing])
        self.texts.update(zip(missing, blobs, strict=True))
        return {path: self.texts[path] for path in paths}


@dataclass(frozen=True, slots=True)
class FolderOutput:
    """What lies below a folder."""

    folder: Path
    files: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path) -> FolderOutput:
        """Every regular file, read once for its name.

        Raises:
            OSError: a file cannot be read.
        """
        found = {}
        for above, _, names in os.walk(folder):
            for name in names:
                path = Path(above, name)
                if path.is_file() and not path.is_symlink():
                    found[path.relative_to(folder).as_posix()] = blob_id(path.read_bytes())
        return cls(folder, found)

    def read(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        """The bytes of some files."""
        return {path: (self.folder / path).read_bytes() for path in paths}


def is_output(folder: Path) -> bool:
    """Whether a folder holds an output, by the ledger that each of its directories has."""
    return any(
        next(folder.glob(f"{'*/' * depth}{LEDGER_FILE}"), None) is not None
        for depth in range(1, _DEPTH)
    )
