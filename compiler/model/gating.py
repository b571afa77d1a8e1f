"""Whether a gate holds: a version's measured values against a bound, with the figures that decide.

A value that was not measured fails the gate, and so does one that cannot be compared. Where several
values suit a gate, all of them have to hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.model.diagnostics import Span
from compiler.model.metrics import UNIT_WORDS, Asked, Measurement, Metric, metric, suiting
from compiler.model.record import dataclass
from compiler.model.spec.amounts import Measure, in_unit
from compiler.model.spec.gates import GateSpec

_SIGNS = {"at_least": "≥", "at_most": "≤"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a gate holds and why. `figure` is the value that decided, `span` its line.

    `fits` says what would make it hold.
    """

    holds: bool
    why: str
    figure: Measurement | None = None
    fits: str = ""

    @property
    def span(self) -> Span | None:
        """The line of the value that decided."""
        return self.figure.span if self.figure else None


@dataclass(frozen=True, slots=True, order=True)
class Standing:
    """How a version stands with one gate, in words: `figure` is the value, `why` the sentence."""

    environment: str
    model: str
    version: str
    variant: str
    metric: str
    holds: bool
    figure: str
    why: str

    @classmethod
    def of(
        cls, environment: str, model: str, version: str, variant: str, metric: str, found: Verdict
    ) -> Standing:
        """A verdict with what it is about."""
        figure = f"{found.figure.value}{found.figure.where}" if found.figure else ""
        return cls(environment, model, version, variant, metric, found.holds, figure, found.why)

    @property
    def subject(self) -> str:
        """The version, and the variant where it is one."""
        return f"{self.model}:{self.version}{f'/{self.variant}' if self.variant else ''}"


def judge(
    gate: GateSpec,
    values: Sequence[Measurement],
    before: Sequence[Measurement] | None,
    defined: Mapping[str, Metric],
) -> Verdict:
    """Judge one gate. `before` are the values of the version that it would replace, if any."""
    asked = Asked.of(gate)
    found = suiting(values, asked)
    if not found:
        return Verdict(False, f"{asked} was not measured", None, _needed(asked))
    verdicts = [_one(gate, value, before, defined) for value in found]
    return next((one for one in verdicts if not one.holds), verdicts[0])


def _one(
    gate: GateSpec,
    value: Measurement,
    before: Sequence[Measurement] | None,
    defined: Mapping[str, Metric],
) -> Verdict:
    bound = gate.threshold
    known = metric(gate.metric, defined)
    if value.value.unit != bound.unit:
        has, wants = UNIT_WORDS[value.value.unit], UNIT_WORDS[bound.unit]
        why = f"{value} has {has}, and the gate's {bound} has {wants}"
        return Verdict(False, why, value, f"write both in one unit, such as {bound}")
    if gate.bound in _SIGNS:
        return _absolute(gate, value, bound)
    if known is None:
        why = f"nobody says which way {gate.metric} is better"
        fits = f"add metrics: {{{gate.metric}: {{better: higher}}}}, or lower"
        return Verdict(False, why, value, fits)
    return _relative(gate, value, before, known)


def _absolute(gate: GateSpec, value: Measurement, bound: Measure) -> Verdict:
    at_least = gate.bound == "at_least"
    number = value.value.number
    holds = number >= bound.number if at_least else number <= bound.number
    sign = _SIGNS[gate.bound]
    why = f"{value} is {'' if holds else 'not '}{sign} {bound}"
    return Verdict(
        holds, why, value, f"it would pass with {gate.metric} {sign} {bound}{value.where}"
    )


def _relative(
    gate: GateSpec, value: Measurement, before: Sequence[Measurement] | None, known: Metric
) -> Verdict:
    if before is None:
        return Verdict(True, f"{value}, and there is no version before it", value)
    old = next((one for one in before if one.circumstances == value.circumstances), None)
    if old is None:
        why = f"{value} has nothing to compare with: the version before has no {gate.metric}" \
              f"{value.where}"  # fmt: skip
        return Verdict(False, why, value, f"measure {gate.metric}{value.where} of both versions")
    gain, bound = known.gain(value.value.number, old.value.number), gate.threshold
    improves = gate.bound == "improves_by"
    holds = above(gain, bound.number) if improves else not above(-gain, bound.number)
    how = "better" if gain >= 0 else "worse"
    limit = f"more than {bound} better" if improves else f"at most {bound} worse"
    by = f"{in_unit(abs(gain), value.value)} {how}"
    why = f"{value} against {old.value} before is {by}, and must be {limit}"
    return Verdict(
        holds, why, value, f"it would pass with {gate.metric}{value.where} {limit} than {old.value}"
    )


def above(number: float, bound: float) -> bool:
    """Whether a number is strictly more, also where the difference of two decimals is not exact."""
    return number - bound > 1e-9 * max(1.0, abs(number), abs(bound))


def _needed(asked: Asked) -> str:
    keys = asked._asdict()
    name = keys.pop("name")
    more = "".join(f", {key}: {_quoted(value)}" for key, value in keys.items() if value)
    return f"add metrics: [{{name: {name}, value: …{more}}}] to the version"


def _quoted(value: str) -> str:
    return f'"{value}"' if ":" in value else value
