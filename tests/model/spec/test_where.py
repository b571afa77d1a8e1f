"""`where`: alternatives, lists, `not`, and absent labels."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.model.spec.where import Where, parse_where

FACTS = {"region": "north", "ring": "canary", "site": "store-001"}


@pytest.mark.parametrize(
    ("written", "holds"),
    [
        ({"region": "north"}, True),
        ({"region": ["south", "north"]}, True),
        ({"region": "north", "ring": "lab"}, False),
        ([{"region": "south"}, {"ring": "canary"}], True),
        ([{"region": "south"}, {"ring": "lab"}], False),
        ({"ring": {"not": "lab"}}, True),
        ({"ring": {"not": ["lab", "canary"]}}, False),
        ({"floor": {"not": "3"}}, True),
        ({"floor": "3"}, False),
        ({"site": "store-001"}, True),
    ],
)
def test_a_condition_holds_or_not(written: Any, holds: bool) -> None:
    assert parse_where(written).matches(FACTS) is holds


def test_equal_conditions_are_equal_wherever_they_were_written() -> None:
    assert parse_where({"a": "b"}) == parse_where({"a": ["b"]})
    assert parse_where([{"a": "b"}, {"c": "d"}]).keys() == ("a", "c")


LABELS = st.sampled_from(["a", "b", "c"])
CLAUSES = st.dictionaries(LABELS, st.lists(LABELS, min_size=1), min_size=1)


@given(CLAUSES, st.dictionaries(LABELS, LABELS))
def test_not_is_the_opposite_of_each_single_condition(
    clause: dict[str, list[str]], facts: dict[str, str]
) -> None:
    for key, values in clause.items():
        plain: Where = parse_where({key: values})
        negated: Where = parse_where({key: {"not": values}})
        assert plain.matches(facts) is not negated.matches(facts)


@given(st.lists(CLAUSES, min_size=1), st.dictionaries(LABELS, LABELS))
def test_a_list_holds_when_any_of_its_mappings_does(
    clauses: list[dict[str, list[str]]], facts: dict[str, str]
) -> None:
    alone = any(parse_where(clause).matches(facts) for clause in clauses)
    assert parse_where(clauses).matches(facts) is alone
