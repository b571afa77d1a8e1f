"""Which object of an old output is which of a new one: by file, by content name, place or move.

Two files of one name in one directory are one object. What is left over is met by its name
without the digits that follow from its content, then in another directory of its cluster, then
by what `moved:` says. Reads what differs and parses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from compiler.model.changes import Place
from compiler.model.ledger import LEDGER_FILE
from compiler.model.lineage import CONTENT_NAME, owner, successors
from compiler.model.manifest import UnitRole
from compiler.model.ports import Output
from compiler.model.record import dataclass

DERIVED = ("kustomization.yaml", LEDGER_FILE)
ROLES = frozenset(role.value for role in UnitRole)
_NAMED = frozenset((UnitRole.INPUTS, UnitRole.JOBS, UnitRole.SITES, UnitRole.SHARDS))
_SUFFIX = ".yaml"


class Met(StrEnum):
    """How the old and the new object of a pair found each other."""

    FILE = "file"
    CONTENT = "content"
    PLACE = "place"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Pair:
    """An object before and after; None where it was not, or is no longer.

    `path` is the file in the new output, or in the old one where nothing is left.
    """

    path: str
    old: bytes | None
    new: bytes | None
    subject: str
    site: str
    met: Met = Met.FILE

    @property
    def directory(self) -> str:
        """The write unit that the file lies in."""
        return self.path.rpartition("/")[0]

    @property
    def role(self) -> str:
        """The role of that write unit."""
        return split(self.directory)[1]

    @property
    def place(self) -> Place:
        """Where it applies."""
        return place_of(self.directory, self.site)


def split(directory: str) -> tuple[str, str, str]:
    """Target, role and name of a write unit's path; three empty texts for any other path."""
    parts = directory.split("/")
    for at in (3, 4):
        if len(parts) > at and parts[at] in ROLES:
            rest = parts[at + 1 :]
            if len(rest) == (1 if parts[at] in _NAMED else 0):
                return "/".join(parts[:at]), parts[at], "".join(rest)
    return "", "", ""


def place_of(directory: str, site: str) -> Place:
    """Environment, cluster and site of what lies in a directory."""
    target, role, name = split(directory)
    _, environment, cluster, *own = target.split("/") if target else ("", "", "")
    return Place(environment, cluster, site or (name if role == UnitRole.SITES else "".join(own)))


def pairs(old: Output, new: Output, moved: Sequence[tuple[str, str]] = ()) -> list[Pair]:
    """Every object that differs, in the order of their files."""
    differing = [path for path in _objects(old, new) if old.files.get(path) != new.files.get(path)]
    before = old.read([path for path in differing if path in old.files])
    after = new.read([path for path in differing if path in new.files])
    both = before.keys() & after.keys()
    found = [_pair(path, before[path], path, after[path]) for path in both]
    gone = {path: before[path] for path in before if path not in both}
    come = {path: after[path] for path in after if path not in both}
    for met, matches in (
        (Met.CONTENT, _by_content),
        (Met.PLACE, _by_place),
        (Met.MOVED, lambda g, c: _by_move(g, c, moved)),
    ):
        for one, other in list(matches(gone, come)):
            if one in gone and other in come:
                found.append(_pair(one, gone.pop(one), other, come.pop(other), met))
    found += [_pair(path, text, path, None) for path, text in gone.items()]
    found += [_pair(path, None, path, text) for path, text in come.items()]
    return sorted(found, key=lambda pair: pair.path)


def _objects(old: Output, new: Output) -> Iterator[str]:
    for path in old.files.keys() | new.files.keys():
        if path.endswith(_SUFFIX) and path.rpartition("/")[2] not in DERIVED:
            yield path


def _pair(
    old_path: str, old: bytes | None, new_path: str, new: bytes | None, met: Met = Met.FILE
) -> Pair:
    path, text = (old_path, old) if new is None else (new_path, new)
    subject, site = owner(text or b"") or ("", "")
    return Pair(path, old, new, subject, site, met)


Texts = Mapping[str, bytes]
Matches = Iterator[tuple[str, str]]


def _by_content(gone: Texts, come: Texts) -> Matches:
    heirs: dict[str, list[str]] = {}
    for path in sorted(come):
        heirs.setdefault(_stem(path), []).append(path)
    for path in sorted(gone):
        stem = _stem(path)
        if stem != path.removesuffix(_SUFFIX) and heirs.get(stem):
            yield path, heirs[stem].pop(0)


def _by_place(gone: Texts, come: Texts) -> Matches:
    heirs: dict[tuple[str, str], list[str]] = {}
    for path in sorted(come):
        heirs.setdefault(_in_cluster(path), []).append(path)
    for path in sorted(gone):
        if heirs.get(_in_cluster(path)):
            yield path, heirs[_in_cluster(path)].pop(0)


def _by_move(gone: Texts, come: Texts, moved: Sequence[tuple[str, str]]) -> Matches:
    if not moved:
        return
    heirs: dict[tuple[str, str, str, str], list[str]] = {}
    for path, text in sorted(come.items()):
        heirs.setdefault(_owned(path, *(owner(text) or ("", ""))), []).append(path)
    names = [(_last(old), _last(new)) for old, new in moved]
    for path, text in sorted(gone.items()):
        for whose in successors(*(owner(text) or ("", "")), moved):
            there = heirs.get(_owned(path, *whose), [])
            if there:
                yield path, there.pop(_nearest(path, there, names))
                break


def _nearest(path: str, there: Sequence[str], names: Iterable[tuple[str, str]]) -> int:
    """The heir whose name is the old one with the words exchanged; else the first."""
    file = path.rpartition("/")[2]
    wanted = {_stem(file.replace(old, new)) for old, new in names}
    files = [_stem(heir.rpartition("/")[2]) for heir in there]
    return next((at for at, name in enumerate(files) if name in wanted), 0)


def _owned(path: str, subject: str, site: str) -> tuple[str, str, str, str]:
    target = split(path.rpartition("/")[0])[0]
    return target.rpartition("/")[0], path.rpartition("/")[2].partition("-")[0], subject, site


def _in_cluster(path: str) -> tuple[str, str]:
    directory, _, file = path.rpartition("/")
    return split(directory)[0], file


def _stem(path: str) -> str:
    return CONTENT_NAME.sub("", path.removesuffix(_SUFFIX))


def _last(path: str) -> str:
    return path.rpartition(".")[2]
