"""What our three definitions share: the base type, bounded scalars, metrics, versions, status.

Every text and list is bounded, because the API server refuses rules whose cost it cannot bound.
Nothing here reads a spec: planning fills the objects.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

Rule = dict[str, str]
"""A CEL rule: `rule`, `message`, and `fieldPath` where it helps."""

Name = Annotated[str, Field(min_length=1, max_length=253)]
Line = Annotated[str, Field(min_length=1, max_length=512)]
Message = Annotated[str, Field(max_length=4096)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$", max_length=64)]
Url = Annotated[str, Field(min_length=1, max_length=2048)]
Bytes = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]
Count = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]
Layer = Literal["cloud", "edge"]
Quantity = Annotated[
    int | str,
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "maxLength": 64,
            "pattern": (
                r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"
                r"(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?[0-9]+)?$"
            ),
            "x-kubernetes-int-or-string": True,
        }
    ),
]

NO_PASSWORD = "!self.{field}.matches('^[a-zA-Z][a-zA-Z0-9+.-]*://[^/@]*:[^/@]*@')"  # noqa: S105 - a rule against one


class Part(BaseModel):
    """A frozen object of a definition; field names are written in camel case."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        protected_namespaces=(),
    )


class Metric(Part):
    """A measured value."""

    name: Name = Field(description="Name of the metric.")
    value: float = Field(description="Measured value, in `unit`.")
    unit: Annotated[str, Field(max_length=16)] | None = Field(None, description="Unit, such as s.")
    dataset: Name | None = Field(None, description="Dataset and version it was measured on.")
    split: Name | None = Field(None, description="Split of the dataset.")
    profile: Name | None = Field(None, description="Hardware profile it was measured on.")
    params: dict[str, Line] | None = Field(
        None, description="Parameters of the metric.", max_length=32
    )


class Tensor(Part):
    """A named input or output."""

    name: Name = Field(description="Name of the tensor.")
    datatype: Annotated[str, Field(pattern="^[A-Z][A-Z0-9]*$", max_length=16)] = Field(
        description="Element type of the Open Inference Protocol."
    )
    shape: list[Annotated[int, Field(ge=-1, json_schema_extra={"format": "int64"})]] = Field(
        description="Dimensions; -1 for any.", max_length=16
    )


class Signature(Part):
    """What goes into a model and what comes out."""

    inputs: list[Tensor] | None = Field(None, description="Inputs.", max_length=64)
    outputs: list[Tensor] | None = Field(None, description="Outputs.", max_length=64)


class Needs(Part):
    """What a host must have."""

    arch: list[Name] | None = Field(None, description="Architectures.", max_length=8)
    cpu: Quantity | None = Field(None, description="CPU.")
    memory: Quantity | None = Field(None, description="Memory when loaded.")
    disk: Quantity | None = Field(None, description="Disk when unpacked.")
    accelerator: Name | None = Field(None, description="Accelerator by name.")


class Lineage(Part):
    """Where a version comes from."""

    base: Name | None = Field(None, description="Model and version that training began with.")
    trained_on: list[Name] | None = Field(None, description="Datasets trained on.", max_length=64)
    job: Name | None = Field(None, description="Job that made it.")


class Condition(Part):
    """One aspect of the state, as Kubernetes writes it."""

    type: Annotated[str, Field(max_length=316)] = Field(description="Aspect.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: Annotated[str, Field(max_length=1024)] | None = Field(None, description="One word.")
    message: Message | None = Field(None, description="Explanation.")
    last_transition_time: (
        Annotated[str, Field(json_schema_extra={"format": "date-time"})] | None
    ) = Field(None, description="When it last changed.")
    observed_generation: Count | None = Field(None, description="Generation it was judged from.")


class Status(Part):
    """What is known of the running world; absent counts as healthy."""

    phase: Name | None = Field(None, description="State in one word.")
    version: Name | None = Field(None, description="Version that is in use.")
    digest: Digest | None = Field(None, description="Digest that is in use.")
    reason: Name | None = Field(None, description="Why it is in this phase, in one word.")
    message: Message | None = Field(None, description="Explanation.")
    observed_generation: Count | None = Field(None, description="Generation that was seen.")
    reported_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})] | None = Field(
        None, description="When this was known."
    )
    conditions: (
        Annotated[
            list[Condition],
            Field(
                max_length=32,
                json_schema_extra={
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["type"],
                },
            ),
        ]
        | None
    ) = Field(None, description="Aspects of the state.")
