"""Flux's real kustomize-controller on compiled trees: order, prune, and what moves when.

One cluster goes through chapters, each a fixture that builds on the one before it and keeps what
the server held at its end; a test reads chapters and changes nothing. The source is a stand-in
(`flux.SourceStandIn`), nodes and kubelets are (`nodes`), and nobody plays Sedna: its objects lie
on the server as they were applied.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.cluster import definitions, nodes
from tests.cluster.api import RefusedError
from tests.cluster.control_plane import ControlPlane
from tests.cluster.flux import KUSTOMIZATION, Flux
from tests.cluster.flux_stage import (
    HELMETS,
    INSPECT,
    KIOSK,
    MADE,
    PROJECTS,
    STORES,
    Chapter,
    Stage,
    apply_without_waiting,
    called,
    substitute,
    without,
    written,
)
from tests.cluster.process import await_true
from tests.cluster.trees import GOLDEN

EDGE = {"node-role.kubernetes.io/edge": ""}
ROOM = {"cpu": "16", "memory": "64Gi", "nvidia.com/gpu": "1"}
SHOPS = [f"s-00{number}-a" for number in range(1, 5)]
HOSTS = (
    *(nodes.Host(name=name, arch="arm64", labels=EDGE, allocatable=ROOM) for name in SHOPS),
    nodes.Host(name="orin-1", arch="arm64", allocatable=ROOM),
    nodes.Host(name="orin-2", arch="arm64", labels={"hall": "2"}, allocatable=ROOM),
    nodes.Host(name="kiosk", allocatable=ROOM),
)
LATE = HOSTS[3]
"""The host of store s-004, which is without power at first contact."""
GREETING = """
jobs:
  greet:
    kind: serve
    models: [shelf-detector]
    worker:
      image: registry.example.com/ovms:2025.3
      server: ovms
      resources: {cpu: "1", memory: 1Gi}
    place: {layer: edge, where: {region: north}}
"""
"""A second job for two of the four stores."""
COUNTER = (
    '      "2.1.0": {uri: "main:people/2.1.0.onnx",'
    " sha256: 8c3456a7506c79f20e11e94f29cd381fec2faaf4e82b7f77b59150657556b322}\n"
)
INPUTS, JOB = f"{HELMETS}-inputs-look", f"{HELMETS}-job-look"
HALL = f"{INSPECT}-site-hall-2"
SHARD = f"{STORES}-shard-01"
SERVICES = "JointInferenceService"


@pytest.fixture(scope="module")
def stage(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A cluster with nodes, controllers and Flux, in which no definition of ours is known."""
    api = plane.api()
    for definition in definitions.own():
        api.delete(definition)
    nodes.create(api, [host for host in HOSTS if host is not LATE])
    metadata = {"name": "nvidia"}
    runtime = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": metadata}
    api.create({**runtime, "handler": "nvidia"})
    plane.start_scheduler()
    plane.start_controllers()
    nodes.start_kubelets(plane)
    folder = tmp_path_factory.mktemp("stage")
    for project, (case, _) in PROJECTS.items():
        shutil.copytree(GOLDEN / case / "spec", folder / "specs" / project)
    (folder / "specs" / "stores" / "greet.yaml").write_text(GREETING, encoding="utf-8")
    running = Flux.start(plane, concurrency=24)
    yield Stage(plane, running, folder / "specs", folder / "checkout")
    running.stop()


@pytest.fixture(scope="module")
def bootstrapped(stage: Stage) -> Chapter:
    """A cluster that knows no definition of ours gets a tree that brings them."""
    for definition in definitions.own():
        with pytest.raises(RefusedError):
            stage.api.call("GET", stage.api.path_of(definition))
    stage.compile()
    stage.meet(KIOSK)
    return stage.settle()


@pytest.fixture(scope="module")
def held(bootstrapped: Chapter) -> Chapter:
    """First contact of the others: the server refuses inputs and a site, one host is not there."""
    stage = bootstrapped.stage
    model = next(stage.output.glob("helmets/*/hub/inputs/look/model*little*"))
    substitute(model, "format: pb", "format: []")
    substitute(next(stage.output.glob("inspect/*/plant/sites/hall-2/dep*")), "as: 1", "as: x")
    stage.meet(STORES, INSPECT, HELMETS)
    stage.flux.publish(stage.checkout)
    units = stage.units()
    await_true(lambda: units <= set(stage.flux.kustomizations()), 60, "apps are applied")
    for name in (INPUTS, HALL):
        stage.flux.await_refused(name, "dry-run failed")
    stage.flux.await_ready(units - {INPUTS, JOB, HALL, SHARD})
    apply_without_waiting(stage, JOB, "hasty")
    return stage.keep()


