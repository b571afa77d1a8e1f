"""Where rollouts go: steps, the way back, the soak; and who gets what while sites come and go."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from compiler.model.choice import choose_version, reached
from compiler.model.fleet import Profile, Site
from compiler.model.lock import LockedRollout
from compiler.model.report import Report, ReportedArtifact
from compiler.model.spec.artifacts import VersionSpec
from compiler.model.spec.job import RolloutStepSpec
from compiler.stages.lock.rollouts import moved
from compiler.stages.roll import (
    Answer,
    Expected,
    Standing,
    Verdict,
    advanced,
    before,
    judge,
    returned,
    standing,
)

NOW = 1_800_000_000.0
HOUR = 3600.0
NEW, OLD = "b" * 64, "a" * 64


def state(old: str, new: str, step: int, was: str | None = None) -> LockedRollout:
    found = {"from": old, "to": new, "step": step} | ({"was": was} if was else {})
    return LockedRollout.model_validate(found)


def steps(percents: Sequence[int]) -> list[RolloutStepSpec]:
    canary = RolloutStepSpec.model_validate({"where": {"ring": "canary"}})
    return [canary, *(RolloutStepSpec(percent=percent) for percent in percents)]


def site(name: str, ring: str = "") -> Site:
    facts = {"site": name} | ({"ring": ring} if ring else {})
    profile = Profile(name="box", arch="amd64", cpu="1", memory="1Gi")
    return Site(name=name, cluster="hub", layer="edge", profile=profile, facts=facts)


# States.

PERCENTS = st.lists(st.integers(1, 99), max_size=4).map(lambda found: [*sorted(found), 100])
NAMES = st.lists(st.from_regex(r"[a-z]{1,8}-[0-9]{1,4}", fullmatch=True), unique=True, max_size=30)


@given(PERCENTS, NAMES, st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.data())
def test_a_new_site_moves_no_other_and_no_step_takes_a_site_back(
    percents: list[int], names: list[str], job: str, data: st.DataObject
) -> None:
    plan = steps(percents)
    everybody = [site(name, "canary" if name < "d" else "") for name in names]
    reach = [{one.name for one in everybody if reached(plan, step, job, one)}
             for step in range(len(plan))]  # fmt: skip
    assert all(early <= late for early, late in pairwise(reach))
    assert reach[-1] == set(names)
    some = data.draw(st.sets(st.sampled_from(names))) if names else set()
    for step, there in enumerate(reach):
        fewer = {
            one.name for one in everybody if one.name in some and reached(plan, step, job, one)
        }
        assert fewer == there & some


@given(st.integers(0, 5), st.integers(0, 5))
def test_a_rollout_goes_step_by_step_to_its_end_and_ends_once(step: int, more: int) -> None:
    last = step + more
    seen = [state("1", "2", step)]
    while (following := advanced(seen[-1], last)) is not None:
        seen.append(following)
    assert [one.step for one in seen] == [*range(step, last + 1), last]
    assert seen[-1] == state("2", "2", last, was="1")
    assert all((one.from_, one.to) == ("1", "2") for one in seen[:-1])


@given(st.integers(0, 5), st.integers(0, 5), st.sampled_from(["0", "1"]))
def test_going_back_reaches_every_site_at_once_and_making_the_lock_again_keeps_it(
    step: int, more: int, to: str
) -> None:
    last = step + more
    back = returned(state("1", "2", step), "2", to, last)
    assert back == state("2", to, last, was=to)
    assert before(back, to, {name: VersionSpec(uri="main:x") for name in "012"}) is None
    assert moved(back, to, last) == back
    assert returned(back, "2", to, last) == back
    version, _ = choose_version(
        to,
        fixed=False,
        rollout=back,
        steps=[RolloutStepSpec(percent=100)] * (last + 1),
        job="watch",
        site=site("x-1"),
    )
    assert version == to
    # The same bad version again begins at the canary.
    assert moved(back, "2", last) == state(to, "2", 0)


def test_the_version_before_is_known_while_a_rollout_is_under_way_and_after_it() -> None:
    versions = {name: VersionSpec(uri=f"main:{name}") for name in "12"}
    assert before(state("1", "2", 0), "2", versions) == "1"
    assert before(state("2", "2", 1, was="1"), "2", versions) == "1"
    assert before(state("2", "2", 1), "2", versions) is None
    assert before(None, "2", versions) is None
    gone = {**versions, "1": VersionSpec(uri="main:1", yanked="bad")}
    assert before(state("1", "2", 0), "2", gone) is None


# Reports.


def report(*artifacts: ReportedArtifact, time: float = NOW, **more: Any) -> Report:
    given_ = {
        "object": "x", "time": time, "ahead": 0.0, "project": "p", "environment": "e",
        "cluster": "c", "namespace": "n", "site": "s-1", "host": "h", "job": "j", "role": "r",
        "tenant": "t", "revision": NEW, "state": "GOOD", "started": True, "ready": True,
    }  # fmt: skip
    return Report(**{**given_, **more}, artifacts=artifacts)


def artifact(state_: str = "GOOD", *, wanted: str = NEW, active: str = NEW, **more: Any) -> Any:
    given_ = {"kind": "model", "name": "m", "version": "2", "since": NOW - HOUR}
    return ReportedArtifact(**{**given_, **more}, wanted=wanted, active=active, state=state_)


WANTED = Expected(site="s-1", digests={"m": {NEW}}, added=True)


def test_a_site_is_ready_when_it_serves_the_wanted_bytes_well() -> None:
    found = standing(WANTED, [report(artifact())], NOW)
    assert (found.verdict, found.since) == (Verdict.READY, NOW - HOUR)
    other = standing(WANTED, [report(artifact(wanted=OLD, active=OLD))], NOW)
    assert (other.verdict, other.words) == (
        Verdict.WAITING, "the new config has not arrived on h",
    )  # fmt: skip
    trial = standing(WANTED, [report(artifact("TRIAL", phase="probation"))], NOW)
    assert (trial.verdict, trial.words) == (Verdict.WAITING, "TRIAL, probation on h")


def test_the_worst_host_decides() -> None:
    bad = artifact("REFUSED", reason="LoadFailed", detail="no memory")
    found = standing(WANTED, [report(artifact()), report(bad, host="other")], NOW)
    assert (found.verdict, found.words) == (Verdict.FAILED, "LoadFailed: no memory on other")


def test_a_site_ready_on_all_hosts_is_ready_since_the_last_of_them() -> None:
    late = report(artifact(since=NOW - 60), host="other")
    assert standing(WANTED, [report(artifact()), late], NOW).since == NOW - 60


def test_old_reports_and_those_from_the_future_are_silence() -> None:
    assert standing(WANTED, [], NOW).words == "has never reported"
    old = standing(WANTED, [report(artifact(), time=NOW - 3 * HOUR)], NOW)
    assert (old.verdict, old.words) == (Verdict.SILENT, "reported last 3 h 0 min ago")
    future = standing(WANTED, [report(artifact(), time=NOW + 50 * HOUR)], NOW)
    assert future.verdict is Verdict.SILENT
    assert future.words == "its clock is 2 days ahead, so its report is not believed"


# Judgement.


def many(*found: tuple[int, Verdict, float], added: bool = True) -> list[Standing]:
    return [
        Standing(site=f"s-{verdict}-{since}-{n}", added=added, verdict=verdict, since=NOW - since)
        for count, verdict, since in found
        for n in range(count)
    ]


def decide(found: list[Standing], *, soak: float = HOUR, abort: float | None = 2.0) -> Any:
    return judge(found, ready=95.0, abort_above=abort, soak=soak, now=NOW)


def test_enough_ready_sites_and_a_soak_let_it_go_on() -> None:
    found = decide(many((95, Verdict.READY, HOUR), (5, Verdict.WAITING, 0)))
    assert (found.answer, found.soaks_from) == (Answer.GO, NOW - HOUR)
    assert decide(many((94, Verdict.READY, HOUR), (6, Verdict.WAITING, 0))).answer is Answer.WAIT


def test_the_soak_counts_from_the_site_that_made_it_enough() -> None:
    late = many((90, Verdict.READY, 9 * HOUR), (5, Verdict.READY, 60), (5, Verdict.READY, 10))
    found = decide(late)
    assert (found.answer, found.soaks_from) == (Answer.WAIT, NOW - 60)
    assert found.why == "the soak has not passed"


def test_silent_sites_count_neither_way() -> None:
    assert decide(many((1, Verdict.READY, HOUR), (99, Verdict.SILENT, 0))).answer is Answer.GO
    assert decide(many((99, Verdict.SILENT, 0))).answer is Answer.WAIT


def test_more_failures_than_allowed_abort_even_during_the_soak() -> None:
    found = decide(many((97, Verdict.READY, 0), (3, Verdict.FAILED, 0)))
    assert (found.answer, found.why) == (
        Answer.ABORT, "3 of 100 reporting sites failed, more than 2%",
    )  # fmt: skip
    assert decide(many((98, Verdict.READY, HOUR), (2, Verdict.FAILED, 0))).answer is Answer.GO
    assert decide(many((1, Verdict.FAILED, 0)), abort=None).answer is Answer.WAIT


def test_the_sites_of_the_step_have_to_be_ready_themselves() -> None:
    before_ = many((99, Verdict.READY, 99 * HOUR), added=False)
    found = decide([*before_, *many((1, Verdict.WAITING, 0))])
    assert found.answer is Answer.WAIT
    assert found.why == (
        "0 of 1 reporting site is ready of those that this step added, 95% are needed"
    )
