from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from compiler.model.observed import EngineState, Verdict
from compiler.model.verdicts import Row
from compiler.model.wanted import Wanted
from tests.model.cluster_said import TREES, altered, judged, rows, without


def installing() -> list[Wanted]:
    """The rows of a cluster that installs our definitions."""
    return [replace(r, cluster=replace(r.cluster, crds="install")) for r in rows("shards")]


NOBODY_MAY = "user nobody may not list it"


def verdicts(found: dict[tuple[str, str], Row]) -> dict[tuple[str, str], str]:
    return {key: str(row.verdict) for key, row in found.items() if row.verdict is not Verdict.READY}


def texts(row: Row) -> list[str]:
    return [one.text for one in row.findings]


@pytest.mark.parametrize("name", sorted(path.name for path in TREES.iterdir()))
def test_a_cluster_that_has_what_is_compiled_is_ready(name: str) -> None:
    wanted = rows(name)
    assert verdicts(judged(wanted)) == {}
    assert all(row.engines for row in wanted if row.job != "(root)")


@pytest.mark.parametrize("name", ["shards", "serve-hot", "each-site", "joint-inference"])
def test_nothing_in_the_cluster_is_missing_everywhere(name: str) -> None:
    kept = ("Node", "Namespace")
    found = judged(rows(name), lambda live: live if live["kind"] in kept else None)
    assert {row.verdict for row in found.values()} == {Verdict.MISSING}
    assert all("kubectl apply -k generated/" in row.findings[0].step for row in found.values())


def test_what_was_not_seen_is_unknown_and_never_missing() -> None:
    kinds = {live.data["kind"] for row in rows("shards") for live in (*row.objects, *row.engines)}
    found = judged(rows("shards"), problems=dict.fromkeys({*kinds, "Pod", "Node"}, "down"))
    assert {row.verdict for row in found.values()} == {Verdict.UNKNOWN}
    assert not any(row.missing for row in found.values())


@pytest.mark.parametrize("kind", ["Deployment", "ConfigMap", "InferenceModel", "Pod"])
def test_a_row_of_which_a_part_was_not_seen_is_not_ready(kind: str) -> None:
    row = judged(rows("shards"), problems={kind: NOBODY_MAY})["count", "s-001"]
    assert row.verdict is Verdict.UNKNOWN
    assert texts(row) == [f"not seen: {NOBODY_MAY}"]


def test_worse_things_that_were_seen_come_before_what_was_not() -> None:
    found = judged(rows("shards"), without("Deployment", "s-001"), {"ConfigMap": NOBODY_MAY})
    assert found["count", "s-001"].verdict is Verdict.MISSING


def test_without_nodes_and_engine_the_objects_are_judged_alone() -> None:
    problems = dict.fromkeys(("Node", "Kustomization", "GitRepository"), NOBODY_MAY)
    found = judged(rows("shards"), problems=problems)
    assert found["count", "s-001"].verdict is Verdict.READY
    assert found["count", "s-001"].engines[0].state is EngineState.UNKNOWN
    assert found["(root)", ""].verdict is Verdict.UNKNOWN


def test_an_object_whose_name_holds_its_content_is_older_where_another_is_there() -> None:
    def rename(live: dict[str, Any]) -> None:
        live["metadata"]["name"] = live["metadata"]["name"][:-8] + "00000000"

    files = "count-s-001-files"
    row = judged(rows("shards"), altered("ConfigMap", rename, files))["count", "s-001"]
    assert (row.verdict, texts(row)) == (
        Verdict.OLDER, ["another ConfigMap is there, of other content"],
    )  # fmt: skip
    gone = judged(rows("shards"), without("ConfigMap", files))["count", "s-001"]
    assert gone.verdict is Verdict.MISSING


def test_argo_cd_elsewhere_leaves_the_objects_to_speak() -> None:
    wanted = rows("serve-hot")
    here = [replace(r, cluster=replace(r.cluster, destination={})) for r in wanted]
    missing = judged(here, unserved=["Application", "AppProject"])
    assert missing["(root)", ""].verdict is Verdict.MISSING
    assert any(row.cluster.destination for row in wanted)
    found = judged(wanted, unserved=["Application", "AppProject"])
    assert verdicts(found) == {("(root)", ""): "unknown"}
    assert "--engine-context" in texts(found["(root)", ""])[0]


