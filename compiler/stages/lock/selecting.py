"""Selection: which version of a model a `select:` means, and why every other one is not it.

Compares only what can be compared, keeps the version in use unless it is beaten, and does not
depend on the order of the spec. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field

from compiler.model import metrics
from compiler.model.gating import above, judge
from compiler.model.lock import LockedTarget
from compiler.model.metrics import UNIT_WORDS, Digests, Measurement, Metric
from compiler.model.record import dataclass
from compiler.model.spec.amounts import Measure, in_unit
from compiler.model.spec.artifacts import ModelSpec, SelectSpec, VersionSpec

_PARTS = re.compile(r"\d+|[^\d.+_-]+")


class UndefinedMetricError(Exception):
    """Nobody says which values of the metric are better; the text is its name."""


class UnitError(Exception):
    """`improvesBy` has another unit than the metric; the text says both."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The version that is chosen, None where none can be; `fallen` says why the others are not.

    `unfit` are those that may not be used at all, whatever was measured of them.
    """

    target: LockedTarget | None
    fallen: Mapping[str, str] = field(default_factory=dict)
    unfit: frozenset[str] = frozenset()


def select(
    model: ModelSpec,
    incumbent: str,
    sizes: Mapping[str, int],
    digests: Digests,
    defined: Mapping[str, Metric],
    unlicensed: Mapping[str, str],
) -> Selection:
    """Choose a version. `incumbent` is the one in use or empty; `sizes` are bytes by version.

    `unlicensed` says of versions why their licence is not accepted.

    Raises:
        UndefinedMetricError: the metric is no common one and not defined in the spec.
        UnitError: the values have another unit than `improvesBy`.
    """
    spec = model.select
    if spec is None:
        raise ValueError("the model has no select")
    known = metrics.metric(spec.metric, defined)
    if known is None:
        raise UndefinedMetricError(spec.metric)
    values, asked = metrics.candidates(model, digests), metrics.Asked.of(spec)
    fallen: dict[str, str] = {}
    unfit: set[str] = set()
    found: dict[str, list[Measurement]] = {}
    for name, version in model.versions.items():
        why = _unfit(model, version, spec) or unlicensed.get(name, "")
        why = why or _gated(model, name, incumbent, values, defined)
        suiting = metrics.suiting(values[name], asked)
        if why:
            unfit.add(name)
        if why or not suiting:
            fallen[name] = why or f"{asked} was not measured"
        else:
            found[name] = suiting
    compared = _comparable(found, incumbent, fallen)
    if not compared:
        return Selection(None, dict(sorted(fallen.items())), frozenset(unfit))
    _check_unit(compared, spec)
    order = _ranked(compared, sizes, known)
    target = _chosen(order, compared, incumbent, known, spec, fallen)
    return Selection(target, target.rejected, frozenset(unfit))


def _ranked(
    compared: Mapping[str, Measurement], sizes: Mapping[str, int], known: Metric
) -> list[str]:
    """Versions by value, then the smaller, then the newer first."""

    def rank(name: str) -> tuple[object, ...]:
        number, size = compared[name].value.number, sizes.get(name)
        best_first = -number if known.higher else number
        return (best_first, size is None, size or 0, *_newest_first(name))

    return sorted(compared, key=rank)


def _chosen(
    order: list[str],
    compared: Mapping[str, Measurement],
    incumbent: str,
    known: Metric,
    spec: SelectSpec,
    fallen: dict[str, str],
) -> LockedTarget:
    """The best, or the version in use where that is not beaten by enough."""
    best, in_use = order[0], compared.get(incumbent)
    if in_use is None:
        reason = f"the best {compared[best]}"
        fallen |= {name: _less(compared, name, best) for name in order[1:]}
    elif best == incumbent:
        reason = f"in use, and the best with {in_use}"
        fallen |= {name: _less(compared, name, best) for name in order[1:]}
    else:
        gains = {
            name: known.gain(one.value.number, in_use.value.number)
            for name, one in compared.items()
        }
        bound = spec.improves_by
        if above(gains[best], bound.number if bound else 0.0):
            by = in_unit(gains[best], compared[best].value)
            reason = f"{compared[best]} beats {incumbent} with {in_use.value} by {by}"
            fallen |= {name: _less(compared, name, best) for name in order[1:]}
        else:
            more = f" by more than {bound}" if bound else ""
            reason, best = f"in use with {in_use}, and not beaten{more}", incumbent
            fallen |= {
                name: _not_enough(compared, name, incumbent, gains[name], bound)
                for name in order
                if name != incumbent
            }
    value = compared[best]
    return LockedTarget(
        version=best,
        reason=reason,
        metric=value.name,
        value=str(value.value),
        dataset=value.dataset,
        split=value.split,
        profile=value.profile,
        rejected=dict(sorted(fallen.items())),
    )


def _less(compared: Mapping[str, Measurement], name: str, best: str) -> str:
    value = compared[name]
    return f"{value.name} is {value.value}, of {best} {compared[best].value}"


def _not_enough(
    compared: Mapping[str, Measurement],
    name: str,
    incumbent: str,
    gain: float,
    bound: Measure | None,
) -> str:
    """Why a version does not take the place of the one in use."""
    value = compared[name]
    if gain < 0:
        return _less(compared, name, incumbent)
    if gain == 0:
        return f"{value.name} {value.value} is no better"
    more = f", and must by more than {bound}" if bound else ""
    return f"{value.name} {value.value} is better by {in_unit(gain, value.value)}{more}"


def _check_unit(compared: Mapping[str, Measurement], spec: SelectSpec) -> None:
    bound, value = spec.improves_by, next(iter(compared.values())).value
    if bound is not None and bound.unit != value.unit:
        has, wants = UNIT_WORDS[bound.unit], UNIT_WORDS[value.unit]
        raise UnitError(f"improvesBy {bound} has {has}, and {spec.metric} {value} has {wants}")


def _unfit(model: ModelSpec, version: VersionSpec, spec: SelectSpec) -> str:
    if version.yanked is not None:
        return f"yanked: {version.yanked}"
    frameworks = spec.require.framework
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


def _newest_first(version: str) -> tuple[object, ...]:
    """A key that puts 1.10 before 1.9, and a release before what is only longer by a word."""
    parts = [
        (0, -int(part), "") if part.isdigit() else (4, 0, part) for part in _PARTS.findall(version)
    ]
    return (*parts, (2, 0, ""), (3, 0, version))
