"""The one form of a gate: a bound on a metric that decides whether work may go on.

Parses gates; whether one holds is decided where the metrics are.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from compiler.model.codes import spec as codes
from compiler.model.spec.amounts import Measure, MetricValue
from compiler.model.spec.base import SpecModel, chosen, fault
from compiler.model.spec.names import DatasetReference, ProfileName, Word

Bound = Literal["at_least", "at_most", "improves_by", "no_worse_by"]
_BOUNDS: tuple[Bound, ...] = ("at_least", "at_most", "improves_by", "no_worse_by")


class GateSpec(SpecModel):
    """A metric with exactly one bound; a missing metric fails the gate."""

    metric: Word = Field(description="The metric that is compared.")
    at_least: MetricValue | None = Field(None, description="The smallest value that passes.")
    at_most: MetricValue | None = Field(None, description="The largest value that passes.")
    improves_by: MetricValue | None = Field(
        None,
        description="The value must beat the current version's by strictly more than this.",
    )
    no_worse_by: MetricValue | None = Field(
        None, description="The value may be worse than the current version's by at most this."
    )
    dataset: DatasetReference | None = Field(
        None, description="The dataset the metric was measured on."
    )
    split: Word | None = Field(None, description="The split of the dataset it was measured on.")
    profile: ProfileName | None = Field(
        None, description="The hardware profile it was measured on."
    )

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        found = chosen(self, _BOUNDS)
        if not found:
            raise fault(
                codes.ONE_KEY_NEEDED,
                f"the gate on {self.metric} has no bound; "
                "write one of atLeast, atMost, improvesBy, noWorseBy",
            )
        if len(found) > 1:
            raise fault(
                codes.EXCLUSIVE_KEYS,
                f"the gate on {self.metric} has {len(found)} bounds; each gate has one",
                "Write one gate for each bound.",
            )
        return self

    @property
    def bound(self) -> Bound:
        """Which of the bounds this gate has."""
        return next(name for name in _BOUNDS if getattr(self, name) is not None)

    @property
    def threshold(self) -> Measure:
        """The value of the bound."""
        found: Measure = getattr(self, self.bound)
        return found
