"""One gate against measured values: every bound, every way to fail, the figures that are told."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.model.gating import judge
from compiler.model.metrics import Measurement, measurements
from compiler.model.spec.artifacts import VersionSpec
from compiler.model.spec.gates import GateSpec


def values(*metrics: dict[str, Any]) -> tuple[Measurement, ...]:
    version = VersionSpec.model_validate({"uri": "host:/m", "metrics": list(metrics)})
    return measurements(version, None, lambda name: name)


def gate(**given: Any) -> GateSpec:
    return GateSpec.model_validate(given)


MAP = {"name": "map50", "value": 0.5, "dataset": "shelves:2026.1", "split": "test"}
P95 = {"name": "p95", "value": "24ms", "profile": "orin"}

CASES: list[tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]] | None, bool, str]] = [
    ({"atLeast": 0.5}, [MAP], None, True, "map50 0.5 on shelves:2026.1 (test) is ≥ 0.5"),
    ({"atLeast": 0.51}, [MAP], None, False, "is not ≥ 0.51"),
    ({"atMost": 0.4}, [MAP], None, False, "is not ≤ 0.4"),
    ({"atLeast": 0.1}, [], None, False, "map50 was not measured"),
    ({"atLeast": 0.1, "split": "val"}, [MAP], None, False, "map50 (val) was not measured"),
    ({"atLeast": 0.1, "dataset": "shelves"}, [MAP], None, True, "≥ 0.1"),
    ({"atLeast": 0.1, "dataset": "other:1"}, [MAP], None, False, "was not measured"),
    ({"improvesBy": 0.1}, [MAP], None, True, "there is no version before it"),
    ({"improvesBy": 0.1}, [MAP], [{**MAP, "value": 0.4}], False, "is 0.1 better"),
    ({"improvesBy": 0.09}, [MAP], [{**MAP, "value": 0.4}], True, "is 0.1 better"),
    ({"noWorseBy": 0.1}, [MAP], [{**MAP, "value": 0.6}], True, "is 0.1 worse"),
    ({"noWorseBy": 0.09}, [MAP], [{**MAP, "value": 0.6}], False, "is 0.1 worse"),
    ({"improvesBy": 0.1}, [MAP], [{**MAP, "split": "val"}], False, "nothing to compare with"),
    ({"metric": "p95", "atMost": "30ms"}, [P95], None, True, "p95 24ms at orin is ≤ 30ms"),
    ({"metric": "p95", "atMost": "0.02s"}, [P95], None, False, "is not ≤ 0.02s"),
    ({"metric": "p95", "atMost": 30}, [P95], None, False, "has a unit of time"),
    ({"metric": "p95", "improvesBy": "2ms"}, [P95], [{**P95, "value": "27ms"}], True, "3ms better"),
    ({"metric": "gap", "noWorseBy": 1}, [{"name": "gap", "value": 1}], None, False, "which way"),
]  # fmt: skip


@pytest.mark.parametrize(("bound", "now", "before", "holds", "words"), CASES)
def test_a_gate_is_judged_with_its_figures(
    bound: dict[str, Any],
    now: list[dict[str, Any]],
    before: list[dict[str, Any]] | None,
    holds: bool,
    words: str,
) -> None:
    old = None if before is None else values(*before)
    found = judge(gate(**{"metric": "map50", **bound}), values(*now), old, {})
    assert found.holds is holds, found.why
    assert words in found.why
    assert found.holds or found.fits


def test_of_several_values_each_has_to_hold() -> None:
    other = {**MAP, "dataset": "dark:1", "value": 0.1}
    found = judge(gate(metric="map50", atLeast=0.3), values(MAP, other), None, {})
    assert not found.holds
    assert "dark:1" in found.why
