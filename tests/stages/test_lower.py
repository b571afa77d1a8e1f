"""Which backend takes a node, what is lowered, and why the rest is refused."""

from __future__ import annotations

import pytest

from compiler import backends, lowerings
from compiler.model.backend import Answer
from compiler.model.plan import Cascade, Loop, Record, Service
from compiler.stages.lower import KNOWN, preference
from tests.stages.resolving import HEAD, REPO, Front, at_mark, front, said

WORKER = "image: 'r.example.com/x:1', implements: [sedna-lib]"
JOINT = (
    HEAD
    + """fleet:
  clusters:
    hub: {kubernetes: "1.32", provides: PROVIDES, gitops: {engine: argocd}, REPO}
    far: {kubernetes: "1.32", gitops: {engine: argocd}, REPO}
  profiles:
    box: {arch: amd64, cpu: 8, memory: 16Gi, disk: 64Gi}
  sites:
    cloud: {cluster: hub, layer: cloud, profile: box, hosts: {cloud-a: {}}}
    far-cloud: {cluster: far, layer: cloud, profile: box, hosts: {far-a: {}}}
    edge-1: {cluster: hub, layer: edge, profile: box, hosts: {edge-1-a: {}}}
    edge-2: {cluster: hub, layer: edge, profile: box, hosts: {edge-2-a: {}}}
models:
  small: {versions: {"1": {uri: "host:/data/models/little.pb", format: pb}}, target: "1"}
  big: {versions: {"1": {uri: "host:/data/models/big.pb", format: pb}}, target: "1"}
  pair: {versions: {"1": {edge: "small:1", cloud: "big:1"}}, target: "1"}
jobs:
  look:
    kind: joint-inference
    model: pair
    hardExamples: {algorithm: IBT, params: {threshold_img: 0.9}}
    workers:
      edge: {EDGE, place: {layer: edge}}
      cloud: {CLOUD, place: {site: SITE}}
""".replace("REPO", REPO)
)
SEDNA = '{kubeedge: "1.23", sedna: "0.7"}'


def joint(
    provides: str = "{}",
    edge: str = WORKER,
    cloud: str = WORKER,
    site: str = "cloud",
    more: str = "",
) -> str:
    text = JOINT.replace("PROVIDES", provides).replace("SITE", site)
    return text.replace("{EDGE", "{" + edge).replace("{CLOUD", "{" + cloud) + more


def taken(found: Front) -> list[tuple[str, str, str, str]]:
    """Node, name, backend and lowering of everything but records."""
    return [
        (type(a.node).__name__, a.node.name, a.backend, a.lowered_from)
        for a in found.assignments
        if not isinstance(a.node, Record)
    ]


def test_sedna_takes_a_cascade_where_it_is_installed() -> None:
    found = front(joint(SEDNA))
    assert not found.errors
    assert taken(found) == [("Cascade", "look", "sedna", "")]


def test_a_cascade_is_lowered_where_sedna_is_not_installed_and_says_why() -> None:
    found = front(joint())
    assert not found.errors
    assert taken(found) == [
        ("Service", "look-cloud", "kubernetes", "cascade-to-services"),
        ("Service", "look-edge-edge-1", "kubernetes", "cascade-to-services"),
        ("Service", "look-edge-edge-2", "kubernetes", "cascade-to-services"),
    ]
    assert found.assignments[0].reasons == (
        "sedna: cluster hub does not provide sedna",
        "kubernetes: a Cascade is not supported yet on kubernetes",
        "lowered by cascade-to-services",
        "kserve: not supported yet",
    )


def test_a_backend_named_on_the_job_goes_before_the_preference() -> None:
    found = front(joint(SEDNA, more="    backend: kubernetes\n"))
    assert not found.errors
    assert {backend for _, _, backend, _ in taken(found)} == {"kubernetes"}


def test_a_named_backend_that_cannot_is_not_replaced_by_another() -> None:
    found = front(joint(more="    backend: sedna\n"))
    refusal = said(found.found, "E3002")
    assert refusal.message == (
        "no backend takes Cascade look: sedna: cluster hub does not provide sedna"
    )
    assert refusal.hint == ("add sedna to fleet.clusters.hub.provides if it is installed there")
    assert taken(found) == []


