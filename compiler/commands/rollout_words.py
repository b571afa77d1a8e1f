"""What a move of a rollout is told as, for a terminal and as data. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from compiler.model.lock import LockedRollout
from compiler.model.readable import amount, moment
from compiler.model.record import dataclass

if TYPE_CHECKING:
    from compiler.stages.roll import Judgement, Standing
    from compiler.workflows.rolling import Moved, Rollout

LISTED = 40
NAMED = 6


@dataclass(slots=True)
class Move:
    """What happens to one rollout (`word`), and what it was decided from at `now`."""

    rollout: Rollout
    word: str
    state: LockedRollout | None
    standings: Sequence[Standing] = ()
    judgement: Judgement | None = None
    now: float = 0.0
    moved: Sequence[Moved] = ()


def as_dict(move: Move) -> dict[str, Any]:
    """The move as data."""
    rollout, found = move.rollout, move.judgement
    return {
        "environment": rollout.resolved.environment,
        "job": rollout.job,
        "model": rollout.model,
        "result": move.word,
        "steps": len(rollout.spec.steps),
        "before": _state(rollout.state),
        "after": _state(move.state),
        "why": found.why if found else None,
        "soaksFrom": moment(found.soaks_from) if found and found.soaks_from else None,
        "soaksUntil": moment(found.soaks_until) if found and found.soaks_until else None,
        "sites": [
            {
                "site": one.site,
                "state": str(one.verdict),
                "added": one.added,
                "serves": one.serves or None,
                "since": moment(one.since) if one.since else None,
                "seen": moment(one.seen) if one.seen else None,
                "why": one.words or None,
            }
            for one in move.standings
        ],
        "changes": [{"site": one.site, "bytes": one.size, "hot": one.hot} for one in move.moved],
    }


def text(move: Move, *, dry_run: bool) -> str:
    """The move as lines for a terminal."""
    return "\n".join((*_table(move), *_result(move, dry_run))) + "\n"


def size_words(moved: Sequence[Moved]) -> str:
    """How many bytes some sites fetch, in sum."""
    known = sum(one.size or 0 for one in moved)
    unknown = sum(one.size is None for one in moved)
    more = f" and unknown sizes at {unknown} of them" if unknown else ""
    return f"{amount(known)}{more}"


def named(sites: Sequence[str]) -> str:
    """The first sites by name, and the number of the others."""
    more = len(sites) - NAMED
    return f"{', '.join(sites[:NAMED])}{f' and {more:,} more' if more > 0 else ''}"


def _state(state: LockedRollout | None) -> dict[str, Any] | None:
    return state.model_dump(by_alias=True, exclude_none=True) if state else None


def _table(move: Move) -> Iterator[str]:
    found = move.judgement
    if found is None:
        return
    silent = found.sites - found.reporting
    sites = f"{found.sites} site{'' if found.sites == 1 else 's'}"
    yield (
        f"{move.rollout.job}/{move.rollout.model}: {sites} should have it, "
        f"{found.reporting} reported within the hour: {found.ready} ready, {found.failed} failed, "
        f"{found.reporting - found.ready - found.failed} waiting; {silent} silent"
    )
    order = ("failed", "waiting", "silent", "ready")
    rows = sorted(move.standings, key=lambda one: (order.index(str(one.verdict)), one.site))
    width = max((len(one.site) for one in rows[:LISTED]), default=0)
    for one in rows[:LISTED]:
        since = f"since {moment(one.since)}" if one.since else one.words
        mark = "+" if one.added else " "
        yield f"  {mark} {one.site:<{width}}  {one.verdict:<7}  {since}"
    if len(rows) > LISTED:
        yield f"    and {len(rows) - LISTED:,} more sites, {rows[LISTED].verdict} or better"
    if rows:
        yield "  (+ added by this step)"
    if found.soaks_from:
        yield (
            f"  the soak counts from {moment(found.soaks_from)}, when enough of the sites of this "
            f"step were ready, and ends {moment(found.soaks_until)}; it is {moment(move.now)}"
        )


def _result(move: Move, dry_run: bool) -> Iterator[str]:
    rollout, state = move.rollout, move.state
    name = f"{rollout.job}/{rollout.model} ({rollout.resolved.environment})"
    would = "would be " if dry_run else ""
    old = rollout.state
    if state is None or old is None:
        yield f"{name}: no rollout is under way"
    elif move.word == "settled":
        yield f"{name}: {state.to} is everywhere; no rollout is under way"
    elif move.word == "promoted":
        yield f"{name}: {state.from_} -> {state.to} {would}at step {state.step} of {rollout.last}"
    elif move.word == "finished":
        yield f"{name}: {would}finished; {old.from_} is given up for {state.to}"
    elif move.word == "aborted":
        yield f"{name}: {would}aborted; every site goes back to {state.to}"
    else:
        yield f"{name}: stays at step {state.step} of {rollout.last}"
    if move.moved:
        sites = [one.site for one in move.moved]
        count = f"{len(sites):,} site{'' if len(sites) == 1 else 's'}"
        yield f"  {count} change: {named(sites)}; {size_words(move.moved)} of models to fetch"
    if move.word in ("promoted", "finished", "aborted") and not dry_run:
        yield "  next: edgewright compile, review, publish"
