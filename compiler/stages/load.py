"""Load: the files of a folder become one mapping with a position for every value.

The only stage that reads files of the spec. It decides no meaning: unknown sections, wrong
types and dangling references pass, and nothing outside the folder is ever opened.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from compiler.model import joining, site_table, source
from compiler.model import lock as locks
from compiler.model.codes import text as codes
from compiler.model.decoding import STANDARD_LIMITS, Limits, report_size
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.lock import Lock
from compiler.model.marks import Map, Marks
from compiler.model.merge import entry_in
from compiler.model.record import dataclass
from compiler.model.suggest import did_you_mean, nearest

REFERENCED_LIMITS: Final = Limits(size=1024 * 1024)
"""Caps on a file that the spec refers to: no object of Kubernetes holds more than 1 MiB."""

_SITES: Final = ("fleet", "sites")
_MOST_PROPOSALS: Final = 2_000
_RELATIVE: Final = "paths are relative to the file that names them"


@dataclass(frozen=True, slots=True)
class Sources:
    """A loaded spec. `texts` has the text of every file that was read, by its shown name.

    `files` are the YAML files of the spec, sorted. Names are as the user would type them.
    """

    data: Map
    texts: dict[str, str]
    files: tuple[str, ...]
    _folder: _Folder = field(repr=False)
    _diagnostics: Diagnostics = field(repr=False)

    @property
    def diagnostics(self) -> Diagnostics:
        """Where faults of files go that are read later."""
        return self._diagnostics

    def read(
        self, relative_to: str, path: str, span: Span, diagnostics: Diagnostics | None = None
    ) -> str:
        """The text of a file of at most 1 MiB that the spec names, read once.

        `relative_to` is the file that names it, `span` the place where. A fault goes to
        `diagnostics` (those of the load, if none are given), and the answer is then empty.
        """
        found = self._diagnostics if diagnostics is None else diagnostics
        return self._folder.read(relative_to, path, span, found, REFERENCED_LIMITS)[1] or ""

    def parse(
        self, relative_to: str, path: str, span: Span, diagnostics: Diagnostics | None = None
    ) -> list[source.Document]:
        """The YAML documents of a file that the spec names; faults as in `read`."""
        found = self._diagnostics if diagnostics is None else diagnostics
        name, text = self._folder.read(relative_to, path, span, found, REFERENCED_LIMITS)
        return [] if text is None else source.parse(name, text, found)

    def line(self, file: str, number: int) -> str:
        """One line of a file that was read, counted from 1; empty if there is none."""
        lines = source.lines_of(self.texts.get(file, ""))
        return lines[number - 1] if 0 < number <= len(lines) else ""


def load(
    root: Path,
    diagnostics: Diagnostics,
    files: Sequence[Path] | None = None,
    texts: Mapping[str, str] | None = None,
) -> Sources:
    """Read a spec: every `.yaml` and `.yml` file right in the folder `root`, or `files` of it.

    `root` may also be one file. Neither the names nor the order of files matter. All faults of
    all files go to `diagnostics`; what could be read is in the answer. `texts` stand for files by
    their shown names: a spec can be judged before it is written.
    """
    alone = files is None and root.is_file()
    if alone:
        root, files = root.parent, [root]
    folder = _Folder(root)
    folder.texts.update(texts or {})
    if alone and files:
        folder.tell_others(files[0], diagnostics)
    chosen = folder.yaml_files(diagnostics) if files is None else files
    names = sorted(folder.add(path) for path in chosen)
    parts = [part for name in names for part in _sections(folder, name, diagnostics)]
    data = joining.join(parts, diagnostics) if parts else Map((), Marks(str(root), 0, 0, {}))
    data = _with_site_table(folder, data, diagnostics)
    return Sources(data, folder.texts, tuple(names), folder, diagnostics)


def _sections(folder: _Folder, name: str, diagnostics: Diagnostics) -> list[Map]:
    """The mappings of one file, one for each of its documents that holds anything."""
    text = folder.open(name, Span(name, 1, 1), diagnostics, STANDARD_LIMITS)
    documents = [] if text is None else source.parse(name, text, diagnostics)
    for document in documents:
        if not isinstance(document.data, Map | None):
            hint = "begin with a section such as `jobs:`, or move the file to a folder below"
            message = "a file of the spec holds sections, not a list or a single value"
            diagnostics.add(codes.NOT_A_MAPPING, message, document.marks.span, hint)
    return [document.data for document in documents if isinstance(document.data, Map)]


def _with_site_table(folder: _Folder, data: Map, diagnostics: Diagnostics) -> Map:
    """The spec with the rows of `fleet.sitesFrom` beside the sites written in YAML."""
    fleet = data.get("fleet")
    path = fleet.get("sitesFrom") if isinstance(fleet, Map) else None
    if not isinstance(fleet, Map) or not isinstance(path, str):
        return data
    place = fleet.marks.value_span("sitesFrom")
    name, text = folder.read(place.file, path, place, diagnostics, STANDARD_LIMITS)
    if text is None:
        return data
    table = site_table.parse(name, text, diagnostics)
    written = fleet.get("sites")
    if written is not None and not isinstance(written, Map):
        return data
    sites = table if written is None else joining.join([written, table], diagnostics, _SITES)
    owner = fleet if "sites" in fleet else Map((), fleet.marks.child("sitesFrom"))
    return _replaced(data, "fleet", _replaced(fleet, "sites", sites, owner), data)


def _replaced(container: Map, key: str, value: Any, owner: Map) -> Map:
    """A copy with another value under one key, which stands where `owner` has the key."""
    marks = container.marks
    entries = {name: entry for name in container if (entry := marks.entry(name)) is not None}
    entries[key] = entry_in(owner, key, value, marks.file)
    return Map({**container, key: value}, Marks(marks.file, marks.line, marks.column, entries))


class _Folder:
    """The folder of a spec: opens files in it and nothing outside of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.real_root = os.path.realpath(root)
        self.paths: dict[str, Path] = {}
        self.texts: dict[str, str] = {}

    def add(self, path: Path) -> str:
        """Remember a file and give the name that it is shown under."""
        name = shown(path)
        self.paths[name] = path
        return name

    def yaml_files(self, diagnostics: Diagnostics) -> list[Path]:
        """The YAML files right in the folder; hidden files and folders are no part of it."""
        try:
            found = sorted(self.root.iterdir())
        except OSError as error:
            message = f"{shown(self.root)}: {error.strerror or 'cannot be read'}"
            diagnostics.add(codes.NO_FILES, message, None, self._near_folder())
            return []
        files = [path for path in found if _is_yaml(path) and not path.is_dir()]
        if not files:
            message = f"no .yaml or .yml file lies right in {shown(self.root)}"
            below = [path for path in found if path.is_dir() and any(path.glob("*.y*ml"))]
            hint = f"Did you mean {shown(below[0])}?" if below else "begin with `edgewright init`"
            diagnostics.add(codes.NO_FILES, message, None, hint)
        return files

    def tell_others(self, chosen: Path, diagnostics: Diagnostics) -> None:
        """Note the YAML files that lie beside one that was named, as they are not read."""
        there = [path for path in self.root.glob("*") if _is_yaml(path) and path.is_file()]
        others = [path for path in there if path.name != chosen.name]
        if others:
            files, verb = ("files", "are") if len(others) > 1 else ("file", "is")
            more = f"{len(others)} more {files} of {shown(self.root)} {verb} not"
            message = f"only {shown(chosen)} is read; {more}"
            hint = f"name the folder to read them all: {shown(self.root)}"
            diagnostics.add(codes.ONE_FILE, message, None, hint)

    def _near_folder(self) -> str:
        parent = self.root.parent
        names = [path.name for path in parent.iterdir()] if parent.is_dir() else []
        near = nearest(self.root.name, names)
        return f"Did you mean {shown(parent / near)}?" if near else "name an existing folder"

    def read(
        self, relative_to: str, path: str, span: Span, diagnostics: Diagnostics, limits: Limits
    ) -> tuple[str, str | None]:
        """The shown name and the text of a file that another file names; None if reported."""
        parts = PurePosixPath(path).parts
        if not parts or ".." in parts or path.startswith("/") or "\\" in path or "\0" in path:
            hint = "name a file of the folder, relative to this file, with / between folders"
            diagnostics.add(codes.OUTSIDE, f"{path!r} is not a path below here", span, hint)
            return path, None
        target = self.paths.get(relative_to, self.root / "-").parent / path
        name = self.add(target)
        if name not in self.texts and not os.path.lexists(target):
            message = f"{name} does not exist"
            diagnostics.add(codes.FILE_MISSING, message, span, self._near_file(path))
            return name, None
        return name, self.open(name, span, diagnostics, limits)

    def _near_file(self, path: str) -> str:
        known = sorted(
            Path(folder, file).relative_to(self.root).as_posix()
            for folder, _, files in _walk(self.root)
            for file in files
        )
        for file in known:
            if PurePosixPath(file).name == PurePosixPath(path).name:
                return f"Did you mean {file}?"
        return did_you_mean(path, known[:_MOST_PROPOSALS]) or _RELATIVE

    def open(self, name: str, span: Span, diagnostics: Diagnostics, limits: Limits) -> str | None:
        """The text of a file of the folder, read once; None if it was reported."""
        if name in self.texts:
            return self.texts[name]
        data = self._bytes(name, span, diagnostics, limits)
        text = None if data is None else source.decode(name, data, diagnostics, limits)
        if text is not None:
            self.texts[name] = text
        return text

    def _bytes(
        self, name: str, span: Span, diagnostics: Diagnostics, limits: Limits
    ) -> bytes | None:
        path = self.paths[name]
        real = os.path.realpath(path)
        if os.path.commonpath([real, self.real_root]) != self.real_root:
            message = f"{name} is a link that leads out of the folder"
            diagnostics.add(codes.OUTSIDE, message, span, "put the file itself into the folder")
            return None
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                diagnostics.add(codes.UNREADABLE, f"{name} is not a regular file", span)
            elif status.st_size > limits.size:
                report_size(name, status.st_size, limits, diagnostics)
            else:
                return path.read_bytes()
        except OSError as error:
            diagnostics.add(codes.UNREADABLE, f"{name}: {error.strerror}", span)
        return None