def test_a_refusal_names_every_backend_and_the_lowering_with_their_reasons() -> None:
    found = front(joint(site="far-cloud"))
    message = said(found.found, "E3002").message
    parts = message.removeprefix("no backend takes Cascade look: ").split("; ")
    assert [part.partition(": ")[0] for part in parts] == [
        "sedna",
        "kubernetes",
        "cascade-to-services",
    ]
    assert parts[2].endswith("are on different clusters (far, hub)")


def test_a_composite_that_crosses_clusters_is_refused_on_sedna_too() -> None:
    found = front(joint(SEDNA, site="far-cloud"))
    assert "cluster far does not provide sedna" in said(found.found, "E3002").message


def test_a_field_for_user_code_needs_code_that_says_it_understands_it() -> None:
    for provides in (SEDNA, "{}"):
        text = joint(provides, cloud="image: 'r.example.com/x:1'")
        refusal = said(front(text).found, "E3002")
        assert "hardExamples is handed to user code, and the cloud worker does not say" in (
            refusal.message
        )


def test_a_refusal_stands_at_the_field_that_is_refused() -> None:
    text, _ = at_mark(joint(SEDNA, cloud="image: 'r.example.com/x:1'"))
    line = text.splitlines().index(
        "    hardExamples: {algorithm: IBT, params: {threshold_img: 0.9}}"
    )
    span = said(front(text).found, "E3002").span
    assert span is not None
    assert span.line == line + 1


def test_one_refused_job_takes_no_other_with_it() -> None:
    other = (
        "  watch:\n"
        "    kind: serve\n"
        "    models: ['small:1']\n"
        "    worker: {image: 'r.example.com/ovms:1'}\n"
        "    place: {layer: edge}\n"
    )
    found = front(joint(site="far-cloud", more=other))
    assert [d.code.id for d in found.errors] == ["E3002"]
    assert [name for _, name, _, _ in taken(found)] == ["watch-edge-1", "watch-edge-2"]


def test_every_assignment_answers_for_every_field_of_its_node() -> None:
    for text in (joint(SEDNA), joint()):
        for assignment in front(text).assignments:
            if isinstance(assignment.node, Record):
                continue
            assert set(assignment.answers) == set(type(assignment.node).FIELDS)
            assert not any(
                answer.answer is Answer.REFUSED and field in assignment.node.fields
                for field, answer in assignment.answers.items()
            )


def test_a_learning_loop_has_no_plain_counterpart_yet() -> None:
    text = joint() + (
        "  learn:\n"
        "    kind: incremental-learning\n"
        "    model: small\n"
        "    dataset: pictures\n"
        "    splits: {parts: {train: 0.8, test: 0.2}}\n"
        "    place: {site: edge-1}\n"
        "    trigger: {newSamples: 5, every: 60s}\n"
        "    gate: {metric: precision, improvesBy: 0.1}\n"
        "    deploy: {uri: 'host:/models/deploy.pb', format: pb}\n"
        "    results: {uri: 'host:/output'}\n"
        "    workers:\n"
        f"      train: {{{WORKER}}}\n"
        f"      evaluate: {{{WORKER}}}\n"
        f"      infer: {{{WORKER}}}\n"
        "datasets: {pictures: {format: txt, local: {sites: {edge-1: /data/1.txt}}}}\n"
    )
    found = front(text)
    assert [type(node) for node in found.nodes if isinstance(node, Loop)] == [Loop]
    message = said(found.found, "E3002").message
    assert message.startswith("no backend takes Loop learn: sedna: cluster hub does not provide")
    assert "kubernetes: a Loop is not supported yet on kubernetes" in message


def test_a_service_prefers_kserve_in_the_cloud_only() -> None:
    found = front(joint())
    services = [a.node for a in found.assignments if isinstance(a.node, Service)]
    assert [preference(node) for node in services] == [
        ("kserve", "kubernetes"),
        ("kubernetes",),
        ("kubernetes",),
    ]


def test_a_known_backend_without_a_module_is_refused_as_not_supported_yet() -> None:
    text = joint(SEDNA, more="    backend: argo-workflows\n")
    assert said(front(text).found, "E3002").message.endswith("argo-workflows: not supported yet")


def test_every_backend_there_is_may_be_named() -> None:
    assert set(backends.BACKENDS) <= set(KNOWN)


@pytest.mark.parametrize("lowering", lowerings.lowerings(), ids=lambda one: one.name)
def test_a_lowering_makes_nodes_that_another_backend_takes(lowering: object) -> None:
    found = front(joint())
    assert lowering in lowerings.lowerings()
    assert not any(isinstance(a.node, Cascade) for a in found.assignments)
