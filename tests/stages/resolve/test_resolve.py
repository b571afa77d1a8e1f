"""One environment of a spec: its sites, its overrides, and what two environments would both own."""

from __future__ import annotations

import pytest

from compiler.kinds.serve import ServeSpec
from compiler.model.diagnostics import CompileError, Diagnostics, Span
from tests.stages.resolving import (
    FLEET,
    HEAD,
    JOBS,
    MODELS,
    REPO,
    SHOP,
    STORES,
    at_mark,
    environments,
    front,
    resolved,
    said,
)


def refused(text: str, code: str) -> tuple[str, Span | None, str]:
    """Message, place and hint of the one finding with a code."""
    diagnostics = Diagnostics()
    resolved(text, diagnostics)
    found = said(diagnostics.in_order(), code)
    return found.message, found.span, found.hint


def test_a_spec_without_environments_has_one_called_default_with_every_site() -> None:
    (one,), found = environments(SHOP)
    assert not found
    assert (one.environment, one.namespace, one.project) == ("default", "shop", "shop")
    assert list(one.sites) == ["cloud", "north-1", "west-1"]


def test_an_environment_has_its_own_namespace_sites_and_values() -> None:
    text = (
        "environments:\n"
        "  lab:\n"
        "    namespace: shop-lab\n"
        "    where: {region: north}\n"
        "    set: {jobs: {watch: {worker: {env: {LEVEL: debug}}}}}\n"
        "  prod: {where: {region: {not: north}}}\n"
    )
    (lab, prod), found = environments(SHOP + text)
    assert not found
    assert (lab.namespace, list(lab.sites)) == ("shop-lab", ["north-1"])
    assert (prod.namespace, list(prod.sites)) == ("shop", ["cloud", "west-1"])
    assert lab.clusters["hub"].target == "shop/lab/hub"
    levels = []
    for one in (lab, prod):
        job = one.base.jobs["watch"]
        assert isinstance(job, ServeSpec)
        levels.append(str(job.worker.env["LEVEL"].value))
    assert levels == ["debug", "info"]


def test_an_environment_that_selects_nothing_is_an_error_at_its_where() -> None:
    text, place = at_mark(SHOP + "environments: {lab: {where: {region: §south}}}\n")
    diagnostics = Diagnostics()
    resolved(text, diagnostics, "lab")
    found = said(diagnostics.in_order(), "E2301")
    assert found.span == place
    assert found.message.startswith("where: {region: south} selects 0 of 3 sites; region is ")


def test_two_environments_of_one_namespace_may_not_share_a_site() -> None:
    text, place = at_mark(
        SHOP
        + "environments:\n  staging: {where: {layer: edge}}\n  prod: §{where: {region: west}}\n"
    )
    _, found = environments(text)
    overlap = said(found, "E2203")
    assert overlap.span == place
    assert overlap.message == (
        "west-1 is in environments staging and prod; their objects in namespace shop would have "
        "two owners"
    )
    assert [related.message for related in overlap.related] == ["environment staging"]


def test_an_overlap_of_many_sites_is_one_finding_that_counts_them() -> None:
    _, found = environments(SHOP + "environments: {staging: {crds: assume}, prod: {}}\n")
    assert said(found, "E2203").message.startswith("cloud and 2 more are in environments staging")


def test_two_environments_of_other_namespaces_may_share_every_site() -> None:
    both = "environments: {staging: {namespace: shop-staging}, prod: {}}\n"
    _, found = environments(SHOP + both)
    assert not found


INSTALLING = SHOP.replace('kubernetes: "1.32"', 'kubernetes: "1.32", crds: install')


def test_definitions_are_installed_by_one_environment_of_a_cluster_only() -> None:
    both = "environments: {a: {namespace: shop-a}, b: {namespace: shop-b}}\n"
    _, found = environments(INSTALLING + both)
    twice = said(found, "E2204")
    assert twice.message == "environments a and b both install the definitions on cluster hub"
    assert twice.hint == "set crds: assume on environment b"
    assert twice.span is not None


def test_an_environment_that_assumes_the_definitions_leaves_them_to_the_other() -> None:
    both = "environments: {a: {namespace: shop-a}, b: {namespace: shop-b, crds: assume}}\n"
    (first, second), found = environments(INSTALLING + both)
    assert not found
    assert (first.clusters["hub"].crds, second.clusters["hub"].crds) == ("install", "assume")


def test_a_cluster_none_of_whose_sites_belong_to_an_environment_is_not_in_it() -> None:
    hub = next(line for line in INSTALLING.splitlines() if line.startswith("    hub:"))
    text = INSTALLING.replace(hub, f"{hub}\n{hub.replace('hub', 'west', 1)}").replace(
        "west-1:\n      {cluster: hub", "west-1:\n      {cluster: west"
    )
    apart = (
        "environments: {a: {namespace: shop-a, where: {cluster: hub}}, "
        "b: {namespace: shop-b, where: {cluster: west}}}\n"
    )
    (first, second), found = environments(text + apart)
    assert not found
    assert (list(first.clusters), list(second.clusters)) == (["hub"], ["west"])