@pytest.mark.parametrize(
    "own", [{"name": "in-cluster"}, {"server": "https://kubernetes.default.svc"}]
)
def test_argo_cd_s_own_cluster_by_name_is_not_elsewhere(own: dict[str, str]) -> None:
    wanted = rows("serve-hot")
    here = [replace(r, cluster=replace(r.cluster, destination=own)) for r in wanted]
    missing = judged(here, unserved=["Application", "AppProject"])
    assert missing["(root)", ""].verdict is Verdict.MISSING
    assert missing["(root)", ""].engines[0].state is EngineState.MISSING


def test_a_kind_that_is_not_served_says_so() -> None:
    found = judged(installing(), unserved=["InferenceModel"])["count", "s-001"]
    assert texts(found) == ["InferenceModel is not served: its definition is not installed"]


def not_ready(live: dict[str, Any]) -> None:
    live["status"]["conditions"] = [
        {"type": "Ready", "status": "Unknown", "lastTransitionTime": "then"}
    ]


def test_a_node_that_is_not_ready_makes_its_site_offline() -> None:
    found = judged(rows("shards"), altered("Node", not_ready, "s-003"))
    assert verdicts(found) == {("count", "s-003"): "offline"}
    assert found["count", "s-003"].findings[0].detail == "s-003-a since then"


def test_a_host_that_is_no_node_counts_only_while_pods_are_lacking() -> None:
    assert verdicts(judged(rows("per-host"), lambda live: live)) == {}

    def lacking(live: dict[str, Any]) -> dict[str, Any] | None:
        if live["kind"] == "Deployment":
            live["status"] = {"updatedReplicas": 1}
        return None if live["kind"] in ("Node", "Pod") else live

    row = next(r for r in judged(rows("shards"), lacking).values() if r.wanted.site == "s-001")
    assert row.verdict is Verdict.DEGRADED
    assert texts(row)[0] == "a host of the site is no node of the cluster"


def test_sedna_s_pods_are_found_by_sedna_s_labels() -> None:
    from compiler.model import wanted as model
    from compiler.model.observed import Answer, Snapshot
    from compiler.model.verdicts import View, judge

    mine = [row for row in rows("joint-inference") if row.environment == "sedna"]
    row = next(
        row for row in mine if any(o.identity.kind == "JointInferenceService" for o in row.objects)
    )
    service = next(o for o in row.objects if o.identity.kind == "JointInferenceService")
    (asked,) = model.pod_questions(service)
    assert asked.selector == "jointinferenceservice.sedna.io/name"
    labels = {asked.selector: service.identity.name}
    pod = {"metadata": {"name": "p", "namespace": service.identity.namespace, "labels": labels},
           "status": {"phase": "Running", "containerStatuses": [
               {"name": "w", "state": {"waiting": {"reason": "ErrImagePull"}}}
           ]}}  # fmt: skip
    answers = {
        question: Answer((dict(service.data),) if question.kind == service.identity.kind else ())
        for question in model.questions([row])[row.cluster.target]
    }
    answers[asked] = Answer((pod,))
    found = judge(row, View.of(Snapshot(answers)))
    assert "a pod says ErrImagePull" in texts(found)
    assert found.workloads[0].kind == "JointInferenceService"


def engine_of(site: str, name: str = "shards") -> tuple[str, str]:
    """Kind and name of the engine's object that applies a site."""
    one = next(row for row in rows(name) if row.site == site).engines[0]
    return one.identity.kind, one.identity.name


@pytest.mark.parametrize(("name", "site"), [("shards", "s-001"), ("per-host", "")])
def test_a_unit_whose_engine_object_is_gone_is_not_ready(name: str, site: str) -> None:
    site = site or next(row.site for row in rows(name) if row.site)
    kind, called = engine_of(site, name)
    found = judged(rows(name), without(kind, called))
    mine = [row for row in found.values() if row.wanted.site == site]
    assert {row.verdict for row in mine} == {Verdict.MISSING}
    assert {texts(row)[0] for row in mine} == {f"{kind} is missing"}
    assert all("/root" in row.findings[0].step for row in mine)
    assert not any(row.missing for row in mine)


def test_a_unit_that_is_suspended_by_hand_is_degraded() -> None:
    kind, called = engine_of("s-001")
    suspended = altered(kind, lambda live: live["spec"].update(suspend=True), called)
    row = judged(rows("shards"), suspended)["count", "s-001"]
    assert (row.verdict, texts(row)) == (Verdict.DEGRADED, [f"{kind}: suspended by hand"])
    assert row.findings[0].step.startswith("flux resume kustomization ")


