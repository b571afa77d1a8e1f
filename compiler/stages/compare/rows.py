"""Equal changes of many places as one row each, the most severe first. Judges nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from compiler.model.changes import Effect, Place, Row
from compiler.model.readable import amount, duration
from compiler.model.record import dataclass
from compiler.stages.compare.judge import Judged
from compiler.stages.compare.pairs import Pair
from compiler.stages.compare.pods import Verdict


@dataclass(frozen=True, slots=True)
class Change:
    """A pair and what its change does. `waits` are bytes, and seconds where a rate is known."""

    pair: Pair
    judged: Judged
    known: Verdict | None = None
    waits: tuple[int, int | None] | None = None

    @property
    def verdict(self) -> Verdict:
        """What the change does, in the light of its neighbours where they were asked."""
        return self.known or self.judged.verdict


def rows(changes: Iterable[Change]) -> tuple[Row, ...]:
    """One row for each part of the spec, effect and set of fields."""
    bundles: dict[tuple[str, str, Place, Effect], list[Change]] = {}
    for one in changes:
        key = (one.pair.directory, one.pair.subject, one.pair.place, one.verdict.effect)
        bundles.setdefault(key, []).append(one)
    equal: dict[tuple[object, ...], list[list[Change]]] = {}
    for (_, subject, _, effect), bundle in bundles.items():
        signature = sorted({(o.judged.kind, o.judged.fields, o.verdict.summary) for o in bundle})
        equal.setdefault((effect, subject, *signature), []).append(bundle)
    found = [_row(several) for several in equal.values()]
    return tuple(sorted(found, key=_order))


def _row(bundles: Sequence[Sequence[Change]]) -> Row:
    first = bundles[0]
    lead = max(first, key=lambda one: (one.judged.pods, bool(one.judged.fields)))
    kinds = Counter(one.judged.kind for bundle in bundles for one in bundle)
    fields = dict.fromkeys(field for one in first for field in one.judged.fields)
    return Row(
        effect=lead.verdict.effect,
        subject=lead.pair.subject or lead.pair.directory,
        summary=lead.verdict.summary + _waits([o for bundle in bundles for o in bundle]),
        hint=lead.verdict.hint,
        kinds=dict(sorted(kinds.items())),
        fields=tuple(fields) if lead.pair.old and lead.pair.new else (),
        places=tuple(sorted({one.pair.place for bundle in bundles for one in bundle})),
        example=lead.pair.path,
        privileged=any(one.judged.privileged for one in first),
    )


def _waits(changes: Sequence[Change]) -> str:
    """How much has to come, and how long that takes at the slowest of the places."""
    waits = [one.waits for one in changes if one.waits]
    if not waits:
        return ""
    size = max(size for size, _ in waits)
    known = [seconds for _, seconds in waits if seconds is not None]
    if not known:
        return f": {amount(size)}, at a rate that nobody stated" if size else ""
    return f": {amount(size)}, {duration(max(known))} on its link"


def _order(row: Row) -> tuple[object, ...]:
    return row.effect.severity, not row.privileged, -len(row.places), row.subject, row.fields
