from __future__ import annotations

from dataclasses import replace

import click
import pytest

from compiler.commands.clusters import check_known, context_of, listed, several
from compiler.model.diagnostics import Diagnostic
from compiler.model.fleet import Cluster, Gitops, Repository

HUB = Cluster(
    name="hub",
    target="shop/prod/hub",
    namespace="shop",
    gitops=Gitops("flux"),
    repository=Repository("https://git.example.com/shop.git", "main", "generated"),
    kubernetes=("1.34",),
)
KIOSK = replace(HUB, target="shop/prod/hub/kiosk-1", site="kiosk-1", each_site=True)


def test_environments_may_share_a_cluster_and_so_one_context() -> None:
    staging = replace(HUB, target="shop/staging/hub")
    assert not several([HUB, staging], "mine")
    assert context_of(staging, None, others=False) == ""
    assert context_of(staging, "mine", others=False) == "mine"


def test_one_context_for_several_clusters_is_refused() -> None:
    with pytest.raises(click.UsageError, match="choose with --cluster: hub, hub/kiosk-1"):
        several([HUB, KIOSK], "mine")
    assert several([HUB, KIOSK], None)


def test_a_cluster_among_others_needs_a_context_of_its_own() -> None:
    assert context_of(replace(HUB, context="hub-admin"), None, others=True) == "hub-admin"
    found = context_of(KIOSK, None, others=True)
    assert isinstance(found, Diagnostic)
    assert found.message == "no context is known for cluster hub/kiosk-1"
    assert "fleet.clusters.hub, or use --cluster hub/kiosk-1 with" in found.hint


def test_a_cluster_of_a_site_has_two_names() -> None:
    check_known(["hub", "hub/kiosk-1"], [KIOSK])
    with pytest.raises(click.UsageError, match="Did you mean hub/kiosk-1"):
        check_known(["hub/kiosk-2"], [KIOSK])


def test_a_long_list_tells_how_many_it_leaves_out() -> None:
    assert listed(f"s-{number:02}" for number in range(22)).endswith("s-19 and 2 more")
