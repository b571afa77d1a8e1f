"""Expected against given outputs: what counts as equal, and what is said where they differ."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sidecar.hooks.golden import compare
from sidecar.model.reasons import ReasonError

Limits = dict[str, float]


def text(document: Any) -> bytes:
    return document if isinstance(document, bytes) else json.dumps(document).encode()


def check(expected: Any, got: Any, **limits: float) -> None:
    named = [(name.replace("_", "."), value) for name, value in limits.items()]
    compare(text(expected), text(got), named)


def differs(expected: Any, got: Any, **limits: float) -> str:
    with pytest.raises(ReasonError) as caught:
        check(expected, got, **limits)
    assert caught.value.code == "GoldenFailed"
    assert caught.value.detail.isprintable()
    assert len(caught.value.detail.encode()) <= 512
    return caught.value.detail


def answer(*outputs: dict[str, Any], version: str = "1") -> dict[str, Any]:
    return {"model_name": "m", "model_version": version, "id": version, "outputs": list(outputs)}


def output(name: str, data: Any, shape: list[int] | None = None) -> dict[str, Any]:
    return {"name": name, "datatype": "FP32", "shape": shape or [len(data)], "data": data}


# --- anything that is no JSON


def test_bytes_that_are_no_json_are_compared_one_by_one() -> None:
    check(b"\x89PNG1234", b"\x89PNG1234")
    assert differs(b"\x89PNG1234", b"\x89PNG1x34") == "8 bytes differ from the expected 8 at byte 5"
    assert differs(b"\x89PNG", b"\x89PNG1") == "5 bytes differ from the expected 4 at byte 4"
    assert differs(b"\x89PNG", b"") == "0 bytes differ from the expected 4 at byte 0"


def test_an_answer_that_is_no_json_is_quoted() -> None:
    said = differs({"a": 1}, b"<html>\x1b[31m broken </html>")
    assert said == "the answer is no JSON: <html> [31m broken </html>"


def test_documents_that_are_nested_without_end_are_refused() -> None:
    deep = b"[" * 900 + b"]" * 900
    deeper = b'{"a":' * 100_000
    check(b"[[1]]", b"[[1]]")
    assert differs(deeper, b"{}").startswith("2 bytes differ")
    assert "no JSON" in differs({"a": 1}, deeper)
    try:
        check(deep, deep)
    except ReasonError as fault:
        assert "too deeply" in str(fault)  # noqa: PT017 - whether it is depends on the interpreter


# --- tensors


def test_equal_outputs_are_equal_in_any_order_and_of_any_version() -> None:
    one, two = output("a", [1.0, 2.0]), output("b", [3.0])
    check(answer(one, two), answer(two, one, version="2"))


def test_nested_and_flat_data_of_one_shape_are_the_same() -> None:
    check(
        answer(output("a", [[1.0, 2.0], [3.0, 4.0]], [2, 2])),
        answer(output("a", [1.0, 2.0, 3.0, 4.0], [2, 2])),
    )


def test_an_output_more_than_expected_is_not_compared_and_one_less_is_named() -> None:
    one, two = output("a", [1.0]), output("b", [2.0])
    check(answer(one), answer(one, two))
    assert differs(answer(one, two), answer(one)) == "there is no output b, only a"
    assert differs(answer(one), answer()) == "there is no output a, only none"


def test_a_difference_is_told_with_its_place_and_size() -> None:
    expected = answer(output("logits", [0.0, 0.5, 0.25, 1.0], [2, 2]))
    got = answer(output("logits", [0.0, 0.51, 0.25, 1.001], [2, 2]))
    assert differs(expected, got) == (
        "output logits[0][1]: 0.51 instead of 0.5, off by 0.01 where 0 is allowed; "
        "2 of 4 values differ"
    )
    assert differs(expected, got, tensor_atol=0.005) == (
        "output logits[0][1]: 0.51 instead of 0.5, off by 0.01 where 0.005 is allowed"
    )
    check(expected, got, tensor_atol=0.011)
    check(expected, got, tensor_rtol=0.03)


def test_relative_and_absolute_tolerance_add_up() -> None:
    check({"a": 100.0}, {"a": 101.5}, tensor_rtol=0.01, tensor_atol=0.5)
    assert "where 1.5 is allowed" in differs(
        {"a": 100.0}, {"a": 101.6}, tensor_rtol=0.01, tensor_atol=0.5
    )


def test_another_shape_is_told_and_not_flattened_away() -> None:
    expected = answer(output("a", [1.0, 2.0], [1, 2]))
    assert differs(expected, answer(output("a", [1.0, 2.0], [2, 1]))) == (
        "output a: shape [2, 1] instead of [1, 2]"
    )
    assert "3 values for shape [2]" in differs(expected, answer(output("a", [1.0, 2.0, 3.0], [2])))


def test_a_value_that_is_no_number_equals_only_itself() -> None:
    nan, inf = math.nan, math.inf
    check({"a": [nan, inf, -inf]}, {"a": [nan, inf, -inf]}, tensor_atol=1e9)
    assert differs({"a": [1.0]}, {"a": [nan]}, tensor_atol=1e9) == "a[0]: nan instead of 1"
    assert differs({"a": [nan]}, {"a": [1.0]}, tensor_atol=1e9) == "a[0]: 1 instead of nan"
    assert differs({"a": [inf]}, {"a": [-inf]}, tensor_rtol=1e9) == "a[0]: -inf instead of inf"
    assert differs({"a": [inf]}, {"a": [1.0]}, tensor_rtol=1.0) == "a[0]: 1 instead of inf"
    assert differs({"a": [1.0]}, {"a": [inf]}, tensor_rtol=1.0) == "a[0]: inf instead of 1"


def test_whole_numbers_equal_numbers_and_truth_values_do_not() -> None:
    check({"a": [1, 0]}, {"a": [1.0, 0.0]})
    assert differs({"a": [1]}, {"a": [True]}) == "a[0]: True instead of 1"
    assert differs({"a": [True]}, {"a": [1]}) == "a[0]: 1 instead of True"
    check({"a": [10**30]}, {"a": [10**30]})
    assert "off by" in differs({"a": [10**30]}, {"a": [10**30 + 1]})


# --- other JSON


def test_keys_that_are_not_expected_are_not_compared() -> None:
    check({"predictions": [1.0]}, {"predictions": [1.0], "took": 3})
    assert differs({"predictions": [1.0], "a": {"b": 1}}, {"predictions": [1.0], "a": {}}) == (
        "a.b: it is missing"
    )


@pytest.mark.parametrize(
    ("expected", "got", "words"),
    [
        ({"a": [1, 2]}, {"a": [1]}, "a: 1 entries instead of 2"),
        ({"a": [1]}, {"a": {}}, "a: {} instead of a list"),
        ({"a": {}}, {"a": [1]}, "a: [1] instead of an object"),
        ({"a": {"b": 1}}, [1], "[1] instead of an object"),
        ({"a": "cat"}, {"a": "dog"}, "a: 'dog' instead of 'cat'"),
        ({"a": None}, {"a": 0}, "a: 0 instead of None"),
        ({"a": [{"b": [1, 2]}]}, {"a": [{"b": [1, 3]}]}, "a[0].b[1]: 3 instead of 2, off by 1"),
        (5, 6, "6 instead of 5, off by 1 where 0 is allowed"),
    ],
)
def test_differences_are_told_with_their_path(expected: Any, got: Any, words: str) -> None:
    assert differs(expected, got).startswith(words)


# --- boxes


def boxes(*rows: tuple[float, ...]) -> dict[str, Any]:
    return {
        "detections": [
            {"box": list(row[:4]), "score": row[4], "label": int(row[5])} for row in rows
        ]
    }


ONE, TWO = (0.0, 0.0, 10.0, 10.0, 0.9, 1), (20.0, 20.0, 30.0, 40.0, 0.8, 2)


def test_boxes_match_in_any_order() -> None:
    check(boxes(ONE, TWO), boxes(TWO, ONE), boxes_iou=0.9)


def test_a_box_that_moved_too_far_is_told_with_its_partner_and_overlap() -> None:
    moved = (0.0, 0.0, 10.0, 8.0, 0.9, 1)
    check(boxes(ONE, TWO), boxes(moved, TWO), boxes_iou=0.8)
    assert differs(boxes(ONE, TWO), boxes(moved, TWO), boxes_iou=0.9) == (
        "box 0: class 1 [0, 0, 10, 10] score 0.9 is best met by "
        "class 1 [0, 0, 10, 8] score 0.9: overlap 0.8 where 0.9 is wanted"
    )


def test_boxes_that_are_missing_or_not_expected_are_told() -> None:
    assert differs(boxes(ONE, TWO), boxes(ONE), boxes_iou=0.9) == (
        "box 1: class 2 [20, 20, 30, 40] score 0.8 has no partner of its class"
    )
    assert differs(boxes(ONE), boxes(ONE, TWO), boxes_iou=0.9) == (
        "class 2 [20, 20, 30, 40] score 0.8 is not expected; 2 boxes instead of 1"
    )
    assert differs(boxes(ONE), boxes(ONE, ONE), boxes_iou=0.9).endswith("2 boxes instead of 1")


def test_no_boxes_are_boxes() -> None:
    check(boxes(), boxes(), boxes_iou=0.9)
    assert "has no partner" in differs(boxes(ONE), boxes(), boxes_iou=0.9)
    assert "is not expected" in differs(boxes(), boxes(ONE), boxes_iou=0.9)


def test_a_box_of_another_class_is_no_partner() -> None:
    other = (*ONE[:5], 7)
    assert "no partner of its class" in differs(boxes(ONE), boxes(other), boxes_iou=0.5)


def test_scores_count_where_they_have_a_limit() -> None:
    weaker = (*ONE[:4], 0.7, 1)
    check(boxes(ONE), boxes(weaker), boxes_iou=0.9)
    check(boxes(ONE), boxes(weaker), boxes_iou=0.9, boxes_score=0.21)
    assert differs(boxes(ONE), boxes(weaker), boxes_iou=0.9, boxes_score=0.1).endswith(
        "overlap 1 where 0.9 is wanted, score off by 0.2 where 0.1 is allowed"
    )
    unstated = (*ONE[:4], math.nan, 1)
    assert "score" in differs(boxes(ONE), boxes(unstated), boxes_iou=0.9, boxes_score=0.1)


def test_near_boxes_are_matched_so_that_all_find_a_partner() -> None:
    # Taken greedily, the first would take the only partner of the second.
    first, second = (0.0, 0.0, 10.0, 10.0, 0.9, 1), (0.0, 0.0, 10.0, 11.0, 0.9, 1)
    near, far = (0.0, 0.0, 10.0, 10.5, 0.9, 1), (0.0, 0.0, 10.0, 9.5, 0.9, 1)
    check(boxes(first, second), boxes(near, far), boxes_iou=0.94)
    check(boxes(second, first), boxes(far, near), boxes_iou=0.94)


def test_padding_without_an_area_matches_padding() -> None:
    nothing = (0.0, 0.0, 0.0, 0.0, 0.0, 0)
    check(boxes(ONE, nothing, nothing), boxes(nothing, ONE, nothing), boxes_iou=0.9)


@pytest.mark.parametrize(
    "document",
    [
        {"boxes": [[0, 0, 10, 10]], "scores": [0.9], "labels": [1]},
        {"detections": [[0, 0, 10, 10, 0.9, 1]]},
        [[0, 0, 10, 10, 0.9, 1]],
        [[[0, 0, 10, 10, 0.9, 1]]],
        [{"bbox": {"xmin": 0, "ymin": 0, "xmax": 10, "ymax": 10}, "confidence": 0.9, "class": 1}],
        [{"x1": 0, "y1": 0, "x2": 10, "y2": 10, "score": 0.9, "class_id": 1}],
        answer(
            output("labels", [1], [1, 1]),
            output("scores", [0.9], [1, 1]),
            output("boxes", [0, 0, 10, 10], [1, 1, 4]),
        ),
        answer(output("dets", [0, 0, 10, 10, 0.9], [1, 1, 5]), output("labels", [1], [1, 1])),
    ],
)
def test_boxes_are_understood_in_the_forms_that_servers_give_them(document: Any) -> None:
    check(boxes(ONE), document, boxes_iou=0.99, boxes_score=0.001)
    assert "best met by" in differs(boxes((0.0, 0.0, 10.0, 20.0, 0.9, 1)), document, boxes_iou=0.9)


@pytest.mark.parametrize("document", [{}, 5, "x", {"a": 1}, [[1, 2]], [{"score": 1}], answer()])
def test_what_holds_no_boxes_is_told_so(document: Any) -> None:
    assert differs(boxes(ONE), document, boxes_iou=0.9) == (
        "the answer holds no boxes that are understood"
    )


def test_a_box_with_a_side_that_is_no_number_is_refused() -> None:
    bad = (math.nan, *ONE[1:])
    assert "no number" in differs(boxes(ONE), boxes(bad), boxes_iou=0.9)
    assert "more than 5000" in differs(boxes(ONE), boxes(*[ONE] * 5001), boxes_iou=0.9)


# --- ranks


def test_the_expected_class_must_be_among_the_best() -> None:
    expected = answer(output("probabilities", [0.1, 0.7, 0.2], [1, 3]))
    got = answer(output("probabilities", [0.1, 0.4, 0.5], [1, 3]))
    check(expected, got, topk_k=2)
    assert differs(expected, got, topk_k=1) == "sample 0: class 1 is of rank 2, not in the best 1"


def test_each_sample_has_its_own_class() -> None:
    expected = answer(output("scores", [0.9, 0.1, 0.2, 0.8], [2, 2]))
    got = answer(output("scores", [0.8, 0.2, 0.7, 0.3], [2, 2]))
    assert differs(expected, got, topk_k=1).startswith("sample 1: class 1")
    less = answer(output("scores", [0.8, 0.2], [1, 2]))
    assert differs(expected, less, topk_k=1) == "1 samples instead of 2"


def test_the_output_of_the_expected_name_is_ranked() -> None:
    scores = output("scores", [0.1, 0.9], [1, 2])
    more = output("embedding", [float(one) for one in range(100)], [1, 100])
    check(answer(more, scores), answer(scores, more), topk_k=1)
    assert differs(answer(scores), answer(more), topk_k=1) == (
        "there is no output scores, only embedding"
    )


CAT, DOG = {"label": "cat", "score": 0.8}, {"label": "dog", "score": 0.1}


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ([1], answer(output("scores", [0.1, 0.9], [1, 2]))),
        (1, {"predictions": [[0.1, 0.9]]}),
        ({"predictions": [[0.1, 0.9]]}, {"predictions": [[0.2, 0.8]]}),
        ({"predictions": [0.1, 0.9]}, {"predictions": [0.2, 0.8]}),
        ([{"label": "cat", "score": 0.9}], [DOG, CAT]),
        ("cat", [CAT, DOG]),
    ],
)  # fmt: skip
def test_classes_are_understood_in_the_forms_that_servers_give_them(
    expected: Any, got: Any
) -> None:
    check(expected, got, topk_k=1)


def test_scores_that_are_no_numbers_are_refused() -> None:
    expected = {"predictions": [[0.1, 0.9]]}
    assert "a score is no number" in differs(expected, {"predictions": [[math.nan, 0.9]]}, topk_k=1)
    assert "no ranked classes" in differs(expected, {"predictions": []}, topk_k=1)
    assert "not given at all" in differs("cat", [{"label": "dog", "score": 1.0}], topk_k=3)


# --- whatever comes


json_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=8),
    lambda inner: (
        some.lists(inner, max_size=4)
        | some.dictionaries(
            some.sampled_from(["a", "box", "score", "outputs", "data", "name"]), inner
        )
    ),
    max_leaves=12,
)
limits = some.sampled_from(
    [{}, {"tensor_atol": 0.1}, {"boxes_iou": 0.5, "boxes_score": 0.1}, {"topk_k": 2.0}]
)


@given(json_values, json_values, limits)
def test_whatever_is_compared_the_answer_is_a_reason_or_nothing(
    expected: Any, got: Any, limits: Limits
) -> None:
    with suppress(ReasonError):
        check(expected, got, **limits)


@given(json_values)
def test_every_document_equals_itself(document: Any) -> None:
    check(document, document)
    check(document, document, tensor_rtol=0.1)


@given(some.lists(some.floats(-1e6, 1e6), min_size=1, max_size=30), some.integers(0, 29))
def test_one_value_that_is_off_is_found_wherever_it_is(values: list[float], place: int) -> None:
    place %= len(values)
    off = [value + (1.0 if at == place else 0.0) for at, value in enumerate(values)]
    check({"a": values}, {"a": off}, tensor_atol=1.001)
    assert differs({"a": values}, {"a": off}, tensor_atol=0.999).startswith(f"a[{place}]: ")
