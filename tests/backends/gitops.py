"""A small fleet for the tests of both GitOps writers."""

from __future__ import annotations

import dataclasses
from typing import Any

from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.fleet import Cluster, Gitops, Repository
from compiler.model.manifest import Unit, UnitRole
from compiler.model.sync import GitopsContext, SyncUnit, sync_units

TARGET = "stores/prod/west"


def cluster(gitops: Gitops, **changes: Any) -> Cluster:
    made = Cluster(
        name="west",
        target=TARGET,
        namespace="stores",
        gitops=gitops,
        repository=Repository(
            "https://git.example.com/fleet.git", "deploy/prod", "generated", "git-read"
        ),
        kubernetes=("1.34",),
        provides={"sedna": "0.7"},
        crds="install",
        span=Span("specs/fleet.yaml", 9, 5),
    )
    return dataclasses.replace(made, **changes)


def unit(role: UnitRole, name: str = "", target: str = TARGET) -> Unit:
    return Unit(target, role, name)


def units(sites: int = 2) -> list[Unit]:
    return [
        unit(UnitRole.BOOTSTRAP),
        unit(UnitRole.BASE),
        unit(UnitRole.INPUTS, "improve"),
        unit(UnitRole.INPUTS, "second-look"),
        unit(UnitRole.JOBS, "second-look"),
        *(unit(UnitRole.SITES, f"store-{number:03}") for number in range(1, sites + 1)),
    ]


def group(
    gitops: Gitops, sites: int = 2, diagnostics: Diagnostics | None = None, **changes: Any
) -> tuple[SyncUnit, ...]:
    found = diagnostics or Diagnostics()
    made = sync_units(
        cluster(gitops, **changes),
        "stores",
        "prod",
        units(sites),
        inputs_of={unit(UnitRole.SITES, "store-001"): ("improve",)},
        diagnostics=found,
    )
    if diagnostics is None:
        found.raise_errors()
    return made


def context(gitops: Gitops, sites: int = 2, **changes: Any) -> GitopsContext:
    return GitopsContext(
        project="stores",
        environment="prod",
        cluster=cluster(gitops, **changes),
        units=group(gitops, sites, **changes),
    )