ONE = "overrides:\n  - {where: {site: north-1}, set: {models: {detector: {target: '1'}}}}\n"


def test_an_override_changes_what_its_sites_see_and_nothing_else() -> None:
    one = resolved(SHOP + ONE, Diagnostics())
    assert one.view("north-1").models["detector"].target == "1"
    assert one.view("west-1") is one.base
    assert one.base.models["detector"].target == "2"
    assert list(one.view("north-1").overridden) == ["models.detector"]


def test_an_override_moves_the_bytes_of_its_site_only() -> None:
    plain, changed = front(SHOP), front(SHOP + ONE)
    before = {node.name: node for node in plain.nodes}
    after = {node.name: node for node in changed.nodes}
    differing = {name for name in before if before[name] != after[name]}
    assert differing == {"watch-north-1", "watch-detector-north-1"}


def test_several_overrides_of_a_site_apply_in_the_order_written() -> None:
    text = SHOP + (
        "overrides:\n"
        "  - {where: {layer: edge}, set: {jobs: {watch: {worker: {env: {LEVEL: warn, A: x}}}}}}\n"
        "  - {where: {site: west-1}, set: {jobs: {watch: {worker: {env: {LEVEL: debug}}}}}}\n"
    )
    one = resolved(text, Diagnostics())
    found = {}
    for site in ("cloud", "north-1", "west-1"):
        job = one.view(site).jobs["watch"]
        assert isinstance(job, ServeSpec)
        found[site] = {key: str(value.value) for key, value in job.worker.env.items()}
    assert found == {
        "cloud": {"LEVEL": "info"},
        "north-1": {"LEVEL": "warn", "A": "x"},
        "west-1": {"LEVEL": "debug", "A": "x"},
    }


def test_an_override_can_take_a_job_off_a_site() -> None:
    made = front(SHOP + "overrides: [{where: {site: west-1}, set: {jobs: {watch: null}}}]\n")
    assert not made.errors
    assert [node.name for node in made.nodes if node.job] == [
        "watch-north-1",
        "watch-detector-north-1",
    ]


def test_an_override_is_typed_like_what_it_sets_and_reported_at_its_own_line() -> None:
    text, place = at_mark(
        SHOP + "overrides:\n"
        "  - where: {site: north-1}\n"
        "    set: {jobs: {watch: {update: hot, replicas: §many}}}\n"
    )
    diagnostics = Diagnostics()
    resolved(text, diagnostics)
    assert [d.span for d in diagnostics.in_order()] == [place]


def test_an_unknown_key_in_an_override_is_reported_at_its_own_line() -> None:
    text, place = at_mark(
        SHOP + "overrides:\n"
        "  - where: {site: north-1}\n"
        "    set: {jobs: {watch: {worker: {§imgae: 'r.example.com/x:1'}}}}\n"
    )
    diagnostics = Diagnostics()
    resolved(text, diagnostics)
    (found,) = diagnostics.in_order()
    assert found.span == place
    assert "imgae" in found.message


@pytest.mark.parametrize(
    ("change", "code", "message", "hint"),
    [
        ("{§fleet: {}}", "E2401", "cannot set fleet; it can set models, datasets, jobs", ""),
        ("{§job: {watch: {}}}", "E2401", "cannot set job; it", "Did you mean jobs?"),
        ("{jobs: {§wach: {}}}", "E2402", "jobs.wach is not defined", "Did you mean watch?"),
        ("{jobs: §[watch]}", "E1101", "sets jobs to something that is no mapping", "write the"),
        ("{jobs: {watch: §3}}", "E1101", "sets jobs.watch to something that is no", "write the"),
    ],
)
def test_an_override_of_something_else_is_refused(
    change: str, code: str, message: str, hint: str
) -> None:
    text, place = at_mark(SHOP + f"overrides: [{{where: {{site: cloud}}, set: {change}}}]\n")
    found_message, span, found_hint = refused(text, code)
    assert message in found_message
    assert found_hint.startswith(hint)
    assert span == place


def test_an_override_that_selects_nothing_is_an_error_at_its_where() -> None:
    text, place = at_mark(
        SHOP + "overrides: [{where: {site: §north-9}, set: {jobs: {watch: {replicas: 2}}}}]\n"
    )
    message, span, _ = refused(text, "E2301")
    assert message.startswith("where: {site: north-9} selects 0 of 3 sites; site is ")
    assert span == place


EACH = FLEET.replace("hub: {kubernetes", "hub: {each: site, kubernetes")