def lock_path(root: Path) -> Path:
    """Where the lock of a spec lies: beside it."""
    return (root if root.is_dir() else root.parent) / locks.FILE


def read_lock(root: Path, sources: Sources, diagnostics: Diagnostics) -> Lock | None:
    """The lock beside the spec, or None where there is none; what is wrong in it is reported."""
    path = lock_path(root)
    name = shown(path)
    if name not in sources.texts:
        if not path.exists():
            return None
        try:
            data = path.read_bytes()
        except OSError as error:
            diagnostics.add(codes.UNREADABLE, f"{name}: {error.strerror}")
            return None
        text = source.decode(name, data, diagnostics)
        if text is None:
            return None
        sources.texts[name] = text
    text = sources.texts[name]
    documents = source.parse(name, text, diagnostics)
    if not documents or not isinstance(documents[0].data, Map):
        return None
    return locks.read(documents[0].data, documents[0].data.marks, diagnostics)


def _is_yaml(path: Path) -> bool:
    return path.suffix.lower() in {".yaml", ".yml"} and not path.name.startswith(".")


def _walk(root: Path, most: int = 200) -> list[tuple[str, list[str], list[str]]]:
    """The first folders below a root, enough to look for a misspelt name."""
    found = []
    for step in os.walk(root):
        found.append(step)
        if len(found) >= most:
            break
    return found


def shown(path: Path) -> str:
    """A path as its user would type it: relative where it lies below the current folder."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
    current = Path.cwd()
    shown = absolute.relative_to(current) if absolute.is_relative_to(current) else path
    return shown.as_posix().encode("utf-8", "replace").decode()
