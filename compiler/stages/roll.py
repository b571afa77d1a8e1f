"""Roll: where a rollout goes next, and whether what its sites report lets it.

Pure: the clock is handed in, and so is what every site should have. It starts no rollout (making
the lock does), and a site that does not report is neither ready nor failed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from math import ceil

from compiler.model.lock import LockedRollout
from compiler.model.record import dataclass
from compiler.model.report import STATES, Report, ReportedArtifact
from compiler.model.spec.artifacts import VersionSpec

FRESH = 3600
"""A site counts for `ready` and `abortAbove` when it reported within so many seconds."""

SKEW = 300
"""Seconds that a time without a second witness may lie in the future and still be believed."""


class Verdict(StrEnum):
    """How a site stands with the version that it should have."""

    READY = "ready"
    WAITING = "waiting"
    FAILED = "failed"
    SILENT = "silent"


class Answer(StrEnum):
    """What may happen to a rollout now."""

    GO = "go"
    WAIT = "wait"
    ABORT = "abort"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a site should have: digests by the artifact's name. `added` by the step reached last."""

    site: str
    digests: Mapping[str, Collection[str]]
    added: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one site stands. `since` is when it became ready; `words` say what hinders it."""

    site: str
    added: bool
    verdict: Verdict
    since: float = 0.0
    seen: float = 0.0
    serves: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What may happen, and why. `soaks_from` is 0 where too few sites are ready to count from."""

    answer: Answer
    why: str
    soaks_from: float = 0.0
    soaks_until: float = 0.0
    ready: int = 0
    failed: int = 0
    reporting: int = 0
    sites: int = 0


def advanced(state: LockedRollout, last: int) -> LockedRollout | None:
    """The state one step on; after the last one `from` is given up. None: nothing is under way."""
    if state.step < last:
        return state.model_copy(update={"step": state.step + 1})
    if state.from_ == state.to:
        return None
    return state.model_copy(update={"from_": state.to, "was": state.was or state.from_})


def returned(state: LockedRollout | None, bad: str, to: str, last: int) -> LockedRollout:
    """The state in which every site has `to` at once, while what `bad` needs stays."""
    left = state.from_ if state is not None and state.to == to and state.from_ != to else bad
    return LockedRollout.model_validate({"from": left, "to": to, "step": last, "was": to})


def before(
    state: LockedRollout | None, target: str, versions: Mapping[str, VersionSpec]
) -> str | None:
    """The version that sites had before `target`, where the lock knows one that may be used.

    A version that sites were brought back from is none: a second call must not bring it again.
    """
    known = () if state is None or state.to != target or state.was == target else (
        state.from_, state.was,
    )  # fmt: skip
    usable = (one for one in known if one and one != target and one in versions)
    return next((one for one in usable if versions[one].yanked is None), None)


def standing(expected: Expected, reports: Iterable[Report], now: float) -> Standing:
    """How a site stands: the worst of what its hosts and roles reported within the hour."""
    mine = [one for one in reports if any(a.name in expected.digests for a in one.artifacts)]
    fresh = [one for one in mine if one.time > now - FRESH and one.time <= now + SKEW]
    if not fresh:
        return Standing(
            site=expected.site, added=expected.added, verdict=Verdict.SILENT,
            seen=max((one.time for one in mine), default=0.0), words=_silence(mine, now),
        )  # fmt: skip
    found = [_tenant(one, expected, now) for one in fresh]
    order = (Verdict.FAILED, Verdict.WAITING, Verdict.READY)
    worst = min(found, key=lambda one: order.index(one.verdict))
    if worst.verdict is not Verdict.READY:
        return worst
    return max(found, key=lambda one: one.since)


