"""What Flux gets: a source, a root, and a Kustomization per unit."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from compiler.backends import flux
from compiler.model.codes import plan as codes
from compiler.model.diagnostics import Diagnostics
from compiler.model.fleet import Gitops, Repository
from tests.backends.gitops import TARGET, context
from tests.backends.rendered import judge, render

BY_SITE = Gitops("flux")
BY_SHARD = Gitops("flux", "shard", 2)


def objects(gitops: Gitops = BY_SITE, sites: int = 2, **changes: Any) -> dict[str, Any]:
    found = {}
    for draft in flux.drafts(context(gitops, sites, **changes)):
        data = render(draft)
        found[f"{data['kind']} {data['metadata']['name']}"] = data
    return found


SITE = "Kustomization stores-prod-west-site-store-001"


@pytest.mark.parametrize("gitops", [BY_SITE, BY_SHARD])
def test_every_object_satisfies_fluxs_own_schema(gitops: Gitops) -> None:
    for name, data in objects(gitops).items():
        assert judge(data, "flux") == [], name


def test_a_schema_violation_would_be_seen() -> None:
    data = objects()[SITE]
    data["spec"]["deletionPolicy"] = "Keep"
    assert len(judge(data, "flux")) == 1


def test_the_root_is_a_source_of_this_cluster_only_and_a_kustomization_of_apps() -> None:
    drafts = list(flux.drafts(context(BY_SITE)))
    source, root = (render(d) for d in drafts if d.unit.path == f"{TARGET}/root")
    assert source["spec"]["sparseCheckout"] == [f"generated/{TARGET}"]
    assert source["spec"]["ref"] == {"branch": "deploy/prod"}
    assert source["spec"]["secretRef"] == {"name": "git-read"}
    assert root["spec"]["path"] == f"./generated/{TARGET}/apps"
    assert root["spec"]["sourceRef"]["name"] == source["metadata"]["name"]


def test_losing_the_root_stops_nothing_and_one_broken_site_does_not_hold_it_up() -> None:
    spec = objects()["Kustomization stores-prod-west-root"]["spec"]
    assert spec["deletionPolicy"] == "Orphan"
    assert spec["wait"] is False


def test_a_unit_that_nothing_waits_for_holds_a_worker_for_a_minute_only() -> None:
    found = objects()
    awaited = {
        one["name"]
        for data in found.values()
        if data["kind"] == "Kustomization"
        for one in data["spec"].get("dependsOn", ())
    }
    assert f"{SITE.removeprefix('Kustomization ').partition('-site')[0]}-bootstrap" in awaited
    for name, data in found.items():
        if data["kind"] == "Kustomization" and not name.endswith("-root"):
            expected = "5m" if data["metadata"]["name"] in awaited else "1m"
            assert data["spec"]["timeout"] == expected, name


def test_a_shard_has_the_time_to_look_at_hundreds_of_objects() -> None:
    found = objects(BY_SHARD)
    times = {n: d["spec"]["timeout"] for n, d in found.items() if "-shard-" in n}
    assert set(times.values()) == {"3m"}


def test_without_wait_only_what_others_depend_on_waits_for_health() -> None:
    found = objects(Gitops("flux", wait=False))
    bootstrap = f"{SITE.partition('-site')[0]}-bootstrap"
    assert found[bootstrap]["spec"]["wait"] is True
    assert found[SITE]["spec"]["wait"] is False
    assert "healthCheckExprs" in objects()[SITE]["spec"]
    assert "healthCheckExprs" not in found[SITE]["spec"]
    assert judge(found[SITE], "flux") == []


def test_a_kustomization_says_how_it_applies() -> None:
    spec = objects()[SITE]["spec"]
    assert spec["path"] == f"./generated/{TARGET}/sites/store-001"
    assert {key: spec[key] for key in ("interval", "retryInterval", "wait", "force", "prune")} == {
        "interval": "60m",
        "retryInterval": "2m",
        "wait": True,
        "force": False,
        "prune": True,
    }
    assert spec["deletionPolicy"] == "MirrorPrune"
    assert "postBuild" not in spec


def test_bootstrap_is_never_pruned_and_waits_for_nothing() -> None:
    spec = objects()["Kustomization stores-prod-west-bootstrap"]["spec"]
    assert spec["prune"] is False
    assert spec["deletionPolicy"] == "Orphan"
    assert "dependsOn" not in spec


def test_a_job_waits_for_bootstrap_and_its_inputs() -> None:
    spec = objects()["Kustomization stores-prod-west-job-second-look"]["spec"]
    assert spec["dependsOn"] == [
        {"name": "stores-prod-west-bootstrap"},
        {"name": "stores-prod-west-inputs-second-look"},
    ]


def test_the_service_account_is_named_only_when_given() -> None:
    assert "serviceAccountName" not in objects()[SITE]["spec"]
    given = dataclasses.replace(context(BY_SITE), service_account="applier")
    made = [render(d) for d in flux.drafts(given)]
    named = [d["spec"].get("serviceAccountName") for d in made if d["kind"] == "Kustomization"]
    assert set(named) == {"applier"}


def test_no_secret_no_reference() -> None:
    repository = Repository("https://git.example.com/fleet.git", "main", "")
    source = objects(repository=repository)["GitRepository stores-prod-west"]
    assert "secretRef" not in source["spec"]
    assert source["spec"]["sparseCheckout"] == [TARGET]


def test_every_health_check_looks_whether_a_status_was_written_before_it_names_it() -> None:
    checks = objects()[SITE]["spec"]["healthCheckExprs"]
    assert {check["kind"] for check in checks} == {
        "Dataset",
        "InferenceModel",
        "TrainingModel",
        "IncrementalLearningJob",
        "JointInferenceService",
    }
    written = "metadata.managedFields.exists(f, has(f.subresource) && f.subresource == 'status') &&"
    for check in checks:
        for field in ("inProgress", "failed", "current"):
            before, mention, _ = check.get(field, "").partition(" has(status.")
            assert not mention or before.endswith(written)


def test_sedna_is_judged_only_where_there_is_sedna() -> None:
    checks = objects(provides={})[SITE]["spec"]["healthCheckExprs"]
    assert {check["apiVersion"] for check in checks} == {"edgewright.io/v1alpha1"}


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("git@git.example.com:team/fleet.git", "ssh://git@git.example.com/team/fleet.git"),
        ("git@git.example.com:/team/fleet.git", "ssh://git@git.example.com/team/fleet.git"),
        ("ssh://git@git.example.com:2222/x.git", "ssh://git@git.example.com:2222/x.git"),
        ("https://git.example.com/x.git", "https://git.example.com/x.git"),
    ],
)
def test_the_short_form_of_an_address_becomes_a_url(url: str, wanted: str) -> None:
    assert flux.source_url(url) == wanted
    diagnostics = Diagnostics()
    flux.check(context(BY_SITE, repository=Repository(url, "main", "")), diagnostics)
    assert diagnostics.in_order() == ()


@pytest.mark.parametrize("url", ["file:///srv/fleet.git", "/srv/fleet.git", "git://example.com/x"])
def test_an_address_that_flux_cannot_read_is_an_error_on_the_clusters_line(url: str) -> None:
    diagnostics = Diagnostics()
    one = context(BY_SITE, repository=Repository(url, "main", ""))
    flux.check(one, diagnostics)
    (found,) = diagnostics.in_order()
    assert found.code is codes.REPOSITORY_URL
    assert url in found.message
    assert found.span == one.cluster.span