@pytest.fixture(scope="module")
def applied(held: Chapter) -> Chapter:
    """The host is there, and the commit is as it was compiled."""
    stage = held.stage
    nodes.create(stage.api, [LATE])
    stage.compile("inspect", "helmets")
    return stage.settle()


@pytest.fixture(scope="module")
def again(applied: Chapter) -> Chapter:
    """Every unit reconciled a second time, with nothing new in Git."""
    stage = applied.stage
    stage.flux.reconcile(sorted(applied.units))
    return stage.keep()


@pytest.fixture(scope="module")
def moved(again: Chapter) -> Chapter:
    """One model of a hot job and one of a rolling job have another version."""
    stage = again.stage
    stage.edit("stores", "models.yaml", '    target: "2.0.0"', f'{COUNTER}    target: "2.1.0"')
    stage.edit("inspect", "models.yaml", 'target: "1.4.0"', 'target: "1.3.0"')
    stage.compile("stores", "inspect")
    return stage.settle()


@pytest.fixture(scope="module")
def shrunk(moved: Chapter) -> Chapter:
    """A job is gone, and a site of each: of a shard, with a unit of its own, of Sedna's job.

    Somebody also took the namespaces out of every `bootstrap`.
    """
    stage = moved.stage
    (stage.specs / "stores" / "greet.yaml").unlink()
    for project, file, start in (
        ("stores", "sites.csv", "s-004,"),
        ("inspect", "fleet.yaml", "    hall-2: "),
        ("helmets", "fleet.yaml", "    south: "),
    ):
        lines = (stage.specs / project / file).read_text().splitlines(keepends=True)
        gone = next(line for line in lines if line.startswith(start))
        stage.edit(project, file, gone, "")
    stage.compile("stores", "inspect", "helmets")
    for target in stage.targets():
        (unit,) = target.units("bootstrap")
        (namespace,) = unit.glob("namespace-*")
        substitute(unit / "kustomization.yaml", f"- {namespace.name}\n", "")
        namespace.unlink()
    return stage.settle()


def test_definitions_come_before_records(bootstrapped: Chapter) -> None:
    assert bootstrapped.of("InferenceModel", "kiosks").keys() == {"count-people-counter-kiosk-1"}


def test_root_brings_apps_and_apps_bring_units(applied: Chapter) -> None:
    roots = {f"{name}-root" for name in (STORES, INSPECT, HELMETS, KIOSK)}
    assert {name for name in applied.units if name.endswith("-root")} == roots
    assert f"{STORES}-shard-00" in applied.units
    for name in applied.units:
        applier = applied.stage.flux.kustomization(name)["metadata"]["labels"].get(
            "kustomize.toolkit.fluxcd.io/name"
        )
        expected = (
            None if name in roots else next(one for one in roots if name.startswith(one[:-5]))
        )
        assert applier == expected


def test_all_that_was_compiled_is_there_and_nothing_else(applied: Chapter) -> None:
    assert without(applied.live, MADE) == {key for key in applied.files if key[2]}


def test_a_job_waits_for_its_inputs(held: Chapter, applied: Chapter, stage: Stage) -> None:
    # The control lies beside: without its wait the job was applied while its Model was not there.
    hasty = stage.api.items("sedna.io/v1alpha1", SERVICES, "hasty")
    assert {one["metadata"]["name"] for one in hasty} == {"look-north", "look-south"}
    assert not held.of(SERVICES, "helmets")
    assert "look-little-45eb358e" not in held.of("Model", "helmets")
    assert applied.of(SERVICES, "helmets").keys() == {"look-north", "look-south"}
    assert "look-little-45eb358e" in applied.of("Model", "helmets")


def test_a_refused_unit_blocks_no_other(held: Chapter) -> None:
    assert held.of("Deployment", "inspect").keys() == {"inspect-hall-1"}
    assert len(held.of("Deployment", "stores")) == 6
    assert held.of("InferenceModel", "helmets")


def test_an_unhealthy_unit_blocks_no_other(held: Chapter) -> None:
    # Whatever else is in its shard runs, and so does every other unit.
    assert not held.units[SHARD].startswith("True")
    pods = held.of("Pod", "stores").values()
    assert {pod["spec"].get("nodeName") for pod in pods} == {*SHOPS, None} - {LATE.name}


