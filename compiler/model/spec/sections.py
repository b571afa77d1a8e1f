"""The sections that change or judge the rest: metrics, overrides, environments, patches, policies.

Only declares and parses; `set:` is typed like the thing it sets by a later stage.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from compiler.model.codes import spec as codes
from compiler.model.spec.base import OneOrMany, SpecModel, fault
from compiler.model.spec.free import Raw
from compiler.model.spec.names import JobName, Name, Namespace, SpecPath, Word
from compiler.model.spec.scalars import FilePath, OneLicense, Prose
from compiler.model.spec.where import WhereField
from compiler.model.spec.worker import PlaceSpec


class MetricDefinitionSpec(SpecModel):
    """What a metric means that is no common one."""

    better: Literal["higher", "lower"] = Field(description="Which values are better.")
    unit: Literal["s", "B", "%"] | None = Field(
        None, description="Its base unit: seconds, bytes or percent; none: a bare number."
    )


class LicensesSpec(SpecModel):
    """Under which licences a model may be deployed, its bases included."""

    allow: OneOrMany[OneLicense] = Field(
        (), description="Licences that are accepted; all but the denied ones where left out."
    )
    deny: OneOrMany[OneLicense] = Field((), description="Licences that are not.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.allow or self.deny):
            raise fault(codes.ONE_KEY_NEEDED, "licenses needs allow, deny or both")
        return self


class OverrideSpec(SpecModel):
    """Values that differ on some sites, with the reason."""

    where: WhereField = Field(description="The sites.")
    set: Raw = Field(
        description="Nested values: maps merge, lists and scalars replace, null removes."
    )
    reason: Prose | None = Field(None, description="Why, for whoever reads it next year.")


class EnvironmentSpec(SpecModel):
    """One environment: which sites it has, and what differs there."""

    namespace: Namespace | None = Field(
        None, description="Its namespace, instead of the project's."
    )
    crds: Literal["install", "assume"] | None = Field(
        None, description="Whether it installs our definitions, instead of what the cluster says."
    )
    where: WhereField | None = Field(None, description="Its sites; all where left out.")
    set: Raw = Field(
        {}, description="Nested values: maps merge, lists and scalars replace, null removes."
    )


class ObjectSpec(SpecModel):
    """Raw Kubernetes YAML that is deployed with the rest."""

    from_: FilePath = Field(description="The file, relative to this file of the spec.")
    place: PlaceSpec = Field(default_factory=PlaceSpec, description="Where it is deployed.")


class PatchSpec(SpecModel):
    """A strategic merge into every matching object."""

    job: JobName = Field(description="The job whose objects are patched.")
    kind: Word = Field(description="The Kubernetes kind of the objects.")
    name: Name | None = Field(
        None, description="The name of one object, where the job has several of the kind."
    )
    patch: Raw = Field(description="What is merged into them.")


class MovedSpec(SpecModel):
    """A rename, so that it is no deletion."""

    from_: SpecPath = Field(description="The old place, such as jobs.old-name.")
    to: SpecPath = Field(description="The new place.")


class PolicySpec(SpecModel):
    """A rule over the output, as a CEL expression."""

    name: Name = Field(description="The rule's name.")
    per: Literal["object", "site", "cluster", "fleet"] = Field(
        "object", description="What the expression sees at once."
    )
    assert_: Prose = Field(description="The CEL expression that must be true.")
    message: Prose | None = Field(None, description="What is said when it is not.")
