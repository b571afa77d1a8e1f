"""Values one by one: numbers within `atol + rtol * |expected|`, everything else equal."""

from __future__ import annotations

import math
from typing import Any

from sidecar.hooks.mismatch import Mismatch, Tensor, at, is_number, outputs

_SHOWN = 60


def compare_values(expected: Any, got: Any, rtol: float, atol: float) -> None:
    """Return when every expected value is there.

    Raises:
        Mismatch: something is missing, has another shape, or is too far off.
    """
    wanted, given = outputs(expected), outputs(got)
    if wanted is None or given is None:
        _compare_json(expected, got, "", (rtol, atol))
        return
    for name, tensor in wanted.items():
        if name not in given:
            raise Mismatch("", f"there is no output {name}, only {', '.join(given) or 'none'}")
        _compare_tensors(tensor, given[name], f"output {name}", (rtol, atol))


def _compare_json(expected: Any, got: Any, place: str, limits: tuple[float, float]) -> None:
    if isinstance(expected, dict):
        _compare_objects(expected, got, place, limits)
    elif isinstance(expected, list):
        _compare_lists(expected, got, place, limits)
    elif not _close(expected, got, limits):
        raise Mismatch(place, _difference(expected, got, limits))


def _compare_objects(
    expected: dict[str, Any], got: Any, place: str, limits: tuple[float, float]
) -> None:
    if not isinstance(got, dict):
        raise Mismatch(place, f"{_shown(got)} instead of an object")
    for key, value in expected.items():
        below = f"{place}.{key}" if place else key
        if key not in got:
            raise Mismatch(below, "it is missing")
        _compare_json(value, got[key], below, limits)


def _compare_lists(expected: list[Any], got: Any, place: str, limits: tuple[float, float]) -> None:
    if not isinstance(got, list):
        raise Mismatch(place, f"{_shown(got)} instead of a list")
    if len(got) != len(expected):
        raise Mismatch(place, f"{len(got)} entries instead of {len(expected)}")
    if all(is_number(one) for one in expected):
        size = (len(expected),)
        _compare_tensors(Tensor(size, expected), Tensor(size, got), place, limits)
        return
    for number, (one, other) in enumerate(zip(expected, got, strict=True)):
        _compare_json(one, other, f"{place}[{number}]", limits)


def _compare_tensors(
    expected: Tensor, got: Tensor, place: str, limits: tuple[float, float]
) -> None:
    if expected.shape != got.shape:
        raise Mismatch(place, f"shape {list(got.shape)} instead of {list(expected.shape)}")
    pairs = zip(expected.values, got.values, strict=True)
    bad = [index for index, (one, other) in enumerate(pairs) if not _close(one, other, limits)]
    if not bad:
        return
    worst = max(bad, key=lambda index: _excess(expected.values[index], got.values[index], limits))
    several = f"; {len(bad)} of {len(expected.values)} values differ" if len(bad) > 1 else ""
    said = _difference(expected.values[worst], got.values[worst], limits)
    raise Mismatch(f"{place}{at(expected.shape, worst)}", f"{said}{several}")


def _close(expected: Any, got: Any, limits: tuple[float, float]) -> bool:
    if not is_number(expected) or not is_number(got):
        return type(expected) is type(got) and bool(expected == got)
    if expected == got:
        return True
    if math.isnan(expected) or math.isnan(got):
        return math.isnan(expected) and math.isnan(got)
    return not math.isinf(expected) and abs(got - expected) <= _allowed(expected, limits)


def _allowed(expected: float, limits: tuple[float, float]) -> float:
    return limits[1] + limits[0] * abs(expected)


def _excess(expected: Any, got: Any, limits: tuple[float, float]) -> float:
    if not is_number(expected) or not is_number(got):
        return math.inf
    found = abs(got - expected) - _allowed(expected, limits)
    return math.inf if math.isnan(found) else found


def _difference(expected: Any, got: Any, limits: tuple[float, float]) -> str:
    said = f"{_shown(got)} instead of {_shown(expected)}"
    if not is_number(expected) or not is_number(got):
        return said
    off = abs(got - expected)
    if not math.isfinite(off):
        return said
    return f"{said}, off by {off:.6g} where {_allowed(expected, limits):.6g} is allowed"


def _shown(value: Any) -> str:
    text = f"{value:.9g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
