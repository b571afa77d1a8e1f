"""What sites without power do to the others where Flux has no worker left, and what `wait` mends.

The controller has one worker here, so one sick site stands for as many as there are workers. Its
site has no node: the pod is never placed. The source is a stand-in, as are nodes and kubelets.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator

import pytest

from tests.cluster import nodes
from tests.cluster.control_plane import ControlPlane
from tests.cluster.flux import Flux
from tests.cluster.flux_stage import INSPECT, PROJECTS, Stage
from tests.cluster.process import await_true
from tests.cluster.trees import GOLDEN

WELL, SICK = f"{INSPECT}-site-hall-1", f"{INSPECT}-site-hall-2"
HOST = nodes.Host(
    name="orin-1",
    arch="arm64",
    allocatable={"cpu": "6", "memory": "8Gi", "nvidia.com/gpu": "1"},
)
WAITS, NEVER_WAITS = "gitops: {engine: flux}", "gitops: {engine: flux, wait: false}"
OLD, NEW = 'target: "1.3.0"', 'target: "1.4.0"'
LONG = 3
"""How many times as long as without waiting means that it is the sick unit that is waited for."""


@pytest.fixture(scope="module")
def stage(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A cluster with one of two hosts and one worker of Flux, which has applied a tree once."""
    api = plane.api()
    nodes.create(api, [HOST])
    metadata = {"name": "nvidia"}
    runtime = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": metadata}
    api.create({**runtime, "handler": "nvidia"})
    plane.start_scheduler()
    plane.start_controllers()
    nodes.start_kubelets(plane)
    folder = tmp_path_factory.mktemp("stage")
    shutil.copytree(GOLDEN / PROJECTS["inspect"][0] / "spec", folder / "specs" / "inspect")
    running = Flux.start(plane, concurrency=1)
    found = Stage(plane, running, folder / "specs", folder / "checkout")
    found.edit("inspect", "fleet.yaml", WAITS, NEVER_WAITS)
    found.compile("inspect")
    found.meet(INSPECT)
    publish(found)
    await_true(lambda: SICK in running.kustomizations(), 60, "apps are applied")
    running.await_all_ready()
    yield found
    running.stop()


@pytest.fixture(scope="module")
def brief(stage: Stage) -> float:
    """Seconds until a commit has reached the well site, where no unit waits for health."""
    stage.edit("inspect", "models.yaml", NEW, OLD)
    stage.compile("inspect")
    began = time.monotonic()
    publish(stage)
    stage.flux.await_ready([WELL])
    return time.monotonic() - began


def publish(stage: Stage) -> None:
    stage.flux.publish(stage.checkout)


def is_awaited(stage: Stage) -> bool:
    """Whether the one worker waits for the health of the sick unit."""
    doing = stage.flux.conditions(SICK).get("Reconciling", {})
    return "health checks" in doing.get("message", "")


def test_without_wait_a_sick_unit_holds_up_nothing(stage: Stage, brief: float) -> None:
    assert brief < 60, "the timeout of a unit would have passed"
    stage.flux.await_ready([SICK])
    unplaced = [one for one in stage.api.items("v1", "Pod", "inspect") if "hall-2" in str(one)]
    assert {one["spec"].get("nodeName") for one in unplaced} == {None}


def test_with_wait_a_sick_unit_holds_up_the_next_commit(stage: Stage, brief: float) -> None:
    stage.edit("inspect", "fleet.yaml", NEVER_WAITS, WAITS)
    stage.compile("inspect")
    publish(stage)
    await_true(lambda: is_awaited(stage), 60, "the worker waits for the sick unit", 0.05)
    stage.edit("inspect", "models.yaml", OLD, NEW)
    stage.compile("inspect")
    publish(stage)
    time.sleep(max(LONG * brief, 10))
    assert is_awaited(stage)
    assert stage.flux.unready([WELL]) == (WELL,)
