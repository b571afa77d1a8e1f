"""What a run writes of a version that it made or measured: the file that `models record` reads.

Only declares and parses; whether its names exist is decided against a spec.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from compiler.model.codes import spec as codes
from compiler.model.spec.artifacts import MetricSpec, measured_once
from compiler.model.spec.base import SpecModel, fault
from compiler.model.spec.data import GoldenSpec, LineageSpec
from compiler.model.spec.names import ModelReference
from compiler.model.spec.scalars import Line

FORMAT = "edgewright-metrics/1"


class MeasuredSpec(SpecModel):
    """Metrics of one version, where it comes from, and a known input with its output."""

    format: Literal["edgewright-metrics/1"] = Field(description="The version of this format.")
    model: ModelReference | None = Field(
        None, description="The version that was measured; recording it for another is refused."
    )
    by: Line | None = Field(
        None, description="Who measured it, such as a job's run; for every metric without its own."
    )
    metrics: tuple[MetricSpec, ...] = Field((), description="The measured values.")
    lineage: LineageSpec | None = Field(None, description="Where the version comes from.")
    golden: GoldenSpec | None = Field(None, description="A known input with its expected output.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.metrics and self.lineage is None and self.golden is None:
            raise fault(
                codes.ONE_KEY_NEEDED,
                "the file says nothing: it has neither metrics nor lineage nor golden",
                "Example: metrics: [{name: map50, value: 0.61}]",
            )
        measured_once(self.metrics)
        return self
