"""The kind `federated-learning`: training where the data is, aggregation in the middle."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from compiler.model.codes import spec as codes
from compiler.model.kind import Kind
from compiler.model.spec.base import SpecModel, fault
from compiler.model.spec.free import Params
from compiler.model.spec.gates import GateSpec
from compiler.model.spec.job import ResultsSpec, ServiceSpec
from compiler.model.spec.names import CodeName, DatasetReference, ModelReference, Word
from compiler.model.spec.scalars import Count, RelativePath
from compiler.model.spec.worker import RoleWorkerSpec


class FederatedWorkersSpec(SpecModel):
    """The two workers of a federation."""

    aggregate: RoleWorkerSpec = Field(description="Combines what the participants send.")
    train: RoleWorkerSpec = Field(description="Trains on each site's own data.")


class RoundsSpec(SpecModel):
    """How long a federation trains."""

    count: Count = Field(description="The number of rounds.")
    min_participants: Count = Field(1, description="How many participants a round needs.")
    stop_when: GateSpec | None = Field(None, description="What ends it before the last round.")


class AggregationSpec(SpecModel):
    """How the participants' weights are combined."""

    algorithm: Word | None = Field(None, description="A known algorithm, such as FedAvg.")
    code: CodeName | None = Field(None, description="A code artifact, instead of an algorithm.")
    entry: RelativePath | None = Field(None, description="The file in it that is run.")
    params: Params = Field({}, description="Its parameters; numbers keep their source text.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.algorithm is None) is (self.code is None) or (self.code is None) is not (
            self.entry is None
        ):
            raise fault(
                codes.EXCLUSIVE_KEYS, "write algorithm: NAME, or code: NAME with entry: FILE"
            )
        return self


class FederatedLearningSpec(ServiceSpec):
    """Train one model on data that never leaves its sites."""

    writes: ClassVar = {"results": "a model"}

    model: ModelReference = Field(description="The initial weights.")
    dataset: DatasetReference = Field(
        description="The dataset; each of its local shares is a participant."
    )
    workers: FederatedWorkersSpec = Field(description="The workers by role.")
    rounds: RoundsSpec = Field(description="How long it trains.")
    aggregation: AggregationSpec = Field(
        default_factory=lambda: AggregationSpec(algorithm="FedAvg"),
        description="How weights are combined.",
    )
    transport: Literal["auto", "websocket", "s3", "grpc"] = Field(
        "auto", description="How weights travel; auto decides by their size."
    )
    results: ResultsSpec = Field(description="Where the trained model is stored.")


KIND = Kind("federated-learning", FederatedLearningSpec)
