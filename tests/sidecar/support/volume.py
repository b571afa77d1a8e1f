"""A file system in memory in which each change stays apart until a sync makes it durable.

`Volume.states` gives what could be on disk after a power cut: each name in a directory keeps one of
the versions that it had since its last sync, each file keeps any part of its unsynced writes.
"""

from __future__ import annotations

import itertools
import os
import random
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

Choice = dict[int, int]
"""For each undecided thing the number of the version that is on disk."""


class Change(NamedTuple):
    """One change: paths are absolute, `offset` is a place, a size or a mode."""

    name: str
    path: str
    other: str = ""
    offset: int = 0
    data: bytes = b""


class File:
    def __init__(self, mode: int) -> None:
        self.data, self.mode = b"", mode
        self.loose: list[tuple[str, int, bytes]] = []

    def change(self, kind: str, number: int, data: bytes = b"") -> None:
        self.loose.append((kind, number, data))

    def settle(self, *, modes: bool) -> None:
        kept = [] if modes else [one for one in self.loose if one[0] == "mode"]
        gone = [one for one in self.loose if one not in kept]
        self.data, self.mode = self.after(gone)
        self.loose = kept

    def after(self, changes: list[tuple[str, int, bytes]]) -> tuple[bytes, int]:
        data, mode = bytearray(self.data), self.mode
        for kind, number, new in changes:
            if kind == "mode":
                mode = number
            elif kind == "data":
                data.extend(bytes(max(0, number + len(new) - len(data))))
                data[number : number + len(new)] = new
            elif kind == "grow":
                data.extend(bytes(max(0, number - len(data))))
            else:
                data[:] = data[:number].ljust(number, b"\0")
        return bytes(data), mode

    @property
    def now(self) -> tuple[bytes, int]:
        return self.after(self.loose)


class Link:
    def __init__(self, target: str) -> None:
        self.target = target


class Directory:
    """`names` holds, for each name, what it named since the last sync, the durable one first."""

    def __init__(self, mode: int) -> None:
        self.mode = mode
        self.loose_modes: list[int] = []
        self.names: dict[str, list[Version]] = {}

    def now(self, name: str) -> Node | None:
        versions = self.names.get(name)
        return versions[-1].node if versions else None

    def put(self, name: str, node: Node | None, tie: Tie | None = None) -> None:
        self.names.setdefault(name, [Version(None)]).append(Version(node, tie))

    def settle(self) -> None:
        if self.loose_modes:
            self.mode = self.loose_modes[-1]
            self.loose_modes = []
        for name in list(self.names):
            self.settle_name(name)

    def settle_name(self, name: str) -> None:
        versions = self.names[name]
        last = versions[-1]
        self.names[name] = [Version(last.node)]
        for version in versions:
            if version.tie is not None:
                version.tie.settle()


class Tie:
    """The two halves of a rename: the old name never goes without the new one being there."""

    def __init__(self, *, torn: bool) -> None:
        self.torn = torn
        self.halves: list[tuple[Directory, str, Version]] = []
        self._settled = False

    def settle(self) -> None:
        """One half is durable; so is the other, but that a torn rename may keep its old name."""
        if self._settled:
            return
        self._settled = True
        for directory, name, version in self.halves[: 1 if self.torn else 2]:
            versions = directory.names[name]
            if version in versions:
                del versions[: versions.index(version)]

    def allows(self, choice: Choice) -> bool:
        """Whether a choice of versions is one that a rename can leave."""
        target, source = (self._there(half, choice) for half in self.halves)
        return target if source else self.torn or not target

    def _there(self, half: tuple[Directory, str, Version], choice: Choice) -> bool:
        directory, name, version = half
        versions = directory.names[name]
        if version not in versions:
            return True
        return choice.get(id(versions), 0) >= versions.index(version)


class Version:
    """What a name named; compared by identity."""

    def __init__(self, node: Node | None, tie: Tie | None = None) -> None:
        self.node, self.tie = node, tie


Node = File | Link | Directory


