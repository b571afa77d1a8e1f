"""How many of a worker run, and who can reach them.

Each has a short and a long way of writing, which become one shape here.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from compiler.model.codes import spec as codes
from compiler.model.spec.base import Shaped, SpecModel, fault
from compiler.model.spec.names import ClusterSecretName, HostName, Name
from compiler.model.spec.scalars import Count, CountOrZero, PortNumber
from compiler.model.suggest import did_you_mean

_WORDS = ("none", "cluster", "mesh")
_EXPOSE = "none, cluster, mesh, {node: {port: NUMBER}} or {ingress: {host: NAME}}"
_REPLICAS = "a number, per-host, or {min: NUMBER, max: NUMBER, cpu: PERCENT}"


class ReplicasSpec(SpecModel):
    """How many run: `count`, one `per_host`, or a range from `min` to `max` by CPU load."""

    shapes: ClassVar = _REPLICAS

    per_host: bool = Field(False, description="One for each host.")
    count: CountOrZero | None = Field(None, description="A fixed number.")
    min: Count | None = Field(None, description="The smallest number.")
    max: Count | None = Field(None, description="The largest number.")
    cpu: Count | None = Field(
        None, description="The CPU load in percent that more replicas are started at.", le=100
    )

    @model_validator(mode="before")
    @classmethod
    def _shape(cls, data: Any) -> Any:
        if isinstance(data, int) and not isinstance(data, bool):
            return {"count": data}
        if data == "per-host":
            return {"perHost": True}
        if isinstance(data, dict):
            _only(data, ("min", "max", "cpu"), f"replicas is {_REPLICAS}")
            return data
        hint = did_you_mean(data, ("per-host",)) if isinstance(data, str) else ""
        raise fault(codes.WRONG_SHAPE, f"replicas is {_REPLICAS}", hint)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.count is None and not self.per_host and (self.min is None or self.max is None):
            raise fault(codes.ONE_KEY_NEEDED, "a range of replicas needs min and max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise fault(codes.CONTRADICTION, f"min {self.min} is above max {self.max}")
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The JSON Schema with its three shapes."""
        made = _without(handler.resolve_ref_schema(handler(schema)), "perHost", "count")
        return {"anyOf": [{"type": "integer", "minimum": 0}, {"const": "per-host"}, made]}


class NodePortSpec(SpecModel):
    """A port on every node."""

    port: PortNumber = Field(description="The port number.")


class TlsSpec(SpecModel):
    """The certificate of an ingress."""

    secret: ClusterSecretName = Field(description="The Secret that holds the certificate.")


class IngressSpec(SpecModel):
    """An HTTP route from outside the cluster."""

    host: HostName = Field(description="The DNS name.")
    class_: Name | None = Field(None, description="The ingress class.")
    tls: TlsSpec | None = Field(None, description="The certificate, for HTTPS.")


class ExposeSpec(SpecModel):
    """Who can reach a worker: nobody, the cluster, the mesh of edge nodes, or the outside."""

    shapes: ClassVar = _EXPOSE

    how: Literal["none", "cluster", "mesh", "node", "ingress"] = Field(
        "none", description="Which of the shapes was written."
    )
    node: NodePortSpec | None = Field(None, description="A port on every node.")
    ingress: IngressSpec | None = Field(None, description="An HTTP route from outside.")

    @model_validator(mode="before")
    @classmethod
    def _shape(cls, data: Any) -> Any:
        if isinstance(data, str) and data in _WORDS:
            return {"how": data}
        if isinstance(data, dict) and len(data) == 1 and data.keys() <= {"node", "ingress"}:
            return Shaped({"how": next(iter(data)), **data}, data)
        word = (
            data
            if isinstance(data, str)
            else next(iter(data), "")
            if isinstance(data, dict)
            else ""
        )
        raise fault(
            codes.UNKNOWN_WORD if isinstance(data, str) else codes.WRONG_SHAPE,
            f"expose is {_EXPOSE}",
            did_you_mean(str(word), (*_WORDS, "node", "ingress")),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The JSON Schema with its words and mappings."""
        made = _without(handler.resolve_ref_schema(handler(schema)), "how")
        return {"anyOf": [{"enum": list(_WORDS)}, {**made, "minProperties": 1, "maxProperties": 1}]}


def _only(data: dict[str, Any], allowed: tuple[str, ...], shapes: str) -> None:
    unknown = [key for key in data if key not in allowed]
    if unknown:
        raise fault(
            codes.WRONG_SHAPE, f"{shapes}, not {unknown[0]}", did_you_mean(str(unknown[0]), allowed)
        )


def _without(schema: dict[str, Any], *keys: str) -> dict[str, Any]:
    made = dict(schema)
    made["properties"] = {k: v for k, v in schema["properties"].items() if k not in keys}
    return made
