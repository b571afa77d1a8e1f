"""Selection does not depend on order, never takes what fell out, and does not flap."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from compiler.model.metrics import Metric
from compiler.model.spec.artifacts import ModelSpec
from compiler.stages.lock.selecting import Selection, UndefinedMetricError, UnitError, select

VERSIONS = some.lists(
    some.tuples(
        some.sampled_from(("1.0", "1.1", "1.9", "1.10", "2.0", "2.0-rc1")),
        some.integers(0, 5),
        some.sampled_from(("a:1", "b:1")),
        some.booleans(),
    ),
    min_size=1,
    unique_by=lambda one: one[0],
)


def model(versions: list[Any], **select: Any) -> ModelSpec:
    made = {
        name: {
            "uri": "host:/m",
            "metrics": [{"name": "map50", "value": value / 10, "dataset": data, "split": "test"}],
            **({"yanked": "bad"} if yanked else {}),
        }
        for name, value, data, yanked in versions
    }
    gates = select.pop("gates", [])
    given = {"framework": "onnx", "versions": made, "select": {"metric": "map50", **select}}
    return ModelSpec.model_validate({**given, "gates": gates})


def chosen(
    versions: list[Any], incumbent: str = "", sizes: dict[str, int] | None = None, **more: Any
) -> Selection:
    return select(model(versions, **more), incumbent, sizes or {}, lambda name: name, {}, {})


@given(VERSIONS, some.randoms())
def test_the_order_of_the_spec_decides_nothing(versions: list[Any], chance: Any) -> None:
    mixed = list(versions)
    chance.shuffle(mixed)
    assert chosen(versions, dataset="a:1") == chosen(mixed, dataset="a:1")


@given(VERSIONS)
def test_what_is_chosen_is_one_of_the_best_that_can_run(versions: list[Any]) -> None:
    found = chosen(versions, dataset="a:1", split="test")
    fit = {name: value for name, value, data, yanked in versions if data == "a:1" and not yanked}
    if found.target is None:
        assert not fit
        return
    assert fit[found.target.version] == max(fit.values())
    assert set(found.fallen) == {name for name, *_ in versions} - {found.target.version}


@given(VERSIONS)
def test_a_second_selection_changes_nothing(versions: list[Any]) -> None:
    first = chosen(versions, dataset="a:1")
    if first.target is None:
        return
    again = chosen(versions, first.target.version, dataset="a:1")
    assert again.target is not None
    assert again.target.version == first.target.version


@given(VERSIONS, some.sampled_from(("1.0", "1.9", "2.0")), some.integers(0, 5))
def test_the_version_in_use_stays_unless_it_is_beaten_by_more(
    versions: list[Any], incumbent: str, needed: int
) -> None:
    found = chosen(versions, incumbent, dataset="a:1", improvesBy=needed / 10)
    fit = {name: value for name, value, data, yanked in versions if data == "a:1" and not yanked}
    if found.target is None or incumbent not in fit:
        return
    stays = max(fit.values()) - fit[incumbent] <= needed
    assert (found.target.version == incumbent) is (stays or fit[incumbent] == max(fit.values()))


def test_equal_values_are_told_apart_by_size_and_then_by_age() -> None:
    equal = [(name, 5, "a:1", False) for name in ("1.9", "1.10", "1.10-rc1")]
    small = chosen(equal, sizes={"1.9": 1, "1.10": 2, "1.10-rc1": 3}).target
    newest = chosen(equal).target
    assert small is not None
    assert small.version == "1.9"
    assert newest is not None
    assert newest.version == "1.10"


def test_values_on_two_datasets_are_never_compared() -> None:
    two = [("1.0", 1, "a:1", False), ("2.0", 5, "b:1", False)]
    found = chosen(two)
    assert found.target is None
    assert "measured on something else" in found.fallen["2.0"]
    kept = chosen(two, "1.0")
    assert kept.target is not None
    assert kept.target.version == "1.0"
    assert kept.fallen["2.0"] == (
        "map50 0.5 on b:1 (test) cannot be compared: it was not measured on a:1 (test)"
    )


def test_a_lower_value_wins_where_lower_is_better() -> None:
    two = [("1.0", 1, "a:1", False), ("2.0", 5, "a:1", False)]
    made = model(two)
    found = select(made, "", {}, lambda name: name, {"map50": Metric("map50", higher=False)}, {})
    assert found.target is not None
    assert found.target.version == "1.0"


def test_a_metric_that_nobody_defines_is_refused() -> None:
    made = ModelSpec.model_validate(
        {"versions": {"1": {"uri": "host:/m"}}, "select": {"metric": "gap"}}
    )
    with pytest.raises(UndefinedMetricError, match="gap"):
        select(made, "", {}, lambda name: name, {}, {})


def test_a_gate_of_the_model_and_its_requirements_keep_a_version_out() -> None:
    both = [("1.0", 3, "a:1", False), ("2.0", 5, "a:1", False)]
    gated = model(both, gates=[{"metric": "p95", "atMost": "30ms"}])
    found = select(gated, "", {}, lambda name: name, {}, {})
    assert found.target is None
    assert found.fallen["2.0"] == "a gate fails: p95 was not measured"
    picky = model([("1.0", 3, "a:1", False)], require={"framework": ["tensorrt"]})
    assert select(picky, "", {}, lambda name: name, {}, {}).fallen == {
        "1.0": "its framework is onnx, not tensorrt"
    }


def test_a_version_whose_licence_is_not_accepted_falls_out_with_the_reason() -> None:
    both = model([("1.0", 3, "a:1", False), ("2.0", 5, "a:1", False)])
    found = select(both, "2.0", {}, lambda name: name, {}, {"2.0": "it is under MIT"})
    assert found.target is not None
    assert found.target.version == "1.0"
    assert found.fallen["2.0"] == "it is under MIT"
    assert found.unfit == {"2.0"}


def test_each_version_that_is_better_is_told_that_it_is_not_better_enough() -> None:
    three = [("1.0", 4, "a:1", False), ("1.1", 5, "a:1", False), ("1.9", 5, "a:1", False)]
    found = chosen(three, "1.0", improvesBy=0.3)
    assert found.target is not None
    assert (
        found.target.reason
        == "in use with map50 0.4 on a:1 (test), and not beaten by more than 0.3"
    )
    better = "map50 0.5 is better by 0.1, and must by more than 0.3"
    assert found.fallen == {"1.1": better, "1.9": better}
    tied = chosen([("1.0", 4, "a:1", False), ("2.0", 4, "a:1", False)], "1.0")
    assert tied.fallen == {"2.0": "map50 0.4 is no better"}


def timed(*values: str, **more: Any) -> ModelSpec:
    versions = {
        str(number): {"uri": "host:/m", "metrics": [{"name": "p95", "value": value}]}
        for number, value in enumerate(values, 1)
    }
    return ModelSpec.model_validate({"versions": versions, "select": {"metric": "p95", **more}})


def test_a_value_of_zero_and_a_bound_in_another_unit() -> None:
    found = select(timed("24ms", "0ms"), "1", {}, lambda name: name, {}, {})
    assert found.target is not None
    assert found.target.reason == "p95 0ms beats 1 with 24ms by 24ms"
    assert (found.target.metric, found.target.value) == ("p95", "0ms")
    with pytest.raises(UnitError, match=r"improvesBy 0.01 has no unit, and p95 24ms has a unit of"):
        select(timed("24ms", "20ms", improvesBy=0.01), "1", {}, lambda name: name, {}, {})


def test_what_only_a_variant_was_measured_for_counts() -> None:
    metric = {"name": "p95", "value": "20ms", "profile": "orin"}
    version = {"uri": "host:/m", "variants": {"int8": {"uri": "host:/v", "metrics": [metric]}}}
    given = {"versions": {"1": version}, "select": {"metric": "p95", "profile": "orin"}}
    found = select(ModelSpec.model_validate(given), "", {}, lambda name: name, {}, {})
    assert found.target is not None


def test_a_version_in_use_that_may_not_be_used_is_told_apart() -> None:
    made = model([("1.0", 4, "a:1", True)])
    assert select(made, "1.0", {}, lambda name: name, {}, {}).unfit == {"1.0"}
