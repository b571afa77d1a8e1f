"""The root of the spec: every section by name.

Only declares and parses; references between sections are checked by a later stage.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from compiler.model.spec.artifacts import CodeSpec, DatasetSpec, ModelSpec
from compiler.model.spec.base import SpecModel
from compiler.model.spec.fleet import FleetSpec
from compiler.model.spec.job import AnyJob
from compiler.model.spec.names import Name, Word
from compiler.model.spec.project import ProjectSpec, ReportsSpec, SidecarSpec, StoreSpec
from compiler.model.spec.scalars import FilePath
from compiler.model.spec.sections import (
    EnvironmentSpec,
    LicensesSpec,
    MetricDefinitionSpec,
    MovedSpec,
    ObjectSpec,
    OverrideSpec,
    PatchSpec,
    PolicySpec,
)


class Spec(SpecModel):
    """One project: its fleet, artifacts and jobs."""

    edgewright: Literal["v1"] = Field(description="The version of the language.")
    project: ProjectSpec = Field(description="Who owns what this spec makes.")
    sidecar: SidecarSpec | None = Field(None, description="The sidecar beside edge workloads.")
    stores: dict[Name, StoreSpec] = Field({}, description="Where bytes live, by name.")
    reports: ReportsSpec | None = Field(None, description="Where sidecars report to.")
    fleet: FleetSpec = Field(description="Clusters, hardware and sites.")
    code: dict[Name, CodeSpec] = Field({}, description="Code artifacts by name.")
    models: dict[Name, ModelSpec] = Field({}, description="Models by name.")
    datasets: dict[Name, DatasetSpec] = Field({}, description="Datasets by name.")
    metrics: dict[Word, MetricDefinitionSpec] = Field(
        {}, description="What metrics mean that are no common ones, by name."
    )
    licenses: LicensesSpec | None = Field(
        None, description="Under which licences models may be deployed."
    )
    jobs: dict[Name, AnyJob] = Field({}, description="Jobs by name.")
    overrides: tuple[OverrideSpec, ...] = Field(
        (), description="Values that differ on some sites; later ones win."
    )
    environments: dict[Name, EnvironmentSpec] = Field(
        {}, description="Environments by name; one called default where there is none."
    )
    objects: tuple[ObjectSpec, ...] = Field((), description="Raw Kubernetes YAML.")
    patches: tuple[PatchSpec, ...] = Field((), description="Merges into compiled objects.")
    schemas: tuple[FilePath, ...] = Field(
        (), description="Definitions of custom resources, for objects."
    )
    moved: tuple[MovedSpec, ...] = Field((), description="Renames, so that they are no deletions.")
    policies: tuple[PolicySpec, ...] = Field((), description="Rules over the output.")
