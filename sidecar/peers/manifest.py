"""What one node wrote down about a dataset: an append-only list that copies of it can be joined to.

An entry is named by a dot: the epoch of the writer (a random word, new with each process that
writes) and a sequence number in it. A list holds the highest number it has seen of each epoch, so a
dot that is seen and not there is gone for good, in every copy that hears of it. Joining two copies
is therefore commutative, associative and idempotent; nothing ever comes back, and a writer that
lost its disk or got an old one back begins another epoch. Pure data: no clock, no disk.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from json import dumps
from typing import Any, Final, NamedTuple, TypeVar

VERSION: Final = 1
NAME_BYTES: Final = 1024
META_BYTES: Final = 4096
ENTRIES: Final = 100_000
EPOCHS: Final = 10_000
_MOST = 2**53 - 1
_HEX = frozenset("0123456789abcdef")


class Dot(NamedTuple):
    """The name of something that was written: who in which life, and the how-manieth."""

    epoch: str
    sequence: int


class Entry(NamedTuple):
    """A file of the dataset. `meta` is canonical JSON of an object, `time` the writer's clock."""

    name: str
    sha256: str
    size: int
    time: int = 0
    meta: str = "{}"


class Tombstone(NamedTuple):
    """Says that the writer took back `of`, for everybody to see until that moment."""

    of: Dot
    until: int


class Manifest(NamedTuple):
    """One writer's list, or a copy of it. `seen` is the highest number of each epoch."""

    seen: Mapping[str, int]
    entries: Mapping[Dot, Entry]
    tombstones: Mapping[Dot, Tombstone]


EMPTY: Final = Manifest({}, {}, {})


class ManifestError(ValueError):
    """A document that is no manifest, or too large for one; says what is wrong with it."""


def add(manifest: Manifest, epoch: str, entries: Sequence[Entry]) -> tuple[Manifest, list[Dot]]:
    """The list with more entries, and their dots."""
    first = _next(manifest, epoch).sequence
    dots = [Dot(epoch, first + index) for index in range(len(entries))]
    return Manifest(
        {**manifest.seen, epoch: first + len(entries) - 1},
        {**manifest.entries, **dict(zip(dots, entries, strict=True))},
        manifest.tombstones,
    ), dots


def remove(manifest: Manifest, epoch: str, of: Dot, until: int) -> Manifest:
    """The list without an entry of its own.

    Raises:
        KeyError: the list does not hold it.
    """
    entries = dict(manifest.entries)
    del entries[of]
    dot = _next(manifest, epoch)
    return Manifest(
        {**manifest.seen, epoch: dot.sequence},
        entries,
        {**manifest.tombstones, dot: Tombstone(of, until)},
    )


def expire(manifest: Manifest, now: float) -> Manifest:
    """The list without tombstones that everybody had time to see; only its writer may do that."""
    kept = {dot: one for dot, one in manifest.tombstones.items() if one.until > now}
    return manifest._replace(tombstones=kept)


def join(one: Manifest, other: Manifest) -> Manifest:
    """What both copies of one writer's list say together."""
    return Manifest(
        {
            epoch: max(_seen(one, epoch), _seen(other, epoch))
            for epoch in {**one.seen, **other.seen}
        },
        _joined(one, one.entries, other, other.entries),
        _joined(one, one.tombstones, other, other.tombstones),
    )


def recover(own: Manifest, returned: Manifest, minted: Collection[str]) -> Manifest:
    """A writer's list with what a neighbour's copy shows that it wrote and lost.

    Of epochs that were `minted` on the writer's present disk nothing is believed but that there was
    more; those of former disks are joined.
    """
    older = Manifest(
        {epoch: last for epoch, last in returned.seen.items() if epoch not in minted},
        {dot: one for dot, one in returned.entries.items() if dot.epoch not in minted},
        {
            dot: one
            for dot, one in returned.tombstones.items()
            if dot.epoch not in minted and one.of.epoch not in minted
        },
    )
    lost = {
        dot: one
        for dot, one in returned.entries.items()
        if dot.epoch in minted and dot.sequence > _seen(own, dot.epoch)
    }
    found = join(own, older)
    seen = {epoch: max(_seen(own, epoch), _seen(returned, epoch)) for epoch in minted}
    return found._replace(
        seen={**found.seen, **{e: n for e, n in seen.items() if n}},
        entries={**found.entries, **lost},
    )


def document(manifest: Manifest) -> dict[str, Any]:
    """The list as JSON data, the same for equal lists."""
    return {
        "manifest": VERSION,
        "seen": dict(sorted(manifest.seen.items())),
        "entries": [[*dot, *entry] for dot, entry in sorted(manifest.entries.items())],
        "tombstones": [
            [*dot, *stone.of, stone.until] for dot, stone in sorted(manifest.tombstones.items())
        ],
    }


