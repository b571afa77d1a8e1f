"""The one vocabulary of every worker of every kind.

Only declares and parses: defaults of servers and kinds are applied when planning.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from compiler.model.codes import spec as codes
from compiler.model.spec.base import OneOrMany, Shaped, SpecModel, chosen, fault, source_text
from compiler.model.spec.exposure import ExposeSpec, ReplicasSpec
from compiler.model.spec.free import Params
from compiler.model.spec.names import (
    CodeName,
    EnvironmentName,
    HostName,
    Name,
    PortName,
    ResourceName,
    SecretKey,
    SecretName,
    ServerName,
    SiteName,
    Word,
)
from compiler.model.spec.resources import ResourcesSpec
from compiler.model.spec.scalars import (
    AbsolutePath,
    Argument,
    Count,
    FilePath,
    Flag,
    HostPath,
    Image,
    PortNumber,
    Quantity,
    SiteText,
    UserId,
)
from compiler.model.spec.where import WhereField


class EnvironmentValueSpec(SpecModel):
    """The value of an environment variable: a literal, or a key of a Secret."""

    shapes: ClassVar = "a text, a number, or {secret: NAME, key: KEY}"

    value: SiteText | None = Field(
        None, description="The literal value; numbers keep their source text."
    )
    secret: SecretName | None = Field(None, description="The Secret that holds the value.")
    key: SecretKey | None = Field(None, description="The key in the Secret.")

    @model_validator(mode="before")
    @classmethod
    def _shape(cls, data: Any) -> Any:
        text = source_text(data)
        if text is not None:
            return {"value": text}
        if isinstance(data, dict):
            return data
        raise fault(
            codes.WRONG_SHAPE, "a variable is a text, a number, or {secret: NAME, key: KEY}"
        )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.value is None) is (self.secret is None) or (self.secret is None) is not (
            self.key is None
        ):
            raise fault(
                codes.EXCLUSIVE_KEYS,
                "a variable is a literal, or {secret: NAME, key: KEY} with both keys",
            )
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The JSON Schema with both shapes."""
        made = handler.resolve_ref_schema(handler(schema))
        return {"anyOf": [{"type": ["string", "number", "boolean"]}, made]}


class FileSpec(SpecModel):
    """A file that the worker reads, taken from beside the spec."""

    from_: FilePath = Field(description="The file, relative to this file of the spec.")


class VolumeSpec(SpecModel):
    """A directory in the worker: of the host, a claim, or memory."""

    path: AbsolutePath = Field(description="Where the worker sees it.")
    host: HostPath | None = Field(None, description="The directory of the host.")
    claim: Quantity | None = Field(None, description="The size of a persistent volume claim.")
    memory: Quantity | None = Field(None, description="The size of a directory in memory.")
    read_only: Flag = Field(False, description="Whether the worker may only read it.")
    create: Flag = Field(
        False, description="Whether the host's directory is made where it is missing."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        found = chosen(self, ("host", "claim", "memory"))
        if len(found) != 1:
            code = codes.EXCLUSIVE_KEYS if found else codes.ONE_KEY_NEEDED
            raise fault(code, f"the volume {self.path} needs exactly one of host, claim and memory")
        if self.create and self.host is None:
            raise fault(
                codes.CONTRADICTION,
                f"create has a meaning only with host, and the volume {self.path} has {found[0]}",
            )
        return self


class PortSpec(SpecModel):
    """A port that the worker listens on."""

    port: PortNumber = Field(description="The port number.")
    protocol: Literal["TCP", "UDP", "SCTP"] = Field("TCP", description="The protocol.")


class WorkerAcceleratorSpec(SpecModel):
    """The accelerators that a worker needs."""

    name: Word | None = Field(
        None, description="The accelerator's name in the profile; any where it is left out."
    )
    count: Count = Field(1, description="How many units.")
    resource: ResourceName | None = Field(
        None, description="The extended resource, instead of the profile's."
    )
    runtime_class: Name | None = Field(
        None, description="The runtime class, instead of the profile's."
    )


class UserSpec(SpecModel):
    """The user that a worker runs as; what is left out follows from `implements`."""

    uid: UserId | None = Field(None, description="The user id.")
    gid: UserId | None = Field(None, description="The group id.")
    read_only_root: Flag | None = Field(
        None, description="Whether the root file system is read-only."
    )


def _ports(data: Any) -> Any:
    if isinstance(data, dict):
        return data
    if not isinstance(data, list) or not data:
        raise fault(
            codes.WRONG_SHAPE, "ports is a list of numbers, or a mapping {NAME: {port: NUMBER}}"
        )
    return Shaped(
        {_port_name(entry, index): {"port": entry} for index, entry in enumerate(data)}, data
    )


def _port_name(entry: Any, index: int) -> str:
    return f"port-{entry}" if isinstance(entry, int) else f"port-x{index}"


Ports = Annotated[
    dict[PortName, PortSpec],
    BeforeValidator(_ports, json_schema_input_type=dict[str, PortSpec] | list[PortNumber]),
]


class WorkerSpec(SpecModel):
    """One container's worth of work."""

    image: Image | None = Field(None, description="The image.")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        None, description="When the image is pulled."
    )
    server: ServerName | None = Field(
        None,
        description="The model server flavour: it gives ports, probes, file layout and load hook.",
    )
    command: tuple[Argument, ...] | None = Field(
        None, description="The command, instead of the image's."
    )
    args: tuple[Argument, ...] | None = Field(
        None, description="The arguments, instead of the image's."
    )
    env: dict[EnvironmentName, EnvironmentValueSpec] = Field(
        {}, description="Environment variables by name."
    )
    files: dict[AbsolutePath, FileSpec] = Field(
        {}, description="Files by the path where the worker finds them."
    )
    volumes: tuple[VolumeSpec, ...] = Field(
        (), description="Directories of the host, claims and memory."
    )
    devices: tuple[AbsolutePath, ...] = Field((), description="Device files of the host.")
    accelerator: WorkerAcceleratorSpec | None = Field(
        None, description="The accelerators that it needs."
    )
    ports: Ports | None = Field(
        None,
        description="Ports by name, or a list of numbers; the server flavour's where left out.",
    )
    resources: ResourcesSpec | None = Field(None, description="What it requests and may use.")
    params: Params = Field(
        {},
        description="Parameters for the code, in /edgewright/params.json; numbers keep their text.",
    )
    code: OneOrMany[CodeName] = Field((), description="Code artifacts that it runs.")
    user: UserSpec = Field(default_factory=UserSpec, description="The user that it runs as.")
    host_network: Flag = Field(False, description="Whether it uses the host's network.")
    implements: OneOrMany[Literal["sedna-lib", "flower", "cascade-v1"]] = Field(
        (), description="Protocols that the image speaks."
    )
    name: Name | None = Field(None, description="The container's name.")


class PlaceSpec(SpecModel):
    """Where a worker runs: all conditions hold."""

    layer: Literal["cloud", "edge"] | None = Field(None, description="Cloud or edge sites only.")
    site: SiteName | None = Field(None, description="One site.")
    host: HostName | None = Field(None, description="One host.")
    where: WhereField | None = Field(None, description="Sites by label.")


class RoleWorkerSpec(WorkerSpec):
    """The worker of one role, with its own place where it differs from the job's."""

    place: PlaceSpec | None = Field(None, description="Where it runs, instead of the job's place.")
    replicas: ReplicasSpec | None = Field(
        None, description="How many run, instead of the job's replicas."
    )
    expose: ExposeSpec | None = Field(
        None, description="Who can reach it, instead of the job's expose."
    )
