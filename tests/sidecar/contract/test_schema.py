"""The sidecar's own validator against the reference validator, on documents made by dice."""

from __future__ import annotations

import random
import re
from functools import cache
from typing import Any

import jsonschema
import pytest

from sidecar.contract import schema
from tests.sidecar.contract.documents import ODD, SCHEMA, document, drawn

COUNT = 10_000


def whole_text(node: Any) -> Any:
    """The schema in words of `re.search`, whose `$` would let a line end pass."""
    if isinstance(node, dict):
        return {
            key: re.sub(r"\$$", r"\\Z", one)
            if key == "pattern" and isinstance(one, str)
            else whole_text(one)
            for key, one in node.items()
        }
    return [whole_text(one) for one in node] if isinstance(node, list) else node


REFERENCE = jsonschema.Draft202012Validator(whole_text(SCHEMA))


def reference(value: Any) -> set[str]:
    return {fault.json_path for fault in REFERENCE.iter_errors(value)}


def ours(value: Any, rules: schema.Schema) -> set[str]:
    return {line.partition(": ")[0] for line in schema.problems(value, rules)}


@cache
def documents(count: int) -> list[tuple[Any, set[str]]]:
    """Documents by dice, each with the places that the reference finds wrong."""
    dice = random.Random(20)
    found = [drawn(dice) for _ in range(count)]
    return [(value, reference(value)) for value in found]


def disputed(rules: schema.Schema, count: int) -> list[Any]:
    """The documents on which the two disagree."""
    return [value for value, places in documents(count) if ours(value, rules) != places]


def test_both_validators_find_the_same_places_wrong_in_thousands_of_documents(
    campaign: bool,
) -> None:
    count = COUNT if campaign else COUNT // 10
    found = disputed(SCHEMA, count)
    valid = sum(not places for _, places in documents(count))
    print(f"{count:,} documents, {valid:,} of them valid: {len(found)} disputed")
    assert found == []
    assert count / 5 < valid < 4 * count / 5


def without(word: str, node: Any) -> Any:
    """The schema as a validator reads it that does not know a word."""
    if isinstance(node, dict):
        kept = {key: without(word, one) for key, one in node.items()}
        return {key: one for key, one in kept.items() if key != word or isinstance(one, dict)}
    return [without(word, one) for one in node] if isinstance(node, list) else node


@pytest.mark.parametrize(
    "word",
    sorted(
        schema.KNOWN - {"properties", "items", "$ref", "$defs", "description", "$schema", "$id"}
    ),
)
def test_the_comparison_notices_a_validator_that_passes_over(word: str) -> None:
    assert disputed(without(word, SCHEMA), COUNT // 10)


def test_the_sidecar_carries_the_schema_that_the_compiler_writes() -> None:
    assert schema.contract() == SCHEMA


def test_every_pattern_is_anchored_so_that_both_readings_are_one() -> None:
    found = re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', str(SCHEMA).replace("'", '"'))
    assert found
    assert all(one.startswith("^") and one.endswith("$") for one in found)


@pytest.mark.parametrize("kind", ["object", "array", "string", "boolean", "number", "integer"])
def test_types_are_judged_as_the_reference_judges_them(kind: str) -> None:
    rules = {"type": kind}
    judge = jsonschema.Draft202012Validator(rules)
    for value in ODD:
        assert (schema.problems(value, rules) == []) == judge.is_valid(value), value


@pytest.mark.parametrize(
    "rules", [{"const": 1}, {"const": True}, {"enum": [0, "a"]}, {"uniqueItems": True}]
)
def test_equal_values_are_equal_as_the_reference_has_it(rules: dict[str, Any]) -> None:
    judge = jsonschema.Draft202012Validator(rules)
    for value in ODD:
        assert (schema.problems(value, rules) == []) == judge.is_valid(value), value


def test_a_line_end_behind_a_digest_is_no_digest() -> None:
    rules = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    assert schema.problems("ab" * 32, rules) == []
    assert schema.problems("ab" * 32 + "\n", rules) == ["$: must match ^[0-9a-f]{64}$"]


def test_every_problem_is_told_with_its_place() -> None:
    value = document()
    del value["surface"]["port"]
    value["artifacts"][1]["sha256"] = "no digest"
    value["artifacts"][0]["view"]["nubmer"] = 3
    assert schema.problems(value) == [
        '$.artifacts[0].view: unknown key "nubmer"',
        "$.artifacts[1].sha256: must match ^[0-9a-f]{64}$",
        "$.surface: lacks port",
    ]


def test_a_word_that_the_validator_does_not_know_is_a_bug_and_not_a_pass() -> None:
    with pytest.raises(ValueError, match="oneOf"):
        schema.problems({}, {"oneOf": []})


def test_whole_numbers_written_with_a_fraction_become_integers_where_the_schema_wants_them() -> (
    None
):
    value = document()
    value["surface"]["port"] = 9471.0
    value["contract"] = 1.0
    value["artifacts"][0]["activation"]["golden"]["tolerance"][0]["value"] = 1.0
    assert schema.problems(value) == []
    found = schema.whole(value, SCHEMA, SCHEMA)
    assert [type(found["surface"]["port"]), type(found["contract"])] == [int, int]
    golden = found["artifacts"][0]["activation"]["golden"]
    assert type(golden["tolerance"][0]["value"]) is float
