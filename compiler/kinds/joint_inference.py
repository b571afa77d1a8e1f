"""The kind `joint-inference`: an edge model first, hard examples to a cloud model."""

from __future__ import annotations

from pydantic import Field

from compiler.model.kind import Kind
from compiler.model.spec.base import SpecModel
from compiler.model.spec.job import HardExamples, Rollout, ServiceSpec, Update
from compiler.model.spec.scalars import ModelReference
from compiler.model.spec.worker import RoleWorker


class JointWorkers(SpecModel):
    """The two workers of a joint inference."""

    edge: RoleWorker = Field(description="Answers what it can at the edge.")
    cloud: RoleWorker = Field(description="Answers the hard examples.")


class JointInference(ServiceSpec):
    """Answer at the edge, and ask the cloud about hard examples."""

    model: ModelReference = Field(
        description="A model whose versions have the parts edge and cloud."
    )
    workers: JointWorkers = Field(description="The workers by role.")
    hard_examples: HardExamples = Field(description="How hard examples are found.")
    update: Update | None = Field(None, description="How a new version arrives.")
    rollout: Rollout | None = Field(None, description="How a new version spreads over the sites.")


KIND = Kind("joint-inference", JointInference)
