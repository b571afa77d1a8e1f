"""What a cluster holds once, Records, and the registry of backends."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler import backends
from compiler.backends import kubernetes
from compiler.model.definitions_values import dataset_values, inference_values
from compiler.model.inputs import Binding
from compiler.model.manifest import UnitRole
from compiler.model.member import Place
from compiler.model.plan import Distribution, Federation, Node, Record
from compiler.model.worker import Device, User
from tests.backends.kubernetes_cases import (
    artifact,
    cluster,
    context,
    emit,
    project,
    service,
)

LEVEL = "pod-security.kubernetes.io/enforce"
SPREAD = Distribution(
    job="spread",
    name="spread",
    place=Place("hub", "store-1", "edge"),
    artifacts=(Binding("model", artifact()),),
)


@pytest.mark.parametrize(
    ("nodes", "level"),
    [
        ((service(),), "restricted"),
        ((service(), service(user=User(0, 0))), "baseline"),
        ((service((artifact(),)),), "privileged"),
        ((service(devices=(Device("/dev/video0"),)),), "privileged"),
        ((service(devices=(Device("/dev/video0", "a/video0"),)),), "restricted"),
        ((service(host_network=True),), "privileged"),
        ((SPREAD,), "privileged"),
    ],
)
def test_the_namespace_admits_what_its_pods_need_and_says_why(
    nodes: tuple[Node, ...], level: str
) -> None:
    (namespace,) = project(nodes)
    assert namespace["metadata"]["labels"][LEVEL] == level
    assert namespace["metadata"]["annotations"]["edgewright.io/pod-security-reason"]


def test_bootstrap_is_never_pruned() -> None:
    where = context(clusters=[cluster(crds="install", reporting="kubernetes")])
    for one in project([service()], where):
        kept = one["metadata"]["annotations"]
        assert kept["kustomize.toolkit.fluxcd.io/prune"] == "disabled", one["kind"]


def test_definitions_come_only_where_the_cluster_installs_them() -> None:
    installed = project([], context(clusters=[cluster(crds="install")]))
    names = {one["metadata"]["name"] for one in installed}
    assert {f"{kind}.edgewright.io" for kind in ("inferencemodels", "trainingmodels")} < names
    assert [one["kind"] for one in project([])] == ["Namespace"]


def test_reports_to_the_cluster_get_an_account_that_can_do_nothing_else() -> None:
    objects = project([], context(clusters=[cluster(reporting="kubernetes")]))
    found = {one["kind"]: one for one in objects}
    assert found["ServiceAccount"]["automountServiceAccountToken"] is False
    rules = found["Role"]["rules"]
    verbs = {resource: rule["verbs"] for rule in rules for resource in rule["resources"]}
    assert verbs == {"inferencemodels": ["get"], "inferencemodels/status": ["patch"]}
    assert (
        found["RoleBinding"]["subjects"][0]["name"] == found["ServiceAccount"]["metadata"]["name"]
    )


def test_a_record_of_a_site_is_an_object_of_our_definitions() -> None:
    facts = inference_values(
        project="store-vision",
        environment="prod",
        job="watch",
        role="worker",
        site="store-1",
        layer="edge",
        bytes_=artifact(),
        update="hot",
        delivery="sidecar",
        server="ovms",
    )
    node = Record(
        job="watch",
        name="watch-shelf-store-1",
        kind="InferenceModel",
        facts=facts,
        place=Place("hub", "store-1", "edge"),
    )
    made = emit(node)["InferenceModel"]
    assert made["spec"]["digest"] == "ab" * 32
    (draft,) = kubernetes.BACKEND.emit(node, context())
    assert draft.unit.path == "store-vision/prod/hub/sites/store-1"


def test_a_record_of_the_project_exists_once() -> None:
    facts = dataset_values(
        project="store-vision", environment="prod", dataset="shelves", format_="coco"
    )
    node = Record(job="", name="shelves", kind="Dataset", facts=facts)
    shop = cluster("a-shop", each_site=True)
    (draft,) = kubernetes.BACKEND.emit(node, context(clusters=[shop, cluster()]))
    assert draft.unit.role is UnitRole.BASE
    assert draft.unit.target == "store-vision/prod/hub"
    assert draft.origin.header == "# edgewright: datasets.shelves, do not edit"
    assert emit(node)["Dataset"]["spec"]["format"] == "coco"


def test_a_node_of_another_sort_is_not_emitted() -> None:
    assert Federation not in kubernetes.BACKEND.takes
    with pytest.raises(TypeError, match="does not take a Node"):
        kubernetes.BACKEND.emit(Node(job="j", name="n"), context())


def test_the_registry_names_every_module_of_the_folder() -> None:
    folder = Path(backends.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    registered = {*backends.BACKENDS, *backends.GITOPS}
    named = {name.replace("-", "_") for name in registered}
    parts = {one for one in modules if any(one.startswith(f"{name}_") for name in named)}
    assert modules - parts <= named
    assert backends.backend("kubernetes") is kubernetes.BACKEND
    with pytest.raises(KeyError):
        backends.backend("kubernetes_pod")


def test_drafts_are_equal_whenever_they_are_made() -> None:
    where = context()
    first, second = (list(kubernetes.BACKEND.emit(service((artifact(),)), where)) for _ in "ab")
    assert first == second
    assert len({draft.key for draft in first if draft.key}) == 2
