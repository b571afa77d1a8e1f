"""Objects made up for one effect each, and what holds for a comparison as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from compiler.model.changes import Comparison, Cost, Effect, FieldChange, Place
from compiler.stages.compare import delivery
from compiler.stages.compare.compare import Ground, compare
from compiler.stages.compare.effects import added, changed, removed, renamed
from compiler.stages.render.skeleton import parse_object
from compiler.stages.write.hand import Handed, HandedOutput

ROOT = "shop/prod/hub"
HASHES = "0123abcd", "9876fedc"
Data = Mapping[str, Any]


def thing(kind: str, api: str = "v1", name: str = "one", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, **fields}


def workload(kind: str = "Deployment", template: Data | None = None, **spec: Any) -> dict[str, Any]:
    containers = [{"name": "worker", "image": "a:1"}, {"name": "sidecar", "image": "s:1"}]
    inner = {"metadata": {"labels": {"app": "one"}}, "spec": {"containers": containers}}
    return thing(kind, "apps/v1", spec={"template": template or inner, **spec})


def imaged(name: str, image: str = "b:2", kind: str = "Deployment", **spec: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(workload(kind, **spec)))
    for one in found["spec"]["template"]["spec"]["containers"]:
        if one["name"] == name:
            one["image"] = image
    return found


def config(
    *artifacts: tuple[str, str], update: str = "hot", size: int = 8_000_000, **more: Any
) -> str:
    """A sidecar's config with artifacts by name and digest."""
    entries = [
        {"kind": "model", "name": name, "sha256": digest, "size": size, "unpacked": 2 * size,
         "version": digest[0], "activation": {"update": update}}
        for name, digest in artifacts
    ]  # fmt: skip
    network = {"rate": 1_000_000, "windows": [{"from": "01:00", "to": "05:00", "zone": "UTC"}]}
    tenant = {"job": "watch", "role": "worker"}
    if update == "rolling":
        tenant["revision"] = artifacts[0][1]
    document = {"contract": 1, "tenant": tenant, "network": network, "artifacts": entries,
                "store": {"keepPrevious": 1}, "node": {"site": "north-1"}}  # fmt: skip
    return json.dumps({**document, **more})


def held(text: str, name: str = "one-sidecar") -> dict[str, Any]:
    return thing("ConfigMap", name=name, data={"config.json": text})


