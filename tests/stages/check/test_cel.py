"""The part of CEL that rules of definitions use, by the language's own semantics."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from compiler.stages.check.cel import CelError, Rule, compile_rule


@pytest.mark.parametrize(
    ("rule", "value", "holds"),
    [
        ("self == 'a'", "a", True),
        ("self != 'a'", "a", False),
        ("self > 0 || self in ['auto', 'cpu']", "cpu", True),
        ("self > 0 || self in ['auto', 'cpu']", "tpu", False),
        ("self > 0 || self in ['auto', 'cpu']", 4, True),
        ("has(self.a) || has(self.b)", {"b": 1}, True),
        ("has(self.a) && has(self.b)", {"b": 1}, False),
        ("has(self.a.b) ? self.a.b == 1 : true", {"a": {}}, True),
        ("(has(self.a) ? 1 : 0) + (has(self.b) ? 1 : 0) <= 1", {"a": 1, "b": 1}, False),
        (
            "self.all(x, !has(x.key) ? x.operator == 'Exists' : true)",
            [{"operator": "Equal"}],
            False,
        ),
        ("self.all(x, x.n < 3)", [], True),
        ("self.exists(x, x == 2)", [1, 2], True),
        ("self.exists_one(x, x == 2)", [2, 2], False),
        ("self.filter(x, x > 1).size() == 2", [1, 2, 3], True),
        ("size(self.map(x, x * 2)) == 3 && 6 in self.map(x, x * 2)", [1, 2, 3], True),
        ("self.matches('^[0-9]') || self.startsWith(\"x\")", "x1", True),
        ("self.contains('d.') && self.endsWith('n')", "add.in", True),
        ("!(self == true)", True, False),
        ("self == 1", True, False),
        ("self[0] == 'a' && self[1] != 'a'", ["a", "b"], True),
        ("-self + 2 * 3 - 4 / 2 == 3", 1, True),
        ("7 % 4 == 3 && self >= 1.5", 1.5, True),
        ("self.missing == 1", {}, False),
        ("self.missing == 1 || true", {}, True),
        ("true || self.missing == 1", {}, True),
        ("self.missing == 1 && false", {}, False),
        ("!(self.missing == 1 && false)", {}, True),
        ("'x' in self", {"x": None}, True),
        ("self.all(k, k != 'bad')", {"good": 1}, True),
        ("self == \"it's\" || self == 'it\\'s'", "it's", True),
    ],
)
def test_a_rule_is_judged_as_cel_judges_it(rule: str, value: Any, holds: bool) -> None:
    assert Rule(rule, "", compile_rule(rule)).holds(value) is holds


@pytest.mark.parametrize(
    "rule",
    ["", "self ==", "self.", "(self", "self == oldSelf", "unknown(self)", "self @ 1", "has(self)"],
)
def test_what_is_beyond_the_evaluator_does_not_compile(rule: str) -> None:
    with pytest.raises(CelError):
        compile_rule(rule)


def test_defaults_are_filled_in_before_a_rule_is_judged() -> None:
    rule = Rule("self.a == 1", "", compile_rule("self.a == 1"), {"a": 1})
    assert rule.holds({})
    assert not rule.holds({"a": 2})


def test_every_shipped_rule_that_needs_no_older_object_is_judged() -> None:
    rules = {
        rule["rule"]
        for entry in (files("compiler") / "schemas").iterdir()
        for node in json.loads(entry.read_text(encoding="utf-8")).get("nodes", ())
        for rule in node.get("rules", ())
    }
    judged = [rule for rule in rules if "oldSelf" not in rule]
    assert len(judged) > 30
    for rule in judged:
        compile_rule(rule)