class Volume:
    """The files below `base`. With `torn` an old name may stay beside the new one of a rename."""

    def __init__(self, base: str) -> None:
        self.base, self.torn = base, False
        self.root = self._read(base)

    def _read(self, path: str) -> Directory:
        directory = Directory(stat.S_IMODE(Path(path).stat().st_mode))
        inodes: dict[int, File] = {}
        self._fill(directory, path, inodes)
        return directory

    def _fill(self, directory: Directory, path: str, inodes: dict[int, File]) -> None:
        for entry in os.scandir(path):
            found = entry.stat(follow_symlinks=False)
            node: Node
            if entry.is_symlink():
                node = Link(str(Path(entry.path).readlink()))
            elif entry.is_dir():
                node = Directory(stat.S_IMODE(found.st_mode))
                self._fill(node, entry.path, inodes)
            else:
                node = inodes.setdefault(found.st_ino, File(stat.S_IMODE(found.st_mode)))
                node.data = Path(entry.path).read_bytes()
            directory.names[entry.name] = [Version(node)]

    def find(self, path: str) -> Node | None:
        node: Node | None = self.root
        for part in path.removeprefix(self.base).strip("/").split("/"):
            if part:
                node = node.now(part) if isinstance(node, Directory) else None
        return node

    def parent(self, path: str) -> tuple[Directory | None, str]:
        above, _, name = path.rpartition("/")
        found = self.find(above)
        return (found if isinstance(found, Directory) else None), name

    def apply(self, change: Change) -> None:
        """Make a change; one whose ground is missing changes nothing, as it did in the run."""
        getattr(self, f"_do_{change.name}")(change)

    def undecided(self) -> dict[int, int]:
        """How many versions each thing has that no sync decided, by its identity."""
        found: dict[int, int] = {}
        for node in _below(self.root):
            if isinstance(node, File):
                found |= {id(one): 2 for one in node.loose}
            elif isinstance(node, Directory):
                found |= {id(one): len(one) for one in node.names.values() if len(one) > 1}
                if node.loose_modes:
                    found[id(node)] = len(node.loose_modes) + 1
        return found

    def states(self, choices: Iterator[Choice]) -> Iterator[State]:
        """What each choice leaves on disk, where a file system could leave that."""
        ties = _ties(self.root)
        for choice in choices:
            if all(tie.allows(choice) for tie in ties):
                yield _state(self.root, choice, {})

    def _put(self, path: str, node: Node | None) -> None:
        directory, name = self.parent(path)
        if directory is not None:
            directory.put(name, node)

    def _do_create(self, change: Change) -> None:
        if self.find(change.path) is None:
            self._put(change.path, File(change.offset))

    def _do_append(self, change: Change) -> None:
        self._do_create(change._replace(offset=0o600))

    _do_lock_file = _do_append

    def _do_make_directory(self, change: Change) -> None:
        if self.find(change.path) is None:
            self._put(change.path, Directory(change.offset))

    def _file(self, path: str) -> File | None:
        node = self.find(path)
        return node if isinstance(node, File) else None

    def _do_write(self, change: Change) -> None:
        file, half = self._file(change.path), len(change.data) // 2
        if file is None:
            return
        for start, data in ((0, change.data[:half]), (half, change.data[half:])):
            if data:  # a write of two halves, of which one may be lost
                file.change("data", change.offset + start, data)

    def _do_allocate(self, change: Change) -> None:
        if file := self._file(change.path):
            file.change("grow", change.offset)

    def _do_truncate(self, change: Change) -> None:
        if file := self._file(change.path):
            file.change("size", change.offset)

    def _do_chmod(self, change: Change) -> None:
        node = self.find(change.path)
        if isinstance(node, File):
            node.change("mode", change.offset)
        elif isinstance(node, Directory):
            node.loose_modes.append(change.offset)

    def _do_sync(self, change: Change) -> None:
        node = self.find(change.path)
        if isinstance(node, File):
            node.settle(modes=True)
        elif isinstance(node, Directory):
            node.settle()

    _do_sync_directory = _do_sync

    def _do_sync_data(self, change: Change) -> None:
        if file := self._file(change.path):
            file.settle(modes=False)

    def _do_sync_below(self, _: Change) -> None:
        for node in _below(self.root):
            if isinstance(node, File):
                node.settle(modes=True)
            elif isinstance(node, Directory):
                node.settle()

    def _do_rename(self, change: Change) -> None:
        node = self.find(change.other)
        (source, old), (target, new) = self.parent(change.other), self.parent(change.path)
        if node is None or source is None or target is None:
            return
        tie = Tie(torn=self.torn and not isinstance(node, Directory))
        for directory, name, named in ((target, new, node), (source, old, None)):
            directory.put(name, named, tie)
            tie.halves.append((directory, name, directory.names[name][-1]))

    def _do_link(self, change: Change) -> None:
        if self.find(change.path) is None:
            self._put(change.path, self.find(change.other))

    def _do_symlink(self, change: Change) -> None:
        if self.find(change.path) is None:
            self._put(change.path, Link(change.other))

    def _do_unlink(self, change: Change) -> None:
        if self.find(change.path) is not None:
            self._put(change.path, None)

    _do_remove_directory = _do_unlink


