"""The kind `pipeline`: steps with typed ports; a step is a worker, or a job of another kind."""

from __future__ import annotations

from pydantic import Field

from compiler.model.kind import Kind
from compiler.model.spec.job import AnyStep, JobSpec, Results
from compiler.model.spec.scalars import CountOrZero, Cron, Name


class Pipeline(JobSpec):
    """Run steps in the order of their ports."""

    steps: dict[Name, AnyStep] = Field(description="The steps by name.", min_length=1)
    schedule: Cron | None = Field(
        None, description="When it runs, in the five cron fields; once where left out."
    )
    attempt: CountOrZero | None = Field(
        None, description="A number that is raised to run the same work again."
    )
    results: Results | None = Field(None, description="Where results are stored.")


KIND = Kind("pipeline", Pipeline)
