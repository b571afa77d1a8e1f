"""The kind `train`: train a version of a model once, or on a schedule."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from compiler.model.kind import Kind
from compiler.model.spec.job import RunSpec, SplitNames
from compiler.model.spec.names import DatasetReference, ModelReference
from compiler.model.spec.scalars import Count


class TrainSpec(RunSpec):
    """Train a model."""

    writes: ClassVar = {"results": "a model"}
    needed: ClassVar = ("model", "dataset", "worker")

    model: ModelReference | None = Field(
        None, description="The model that a version is trained for."
    )
    base: ModelReference | None = Field(None, description="The version that training starts from.")
    dataset: DatasetReference | None = Field(None, description="The dataset that it trains on.")
    split: SplitNames = Field((), description="The splits of the dataset that it sees.")
    num_nodes: Count = Field(1, description="The number of nodes that train together.")
    keep: tuple[Literal["best", "last"], ...] = Field((), description="Which checkpoints are kept.")


KIND = Kind("train", TrainSpec, step=True)
