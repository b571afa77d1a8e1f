"""The kind `pipeline`: steps with typed ports; a step is a worker, or a job of another kind."""

from __future__ import annotations

from pydantic import Field

from compiler.model.kind import Kind
from compiler.model.spec.job import AnyStep, JobSpec, ResultsSpec
from compiler.model.spec.names import Name
from compiler.model.spec.scalars import CountOrZero, Cron


class PipelineSpec(JobSpec):
    """Run steps in the order of their ports."""

    steps: dict[Name, AnyStep] = Field(description="The steps by name.", min_length=1)
    schedule: Cron | None = Field(
        None, description="When it runs, in the five cron fields; once where left out."
    )
    attempt: CountOrZero | None = Field(
        None, description="A number that is raised to run the same work again."
    )
    results: ResultsSpec | None = Field(None, description="Where results are stored.")


KIND = Kind("pipeline", PipelineSpec)
