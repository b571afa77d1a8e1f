"""The kind `joint-inference`: an edge model first, hard examples to a cloud model."""

from __future__ import annotations

from pydantic import Field

from compiler.model.kind import Kind
from compiler.model.spec.base import SpecModel
from compiler.model.spec.job import HardExamplesSpec, RolloutSpec, ServiceSpec, UpdateSpec
from compiler.model.spec.names import ModelReference
from compiler.model.spec.worker import RoleWorkerSpec


class JointWorkersSpec(SpecModel):
    """The two workers of a joint inference."""

    edge: RoleWorkerSpec = Field(description="Answers what it can at the edge.")
    cloud: RoleWorkerSpec = Field(description="Answers the hard examples.")


class JointInferenceSpec(ServiceSpec):
    """Answer at the edge, and ask the cloud about hard examples."""

    model: ModelReference = Field(
        description="A model whose versions have the parts edge and cloud."
    )
    workers: JointWorkersSpec = Field(description="The workers by role.")
    hard_examples: HardExamplesSpec = Field(description="How hard examples are found.")
    update: UpdateSpec | None = Field(None, description="How a new version arrives.")
    rollout: RolloutSpec | None = Field(
        None, description="How a new version spreads over the sites."
    )


KIND = Kind("joint-inference", JointInferenceSpec)
