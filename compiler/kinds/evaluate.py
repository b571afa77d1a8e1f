"""The kind `evaluate`: measure a model on a dataset, and gate on what was measured."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from compiler.model.kind import Kind
from compiler.model.spec.data import GoldenSpec
from compiler.model.spec.gates import GateSpec
from compiler.model.spec.job import LoadTestSpec, RunSpec, SplitNames
from compiler.model.spec.names import DatasetReference, ModelReference, Word


class EvaluateSpec(RunSpec):
    """Measure a model."""

    needed: ClassVar = ("model", "dataset", "worker")

    model: ModelReference | None = Field(None, description="The version that is measured.")
    dataset: DatasetReference | None = Field(
        None, description="The dataset that it is measured on."
    )
    split: SplitNames = Field((), description="The split of the dataset.")
    measure: tuple[Word, ...] = Field((), description="The metrics that it reports.")
    gates: tuple[GateSpec, ...] = Field((), description="What the measured values must fulfil.")
    golden: GoldenSpec | None = Field(None, description="A known input with its expected output.")
    load_test: LoadTestSpec | None = Field(None, description="A load test with gates.")


KIND = Kind("evaluate", EvaluateSpec, step=True)
