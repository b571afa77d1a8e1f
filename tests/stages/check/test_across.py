"""The check of whole clusters: duplicates, references, selections, grouping."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.fleet import Network
from compiler.model.manifest import Identity, Object, Unit, UnitRole
from compiler.stages.check.check import CheckFacts, check, check_across
from tests.stages.check.objects import (
    TARGET,
    Data,
    cluster,
    config_map,
    container,
    deployment,
    directory,
    facts,
    joint_inference,
    judge,
    lines,
    model,
    obj,
    service,
    site,
)


def unit(name: str, target: str = TARGET) -> Unit:
    return Unit(target, UnitRole.SITES, name)


def across(known: CheckFacts, **objects: list[Object]) -> list[str]:
    """Diagnostics of several directories by name, checked apart and in any order."""
    parts = [directory(*content, unit=unit(name)) for name, content in objects.items()]
    texts = set()
    for order in itertools.islice(itertools.permutations(parts), 6):
        diagnostics = Diagnostics()
        summaries = [summary for part in order for summary in check([part], known)]
        check_across(summaries, known, diagnostics)
        texts.add(tuple(f"{d.code.id} {d.message}" for d in diagnostics.in_order()))
    assert len(texts) == 1, "the order of directories or processes shows"
    return list(texts.pop())


def with_volume(source: Data) -> Data:
    return deployment("web", container(), volumes=[{"name": "v"} | source])


def test_an_object_that_two_jobs_make_is_named_with_both_places() -> None:
    first, second = obj(config_map(), line=4), obj(config_map(), line=9)
    (found,) = judge(first, second)
    assert found.code.id == "E5040"
    assert found.span == Span("jobs.yaml", 9, 3)
    assert found.related[0].span == Span("jobs.yaml", 4, 3)


def test_the_same_name_in_two_directories_of_a_cluster_is_a_duplicate() -> None:
    found = across(facts(site()), a=[obj(config_map())], b=[obj(config_map())])
    assert len(found) == 1
    assert "ConfigMap shop/settings is made by jobs.settings and by jobs.settings" in found[0]


def test_environments_on_one_cluster_share_its_names() -> None:
    other = "shop/staging/hub"
    clusters = {TARGET: cluster(), other: cluster(target=other)}
    known = facts(site(), clusters=clusters)
    parts = [directory(obj(config_map()), unit=unit("a", target)) for target in clusters]
    diagnostics = Diagnostics()
    check_across(check(parts, known), known, diagnostics)
    assert [d.code.id for d in diagnostics.in_order()] == ["E5040"]


def test_clusters_of_single_sites_do_not_share_names() -> None:
    targets = {f"{TARGET}/{name}": cluster(site=name, each_site=True) for name in ("s1", "s2")}
    known = facts(site("s1"), site("s2", ["edge-2"]), clusters=targets)
    parts = [directory(obj(config_map()), unit=unit("a", target)) for target in targets]
    diagnostics = Diagnostics()
    check_across(check(parts, known), known, diagnostics)
    assert diagnostics.in_order() == ()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (with_volume({"configMap": {"name": "setings"}}), "ConfigMap 'setings'"),
        (with_volume({"persistentVolumeClaim": {"claimName": "c"}}), "PersistentVolumeClaim 'c'"),
        (with_volume({"projected": {"sources": [{"configMap": {"name": "c"}}]}}), "ConfigMap 'c'"),
        (deployment("web", container(envFrom=[{"configMapRef": {"name": "c"}}])), "ConfigMap 'c'"),
        (deployment("web", serviceAccountName="robot"), "ServiceAccount 'robot'"),
        (joint_inference(), "Model 'small'"),
    ],
)
def test_a_reference_to_nothing_is_an_error(data: Data, words: str) -> None:
    found = lines(obj(data), obj(config_map()), obj(model("big")))
    assert len(found) == 1
    assert found[0].startswith("E5041")
    assert words in found[0]


def test_a_near_name_is_offered() -> None:
    (found,) = lines(obj(with_volume({"configMap": {"name": "setings"}})), obj(config_map()))
    assert "Did you mean settings?" in found


def test_what_is_optional_secret_built_in_or_assumed_needs_no_object() -> None:
    pod = {"serviceAccountName": "default", "imagePullSecrets": [{"name": "regcred"}]}
    volumes = [
        {"name": "a", "configMap": {"name": "x", "optional": True}},
        {"name": "b", "secret": {"secretName": "s"}},
        {"name": "c", "configMap": {"name": "kube-root-ca.crt"}},
        {"name": "d", "configMap": {"name": "there"}},
    ]
    assumed = frozenset({Identity("", "ConfigMap", "shop", "there")})
    known = facts(site(), assumed=assumed)
    assert lines(obj(deployment("w", volumes=volumes, **pod)), known=known) == []


def test_the_certificates_that_the_fleet_names_are_in_the_cluster() -> None:
    shop = site()
    known = facts(type(shop)(**_fields(shop, network=Network(ca_config_map="corp-ca"))))
    data = with_volume({"configMap": {"name": "corp-ca"}})
    assert lines(obj(data), known=known) == []


def _fields(one: Any, **changes: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__dataclass_fields__} | changes


def test_an_authors_own_object_may_refer_to_what_the_cluster_has_with_a_warning() -> None:
    (found,) = lines(obj(with_volume({"configMap": {"name": "x"}}), raw=True))
    assert found.startswith("W5041")


def test_a_service_that_selects_nothing_is_an_error() -> None:
    (found,) = lines(obj(service("api")), obj(deployment("web")))
    assert found.startswith("E5042")
    assert "spec.selector selects no pod of namespace shop: app=api" in found


@pytest.mark.parametrize("target", ["grpc", 9090])
def test_a_target_port_that_no_selected_pod_has_is_an_error(target: str | int) -> None:
    broken = service(ports=[{"port": 80, "targetPort": target}])
    (found,) = lines(obj(broken), obj(deployment()))
    assert f"spec.ports[0].targetPort is {target}" in found
    assert "they have 8080, http" in found


def test_a_service_over_pods_that_a_controller_makes_is_not_judged() -> None:
    assert lines(obj(service("x", selector={"sedna.io/name": "x"}))) == []


def test_pods_of_another_namespace_are_not_selected() -> None:
    other = deployment()
    other["metadata"]["namespace"] = "elsewhere"
    assert "selects no pod" in lines(obj(service()), obj(other))[0]


def ingress(name: str, number: int) -> Data:
    backend = {"service": {"name": name, "port": {"number": number}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "in", "namespace": "shop"},
        "spec": {"defaultBackend": backend},
    }


def test_an_ingress_needs_its_service_and_a_port_of_it() -> None:
    pair = [obj(service()), obj(deployment())]
    assert lines(obj(ingress("web", 80)), *pair) == []
    assert "Service 'web' has no port 81; it offers 80" in lines(obj(ingress("web", 81)), *pair)[0]
    assert "names Service 'wob'" in lines(obj(ingress("wob", 80)), *pair)[0]


def test_an_autoscaler_needs_its_target() -> None:
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h", "namespace": "shop"},
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "wob"},
        },
    }
    assert "names Deployment 'wob'" in lines(obj(scaler), obj(deployment()))[0]


def test_a_kustomization_needs_what_it_depends_on() -> None:
    def one(name: str, *needs: str) -> Object:
        spec = {
            "interval": "10m",
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": "g"},
        }
        return obj({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": name, "namespace": "flux-system"},
            "spec": spec | {"dependsOn": [{"name": need} for need in needs]},
        })  # fmt: skip

    found = lines(one("a"), one("b", "a"), one("c", "x"))
    assert any("spec.dependsOn[0].name names Kustomization 'x'" in line for line in found)
    assert any("names GitRepository 'g'" in line and "2 more" in line for line in found)
    assert len(found) == 2


def test_references_are_looked_for_in_the_whole_cluster_and_not_in_one_directory() -> None:
    user = obj(with_volume({"configMap": {"name": "settings"}}))
    assert across(facts(site()), a=[user], b=[obj(config_map())], c=[obj(model())]) == []


def test_the_same_fault_at_many_sites_is_one_diagnostic() -> None:
    names = [f"s{number}" for number in range(30)]
    objects = {}
    for name in names:
        broken = config_map(name) | {"dato": {}}
        objects[name] = [obj(broken)]
    found = across(facts(site()), **objects)
    assert len(found) == 1
    assert found[0].endswith("(and 29 more with the same fault)")
    assert "sites/s0/configmap-s0.yaml" in found[0]