def test_a_cluster_of_each_site_is_one_cluster_for_every_site_of_the_environment() -> None:
    text = HEAD + STORES + EACH + MODELS + JOBS
    (lab, prod), _ = environments(
        text + "environments: {lab: {namespace: l, where: {region: north}}, prod: {}}\n"
    )
    assert list(lab.clusters) == ["hub/north-1"]
    assert list(prod.clusters) == ["hub/cloud", "hub/north-1", "hub/west-1"]
    found = prod.clusters["hub/west-1"]
    assert (found.name, found.site, found.each_site) == ("hub", "west-1", True)
    assert found.target == "shop/prod/hub/west-1"
    assert prod.cluster_of(prod.sites["west-1"]) is found


def test_shards_mean_nothing_where_each_site_is_a_cluster() -> None:
    text, place = at_mark(
        HEAD + "fleet:\n  clusters:\n    shop: {each: site, kubernetes: '1.34', "
        f"gitops: {{engine: flux, unit: §shard, shards: 4}}, {REPO}}}\n"
    )
    message, span, hint = refused(text, "E2110")
    assert message.endswith("but shop is one cluster per site")
    assert (span, hint) == (place, "use unit: site")


def test_a_cluster_that_kubeedge_does_not_support_is_refused_at_its_version() -> None:
    text, place = at_mark(SHOP.replace('kubernetes: "1.32"', 'kubernetes: §"1.34"'))
    message, span, _ = refused(text, "E2107")
    assert message == (
        "KubeEdge 1.23 supports Kubernetes 1.30 to 1.32, not 1.34; keep hub at 1.32 until "
        "provides.kubeedge is raised"
    )
    assert span == place


def test_each_unsupported_version_of_a_cluster_is_named() -> None:
    text = SHOP.replace('kubernetes: "1.32"', 'kubernetes: ["1.29", "1.31", "1.33"]')
    diagnostics = Diagnostics()
    resolved(text, diagnostics)
    found = [d.message for d in diagnostics.in_order()]
    assert [message.split("not ")[1][:4] for message in found] == ["1.29", "1.33"]


def test_placeholders_in_a_repository_are_filled_for_each_environment() -> None:
    text = SHOP.replace("branch: main", 'branch: "deploy/{environment}"')
    (lab, prod), _ = environments(text + "environments: {lab: {namespace: l}, prod: {}}\n")
    assert lab.clusters["hub"].repository.branch == "deploy/lab"
    assert prod.clusters["hub"].repository.branch == "deploy/prod"


def test_the_nearest_time_zone_and_network_win() -> None:
    text = HEAD + (
        "fleet:\n"
        "  timezone: Europe/Vienna\n"
        "  network: {proxy: 'http://far:1'}\n"
        "  clusters:\n"
        f"    a: {{kubernetes: '1.32', timezone: Asia/Tokyo, gitops: {{engine: flux}}, {REPO}}}\n"
        f"    b: {{kubernetes: '1.32', gitops: {{engine: flux}}, {REPO}}}\n"
        "  profiles: {box: {arch: amd64, cpu: 1, memory: 1Gi}}\n"
        "  sites:\n"
        "    a-1: {cluster: a, layer: edge, profile: box}\n"
        "    a-2: {cluster: a, layer: edge, profile: box, timezone: Asia/Seoul,"
        " network: {proxy: 'http://near:1'}}\n"
        "    b-1: {cluster: b, layer: edge, profile: box}\n"
    )
    sites = resolved(text, Diagnostics()).sites
    assert [s.timezone for s in sites.values()] == ["Asia/Tokyo", "Asia/Seoul", "Europe/Vienna"]
    assert [s.network.proxy for s in sites.values()] == [
        "http://far:1",
        "http://near:1",
        "http://far:1",
    ]


def test_a_site_on_an_unknown_cluster_or_profile_is_refused_and_left_out() -> None:
    text = SHOP.replace("cloud: {cluster: hub, layer: cloud, profile: box",
                        "cloud: {cluster: hubb, layer: cloud, profile: bax")  # fmt: skip
    diagnostics = Diagnostics()
    one = resolved(text, diagnostics)
    found = diagnostics.in_order()
    assert said(found, "E2101").hint == "Did you mean hub?"
    assert (
        said(found, "E2102").message == "profile bax of site cloud is not defined; there are: box"
    )
    assert list(one.sites) == ["north-1", "west-1"]


def test_a_host_belongs_to_one_site() -> None:
    message, _, _ = refused(SHOP.replace("west-1-a", "north-1-a"), "E2108")
    assert message == "host north-1-a belongs to north-1 and west-1"


def test_every_fault_of_a_spec_is_found_in_one_run() -> None:
    text = SHOP.replace("models: [detector]", "models: [detecter]") + ONE.replace(
        "north-1", "north-9"
    )
    text = text.replace('kubernetes: "1.32"', 'kubernetes: "1.34"')
    diagnostics = Diagnostics()
    resolved(text, diagnostics)
    with pytest.raises(CompileError) as refusal:
        diagnostics.raise_errors()
    assert {d.code.id for d in refusal.value.diagnostics} == {"E2001", "E2107", "E2301"}