def manifest_of(found: Any) -> Manifest:
    """The list in a document, which may come from anybody.

    Raises:
        ManifestError: it is none.
    """
    if not isinstance(found, dict) or found.get("manifest") != VERSION:
        raise ManifestError(f"no manifest of version {VERSION}")
    seen, rows, stones = (found.get(key) for key in ("seen", "entries", "tombstones"))
    if not isinstance(seen, dict) or not isinstance(rows, list) or not isinstance(stones, list):
        raise ManifestError("seen, entries and tombstones are wanted")
    if len(seen) > EPOCHS or len(rows) + len(stones) > ENTRIES:
        raise ManifestError(f"more than {EPOCHS} epochs or {ENTRIES} entries")
    known = {epoch: _dot([epoch, last]).sequence for epoch, last in seen.items()}
    entries = {_dot(_row(row, 7)[:2]): _entry(row[2:]) for row in rows}
    tombstones = {_dot(_row(row, 5)[:2]): _tombstone(row[2:]) for row in stones}
    gone = {stone.of for stone in tombstones.values()}
    # A list that names what it claims not to have seen has seen it.
    for dot in (*entries, *tombstones, *gone):
        known[dot.epoch] = max(dot.sequence, known.get(dot.epoch, 0))
    return Manifest(known, {d: e for d, e in entries.items() if d not in gone}, tombstones)


def entry_of(found: Any, time: int) -> Entry:
    """An entry as a worker writes it: `name`, `sha256`, `size` and, as it likes, `meta`.

    Raises:
        ManifestError: it is none.
    """
    if not isinstance(found, dict) or not {*found} <= {"name", "sha256", "size", "meta"}:
        raise ManifestError("an entry has name, sha256, size and meta")
    meta = found.get("meta", {})
    if not isinstance(meta, dict):
        raise ManifestError("meta is an object")
    try:
        text = dumps(meta, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        raise ManifestError("meta is no JSON of finite numbers") from None
    return _entry([found.get("name"), found.get("sha256"), found.get("size"), time, text])


_Written = TypeVar("_Written", Entry, Tombstone)


def _joined(
    one: Manifest, held: Mapping[Dot, _Written], other: Manifest, also: Mapping[Dot, _Written]
) -> dict[Dot, _Written]:
    found = {}
    for dot in {**held, **also}:
        if dot in held and dot in also:
            # Two different ones under one dot: nobody wrote that, but all must agree on one.
            found[dot] = max(held[dot], also[dot])
        elif dot in held and dot.sequence > _seen(other, dot.epoch):
            found[dot] = held[dot]
        elif dot in also and dot.sequence > _seen(one, dot.epoch):
            found[dot] = also[dot]
    return found


def _seen(manifest: Manifest, epoch: str) -> int:
    return manifest.seen.get(epoch, 0)


def _next(manifest: Manifest, epoch: str) -> Dot:
    return Dot(epoch, _seen(manifest, epoch) + 1)


def _row(row: Any, length: int) -> list[Any]:
    if not isinstance(row, list) or len(row) != length:
        raise ManifestError(f"a row has {length} fields")
    return row


def _dot(pair: list[Any]) -> Dot:
    epoch, sequence = pair
    if not isinstance(epoch, str) or not 1 <= len(epoch) <= 32 or not _HEX.issuperset(epoch):
        raise ManifestError("an epoch is a hexadecimal word")
    return Dot(epoch, _number(sequence, 1))


def _entry(fields: list[Any]) -> Entry:
    name, digest, size, time, meta = fields
    if not isinstance(name, str) or not 1 <= len(name.encode(errors="replace")) <= NAME_BYTES:
        raise ManifestError(f"a name has up to {NAME_BYTES} bytes")
    if not name.isprintable():
        raise ManifestError("a name is printable")
    if not isinstance(digest, str) or len(digest) != 64 or not _HEX.issuperset(digest):
        raise ManifestError("sha256 is 64 hexadecimal digits")
    if not isinstance(meta, str) or len(meta.encode(errors="replace")) > META_BYTES:
        raise ManifestError(f"meta has up to {META_BYTES} bytes")
    return Entry(name, digest, _number(size), _number(time), meta)


def _tombstone(fields: list[Any]) -> Tombstone:
    return Tombstone(_dot(fields[:2]), _number(fields[2]))


def _number(value: Any, least: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _MOST:
        raise ManifestError("a number is whole and not negative")
    return value
