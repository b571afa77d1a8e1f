"""The kind `compress`: make a smaller or faster build of a model version."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from compiler.model.kind import Kind
from compiler.model.spec.base import SpecModel
from compiler.model.spec.job import RunSpec
from compiler.model.spec.names import DatasetReference, ModelReference, Name, Word


class CompressTargetSpec(SpecModel):
    """What a compression makes."""

    variant: Name = Field(description="The name of the variant that it becomes.")
    framework: Word | None = Field(None, description="Its framework, where that changes.")


class CompressSpec(RunSpec):
    """Make a model smaller or faster."""

    writes: ClassVar = {"results": "a model"}
    needed: ClassVar = ("model", "method", "to", "worker")

    model: ModelReference | None = Field(None, description="The version that is compressed.")
    method: Literal["quantize", "prune", "distill"] | None = Field(
        None, description="How it is done."
    )
    calibration: DatasetReference | None = Field(
        None, description="The dataset that calibrates it."
    )
    to: CompressTargetSpec | None = Field(None, description="What it becomes.")


KIND = Kind("compress", CompressSpec, step=True)
