"""What `set:` means, and whom the result blames."""

from __future__ import annotations

import copy

import pytest

from compiler.model import source
from compiler.model.diagnostics import Diagnostics
from compiler.model.marks import Map
from compiler.model.merge import overlay


def read(text: str, file: str) -> Map:
    """The mapping of a text without faults."""
    diagnostics = Diagnostics()
    (document,) = source.parse(file, text, diagnostics)
    assert not diagnostics.found
    assert isinstance(document.data, Map)
    return document.data


@pytest.mark.parametrize(
    ("base", "over", "result"),
    [
        ("{a: 1}", "{}", {"a": 1}),
        ("{a: {b: 1, c: 2}}", "{a: {c: 3}}", {"a": {"b": 1, "c": 3}}),
        ("{a: [1, 2]}", "{a: [3]}", {"a": [3]}),
        ("{a: {b: 1}}", "{a: 2}", {"a": 2}),
        ("{a: 2}", "{a: {b: 1}}", {"a": {"b": 1}}),
        ("{a: 1, b: 2}", "{a: null}", {"b": 2}),
        ("{a: {b: 1}}", "{a: {b: null}}", {"a": {}}),
        ("{a: 1}", "{b: {c: null, d: 1}}", {"a": 1, "b": {"d": 1}}),
        ("{a: null}", "{b: 1}", {"a": None, "b": 1}),
        ("{a: [null]}", "{a: [null, 1]}", {"a": [None, 1]}),
        (
            "{splits: {seed: 7, parts: {train: 0.8, test: 0.2}}}",
            "{splits: {parts: {train: 0.5, val: 0.5}}}",
            {"splits": {"seed": 7, "parts": {"train": 0.5, "val": 0.5}}},
        ),
        ("{splits: {parts: {train: 1}}}", "{splits: {parts: null}}", {"splits": {}}),
        (
            "{params: {splits: {parts: {a: 1}}}}",
            "{params: {splits: {parts: {b: 1}}}}",
            {"params": {"splits": {"parts": {"a": 1, "b": 1}}}},
        ),
        ("{parts: {a: 1}}", "{parts: {b: 1}}", {"parts": {"a": 1, "b": 1}}),
    ],
)
def test_mappings_merge_and_the_rest_replaces(
    base: str, over: str, result: dict[str, object]
) -> None:
    assert overlay(read(base, "b"), read(over, "o")) == result


def test_keys_keep_the_order_of_the_base_and_new_ones_follow() -> None:
    assert list(overlay(read("{b: 1, a: 1}", "b"), read("{c: 1, a: 2}", "o"))) == ["b", "a", "c"]


def test_marks_point_at_whoever_wrote_the_value() -> None:
    base = read("job:\n  image: a\n  cpu: 1\n  list: [x]\n", "base.yaml")
    over = read("\n\njob: {image: b, new: {k: v}, list: [y]}\n", "over.yaml")
    job = overlay(base, over)["job"]
    assert str(job.marks.span) == "base.yaml:2:3"
    assert str(job.marks.value_span("cpu")) == "base.yaml:3:8"
    assert str(job.marks.value_span("image")) == "over.yaml:3:14"
    assert str(job.marks.key_span("new")) == "over.yaml:3:17"
    assert str(job["new"].marks.value_span("k")) == "over.yaml:3:26"
    assert str(job["list"].marks.value_span(0)) == "over.yaml:3:37"
    assert str(overlay(base, over).marks.at(["job", "new", "k"])) == "over.yaml:3:26"


def test_marks_survive_a_second_overlay() -> None:
    first = overlay(read("a: {x: 1, y: 1}", "1"), read("a: {x: 2}", "2"))
    marks = overlay(first, read("a: {y: 3}", "3")).marks
    assert [str(marks.at(["a", key])) for key in "xy"] == ["2:1:8", "3:1:8"]


def test_neither_argument_changes() -> None:
    base, over = read("a: {b: {c: 1}}", "b"), read("a: {b: {d: null}, e: {f: null}}", "o")
    before = copy.deepcopy((dict(base), dict(over)))
    overlay(base, over)
    assert (dict(base), dict(over)) == before
