"""`edgewright status` beside a real API server, scheduler and controllers, with stood-in kubelets.

The tree is applied by the test and the engine's words are written by it: what is judged is that
the command tells the states of a cluster apart, and never takes what it did not see for well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import control_plane, fleet, nodes
from tests.cluster.api import Api, Json
from tests.cluster.control_plane import ControlPlane
from tests.cluster.process import await_true, free_port
from tests.cluster.trees import (
    GENERATED,
    GOLDEN,
    Manifest,
    Target,
    everything,
    manifests,
    namespaces,
    targets,
)
from tests.commands.running import run

CASE = GOLDEN / "shards"
SPEC = CASE / "spec"
PROJECT = "stores"
REVISION = "deploy@sha1:" + "0123456789abcdef0123456789abcdef01234567"
LATER = "2026-01-02T03:04:05Z"
KUSTOMIZE = "kustomize.toolkit.fluxcd.io/v1"


@pytest.fixture(scope="module")
def applied(plane: ControlPlane) -> ControlPlane:
    """The tree of four sites, applied and running."""
    api = plane.api()
    (target,) = targets(CASE / "expected")
    plane.start_scheduler()
    plane.start_controllers()
    sites = fleet.read(SPEC).sites.values()
    nodes.create(api, [host for site in sites for host in site.hosts])
    nodes.start_kubelets(plane)
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}})
    for one in _objects(target):
        api.apply(one.data, one.text)
    for one in _objects(target, "root", "apps"):
        _says_ready(api, one.data)
    await_true(partial(_all_available, api), 60, "every Deployment is available")
    return plane


def test_what_is_applied_and_runs_is_ready(applied: ControlPlane) -> None:
    found = _status(applied, exit_code=0)
    assert {row["verdict"] for row in found["rows"]} == {"ready"}
    jobs = [(row["job"], row["site"]) for row in found["rows"]]
    assert [job for job in jobs if job[1]] == [("count", f"s-00{n}") for n in range(1, 5)]
    assert found["next"] == []
    models = {one["site"]: one for one in found["models"]}
    assert {one["applied"]["state"] for one in models.values()} == {"as wanted"}
    assert "ready at deploy@0123456789ab" in models["s-001"]["applied"]["words"]
    row = _row(found, "s-001")
    assert row["applied"]["objects"] == 4
    assert row["engine"][0]["revision"] == "deploy@0123456789ab"
    assert [n["name"] for n in row["nodes"]] == ["s-001-a"]
    (workload,) = row["running"]
    assert (workload["wanted"], workload["available"]) == (1, 1)
    assert [pod["phase"] for pod in workload["pods"]] == ["Running"]
    text = _text(applied, exit_code=0)
    assert "4 sites: 4 ready (applied: deploy@0123456789ab)" in text
    assert "s-001" not in text


def test_a_deployment_that_is_gone_is_missing(applied: ControlPlane) -> None:
    api, deployment = applied.api(), _compiled("s-001", "Deployment")
    api.delete(deployment.data, propagationPolicy="Background")
    found = _status(applied, exit_code=3)
    assert _verdicts(found) == {"s-001": "missing"}
    assert _row(found, "s-001")["applied"]["missing"] == ["Deployment count-s-001"]
    (step,) = found["next"]
    assert step["command"].startswith("flux --kubeconfig ")
    assert " reconcile kustomization stores-default-hub-shard-" in step["command"]
    api.apply(deployment.data, deployment.text)
    _settle(applied)


def test_another_config_of_the_sidecar_is_older(applied: ControlPlane) -> None:
    api, config = applied.api(), _compiled("s-002", "ConfigMap")
    older = json.loads(config.data["data"]["config.json"])
    older["artifacts"][0]["version"] = "0.9.0"
    api.merge(config.data, {"data": {"config.json": json.dumps(older)}})
    found = _status(applied, "s-002", exit_code=3)
    assert _verdicts(found) == {"s-002": "older"}
    row = _row(found, "s-002")
    assert [one["text"] for one in row["why"]] == ["the sidecar's config is another"]
    assert row["applied"]["older"] == [f"ConfigMap {config.data['metadata']['name']}"]
    api.apply(config.data, config.text, force=True)
    _settle(applied)


def test_another_version_and_another_template_say_what_they_are(applied: ControlPlane) -> None:
    api = applied.api()
    record, deployment = _compiled("s-002", "InferenceModel"), _compiled("s-002", "Deployment")
    listed = [{**one, "version": "0.9.0"} for one in record.data["spec"]["manifest"]]
    versions = {"version": "0.9.0", "targetVersion": "0.9.0", "manifest": listed}
    api.merge(record.data, {"spec": versions})
    found = _status(applied, exit_code=3)
    texts = [one["text"] for one in _row(found, "s-002")["why"]]
    assert f"people-counter is at version 0.9.0, not {record.data['spec']['version']}" in texts
    (model,) = [one for one in found["models"] if one["site"] == "s-002"]
    assert (model["applied"]["state"], model["applied"]["version"]) == ("another", "0.9.0")
    change = {"metadata": {"labels": {"edgewright.io/role": "another"}}}
    api.merge(deployment.data, {"spec": {"template": change}})
    texts = [one["text"] for one in _row(_status(applied, exit_code=3), "s-002")["why"]]
    assert "the pod template of the Deployment is another (metadata.labels.edgewright.io/role)" in (
        texts
    )
    for one in (record, deployment):
        api.apply(one.data, one.text, force=True)
    _settle(applied)


def test_a_pod_whose_node_is_gone_shows_the_reason_of_the_scheduler(applied: ControlPlane) -> None:
    api = applied.api()
    node = api.get("v1", "Node", "s-003-a")
    again = {"apiVersion": "v1", "kind": "Node", "metadata": {
        "name": "s-003-a", "labels": node["metadata"]["labels"]
    }, "status": {"allocatable": node["status"]["allocatable"]}}  # fmt: skip
    api.delete({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "s-003-a"}})
    for pod in _pods(api, "s-003"):
        api.delete({"apiVersion": "v1", "kind": "Pod", "metadata": pod["metadata"]},
                   gracePeriodSeconds=0)  # fmt: skip
    await_true(partial(_unschedulable, api, "s-003"), 60, "the scheduler decided")
    found = _status(applied, exit_code=3)
    assert _verdicts(found) == {"s-003": "degraded"}
    why = _row(found, "s-003")["why"]
    assert "a host of the site is no node of the cluster" in [one["text"] for one in why]
    (told,) = [one for one in why if one["text"] == "a pod says Unschedulable"]
    assert "nodes are available" in told["detail"]
    text = _text(applied, "s-003", exit_code=3)
    assert "on no node: Pending, Unschedulable" in text
    api.create(again)
    _settle(applied)


def test_a_node_that_is_not_ready_is_offline_since_then(applied: ControlPlane) -> None:
    api, node = applied.api(), {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "s-004-a"}}
    condition = {"type": "Ready", "status": "Unknown", "lastTransitionTime": LATER}
    api.merge(node, {"status": {"conditions": [condition]}}, "status")
    found = _status(applied, exit_code=3)
    assert _verdicts(found) == {"s-004": "offline"}
    assert f"s-004-a since {LATER}" in _text(applied, exit_code=3)
    api.merge(node, {"status": {"conditions": [{**condition, "status": "True"}]}}, "status")
    _settle(applied)


def test_a_container_that_fails_shows_its_reason(applied: ControlPlane) -> None:
    api = applied.api()
    (pod,) = _pods(api, "s-001")
    waiting = {"reason": "ImagePullBackOff", "message": "not found"}
    statuses = [{**one, "state": {"waiting": waiting}, "restartCount": 3}
                for one in pod["status"]["containerStatuses"]]  # fmt: skip
    named = {"apiVersion": "v1", "kind": "Pod", "metadata": pod["metadata"]}
    api.merge(named, {"status": {"containerStatuses": statuses}}, "status")
    found = _status(applied, exit_code=3)
    assert _verdicts(found) == {"s-001": "degraded"}
    assert _row(found, "s-001")["why"][0]["text"] == "a pod says ImagePullBackOff"
    api.merge(named, {"status": {"containerStatuses": pod["status"]["containerStatuses"]}},
              "status")  # fmt: skip
    _settle(applied)


def test_what_the_engine_and_a_record_say_counts(applied: ControlPlane) -> None:
    api, record = applied.api(), _compiled("s-001", "InferenceModel")
    api.merge(record.data, {"status": {"phase": "RolledBack", "message": "probe"}}, "status")
    (source,) = [one.data for one in _objects(_target(), "root")
                 if one.data["kind"] == "GitRepository"]  # fmt: skip
    failed = {"reason": "GitOperationFailed", "message": "no access", "status": "False"}
    _says_ready(api, source, **failed)
    found = _status(applied, exit_code=3)
    assert _verdicts(found) == {"s-001": "degraded"}
    (root,) = [row for row in found["rows"] if row["job"] == "(root)"]
    assert (root["verdict"], root["why"][0]["text"]) == (
        "degraded", "GitRepository: GitOperationFailed",
    )  # fmt: skip
    api.merge(record.data, {"status": {"phase": "Ready"}}, "status")
    _says_ready(api, source)
    _settle(applied)


def test_a_user_who_may_not_look_sees_that_and_nothing_is_well(applied: ControlPlane) -> None:
    result = _run(applied.kubeconfig(control_plane.NOBODY))
    assert result.exit_code == 6
    assert "4 sites: 4 unknown" in result.stdout
    assert "user nobody may not list deployments.apps in namespace stores" in result.output
    assert "E8006" in result.stderr
    found = json.loads(_run(applied.kubeconfig(control_plane.NOBODY), "--format", "json").stdout)
    assert {row["verdict"] for row in found["rows"]} == {"unknown"}


def test_a_user_who_may_not_see_pods_gets_no_ready_row(applied: ControlPlane) -> None:
    api = applied.api()
    resources = [
        ("", "configmaps"), ("apps", "deployments"), ("edgewright.io", "inferencemodels"),
        ("edgewright.io", "trainingmodels"), ("kustomize.toolkit.fluxcd.io", "kustomizations"),
        ("source.toolkit.fluxcd.io", "gitrepositories"),
    ]  # fmt: skip
    rules = [{"apiGroups": [g], "resources": [r], "verbs": ["list"]} for g, r in resources]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "half"}, "rules": rules}  # fmt: skip
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
               "metadata": {"name": "half"},
               "subjects": [{"kind": "User", "name": control_plane.NOBODY,
                             "apiGroup": "rbac.authorization.k8s.io"}],
               "roleRef": {"kind": "ClusterRole", "name": "half",
                           "apiGroup": "rbac.authorization.k8s.io"}}  # fmt: skip
    api.create(role)
    api.create(binding)
    result = _run(applied.kubeconfig(control_plane.NOBODY), "--format", "json")
    api.delete(binding)
    found = json.loads(result.stdout)
    assert result.exit_code == 6
    assert {row["verdict"] for row in found["rows"] if row["site"]} == {"unknown"}
    assert {row["verdict"] for row in found["rows"] if not row["site"]} == {"ready"}
    told = [one["message"] for one in found["diagnostics"]]
    assert any("may not list pods" in text for text in told)
    assert any("may not list nodes" in text for text in told)


def test_a_server_that_is_down_is_unknown_and_the_others_are_shown(
    applied: ControlPlane, tmp_path: Path
) -> None:
    spec = tmp_path / "spec"
    spec.mkdir()
    for file in (GOLDEN / "each-site" / "spec").iterdir():
        text = file.read_text(encoding="utf-8")
        context = 'each: site\n      context: "shop-{site}"'
        (spec / file.name).write_text(text.replace("each: site", context), encoding="utf-8")
    config = json.loads(applied.kubeconfig().read_text())
    down = {**config["clusters"][0]["cluster"], "server": f"https://127.0.0.1:{free_port()}"}
    config["clusters"].append({"name": "down", "cluster": down})
    config["contexts"] = [
        {"name": f"shop-kiosk-{n}", "context": {"cluster": where, "user": "administrator"}}
        for n, where in ((1, "tier"), (2, "down"))
    ]
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(json.dumps(config))
    result = run("status", spec, "--kubeconfig", kubeconfig)
    assert result.exit_code == 6, result.output
    assert "2 clusters, 1 of them not seen" in result.stdout
    assert "E8004" in result.stderr
    found = json.loads(run("status", spec, "--kubeconfig", kubeconfig, "--format", "json").stdout)
    verdicts = {(row["target"][-7:], row["job"]): row["verdict"] for row in found["rows"]}
    assert verdicts["kiosk-1", "count"] == "missing"
    assert verdicts["kiosk-2", "count"] == "unknown"
    alone = run("status", spec, "kiosk-1", "--kubeconfig", kubeconfig)
    assert alone.exit_code == 3, alone.output
    assert "kubectl --kubeconfig" in alone.stdout
    assert "apply -k generated/kiosks/default/shop/kiosk-1/root" in alone.stdout


def test_nothing_is_asked_object_by_object(applied: ControlPlane) -> None:
    from compiler.adapters import cluster

    asked: list[str] = []
    send = cluster.Connection._send

    def watched(self: Any, method: str, path: str, query: Any, body: Any) -> Any:
        asked.append(f"{method} {path}")
        return send(self, method, path, query, body)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster.Connection, "_send", watched)
        _status(applied, exit_code=0)
    assert {word.partition(" ")[0] for word in asked} == {"GET"}
    lists = [path for path in asked if not path.endswith(("/v1", "/v1alpha1"))]
    assert len(lists) == len(set(lists)) == 9, lists


def test_what_the_server_makes_of_compiled_objects_is_no_difference(applied: ControlPlane) -> None:
    from compiler.model.comparing import first_difference

    api = applied.api()
    found = list(_each_kind_of_each_tree())
    for name in namespaces(found) | {"argocd"}:
        made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        api.apply(made, force=True)

    def difference(one: Manifest) -> tuple[str, str]:
        live = api.apply(one.data, one.text, dry_run=True, force=True)
        return one.file.name, first_difference(one.data, live)

    with ThreadPoolExecutor(4) as crew:
        told = dict(crew.map(difference, found))
    assert len({one.data["kind"] for one in found}) >= 16
    assert {name: path for name, path in told.items() if path} == {}
    # Whoever compares has to see a change of any of them.
    for one in found[:: len(found) // 20]:
        live = json.loads(json.dumps(one.data))
        body = next(key for key in ("spec", "data", "metadata") if key in live)
        live[body] = _altered(live[body])
        assert first_difference(one.data, live), one.file


# Steps.


ALIKE = ("Application", "ConfigMap", "InferenceModel", "Kustomization", "TrainingModel")
"""Kinds of which one tree has many of the same shape."""


def _each_kind_of_each_tree() -> Iterator[Manifest]:
    seen = set()
    for target in everything():
        for directory in target.ordered() if target.output != GENERATED else ():
            for one in manifests(directory):
                ours = "edgewright.io/project" in (one.data["metadata"].get("labels") or {})
                kind = one.data["kind"]
                if ours and kind != "Namespace" and (target, kind) not in seen:
                    seen |= {(target, kind)} if kind in ALIKE else set()
                    yield one


def _altered(value: Any) -> Any:
    """The same with its last leaf another."""
    if isinstance(value, dict) and value:
        last = list(value)[-1]
        return {**value, last: _altered(value[last])}
    if isinstance(value, list) and value:
        return [*value[:-1], _altered(value[-1])]
    return "another" if value != "another" else "different"


def _target() -> Target:
    (target,) = targets(CASE / "expected")
    return target


def _objects(target: Target, *roles: str) -> Iterator[Manifest]:
    for directory in target.ordered():
        if not roles or directory.parent.name in roles or directory.name in roles:
            yield from manifests(directory)


def _compiled(site: str, kind: str) -> Manifest:
    found = [one for one in _objects(_target(), "sites")
             if one.data["kind"] == kind and site in one.data["metadata"]["name"]]  # fmt: skip
    return next(one for one in found if kind != "ConfigMap" or "files" not in one.file.name)


def _says_ready(api: Api, data: Json, **other: str) -> None:
    """What the engine's controllers would have written; they do not run here."""
    if data["kind"] not in ("Kustomization", "GitRepository"):
        return
    live = api.get(data["apiVersion"], data["kind"], data["metadata"]["name"], "flux-system")
    condition = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": "",
                 "lastTransitionTime": LATER, **other}  # fmt: skip
    status: dict[str, Any] = {
        "observedGeneration": live["metadata"]["generation"], "conditions": [condition]
    }  # fmt: skip
    if data["kind"] == "Kustomization":
        status["lastAppliedRevision"] = REVISION
    api.merge(data, {"status": status}, "status")