def judge(
    standings: Sequence[Standing],
    *,
    ready: float,
    abort_above: float | None,
    soak: float,
    now: float,
) -> Judgement:
    """Whether a rollout may go on. `ready` and `abort_above` are percentages, `soak` seconds.

    The soak counts from when enough of the sites that the last step added were ready.
    """
    there = [one for one in standings if one.verdict is not Verdict.SILENT]
    failed = [one for one in there if one.verdict is Verdict.FAILED]
    good = [one for one in there if one.verdict is Verdict.READY]
    added = [one for one in there if one.added] or there
    since = _enough(added, ready)
    found = Judgement(
        answer=Answer.WAIT, why="", soaks_from=since, soaks_until=since + soak if since else 0.0,
        ready=len(good), failed=len(failed), reporting=len(there), sites=len(standings),
    )  # fmt: skip
    if not there:
        why = "no site of the steps reached has reported within the hour"
        return replace(found, why=why)
    if abort_above is not None and 100 * len(failed) > abort_above * len(there):
        why = f"{_of(failed, there)} failed, more than {abort_above:g}%"
        return replace(found, answer=Answer.ABORT, why=why)
    if 100 * len(good) < ready * len(there):
        return replace(found, why=f"{_share(good, there)} ready, {ready:g}% are needed")
    if not since:
        mine = [one for one in added if one.verdict is Verdict.READY]
        why = f"{_share(mine, added)} ready of those that this step added, {ready:g}% are needed"
        return replace(found, why=why)
    if now < found.soaks_until:
        return replace(found, why="the soak has not passed")
    why = f"{_share(good, there)} ready and the soak has passed"
    return replace(found, answer=Answer.GO, why=why)


def _tenant(report: Report, expected: Expected, now: float) -> Standing:
    """How the worst of the artifacts that matter stands on one host."""
    mine = [one for one in report.artifacts if one.name in expected.digests]
    worst = max(mine, key=lambda one: (not _is_wanted(one, expected), STATES.index(one.state)))
    verdict, words = _artifact(report, worst, expected)
    since = min(now, max(one.since for one in mine))
    where = f" on {report.host}" if report.host and words else ""
    return Standing(
        site=expected.site, added=expected.added, verdict=verdict,
        since=since if verdict is Verdict.READY else 0.0,
        seen=report.time, serves=worst.serves or worst.version, words=f"{words}{where}",
    )  # fmt: skip


def _artifact(report: Report, one: ReportedArtifact, expected: Expected) -> tuple[Verdict, str]:
    said = ": ".join(filter(None, (one.reason, one.detail)))
    if not _is_wanted(one, expected):
        why = report.rejected or report.reason
        told = f"the new config is not in use: {why}" if why else "the new config has not arrived"
        return Verdict.WAITING, told
    if one.state == "REFUSED":
        return Verdict.FAILED, said or "the version was left again"
    if one.state == "GOOD" and one.active == one.wanted:
        return Verdict.READY, ""
    overall = ": ".join(filter(None, (report.reason, report.detail)))
    return Verdict.WAITING, f"{one.state}, {said or overall or one.phase or 'on its way'}"


def _is_wanted(one: ReportedArtifact, expected: Expected) -> bool:
    return one.wanted in expected.digests[one.name]


def _silence(mine: Sequence[Report], now: float) -> str:
    if not mine:
        return "has never reported"
    newest = max(mine, key=lambda one: one.time)
    if newest.time > now + SKEW:
        return f"its clock is {_minutes(newest.time - now)} ahead, so its report is not believed"
    return f"reported last {_minutes(now - newest.time)} ago"


def _minutes(seconds: float) -> str:
    minutes = int(seconds // 60)
    hours = minutes // 60
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def _enough(added: Sequence[Standing], ready: float) -> float:
    """When the share of ready sites was reached for as long as it has lasted; 0: it is not."""
    needed = max(1, ceil(ready * len(added) / 100))
    since = sorted(one.since for one in added if one.verdict is Verdict.READY)
    return since[needed - 1] if len(since) >= needed else 0.0


def _share(some: Sequence[Standing], there: Sequence[Standing]) -> str:
    return f"{_of(some, there)} {'is' if len(there) == 1 else 'are'}"


def _of(some: Sequence[Standing], there: Sequence[Standing]) -> str:
    return f"{len(some)} of {len(there)} reporting site{'' if len(there) == 1 else 's'}"
