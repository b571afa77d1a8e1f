"""The offline check and the real scheduler agree on what fits a host, to the last byte.

One profile gives exactly what the work requests, a second one less of one resource by the
smallest unit. For the second the compiler refuses; the objects that it made for the first meet
nodes of the second, and the scheduler names the same resource. An update is judged the same way:
the objects of a second compile meet the pods of the first. How many pods a kubelet takes is
not judged, since no kubelet is here.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import fleet, nodes, scheduling, trees
from tests.cluster.api import Api
from tests.cluster.control_plane import ControlPlane
from tests.cluster.fit_cases import CASES, ROLLS, WAYS_OUT, Case, write
from tests.cluster.process import await_true
from tests.cluster.scheduling import PATIENCE, Verdict
from tests.commands.running import run


@pytest.fixture(scope="module")
def judge(plane: ControlPlane) -> Api:
    """A control plane that schedules and makes pods; nothing runs, so nothing gives room back."""
    plane.start_scheduler()
    plane.start_controllers()
    api = plane.api()
    scheduling.prepare(api)
    return api


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_fits_to_the_last_unit_is_scheduled(case: Case, judge: Api, tmp_path: Path) -> None:
    found = placed(judge, case, case.fits, objects(case, tmp_path), tmp_path)
    alone = sum(bool(one.node) for one in found)
    assert alone == (len(found) - 1 if case.apart else len(found))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_the_compiler_refuses_stays_pending_for_the_same_reason(
    case: Case, judge: Api, tmp_path: Path
) -> None:
    spec = write(tmp_path / "less", case, case.jobs, case.less)
    refused = run("compile", spec, "--output", tmp_path / "none", "--no-cache")
    assert refused.exit_code == 1
    assert case.code in refused.output
    found = placed(judge, case, case.less, objects(case, tmp_path), tmp_path)
    (pending,) = (one for one in found if not one.node)
    assert case.words in pending.words


@pytest.fixture(scope="module")
def runner(judge: Api, plane: ControlPlane) -> Api:
    """The same, and pods that have a node become ready; used last, since it stays."""
    nodes.start_kubelets(plane)
    return judge


@pytest.mark.parametrize("case", ROLLS, ids=lambda case: case.name)
def test_an_update_that_has_room_to_the_last_unit_comes_to_its_end(
    case: Case, runner: Api, tmp_path: Path
) -> None:
    with updated(runner, case, case.fits, tmp_path) as count:
        await_true(lambda: all(map(at_its_end, deployments(runner))), PATIENCE, "all have rolled")
        assert len(deployments(runner)) == count


@pytest.mark.parametrize("case", ROLLS, ids=lambda case: case.name)
def test_an_update_that_the_compiler_refuses_waits_for_room_while_old_pods_stay(
    case: Case, runner: Api, tmp_path: Path
) -> None:
    spec = write(tmp_path / "less", case, case.jobs, case.less)
    refused = run("compile", spec, "--output", tmp_path / "none", "--no-cache")
    assert refused.exit_code == 1
    assert f"{case.code} shop" in refused.output
    assert "starts a new pod before it ends an old one" in refused.output
    with updated(runner, case, case.less, tmp_path) as count:

        def waiting() -> bool:
            found = scheduling.verdicts(runner)
            return sum(case.words in one.words for one in found) >= count

        await_true(waiting, PATIENCE, "a new pod of every job is pending")
        assert not any(map(at_its_end, deployments(runner)))
        old = [one for one in scheduling.verdicts(runner) if one.node]
        assert len(old) == sum(one.get("replicas", 1) for one in case.jobs.values())


@pytest.mark.parametrize("strategy", WAYS_OUT, ids=["one-goes-first", "all-go-first"])
def test_what_the_compiler_advises_lets_the_update_end_without_more_room(
    strategy: Mapping[str, Any], runner: Api, tmp_path: Path
) -> None:
    case = replace(ROLLS[0], fits=ROLLS[0].less, strategy=strategy)
    with updated(runner, case, case.fits, tmp_path):
        await_true(lambda: all(map(at_its_end, deployments(runner))), PATIENCE, "it has rolled")


@contextmanager
def updated(api: Api, case: Case, profile: Mapping[str, Any], folder: Path) -> Iterator[int]:
    """A case that runs on nodes of a profile, and its next version on top; its Deployments."""
    later = {name: copy.deepcopy(one) for name, one in case.jobs.items()}
    for one in later.values():
        one["worker"]["env"] = {"ROUND": "2"}
    first = objects(case, folder)
    second = objects(replace(case, jobs=later), folder / "later")
    hosts = hosts_of(case, profile, folder)
    with scheduling.occupied(api, hosts):
        scheduling.submit(api, first)
        await_true(lambda: all(map(at_its_end, deployments(api))), PATIENCE, "the first runs")
        assert deployments(api)
        scheduling.submit(api, second)
        yield len(case.jobs)


def deployments(api: Api) -> list[Mapping[str, Any]]:
    """Every Deployment of the cluster."""
    return list(api.items("apps/v1", "Deployment"))


def at_its_end(deployment: Mapping[str, Any]) -> bool:
    """Whether only pods of the newest version are left, and all are available."""
    status = deployment.get("status") or {}
    counts = [status.get(key) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    wanted = deployment["spec"]["replicas"]
    seen = bool(status.get("observedGeneration") == deployment["metadata"]["generation"])
    return seen and counts == [wanted] * 3


def objects(case: Case, folder: Path) -> list[Mapping[str, Any]]:
    """What the compiler makes of the case where it fits."""
    groups = [{name: one} for name, one in case.jobs.items()] if case.apart else [case.jobs]
    return [
        one
        for number, jobs in enumerate(groups)
        for one in compiled(write(folder / f"fits-{number}", case, jobs, case.fits))
    ]


def compiled(spec: Path) -> Iterator[Mapping[str, Any]]:
    """Every object that runs, of a spec that compiles."""
    output = spec.parent / f"{spec.name}-output"
    result = run("compile", spec, "--output", output, "--no-cache")
    assert result.exit_code == 0, result.output
    for target in trees.targets(output):
        for unit in target.ordered():
            for one in trees.manifests(unit):
                yield one.data


def placed(
    api: Api,
    case: Case,
    profile: Mapping[str, Any],
    given: Sequence[Mapping[str, Any]],
    folder: Path,
) -> list[Verdict]:
    """What becomes of objects on nodes of a profile."""
    with scheduling.occupied(api, hosts_of(case, profile, folder)):
        scheduling.submit(api, given)
        return scheduling.verdicts(api)


def hosts_of(case: Case, profile: Mapping[str, Any], folder: Path) -> list[nodes.Host]:
    """The hosts of the case's site with a profile."""
    read = fleet.read(write(folder / "nodes", case, case.jobs, profile))
    return [host for site in read.sites.values() for host in site.hosts]
