"""What the disk of a host has to hold: the sum that gates, diffs and explanations share.

A store holds bytes by their digest, so what tenants have in common counts once. Besides what is
served there are the versions before it, what comes while both are still there, what waits in
outboxes, what is reserved, and the floor that a sidecar leaves free. A size that nobody states is
unknown and adds nothing; the sum then says that it is not complete. Judges and words nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Literal

from compiler.model.contract import MIN_FREE_PERCENT
from compiler.model.fleet import KEEP_PREVIOUS
from compiler.model.record import dataclass

MIN_FREE = 512 * 1024**2
"""Bytes that a sidecar leaves free on any disk."""
BOOKKEEPING = 1024**2
"""Bytes that a store takes beside its artifacts: records, locks, a reserve to collect with."""
QUARTER = 4
"""A stream without a limit may fill this part of the disk."""

_LARGEST = 1 << 60

What = Literal["now", "before", "coming", "outbox", "store", "reserved", "floor"]


@dataclass(frozen=True, slots=True)
class Held:
    """An artifact in a store: `blob` as it is fetched, `tree` what unpacking adds; None: unknown.

    One digest can become several trees, which `form` tells apart. `source` says where the figures
    are written.
    """

    title: str
    digest: str
    form: str
    blob: int | None
    tree: int | None
    source: str = field(default="", compare=False)

    @property
    def size(self) -> int | None:
        """Everything that it takes by itself."""
        return None if self.blob is None or self.tree is None else self.blob + self.tree


@dataclass(frozen=True, slots=True)
class Slot:
    """What a worker has of one artifact: `now`, `before` and `coming`.

    None where nobody says which version that is; it is then taken to be as large as `now`.
    """

    now: Held
    before: Held | None = None
    coming: Held | None = None


@dataclass(frozen=True, slots=True)
class Tenant:
    """One user of a store. What a group of `groups` holds is switched, and so fetched, together.

    `keep` is how many versions before stay, `outbox` the limit of each stream by name, None for
    one that has none. `store` tells apart the stores of a disk. `min_free` and `min_free_percent`
    are what its sidecar leaves free.
    """

    store: str
    name: str
    groups: tuple[tuple[Slot, ...], ...]
    keep: int = KEEP_PREVIOUS
    outbox: tuple[tuple[str, int | None], ...] = ()
    min_free: int = MIN_FREE
    min_free_percent: int = MIN_FREE_PERCENT


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the sum: what takes the bytes, and whose it is. `size` None is unknown.

    `source` says where the figure is written; `taken` that it is taken from the version now.
    """

    what: What
    title: str
    size: int | None
    tenants: tuple[str, ...] = ()
    source: str = ""
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of a disk of `size` bytes; None where nobody says how large it is."""

    size: int | None
    lines: tuple[Line, ...]

    @property
    def needed(self) -> int:
        """Everything whose size is known."""
        return sum(line.size or 0 for line in self.lines)

    @property
    def unknown(self) -> tuple[str, ...]:
        """What nobody states the size of."""
        return tuple(dict.fromkeys(line.title for line in self.lines if line.size is None))

    @property
    def over(self) -> int:
        """Bytes that the disk lacks; 0 where it lacks none, or where its size is unknown."""
        return 0 if self.size is None else max(0, self.needed - self.size)

    @property
    def fits(self) -> bool | None:
        """Whether everything fits; None where that is not known."""
        if self.over:
            return False
        return None if self.size is None or self.unknown else True

    def of(self, *what: What) -> int:
        """The known bytes of some kinds of lines."""
        return sum(line.size or 0 for line in self.lines if line.what in what)


def floor(size: int, tenants: Iterable[Tenant]) -> int:
    """Bytes of a disk that its sidecars leave free; 0 where there is none."""
    least = max((one.min_free for one in tenants), default=0)
    percent = max((one.min_free_percent for one in tenants), default=0)
    return max(least, size * percent // 100)


def disk(tenants: Iterable[Tenant], size: int | None = None, reserved: int = 0) -> Sum:
    """What a disk has to hold for some tenants, whatever their order."""
    here = sorted(tenants, key=_order)
    pile = _Pile()
    for tenant in here:
        for slot in (slot for group in tenant.groups for slot in group):
            pile.put("now", tenant, slot.now)
    for tenant in here:
        for slot in (slot for group in tenant.groups for slot in group):
            pile.put_before(tenant, slot)
    lines = [*pile.lines(), *_coming(here, pile), *_outboxes(here, size)]
    if here:
        stores = len({one.store for one in here})
        lines.append(Line("store", "the stores' own records", stores * BOOKKEEPING))
    if reserved:
        lines.append(Line("reserved", "reserved", reserved))
    if here and size is not None:
        lines.append(Line("floor", "stays free", floor(size, here)))
    return Sum(size, tuple(lines))


def smallest(tenants: Sequence[Tenant], reserved: int = 0) -> int | None:
    """The bytes of the smallest disk that holds everything that is known of some tenants.

    None where what may fill a part of any disk leaves nothing of it.
    """
    low, high = 0, 1
    while disk(tenants, high, reserved).over:
        high *= 2
        if high > _LARGEST:
            return None
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if disk(tenants, middle, reserved).over else (low, middle)
    return low


def _order(tenant: Tenant) -> tuple[object, ...]:
    slots = (slot for group in tenant.groups for slot in group)
    known = ((slot.now, slot.before, slot.coming) for slot in slots)
    digests = tuple((one.digest, one.form) if one else ("", "") for held in known for one in held)
    sizes = tuple((name, -1 if most is None else most) for name, most in tenant.outbox)
    lengths = tuple(map(len, tenant.groups))
    return tenant.store, tenant.name, digests, lengths, tenant.keep, sizes


_Key = tuple[str, str, bool]
"""A store, a digest, and whether it stands for a version that nobody knows."""


@dataclass(slots=True)
class _Entry:
    what: What
    held: Held
    taken: bool
    parts: dict[str, int | None] = field(default_factory=dict)
    tenants: dict[str, None] = field(default_factory=dict)

    def line(self) -> Line:
        source = "" if self.taken else self.held.source
        size = _total(self.parts.values())
        return Line(self.what, self.held.title, size, tuple(self.tenants), source, self.taken)


@dataclass(slots=True)
class _Pile:
    """What lies in the stores of a disk, by digest: a blob, and a tree for each form."""

    entries: dict[_Key, _Entry] = field(default_factory=dict)

    def put(
        self, what: What, tenant: Tenant, held: Held, *, taken: bool = False, times: int = 1
    ) -> None:
        """Add an artifact; `taken` where it stands for `times` others that nobody knows."""
        key = (tenant.store, held.digest, taken)
        entry = self.entries.setdefault(key, _Entry(what, held, taken))
        entry.tenants[tenant.name] = None
        for name, size in _parts(held).items():
            entry.parts[name] = _larger(
                entry.parts.get(name, 0), size if size is None else size * times
            )

    def put_before(self, tenant: Tenant, slot: Slot) -> None:
        """Add the versions before what a slot has now."""
        guessed = tenant.keep
        if slot.before is not None and tenant.keep:
            self.put("before", tenant, slot.before)
            guessed -= 1
        if guessed > 0:
            self.put("before", tenant, slot.now, taken=True, times=guessed)

    def brought(self, tenant: Tenant, group: Iterable[Slot]) -> Line | None:
        """What a group brings when all of it changes, less what is there already."""
        fresh: dict[tuple[str, str], int | None] = {}
        titles: dict[str, Held] = {}
        taken = True
        for slot in group:
            held = slot.coming or slot.now
            known = self.entries.get((tenant.store, held.digest, False)) if slot.coming else None
            for name, size in _parts(held).items():
                if known is None or name not in known.parts:
                    fresh[held.digest, name] = size
                    titles[held.title] = held
                    taken = taken and slot.coming is None
        if not fresh:
            return None
        title = " and ".join(titles)
        source = "" if taken else next(iter(titles.values())).source
        return Line("coming", title, _total(fresh.values()), (tenant.name,), source, taken)

    def lines(self) -> list[Line]:
        """What is there now, then what was before, the largest of each first."""
        found = [entry.line() for entry in self.entries.values()]
        return sorted(
            found,
            key=lambda one: (one.what == "before", -(one.size or 0), one.title, one.tenants),
        )


def _parts(held: Held) -> dict[str, int | None]:
    """Its blob, and its tree where that is no mere link to the blob."""
    return {"": held.blob, **({held.form: held.tree} if held.tree != 0 else {})}


def _total(sizes: Iterable[int | None]) -> int | None:
    known = list(sizes)
    found = [size for size in known if size is not None]
    return sum(found) if len(found) == len(known) else None


def _larger(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)


def _coming(tenants: Sequence[Tenant], pile: _Pile) -> list[Line]:
    """The largest group of what may come, while everything else is still there."""
    found = [pile.brought(tenant, group) for tenant in tenants for group in tenant.groups]
    lines = [line for line in found if line is not None]
    if not lines:
        return []
    largest = max(lines, key=lambda line: (line.size or 0, line.title))
    unknown = next((line for line in lines if line.size is None and line is not largest), None)
    return [largest, unknown] if unknown else [largest]


def _outboxes(tenants: Sequence[Tenant], size: int | None) -> list[Line]:
    """A stream without a limit may take a quarter of the disk."""
    return [
        Line(
            "outbox",
            stream,
            limit if limit is not None or size is None else size // QUARTER,
            (tenant.name,),
            taken=limit is None,
        )
        for tenant in tenants
        for stream, limit in tenant.outbox
    ]