def _pods(api: Api, site: str) -> list[Json]:
    return list(api.items("v1", "Pod", PROJECT, labelSelector=f"edgewright.io/site={site}"))


def _unschedulable(api: Api, site: str) -> bool:
    conditions = [c for pod in _pods(api, site) for c in pod["status"].get("conditions") or ()]
    return any(one.get("reason") == "Unschedulable" for one in conditions)


def _all_available(api: Api) -> bool:
    found = list(api.items("apps/v1", "Deployment", PROJECT))
    return len(found) == 4 and all(
        one.get("status", {}).get("availableReplicas") == 1
        and one["status"].get("observedGeneration") == one["metadata"]["generation"]
        and one["status"].get("updatedReplicas") == 1
        for one in found
    )


def _settle(plane: ControlPlane) -> None:
    """Back to where every test begins; each of them sees what another left behind."""
    await_true(partial(_all_available, plane.api()), 60, "every Deployment is available again")


def _run(kubeconfig: Path, *arguments: str) -> Any:
    return run("status", SPEC, *arguments, "--kubeconfig", kubeconfig)


def _status(plane: ControlPlane, *arguments: str, exit_code: int) -> Mapping[str, Any]:
    result = _run(plane.kubeconfig(), *arguments, "--format", "json")
    assert result.exit_code == exit_code, result.output
    found: Mapping[str, Any] = json.loads(result.stdout)
    return found


def _text(plane: ControlPlane, *arguments: str, exit_code: int) -> str:
    result = _run(plane.kubeconfig(), *arguments)
    assert result.exit_code == exit_code, result.output
    return str(result.stdout)


def _verdicts(found: Mapping[str, Any]) -> dict[str, str]:
    """The sites whose row is not ready."""
    rows = [row for row in found["rows"] if row["site"] and row["verdict"] != "ready"]
    return {row["site"]: row["verdict"] for row in rows}


def _row(found: Mapping[str, Any], site: str) -> Mapping[str, Any]:
    (row,) = [row for row in found["rows"] if row["site"] == site]
    return row  # type: ignore[no-any-return]
