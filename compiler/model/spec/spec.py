"""The root of the spec: every section by name.

Only declares and parses; references between sections are checked by a later stage.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from compiler.model.spec.artifacts import Code, Dataset, Model
from compiler.model.spec.base import SpecModel
from compiler.model.spec.fleet import Fleet
from compiler.model.spec.job import AnyJob
from compiler.model.spec.project import Project, Reports, Sidecar, Store
from compiler.model.spec.scalars import FilePath, Name
from compiler.model.spec.sections import EnvironmentSpec, Moved, ObjectFile, Override, Patch, Policy


class Spec(SpecModel):
    """One project: its fleet, artifacts and jobs."""

    edgewright: Literal["v1"] = Field(description="The version of the language.")
    project: Project = Field(description="Who owns what this spec makes.")
    sidecar: Sidecar | None = Field(None, description="The sidecar beside edge workloads.")
    stores: dict[Name, Store] = Field({}, description="Where bytes live, by name.")
    reports: Reports | None = Field(None, description="Where sidecars report to.")
    fleet: Fleet = Field(description="Clusters, hardware and sites.")
    code: dict[Name, Code] = Field({}, description="Code artifacts by name.")
    models: dict[Name, Model] = Field({}, description="Models by name.")
    datasets: dict[Name, Dataset] = Field({}, description="Datasets by name.")
    jobs: dict[Name, AnyJob] = Field({}, description="Jobs by name.")
    overrides: tuple[Override, ...] = Field(
        (), description="Values that differ on some sites; later ones win."
    )
    environments: dict[Name, EnvironmentSpec] = Field(
        {}, description="Environments by name; one called default where there is none."
    )
    objects: tuple[ObjectFile, ...] = Field((), description="Raw Kubernetes YAML.")
    patches: tuple[Patch, ...] = Field((), description="Merges into compiled objects.")
    schemas: tuple[FilePath, ...] = Field(
        (), description="Definitions of custom resources, for objects."
    )
    moved: tuple[Moved, ...] = Field((), description="Renames, so that they are no deletions.")
    policies: tuple[Policy, ...] = Field((), description="Rules over the output.")
