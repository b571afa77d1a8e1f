"""Selection: which version of a model a `select:` means, and why every other one is not it.

Compares only what can be compared, keeps the version in use unless it is beaten, and does not
depend on the order of the spec. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field

from compiler.model import metrics
from compiler.model.gating import amount, judge
from compiler.model.lock import LockedTarget
from compiler.model.metrics import Digests, Measurement, Metric
from compiler.model.record import dataclass
from compiler.model.spec.artifacts import ModelSpec, SelectSpec, VersionSpec

_PARTS = re.compile(r"\d+|[^\d.+_-]+")


class UndefinedMetricError(Exception):
    """Nobody says which values of the metric are better; the text is its name."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The version that is chosen, None where none can be; `fallen` says why the others are not."""

    target: LockedTarget | None
    fallen: Mapping[str, str] = field(default_factory=dict)


def select(
    model: ModelSpec,
    incumbent: str,
    sizes: Mapping[str, int],
    digests: Digests,
    defined: Mapping[str, Metric],
) -> Selection:
    """Choose a version. `incumbent` is the one in use or empty; `sizes` are bytes by version.

    Raises:
        UndefinedMetricError: the metric is no common one and not defined in the spec.
    """
    spec = model.select
    if spec is None:
        raise ValueError("the model has no select")
    known = metrics.metric(spec.metric, defined)
    if known is None:
        raise UndefinedMetricError(spec.metric)
    values = metrics.candidates(model, digests)
    fallen: dict[str, str] = {}
    found: dict[str, list[Measurement]] = {}
    for name, version in model.versions.items():
        why = _unfit(model, version, spec)
        why = why or _gated(model, name, incumbent, values, defined)
        suiting = _suiting(values[name], spec)
        if why or not suiting:
            fallen[name] = why or f"{_asked(spec)} was not measured"
        else:
            found[name] = suiting
    compared = _comparable(found, incumbent, fallen)
    if not compared:
        return Selection(None, dict(sorted(fallen.items())))
    return _best(compared, incumbent, sizes, known, spec, fallen)


def _best(
    compared: Mapping[str, Measurement],
    incumbent: str,
    sizes: Mapping[str, int],
    known: Metric,
    spec: SelectSpec,
    fallen: dict[str, str],
) -> Selection:
    def rank(name: str) -> tuple[object, ...]:
        number = compared[name].value.number
        size = sizes.get(name)
        return (
            -number if known.higher else number,
            size is None,
            size or 0,
            *_newest_first(name),
        )

    order = sorted(compared, key=rank)
    best = order[0]
    reason = f"the best {compared[best]}"
    if incumbent in compared and best != incumbent:
        gain = known.gain(compared[best].value.number, compared[incumbent].value.number)
        needed = spec.improves_by.number if spec.improves_by else 0.0
        by = f"by {amount(abs(gain), compared[best])}"
        if gain - needed <= 1e-9 * max(1.0, abs(gain), abs(needed)):
            more = f", and must by more than {spec.improves_by}" if spec.improves_by else ""
            fallen[best] = f"{compared[best].value} beats {incumbent} {by}{more}"
            best, reason = incumbent, f"in use with {compared[incumbent]}, and not beaten"
        else:
            reason = f"{compared[best]} beats {incumbent} with {compared[incumbent].value} {by}"
    elif best == incumbent:
        reason = f"in use, and the best with {compared[best]}"
    for name in order:
        if name != best and name not in fallen:
            fallen[name] = (
                f"{spec.metric} is {compared[name].value}, of {best} {compared[best].value}"
            )
    told = dict(sorted(fallen.items()))
    return Selection(LockedTarget(version=best, reason=reason, rejected=told), told)


def _unfit(model: ModelSpec, version: VersionSpec, spec: SelectSpec) -> str:
    if version.yanked is not None:
        return f"yanked: {version.yanked}"
    licenses, frameworks = spec.require.license, spec.require.framework
    if licenses and model.license not in licenses:
        return f"its license is {model.license or 'not stated'}, not {' or '.join(licenses)}"
    framework = version.framework or model.framework
    if frameworks and framework not in frameworks:
        return f"its framework is {framework or 'not stated'}, not {' or '.join(frameworks)}"
    return ""


def _gated(
    model: ModelSpec,
    name: str,
    incumbent: str,
    values: Mapping[str, tuple[Measurement, ...]],
    defined: Mapping[str, Metric],
) -> str:
    before = values.get(incumbent) if incumbent not in ("", name) else None
    for gate in model.gates:
        verdict = judge(gate, values[name], before, defined)
        if not verdict.holds:
            return f"a gate fails: {verdict.why}"
    return ""


def _suiting(found: tuple[Measurement, ...], spec: SelectSpec) -> list[Measurement]:
    asked = (spec.metric, spec.dataset or "", spec.split or "", spec.profile or "")
    return metrics.suiting(found, *asked)


def _comparable(
    found: Mapping[str, list[Measurement]], incumbent: str, fallen: dict[str, str]
) -> dict[str, Measurement]:
    """One value of each version, all measured in the same way; the others have fallen."""
    ways: dict[tuple[object, ...], dict[str, Measurement]] = {}
    for name, values in found.items():
        for value in values:
            ways.setdefault(value.circumstances, {})[name] = value
    if not ways:
        return {}
    if len(ways) == 1:
        return next(iter(ways.values()))
    shared = [one for one in ways.values() if incumbent in one] or [
        one for one in ways.values() if len(one) == len(found)
    ]
    if len(shared) != 1:
        for name, values in found.items():
            listed = " and ".join(str(value) for value in values)
            fallen[name] = f"{listed}: the others were measured on something else"
        return {}
    (chosen,) = shared
    like = next(iter(chosen.values()))
    for name in found.keys() - chosen.keys():
        fallen[name] = f"{found[name][0]} cannot be compared: it was not measured{like.where}"
    return chosen


def _asked(spec: SelectSpec) -> str:
    data = f" on {spec.dataset}" if spec.dataset else ""
    split = f" ({spec.split})" if spec.split else ""
    return f"{spec.metric}{data}{split}{f' at {spec.profile}' if spec.profile else ''}"


def _newest_first(version: str) -> tuple[object, ...]:
    """A key that puts 1.10 before 1.9, and a release before what is only longer by a word."""
    parts = [
        (0, -int(part), "") if part.isdigit() else (4, 0, part) for part in _PARTS.findall(version)
    ]
    return (*parts, (2, 0, ""), (3, 0, version))
