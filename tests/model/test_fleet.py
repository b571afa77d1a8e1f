from __future__ import annotations

from dataclasses import replace

import pytest

from compiler.model.fleet import Cluster, Gitops, Repository

HUB = Cluster(
    name="hub",
    target="shop/prod/hub",
    namespace="shop",
    gitops=Gitops("argocd"),
    repository=Repository("https://git.example.com/shop.git", "main", "generated"),
    kubernetes=("1.34",),
)


@pytest.mark.parametrize(
    "destination",
    [
        {},
        {"name": "", "server": ""},
        {"name": "in-cluster"},
        {"server": "https://kubernetes.default.svc"},
    ],
)
def test_argo_cd_applies_to_its_own_cluster_by_any_of_its_names(
    destination: dict[str, str],
) -> None:
    assert not replace(HUB, destination=destination).argocd_elsewhere


@pytest.mark.parametrize("destination", [{"name": "hub"}, {"server": "https://10.0.0.4:6443"}])
def test_another_name_or_address_is_another_cluster(destination: dict[str, str]) -> None:
    there = replace(HUB, destination=destination)
    assert there.argocd_elsewhere
    assert not replace(there, gitops=Gitops("flux")).argocd_elsewhere
