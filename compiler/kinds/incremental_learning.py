"""The kind `incremental-learning`: collect, train, evaluate, gate, hand over, repeat."""

from __future__ import annotations

from pydantic import Field

from compiler.model.kind import Kind
from compiler.model.spec.base import SpecModel
from compiler.model.spec.data import SplitsSpec
from compiler.model.spec.gates import GateSpec
from compiler.model.spec.job import (
    HardExamplesSpec,
    LoopWorkersSpec,
    ResultsSpec,
    ServiceSpec,
    TriggerSpec,
    UpdateSpec,
)
from compiler.model.spec.names import DatasetReference, ModelReference, Word
from compiler.model.spec.scalars import SiteUri


class DeploySlotSpec(SpecModel):
    """The mutable place that the loop writes and inference reads."""

    uri: SiteUri = Field(description="The place, in a store or on the host.")
    format: Word | None = Field(None, description="The file format of the model there.")


class IncrementalLearningSpec(ServiceSpec):
    """Improve a model with new samples, round after round."""

    model: ModelReference = Field(description="The model that the loop starts from and improves.")
    dataset: DatasetReference = Field(description="The dataset that grows.")
    splits: SplitsSpec | None = Field(
        None, description="The division of samples, instead of the dataset's."
    )
    workers: LoopWorkersSpec = Field(description="The workers by role.")
    trigger: TriggerSpec = Field(description="When the next round runs.")
    gate: GateSpec = Field(description="What a new model must fulfil to be deployed.")
    hard_examples: HardExamplesSpec | None = Field(None, description="How hard examples are found.")
    initial_eval_model: ModelReference | None = Field(
        None, description="The model that the first round is compared with."
    )
    deploy: DeploySlotSpec | None = Field(
        None, description="The place that the loop writes and inference reads."
    )
    update: UpdateSpec | None = Field(None, description="How inference gets the new model.")
    results: ResultsSpec = Field(description="Where rounds are stored.")


KIND = Kind("incremental-learning", IncrementalLearningSpec)
