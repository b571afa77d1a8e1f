"""The kind `convert`: make another build of a model version in another framework."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from compiler.model.kind import Kind
from compiler.model.spec.base import SpecModel
from compiler.model.spec.job import RunSpec
from compiler.model.spec.names import ModelReference, Name, Word


class ConvertTargetSpec(SpecModel):
    """What a conversion makes."""

    framework: Word = Field(description="The framework of the new build.")
    format: Word | None = Field(
        None, description="Its file format, where the framework has several."
    )
    variant: Name | None = Field(None, description="The name of the variant that it becomes.")


class ConvertSpec(RunSpec):
    """Convert a model to another framework."""

    writes: ClassVar = {"results": "a model"}
    needed: ClassVar = ("model", "to", "worker")

    model: ModelReference | None = Field(None, description="The version that is converted.")
    to: ConvertTargetSpec | None = Field(None, description="What it becomes.")


KIND = Kind("convert", ConvertSpec, step=True)
