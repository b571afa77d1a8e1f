"""The kind `incremental-learning`: collect, train, evaluate, gate, hand over, repeat."""

from __future__ import annotations

from pydantic import Field

from compiler.model.kind import Kind
from compiler.model.spec.base import SpecModel
from compiler.model.spec.data import Splits
from compiler.model.spec.gates import Gate
from compiler.model.spec.job import HardExamples, LoopWorkers, Results, ServiceSpec, Trigger, Update
from compiler.model.spec.scalars import DatasetReference, ModelReference, SiteUri, Word


class DeploySlot(SpecModel):
    """The mutable place that the loop writes and inference reads."""

    uri: SiteUri = Field(description="The place, in a store or on the host.")
    format: Word | None = Field(None, description="The file format of the model there.")


class IncrementalLearning(ServiceSpec):
    """Improve a model with new samples, round after round."""

    model: ModelReference = Field(description="The model that the loop starts from and improves.")
    dataset: DatasetReference = Field(description="The dataset that grows.")
    splits: Splits | None = Field(
        None, description="The division of samples, instead of the dataset's."
    )
    workers: LoopWorkers = Field(description="The workers by role.")
    trigger: Trigger = Field(description="When the next round runs.")
    gate: Gate = Field(description="What a new model must fulfil to be deployed.")
    hard_examples: HardExamples | None = Field(None, description="How hard examples are found.")
    initial_eval_model: ModelReference | None = Field(
        None, description="The model that the first round is compared with."
    )
    deploy: DeploySlot | None = Field(
        None, description="The place that the loop writes and inference reads."
    )
    update: Update | None = Field(None, description="How inference gets the new model.")
    results: Results = Field(description="Where rounds are stored.")


KIND = Kind("incremental-learning", IncrementalLearning)
