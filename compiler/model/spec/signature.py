"""What goes into a model and comes out, and the code that runs before and after it.

Only declares and parses; whether the two fit together is judged where versions are chosen.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from compiler.model.spec.base import SpecModel
from compiler.model.spec.free import Params
from compiler.model.spec.names import CodeName, Word
from compiler.model.spec.scalars import Line, RelativePath

ClassMap = dict[Line, Line]
"""Names of classes with what stands for them elsewhere."""


class TensorSpec(SpecModel):
    """One named input or output of a model."""

    name: Word = Field(description="Its name.")
    datatype: Literal[
        "BOOL",
        "UINT8",
        "UINT16",
        "UINT32",
        "UINT64",
        "INT8",
        "INT16",
        "INT32",
        "INT64",
        "FP16",
        "BF16",
        "FP32",
        "FP64",
        "BYTES",
    ] = Field(description="Its element type, in the words of the open inference protocol.")
    shape: tuple[Annotated[int, Field(strict=True, ge=-1)], ...] = Field(
        description="Its dimensions; -1 for any size."
    )


class SignatureSpec(SpecModel):
    """What goes into a model and what comes out."""

    inputs: tuple[TensorSpec, ...] = Field((), description="The inputs in order.")
    outputs: tuple[TensorSpec, ...] = Field((), description="The outputs in order.")


class ProcessingSpec(SpecModel):
    """Code that runs before or after a model."""

    code: CodeName = Field(description="The code artifact.")
    entry: RelativePath = Field(description="The file in it that is run.")
    params: Params = Field({}, description="Parameters for it; numbers keep their source text.")
    signature: SignatureSpec | None = Field(
        None, description="What goes in and what comes out; it must fit the model's."
    )
    classes: tuple[Line, ...] = Field(
        (), description="The classes that it knows, in the order of the model's."
    )
    class_map: ClassMap = Field(
        {}, description="The model's classes with its own names for them, where the lists differ."
    )
