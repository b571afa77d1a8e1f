"""The kind `lifelong-learning`: a learning loop that keeps a knowledge base of tasks."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from compiler.model.kind import Kind
from compiler.model.spec.data import SplitsSpec
from compiler.model.spec.gates import GateSpec
from compiler.model.spec.job import LoopWorkersSpec, ResultsSpec, ServiceSpec, TriggerSpec
from compiler.model.spec.names import DatasetReference, ModelReference


class LifelongLearningSpec(ServiceSpec):
    """Learn new tasks without losing the old ones."""

    writes: ClassVar = {"results": "samples"}

    model: ModelReference = Field(description="The model that the loop starts from.")
    dataset: DatasetReference = Field(description="The dataset that grows.")
    splits: SplitsSpec | None = Field(
        None, description="The division of samples, instead of the dataset's."
    )
    workers: LoopWorkersSpec = Field(description="The workers by role.")
    trigger: TriggerSpec = Field(description="When the next round runs.")
    gate: GateSpec = Field(description="What new knowledge must fulfil to be deployed.")
    results: ResultsSpec = Field(description="Where rounds are stored.")


KIND = Kind("lifelong-learning", LifelongLearningSpec)