SURGES: dict[str, Any] = {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}
ANEW: dict[str, Any] = {"strategy": {"type": "Recreate"}}
CASES: tuple[tuple[str, Data, Data, Effect], ...] = (
    ("equal", workload(), workload(), Effect.NO_OP),
    ("replicas that are the default", workload(), workload(replicas=1), Effect.NO_OP),
    ("labels", workload(), {**workload(), "metadata": {"name": "one", "labels": {"a": "b"}}},
     Effect.METADATA_ONLY),
    ("an image, surging", workload(**SURGES), imaged("worker", **SURGES), Effect.ROLLING_RESTART),
    ("an image, anew", workload(**ANEW), imaged("worker", **ANEW), Effect.RE_CREATE),
    ("the sidecar's image", workload(**SURGES), imaged("sidecar", **SURGES), Effect.SIDECAR_CHANGE),
    ("an image of none", workload(replicas=0), imaged("worker", replicas=0), Effect.CONFIG_RELOAD),
    ("none, then some", workload(replicas=0), imaged("worker", replicas=2), Effect.SCALE),
    ("more", workload(replicas=2), workload(replicas=3), Effect.SCALE),
    ("paused", workload(), imaged("worker", paused=True), Effect.CONFIG_RELOAD),
    ("a half that may lack of one", workload(strategy={"rollingUpdate": {
        "maxSurge": 0, "maxUnavailable": "50%"}}), imaged("worker", strategy={"rollingUpdate": {
            "maxSurge": 0, "maxUnavailable": "50%"}}), Effect.RE_CREATE),
    ("a half that may lack of four", workload(replicas=4), imaged("worker", replicas=4, strategy={
        "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "50%"}}), Effect.ROLLING_RESTART),
    ("a DaemonSet", workload("DaemonSet"), imaged("worker", kind="DaemonSet"),
     Effect.ROLLING_RESTART),
    ("a DaemonSet by hand", workload("DaemonSet"), imaged("worker", kind="DaemonSet",
     updateStrategy={"type": "OnDelete"}), Effect.CONFIG_RELOAD),
    ("a ReplicaSet", workload("ReplicaSet"), imaged("worker", kind="ReplicaSet"),
     Effect.CONFIG_RELOAD),
    ("a hot artifact", held(config(("m", "a" * 64))), held(config(("m", "b" * 64))),
     Effect.HOT_SWAP),
    ("an artifact less", held(config(("m", "a" * 64), ("n", "c" * 64))),
     held(config(("m", "a" * 64))), Effect.HOT_SWAP),
    ("a sidecar's address", held(config(("m", "a" * 64))),
     held(config(("m", "a" * 64), surface={"port": 9})), Effect.CONFIG_RELOAD),
    ("files", thing("ConfigMap", data={"a": "b"}), thing("ConfigMap", data={"a": "c"}),
     Effect.CONFIG_RELOAD),
    ("a frozen file", thing("ConfigMap", immutable=True, data={"a": "b"}),
     thing("ConfigMap", immutable=True, data={"a": "c"}), Effect.IMMUTABLE),
    ("a Job", thing("Job", "batch/v1", spec={"template": {"spec": {"a": 1}}}),
     thing("Job", "batch/v1", spec={"template": {"spec": {"a": 2}}}), Effect.IMMUTABLE),
    ("a Job's parallelism", thing("Job", "batch/v1", spec={"parallelism": 1}),
     thing("Job", "batch/v1", spec={"parallelism": 2}), Effect.SCALE),
    ("a loop", thing("FederatedLearningJob", "sedna.io/v1alpha1", spec={"a": 1}),
     thing("FederatedLearningJob", "sedna.io/v1alpha1", spec={"a": 2}), Effect.LOOP_RESTART),
    ("a loop that Sedna leaves", thing("LifelongLearningJob", "sedna.io/v1alpha1", spec={"a": 1}),
     thing("LifelongLearningJob", "sedna.io/v1alpha1", spec={"a": 2}), Effect.CONFIG_RELOAD),
    ("an InferenceService", thing("InferenceService", "serving.kserve.io/v1beta1", spec={"a": 1}),
     thing("InferenceService", "serving.kserve.io/v1beta1", spec={"a": 2}),
     Effect.ROLLING_RESTART),
    ("a record", thing("InferenceModel", "edgewright.io/v1alpha1", spec={"a": 1}),
     thing("InferenceModel", "edgewright.io/v1alpha1", spec={"a": 2}), Effect.METADATA_ONLY),
    ("a kind that nobody knows", thing("Thing", "example.com/v1", spec={"a": 1}),
     thing("Thing", "example.com/v1", spec={"a": 2}), Effect.CONFIG_RELOAD),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].replace(" ", "-"))
def test_a_change_has_its_effect(case: tuple[str, Data, Data, Effect]) -> None:
    _, old, new, effect = case
    assert changed(old, new).effect is effect, changed(old, new)


def test_a_forced_object_is_made_anew_instead_of_refused() -> None:
    notes = {"kustomize.toolkit.fluxcd.io/force": "enabled"}
    old = thing("Job", "batch/v1", spec={"template": {"spec": {"a": 1}}})
    new = {**old, "metadata": {"name": "one", "annotations": notes},
           "spec": {"template": {"spec": {"a": 2}}}}  # fmt: skip
    assert changed(old, new).effect is Effect.RE_CREATE


def test_what_is_deleted_loses_data_where_it_holds_some() -> None:
    assert removed(thing("PersistentVolumeClaim")).effect is Effect.DATA_LOSS
    assert removed(thing("Dataset", "sedna.io/v1alpha1")).effect is Effect.DATA_LOSS
    assert removed(thing("Service")).effect is Effect.REMOVED
    kept = {"kustomize.toolkit.fluxcd.io/prune": "disabled"}
    namespace = {**thing("Namespace"), "metadata": {"name": "one", "annotations": kept}}
    assert removed(namespace).effect is Effect.REMOVED
    assert "stays in the cluster" in removed(namespace).summary


def test_a_new_name_means_what_the_kind_makes_of_it() -> None:
    loop = thing("IncrementalLearningJob", "sedna.io/v1alpha1")
    assert renamed(loop, loop).effect is Effect.LOOP_RESTART
    run = thing("Job", "batch/v1")
    assert renamed(run, run).effect is Effect.RE_CREATE
    claim = thing("PersistentVolumeClaim")
    assert renamed(claim, claim).effect is Effect.DATA_LOSS
    assert added(claim).effect is Effect.NEW


def test_an_administrator_has_to_apply_the_root_once_more() -> None:
    old, new = (thing("Kustomization", "x/v1", spec={"a": a}) for a in (1, 2))
    assert "administrator" in changed(old, new, "root").hint
    assert changed(old, new, "apps").hint == ""


def output(**files: Data) -> HandedOutput:
    """An output of one site: objects by file name, `__` for a dash and `_` for a dot."""
    texts = {}
    for name, data in files.items():
        path = f"{ROOT}/sites/north-1/{name.replace('__', '-').replace('_', '.')}.yaml"
        head = "# edgewright: jobs.watch @ north-1, do not edit\n"
        texts[path] = (head + json.dumps(data)).encode()
    return HandedOutput(Handed({path: str(hash(text)) for path, text in texts.items()}, texts))


def rolled(digest: str, name: str, size: int, **spec: Any) -> dict[str, Data]:
    volumes = [{"name": "config", "configMap": {"name": f"one-sidecar-{name}"}}]
    metadata = {"labels": {"app": "one"}, "annotations": {"edgewright.io/artifacts": digest}}
    containers = [{"name": "worker", "image": "a:1"}]
    pod = {"metadata": metadata, "spec": {"containers": containers, "volumes": volumes}}
    text = config(("m", digest), update="rolling", size=size)
    return {
        "deployment_apps__one": workload(template=pod, **spec),
        f"configmap__one__sidecar__{name}": held(text, f"one-sidecar-{name}"),
    }


def comparison(strategy: Data, size: int = 8_000_000) -> Comparison:
    old = rolled("a" * 64, HASHES[0], size, **strategy)
    new = rolled("b" * 64, HASHES[1], size, **strategy)
    return compare(output(**old), output(**new), parse_object)


def test_a_roll_without_an_old_pod_is_an_outage_of_what_has_to_be_fetched() -> None:
    (row,) = comparison(ANEW).rows
    assert row.effect is Effect.OUTAGE
    assert row.kinds == {"ConfigMap": 1, "Deployment": 1}
    assert row.summary.endswith("until m b is at the site: 7.6 MiB, 8 s on its link")
    assert row.hint


def test_a_roll_beside_old_pods_is_none_but_says_what_it_waits_for() -> None:
    (row,) = comparison(SURGES).rows
    assert row.effect is Effect.ROLLING_RESTART
    assert "the old ones serve until m b is at the site" in row.summary


def test_bytes_that_another_tenant_of_the_site_has_are_not_waited_for() -> None:
    old = rolled("a" * 64, HASHES[0], 8_000_000, **ANEW)
    new = rolled("b" * 64, HASHES[1], 8_000_000, **ANEW)
    staged = held(config(("m", "b" * 64)), "other-sidecar")
    with_stage = {"configmap__other__sidecar": staged}
    found = compare(output(**old, **with_stage), output(**new, **with_stage), parse_object)
    assert [row.effect for row in found.rows] == [Effect.RE_CREATE]
    assert not any(cost.download for cost in found.costs)


def test_a_site_is_told_what_it_fetches_how_long_that_takes_and_the_way_back() -> None:
    old = output(configmap__one=held(config(("m", "a" * 64))))
    new = output(configmap__one=held(config(("m", "b" * 64))))
    (cost,) = compare(old, new, parse_object).costs
    assert cost == Cost(
        places=(Place("prod", "hub", "north-1"),),
        artifacts=("m b",),
        download=8_000_000,
        seconds=8,
        window="01:00-05:00",
        nights=1,
        returns_offline=True,
        returns_why="if the disk holds both, which is not known",
    )


MIB = 1024**2
BOTH = 3 * 24_000_000 + MIB + 512 * MIB
"""What a raw model of 8 MB takes twice, its tree twice, another to come, and what stays free."""


@pytest.mark.parametrize(
    ("size", "more", "offline", "why"),
    [
        (2048 * MIB, {}, True, ""),
        (BOTH, {}, True, ""),
        (BOTH - 1, {}, False, "the disk does not hold both"),
        (2048 * MIB, {"store": {"keepPrevious": 0}}, False, "no version before is kept"),
    ],
)
def test_a_way_back_is_promised_only_where_the_disk_holds_it(
    size: int, more: dict[str, Any], offline: bool, why: str
) -> None:
    unpacked = {"unpack": {"format": "tar.gz"}}
    both = []
    for digest in ("a" * 64, "b" * 64):
        document = json.loads(config(("m", digest), **more))
        document["artifacts"][0] |= unpacked
        both.append(output(configmap__one=held(json.dumps(document))))
    grounds = {("prod", "north-1"): Ground(size)}
    (cost,) = compare(both[0], both[1], parse_object, (), grounds).costs
    assert (cost.returns_offline, cost.returns_why) == (offline, why)


def test_a_disk_that_two_jobs_share_has_to_hold_what_both_keep() -> None:
    sides = []
    for digest in ("a" * 64, "b" * 64):
        other = json.loads(config(("n", "c" * 64)))
        other["tenant"]["job"] = "count"
        made = [held(config(("m", digest))), held(json.dumps(other), "other")]
        sides.append(output(configmap__one=made[0], configmap__other=made[1]))
    grounds = {("prod", "north-1"): Ground(600 * MIB, 30 * MIB)}
    (cost,) = compare(sides[0], sides[1], parse_object, (), grounds).costs
    assert cost.returns_offline is True
    (cost,) = compare(
        sides[0], sides[1], parse_object, (), {("prod", "north-1"): Ground(570 * MIB)}
    ).costs
    assert cost.returns_offline is True
    grounds = {("prod", "north-1"): Ground(550 * MIB)}
    (cost,) = compare(sides[0], sides[1], parse_object, (), grounds).costs
    assert (cost.returns_offline, cost.returns_why) == (False, "the disk does not hold both")


def test_a_first_install_has_no_way_back() -> None:
    found = compare(output(), output(configmap__one=held(config(("m", "b" * 64)))), parse_object)
    (cost,) = found.costs
    assert cost.returns_offline is None
    assert cost.disk_after == 3 * 8_000_000 + MIB


def test_values_name_no_site_so_that_sites_are_one_row() -> None:
    old = thing("Service", spec={"selector": {"at": "north-1-a"}})
    new = thing("Service", spec={"selector": {"at": "north-1-b"}})
    (row,) = compare(output(service__one=old), output(service__one=new), parse_object).rows
    assert row.fields == (FieldChange("spec.selector.at", "{site}-a", "{site}-b"),)


def test_the_worst_comes_first_and_effects_are_counted_in_that_order() -> None:
    old = output(service__one=thing("Service", spec={"a": 1}), configmap__a=held("x"),
                 persistentvolumeclaim__one=thing("PersistentVolumeClaim"))  # fmt: skip
    new = output(service__one=thing("Service", spec={"a": 2}), configmap__a=held("y"))
    found = compare(old, new, parse_object)
    assert [row.effect for row in found.rows] == [Effect.DATA_LOSS, Effect.CONFIG_RELOAD]
    assert found.effects == {Effect.DATA_LOSS: 1, Effect.CONFIG_RELOAD: 2}


def test_a_container_that_is_privileged_is_told() -> None:
    pod = {"spec": {"containers": [{"name": "a", "securityContext": {"privileged": True}}]}}
    found = compare(output(), output(deployment_apps__one=workload(template=pod)), parse_object)
    assert [row.privileged for row in found.rows] == [True]


def test_a_file_that_is_no_object_stops_nothing() -> None:
    broken = HandedOutput(Handed({f"{ROOT}/base/x.yaml": "1"}, {f"{ROOT}/base/x.yaml": b"[a"}))
    (row,) = compare(output(), broken, parse_object).rows
    assert row.effect is Effect.NEW


def test_a_prefix_moves_its_list_and_all_of_its_files() -> None:
    folder = {"size": 200, "unpacked": 5_000, "unpack": {"format": "manifest"}}
    archive = {"size": 200, "unpacked": 5_000, "unpack": {"format": "tar.gz"}}
    assert delivery.size_of(folder) == 5_200
    assert delivery.size_of(archive) == 200
    assert delivery.size_of({**folder, "unpacked": None}) is None
