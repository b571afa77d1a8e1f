"""Compute resources of a container: flat, where requests equal limits, or both apart.

Quantities stay text here; comparing and adding them is done with `compiler.model.quantity`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from compiler.model.codes import spec as codes
from compiler.model.spec.base import Shaped, SpecModel, fault
from compiler.model.spec.names import ResourceName
from compiler.model.spec.scalars import Quantity

_SHAPES = "{cpu: …, memory: …} (requests equal limits) or {requests: {…}, limits: {…}}"
_SPLIT = {"requests", "limits"}


class ResourcesSpec(SpecModel):
    """Requests and limits by resource name; written flat, both are the same."""

    shapes: ClassVar = _SHAPES

    requests: dict[ResourceName, Quantity] = Field({}, description="What the scheduler sets aside.")
    limits: dict[ResourceName, Quantity] = Field(
        {}, description="What the container may use at most."
    )

    @model_validator(mode="before")
    @classmethod
    def _shape(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            raise fault(
                codes.WRONG_SHAPE,
                f"resources is {_SHAPES}",
            )
        apart = _SPLIT & data.keys()
        if apart and data.keys() - _SPLIT:
            raise fault(
                codes.WRONG_SHAPE,
                "resources mixes its two shapes: {cpu: …, memory: …} "
                "and {requests: {…}, limits: {…}}",
                f"Move {', '.join(sorted(data.keys() - _SPLIT))} into requests or limits.",
            )
        return data if apart else Shaped({"requests": data, "limits": data}, data)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The JSON Schema with both shapes."""
        made = handler.resolve_ref_schema(handler(schema))
        quantities = {
            "type": "object",
            "properties": dict.fromkeys(sorted(_SPLIT), False),
            "additionalProperties": {"type": ["string", "number"]},
        }
        apart = {key: made.pop(key) for key in ("properties", "additionalProperties", "type")}
        made["anyOf"] = [quantities, apart]
        return made
