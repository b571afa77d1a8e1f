"""What Argo CD gets: one root, two fences, an Application per unit."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from compiler.backends import argocd
from compiler.model.fleet import Gitops
from tests.backends.gitops import TARGET, context
from tests.backends.rendered import judge, render

BY_SITE = Gitops("argocd")
BY_SHARD = Gitops("argocd", "shard", 2)


def objects(gitops: Gitops = BY_SITE, sites: int = 2, **changes: Any) -> dict[str, Any]:
    found = {}
    for draft in argocd.drafts(context(gitops, sites, **changes)):
        data = render(draft)
        found[f"{data['kind']} {data['metadata']['name']}"] = data
    return found


SITE = "Application stores-prod-west-site-store-001"


@pytest.mark.parametrize("gitops", [BY_SITE, BY_SHARD])
def test_every_object_satisfies_argo_cds_own_schema(gitops: Gitops) -> None:
    for name, data in objects(gitops, destination={"name": "west"}).items():
        assert judge(data, "argo-cd") == [], name


def test_a_schema_violation_would_be_seen() -> None:
    data = objects()[SITE]
    data["spec"]["syncPolicy"]["retry"]["limit"] = "ten"
    data["spec"]["sync"] = {}
    assert len(judge(data, "argo-cd")) == 2


def test_the_root_holds_one_application_that_reconciles_apps_and_two_fences() -> None:
    drafts = list(argocd.drafts(context(BY_SITE)))
    root = [render(d) for d in drafts if d.unit.path == f"{TARGET}/root"]
    assert [data["kind"] for data in root] == ["Application", "AppProject", "AppProject"]
    application = root[0]
    assert application["spec"]["source"] == {
        "repoURL": "https://git.example.com/fleet.git",
        "targetRevision": "deploy/prod",
        "path": f"generated/{TARGET}/apps",
        "directory": {"exclude": "kustomization.yaml"},
    }
    assert "finalizers" not in application["metadata"]


def test_no_application_is_in_the_default_project_and_every_project_exists() -> None:
    found = objects()
    projects = {name.split()[1] for name in found if name.startswith("AppProject")}
    used = {data["spec"]["project"] for data in found.values() if data["kind"] == "Application"}
    assert used == projects
    assert "default" not in used


def test_an_application_says_how_it_syncs() -> None:
    spec = objects()[SITE]["spec"]
    assert spec["source"]["path"] == f"generated/{TARGET}/sites/store-001"
    assert spec["syncPolicy"]["automated"] == {
        "prune": True,
        "selfHeal": True,
        "allowEmpty": False,
    }
    assert spec["syncPolicy"]["retry"]["limit"] == 10
    assert {
        "ServerSideApply=true",
        "ApplyOutOfSyncOnly=true",
        "PruneLast=true",
        "FailOnSharedResource=true",
    } <= set(spec["syncPolicy"]["syncOptions"])
    annotations = objects()[SITE]["metadata"]["annotations"]
    assert annotations["argocd.argoproj.io/compare-options"].startswith("ServerSideDiff=true")
    assert annotations["argocd.argoproj.io/manifest-generate-paths"] == "."


def test_bootstrap_is_never_pruned_and_its_application_takes_nothing_along() -> None:
    data = objects()["Application stores-prod-west-bootstrap"]
    assert data["spec"]["syncPolicy"]["automated"]["prune"] is False
    assert "finalizers" not in data["metadata"]


def test_a_removed_site_takes_its_objects_along_without_waiting_for_its_devices() -> None:
    assert objects()[SITE]["metadata"]["finalizers"] == [argocd.FINALIZER]
    assert argocd.FINALIZER.endswith("/background")


def test_a_job_and_its_inputs_are_two_sources_of_one_application() -> None:
    spec = objects()["Application stores-prod-west-job-second-look"]["spec"]
    assert [source["path"] for source in spec["sources"]] == [
        f"generated/{TARGET}/inputs/second-look",
        f"generated/{TARGET}/jobs/second-look",
    ]
    assert "source" not in spec


def test_a_shard_is_refreshed_by_a_change_of_its_own_sites_only() -> None:
    data = objects(BY_SHARD, sites=4)["Application stores-prod-west-shard-00"]
    paths = data["metadata"]["annotations"]["argocd.argoproj.io/manifest-generate-paths"]
    own, *sites = paths.split(";")
    assert own == "."
    assert sites
    assert all(path.startswith("../../sites/store-") for path in sites)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"name": "west"}, {"name": "west"}),
        ({"server": "https://k8s.west:6443"}, {"server": "https://k8s.west:6443"}),
        ({}, {"server": "https://kubernetes.default.svc"}),
    ],
)
def test_the_destination_is_the_clusters_name_or_server(
    given: dict[str, str], wanted: dict[str, str]
) -> None:
    found = objects(destination=given)
    assert found[SITE]["spec"]["destination"] == {**wanted, "namespace": "stores"}
    fence = found["AppProject stores-prod-west"]["spec"]
    assert fence["destinations"] == [{**wanted, "namespace": "stores"}]


def test_the_fences_are_exact() -> None:
    found = objects()
    fence = found["AppProject stores-prod-west"]["spec"]
    assert fence["sourceRepos"] == ["https://git.example.com/fleet.git"]
    assert {entry["kind"]: entry["name"] for entry in fence["clusterResourceWhitelist"]} == {
        "Namespace": "stores",
        "CustomResourceDefinition": "*.edgewright.io",
    }
    allowed = {(kind["group"], kind["kind"]) for kind in fence["namespaceResourceWhitelist"]}
    assert ("sedna.io", "Model") in allowed
    assert ("", "Secret") not in allowed
    assert ("argoproj.io", "Application") not in allowed
    root = found["AppProject stores-prod-west-root"]["spec"]
    assert root["namespaceResourceWhitelist"] == [{"group": "argoproj.io", "kind": "Application"}]
    assert root["clusterResourceWhitelist"] == []


def test_the_fence_opens_for_what_the_cluster_provides_and_the_user_brought() -> None:
    plain = context(BY_SITE, provides={}, crds="assume")
    opened = dataclasses.replace(
        plain, kinds=(("monitoring.coreos.com", "ServiceMonitor"),), namespaces=("monitoring",)
    )
    project = next(d for d in argocd.drafts(opened) if d.values["name"] == "stores-prod-west")
    spec = render(project)["spec"]
    monitor = {"group": "monitoring.coreos.com", "kind": "ServiceMonitor"}
    assert monitor in spec["namespaceResourceWhitelist"]
    assert [d["namespace"] for d in spec["destinations"]] == ["monitoring", "stores"]
    assert not any(k["group"] == "sedna.io" for k in spec["namespaceResourceWhitelist"])
    assert "CustomResourceDefinition" not in {k["kind"] for k in spec["clusterResourceWhitelist"]}


def test_a_site_names_itself_in_the_header_and_in_a_label() -> None:
    drafts = {d.values["name"]: d for d in argocd.drafts(context(BY_SITE))}
    draft = drafts["stores-prod-west-site-store-001"]
    assert draft.origin.header == ("# edgewright: fleet.clusters.west @ store-001, do not edit")
    assert draft.values["labels"]["edgewright.io/site"] == "store-001"
