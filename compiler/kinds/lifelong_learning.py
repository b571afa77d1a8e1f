"""The kind `lifelong-learning`: a learning loop that keeps a knowledge base of tasks."""

from __future__ import annotations

from pydantic import Field

from compiler.model.kind import Kind
from compiler.model.spec.data import Splits
from compiler.model.spec.gates import Gate
from compiler.model.spec.job import LoopWorkers, Results, ServiceSpec, Trigger
from compiler.model.spec.scalars import DatasetReference, ModelReference


class LifelongLearning(ServiceSpec):
    """Learn new tasks without losing the old ones."""

    model: ModelReference = Field(description="The model that the loop starts from.")
    dataset: DatasetReference = Field(description="The dataset that grows.")
    splits: Splits | None = Field(
        None, description="The division of samples, instead of the dataset's."
    )
    workers: LoopWorkers = Field(description="The workers by role.")
    trigger: Trigger = Field(description="When the next round runs.")
    gate: Gate = Field(description="What new knowledge must fulfil to be deployed.")
    results: Results = Field(description="Where rounds are stored.")


KIND = Kind("lifelong-learning", LifelongLearning)