def _below(root: Directory) -> list[Node]:
    """Every node that any version of any name leads to, once."""
    found: dict[int, Node] = {id(root): root}
    waiting: list[Node] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Directory):
            for versions in node.names.values():
                for version in versions:
                    if version.node is not None and id(version.node) not in found:
                        found[id(version.node)] = version.node
                        waiting.append(version.node)
    return list(found.values())


def _ties(root: Directory) -> list[Tie]:
    found = {}
    for node in _below(root):
        for versions in node.names.values() if isinstance(node, Directory) else ():
            for version in versions[1:]:
                if version.tie is not None:
                    found[id(version.tie)] = version.tie
    return list(found.values())


State = tuple[object, ...]
"""`("d", mode, {name: state})`, `("l", target)`, `("f", mode, data, number)` or `("h", number)`."""


def _state(node: Node, choice: Choice, seen: dict[int, int]) -> State:
    if isinstance(node, Link):
        return ("l", node.target)
    if isinstance(node, Directory):
        names = []
        for name, versions in sorted(node.names.items()):
            found = versions[choice.get(id(versions), 0)].node
            if found is not None:
                names.append((name, _state(found, choice, seen)))
        mode = [node.mode, *node.loose_modes][choice.get(id(node), 0)]
        return ("d", mode, tuple(names))
    if id(node) in seen:
        return ("h", seen[id(node)])
    seen[id(node)] = len(seen)
    data, mode = node.after([one for one in node.loose if choice.get(id(one))])
    return ("f", mode, data, seen[id(node)])


def every(undecided: Mapping[int, int]) -> Iterator[Choice]:
    """All choices."""
    for numbers in itertools.product(*(range(count) for count in undecided.values())):
        yield dict(zip(undecided, numbers, strict=True))


def some(undecided: Mapping[int, int], count: int, chance: random.Random) -> Iterator[Choice]:
    """All lost, nothing lost, each thing alone lost, each alone kept, and `count` by chance."""
    kept = {one: versions - 1 for one, versions in undecided.items()}
    yield {}
    yield kept
    for one in undecided:
        yield {**kept, one: 0}
        yield {one: kept[one]}
    for _ in range(count):
        share = chance.random()
        yield {
            one: kept[one] if chance.random() < share else chance.randrange(versions)
            for one, versions in undecided.items()
        }


def lay_out(state: State, path: str, base: str) -> None:
    """Make the files of a state at `path`; absolute links into `base` lead there instead."""
    modes: list[tuple[str, int]] = []
    _lay_out(state, path, (base, path), {}, modes)
    for directory, mode in reversed(modes):
        Path(directory).chmod(mode)


def _lay_out(
    state: State,
    path: str,
    move: tuple[str, str],
    files: dict[object, str],
    modes: list[tuple[str, int]],
) -> None:
    kind, *rest = state
    if kind == "d":
        mode, names = rest
        Path(path).mkdir()
        modes.append((path, mode))  # type: ignore[arg-type] # see State
        for name, inner in names:  # type: ignore[attr-defined] # see State
            _lay_out(inner, f"{path}/{name}", move, files, modes)
    elif kind == "l":
        target = str(rest[0])
        inside = target.startswith(move[0] + "/")
        Path(path).symlink_to(move[1] + target.removeprefix(move[0]) if inside else target)
    elif kind == "h":
        os.link(files[rest[0]], path)
    else:
        mode, data, number = rest
        Path(path).write_bytes(data)  # type: ignore[arg-type] # see State
        Path(path).chmod(mode)  # type: ignore[arg-type] # see State
        files[number] = path