def test_a_unit_whose_compiled_fields_are_others_is_older() -> None:
    kind, called = engine_of("s-001")
    moved = altered(kind, lambda live: live["spec"].update(path="./elsewhere"), called)
    row = judged(rows("shards"), moved)["count", "s-001"]
    assert (row.verdict, texts(row)) == (Verdict.OLDER, [f"{kind} is another (spec.path)"])


def test_an_engine_that_is_not_installed_is_to_be_installed_first() -> None:
    found = judged(rows("shards"), unserved=["Kustomization", "GitRepository"])
    assert {row.findings[0].step for row in found.values()} == {"flux install"}
    assert {row.verdict for row in found.values()} == {Verdict.MISSING}
    gone = judged(rows("shards"), lambda live: None if live["kind"] != "Node" else live,
                  unserved=["Kustomization", "GitRepository"])  # fmt: skip
    assert {one.step for row in gone.values() for one in row.findings} == {"flux install"}


def test_a_definition_of_ours_comes_from_bootstrap() -> None:
    row = judged(installing(), unserved=["InferenceModel"])["count", "s-001"]
    assert row.findings[0].step.startswith("kubectl apply -k ")
    assert row.findings[0].step.endswith("/bootstrap")


def test_definitions_that_the_spec_assumes_come_from_nowhere_here() -> None:
    wanted = rows("shards")
    assert {row.cluster.crds for row in wanted} == {"assume"}
    row = judged(wanted, unserved=["InferenceModel"])["count", "s-001"]
    assert row.verdict is Verdict.MISSING
    assert row.findings[0].step == ""
    assert "leaves that to another (`crds: assume`)" in row.findings[0].text


def test_flux_without_its_namespace_is_to_be_installed_first() -> None:
    found = judged(rows("shards"), lambda live: live if live["kind"] == "Node" else None)
    assert {row.findings[0].step for row in found.values()} == {"flux install"}
    kept = ("Node", "Namespace")
    found = judged(rows("shards"), lambda live: live if live["kind"] in kept else None)
    assert all("/root" in row.findings[0].step for row in found.values())


def test_a_namespace_that_may_not_be_seen_changes_no_proposal() -> None:
    found = judged(rows("shards"), lambda live: live if live["kind"] == "Node" else None,
                   {"Namespace": NOBODY_MAY})  # fmt: skip
    assert {row.verdict for row in found.values()} == {Verdict.MISSING}
    assert all("/root" in row.findings[0].step for row in found.values())
    assert verdicts(judged(rows("shards"), problems={"Namespace": NOBODY_MAY})) == {}


def test_another_selector_of_a_deployment_is_no_ready_one() -> None:
    def narrowed(live: dict[str, Any]) -> None:
        live["spec"]["selector"]["matchLabels"]["more"] = "x"

    row = judged(rows("shards"), altered("Deployment", narrowed, "s-001"))["count", "s-001"]
    assert row.verdict is Verdict.OLDER


def test_a_node_that_is_gone_comes_before_the_pods_that_found_no_place() -> None:
    def gone(live: dict[str, Any]) -> dict[str, Any] | None:
        if live["kind"] == "Deployment":
            live["status"] = {}
        if live["kind"] == "Pod":
            del live["spec"]["nodeName"]
            refused = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
            live["status"] = {"phase": "Pending", "conditions": [refused]}
        return None if live["kind"] == "Node" else live

    row = judged(rows("shards"), gone)["count", "s-001"]
    assert texts(row)[:2] == [
        "a host of the site is no node of the cluster", "a pod says Unschedulable",
    ]  # fmt: skip


def test_an_application_that_no_longer_syncs_by_itself_is_older() -> None:
    site = next(row.site for row in rows("serve-hot") if row.site)
    kind, called = engine_of(site, "serve-hot")
    assert kind == "Application"
    stopped = altered(kind, lambda live: live["spec"]["syncPolicy"].pop("automated"), called)
    mine = [r for r in judged(rows("serve-hot"), stopped).values() if r.wanted.site == site]
    assert {row.verdict for row in mine} == {Verdict.OLDER}
    assert {texts(row)[0] for row in mine} == {f"{kind} is another (spec.syncPolicy.automated)"}
    gone = judged(rows("serve-hot"), without(kind, called))
    assert {r.verdict for r in gone.values() if r.wanted.site == site} == {Verdict.MISSING}
