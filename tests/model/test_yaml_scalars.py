"""The core schema, and the words on what other readers make of the same text."""

from __future__ import annotations

import datetime
import math
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.model.yaml_scalars import resolve, surprise

SURPRISES = {
    "no": "is text here (YAML 1.2); to a reader of YAML 1.1 it is false",
    "On": "is text here (YAML 1.2); to a reader of YAML 1.1 it is true",
    "012": "is the number 12 here (YAML 1.2); to a reader of YAML 1.1 it is the number 10",
    "0o14": "is the number 12 here (YAML 1.2); to a reader of YAML 1.1 it is text",
    "24:00": "is text here (YAML 1.2); to a reader of YAML 1.1 it is the number 1440",
    "1_000": "is text here (YAML 1.2); to a reader of YAML 1.1 it is the number 1000",
    "0b11": "is text here (YAML 1.2); to a reader of YAML 1.1 it is the number 3",
    "2026-01-01": "is text here (YAML 1.2); to a reader of YAML 1.1 it is a date",
    "1e3": "is the number 1000.0 here (YAML 1.2); to a reader of YAML 1.1 it is text",
    "<<": "is text here (YAML 1.2); to a reader of YAML 1.1 it is a merge key",
    "1.10": 'is the number 1.1; as text it needs quotes: "1.10"',
}


@pytest.mark.parametrize("text", SURPRISES)
def test_a_surprise_is_told(text: str) -> None:
    assert surprise(text) == SURPRISES[text]


@pytest.mark.parametrize("text", ["", "a", "true", "12", "1.5", "~", "01:00-05:00", "0x1F", "1.0"])
def test_no_surprise_where_all_readers_agree(text: str) -> None:
    assert surprise(text) is None


def by_yaml_1_1(text: str) -> Any:
    """What PyYAML, a reader of YAML 1.1, makes of one plain scalar."""
    loader = yaml.SafeLoader("")
    resolver: Any = loader
    tag = resolver.resolve(yaml.ScalarNode, text, (True, False))
    return loader.construct_object(yaml.ScalarNode(tag, text))


# PyYAML's own departures from YAML 1.1: single letters are no booleans, `<<` and `=` have
# no value of their own, and it fails on dates that no calendar has and on bare underscores.
LETTERS = {"y", "Y", "n", "N", "<<", "="}
SHAPES = st.one_of(
    st.text("0123456789_:.-+eExob,aTZ ", max_size=10).map(str.strip),
    st.sampled_from(["yes", "No", "off", "TRUE", "null", "~", ".inf", "-.INF", ".NaN"]),
    st.from_regex(r"\A[-+]?[0-9][0-9_]{0,3}(:[0-5]?[0-9]){1,2}(\.[0-9]{0,2})?\Z"),
    st.from_regex(r"\A0[xob]?[0-9a-f_]{1,4}\Z"),
)


@settings(max_examples=600, deadline=None)
@given(SHAPES)
def test_a_surprise_is_told_exactly_where_the_values_differ(text: str) -> None:
    try:
        there = by_yaml_1_1(text)
    except (ValueError, OverflowError):
        return
    if text in LETTERS or isinstance(there, datetime.date):
        return
    try:
        here: object = resolve(text)
    except ValueError:
        here = math.inf
    assert _differ(here, there) == ("YAML 1.1" in (surprise(text) or ""))


def _differ(here: object, there: object) -> bool:
    if isinstance(here, float) and isinstance(there, float):
        infinite = not math.isfinite(here) and not math.isfinite(there)
        return not infinite and float(here) != there
    if isinstance(here, bool | str | None) or isinstance(there, bool | str | None):
        return here != there or isinstance(here, bool) != isinstance(there, bool)
    return isinstance(here, float) != isinstance(there, float) or here != there
