"""Small nouns that artifacts and jobs share: splits of data, lineages, and golden cases.

Only declares and parses.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from compiler.model.codes import spec as codes
from compiler.model.spec.base import OneOrMany, SpecModel, chosen, fault
from compiler.model.spec.names import DatasetReference, JobName, ModelReference, Word
from compiler.model.spec.scalars import Count, CountOrZero, Line, Number, Prose, Share, Uri


class SplitsSpec(SpecModel):
    """How samples are divided into named parts."""

    seed: CountOrZero | None = Field(
        None, description="The seed of the division; inherited where it is left out."
    )
    parts: dict[Word, Share] = Field(
        description="The share of each part; together 1.", min_length=1
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = sum(self.parts.values())
        if abs(total - 1) > 1e-6:
            raise fault(
                codes.CONTRADICTION,
                f"the parts of a split add up to {total:g}; together they must be 1",
            )
        return self


class ColumnsSpec(SpecModel):
    """Which column or field of a record holds what, for csv, jsonl and parquet."""

    id: Line | None = Field(None, description="The column of the id; `id` if there is one.")
    label: Line | None = Field(
        None, description="The column of the label or labels; `label` if there is one."
    )
    path: Line | None = Field(
        None, description="The column with the path of a file; `path` if there is one."
    )


class BoxToleranceSpec(SpecModel):
    """How near expected boxes must be."""

    iou: Share = Field(
        description="The smallest overlap (intersection over union) of a matching box."
    )
    score: Share | None = Field(None, description="The largest difference of a score.")


class TensorToleranceSpec(SpecModel):
    """How near expected tensors must be."""

    rtol: Number | None = Field(None, description="The largest relative difference.")
    atol: Number | None = Field(None, description="The largest absolute difference.")


class TopToleranceSpec(SpecModel):
    """How near expected classes must be."""

    k: Count = Field(description="The expected class must be among this many best ones.")


class LineageSpec(SpecModel):
    """Where a version comes from."""

    base: ModelReference | None = Field(None, description="The version that training started from.")
    trained_on: OneOrMany[DatasetReference] = Field(
        (), description="The datasets that it was trained on."
    )
    job: JobName | None = Field(None, description="The job that made it.")
    released: Prose | None = Field(
        None, description="Why it may go where the private data behind it may not."
    )


class DatasetLineageSpec(SpecModel):
    """Where a version of a dataset comes from."""

    derived_from: OneOrMany[DatasetReference] = Field(
        (), description="The datasets that it was made from."
    )
    job: JobName | None = Field(None, description="The job that made it.")
    released: Prose | None = Field(
        None, description="Why it may go where the private data behind it may not."
    )


class GoldenSpec(SpecModel):
    """One known input with its expected output."""

    input: Uri = Field(description="The input.")
    expect: Uri = Field(description="The expected output.")
    boxes: BoxToleranceSpec | None = Field(None, description="Compare as boxes.")
    tensor: TensorToleranceSpec | None = Field(None, description="Compare as tensors.")
    topk: TopToleranceSpec | None = Field(None, description="Compare as ranked classes.")

    @model_validator(mode="after")
    def _one_comparison(self) -> Self:
        if len(chosen(self, ("boxes", "tensor", "topk"))) > 1:
            raise fault(
                codes.EXCLUSIVE_KEYS, "a golden case compares in one way: boxes, tensor or topk"
            )
        return self