def test_a_second_reconcile_writes_nothing(applied: Chapter, again: Chapter) -> None:
    assert again.live.keys() == applied.live.keys()
    assert written(applied.live, again.live) == set()


def test_another_version_of_a_hot_model_writes_what_the_diff_says(
    again: Chapter, moved: Chapter
) -> None:
    shops = [name.removesuffix("-a") for name in SHOPS]
    expected = {
        *(f"ConfigMap count-{shop}-sidecar" for shop in shops),
        *(f"InferenceModel count-people-counter-{shop}" for shop in shops),
        "TrainingModel people-counter",
    }
    live = {key for key in written(again.live, moved.live) if key[2] == "stores"}
    files = {key for key in written(again.files, moved.files) if key[2] == "stores"}
    assert live == files
    assert called(live) == expected
    # No pod came, went or changed.
    assert moved.of("Pod", "stores").keys() == again.of("Pod", "stores").keys()
    assert len(moved.of("Pod", "stores")) == 6


def test_another_version_of_a_rolling_model_replaces_the_pods(
    again: Chapter, moved: Chapter
) -> None:
    before, after = (one.of("Deployment", "inspect") for one in (again, moved))
    for name, deployment in after.items():
        assert deployment["spec"]["template"] != before[name]["spec"]["template"]
    assert not again.of("Pod", "inspect").keys() & moved.of("Pod", "inspect").keys()
    kept = again.of("ConfigMap", "inspect").keys() & moved.of("ConfigMap", "inspect").keys()
    assert not kept, "what a rolling pod mounts has a name by its content"


def test_other_projects_do_not_notice(again: Chapter, moved: Chapter) -> None:
    touched = {key[2] for key in written(again.live, moved.live)}
    assert touched == {"stores", "inspect"}


def test_what_left_git_leaves_the_cluster(moved: Chapter, shrunk: Chapter) -> None:
    gone = without(moved.live, MADE) - without(shrunk.live, MADE)
    assert gone == {key for key in moved.files.keys() - shrunk.files.keys() if key[2]}
    jobs = {name for name in moved.of("Deployment", "stores") if name.startswith("greet-")}
    assert jobs == {"greet-s-001", "greet-s-002"}
    assert {*(f"Deployment {name}" for name in jobs), "Deployment count-s-004"} <= called(gone)
    assert {"Deployment inspect-hall-2", f"{SERVICES} look-south"} <= called(gone)
    assert without(shrunk.live, MADE) == {key for key in shrunk.files if key[2]}


def test_a_unit_that_left_apps_is_gone(moved: Chapter, shrunk: Chapter) -> None:
    assert moved.units.keys() - shrunk.units.keys() == {HALL, f"{HELMETS}-site-south"}


def test_pruning_touches_no_pod_that_stays(moved: Chapter, shrunk: Chapter) -> None:
    for key, pod in shrunk.live.items():
        if key[1] == "Pod":
            assert moved.live[key]["metadata"]["uid"] == pod["metadata"]["uid"]


def test_bootstrap_is_never_pruned(stage: Stage, shrunk: Chapter) -> None:
    assert not any(key[1] == "Namespace" for key in shrunk.files)
    for name in PROJECTS:
        assert stage.api.get("v1", "Namespace", name)["status"]["phase"] == "Active"


@pytest.mark.parametrize("unit", ["root", "bootstrap"])
def test_a_deleted_kustomization_leaves_everything_behind(
    stage: Stage, shrunk: Chapter, unit: str
) -> None:
    name = f"{KIOSK}-{unit}"
    kind = dict(zip(("apiVersion", "kind"), KUSTOMIZATION, strict=True))
    stage.api.delete({**kind, "metadata": {"name": name, "namespace": "flux-system"}})
    await_true(lambda: name not in stage.flux.kustomizations(), 30, f"{name} is gone")
    now = stage.keep()
    assert name in shrunk.units
    assert {f"{KIOSK}-base", f"{KIOSK}-site-kiosk-1"} <= now.units.keys()
    assert written(shrunk.live, now.live) == set()
    assert now.live.keys() == shrunk.live.keys()
    assert stage.api.get("v1", "Namespace", "kiosks")["status"]["phase"] == "Active"
    for definition in definitions.own():
        found = stage.api.call("GET", stage.api.path_of(definition))
        assert "deletionTimestamp" not in found["metadata"]
