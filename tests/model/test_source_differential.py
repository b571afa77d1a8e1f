"""Our reader against ruamel.yaml, the other reader of YAML 1.2: same data, or both refuse.

Two exceptions have a reason:
- we refuse what the language of specs does not have (`LANGUAGE`: tags, merge keys, directives,
  keys that are no text, numbers that JSON lacks, invisible characters);
- ruamel.yaml keeps some scalars of YAML 1.1 (`beyond_core_schema`), which count as text here.
"""

from __future__ import annotations

import io
import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, SequenceNode

from compiler.model import source
from compiler.model.diagnostics import Diagnostics

LANGUAGE = {"E1004", "E1010", "E1011", "E1012", "E1013", "E1015"}
"""Codes of what YAML 1.2 has and a spec may not hold."""

SCALARS = st.sampled_from(
    [
        "a", "b c", "no", "Yes", "on", "012", "0o14", "0x1F", "1_000", "24:00", "1.10", "-7", "1e3",
        "+.5", "1.", "~", "null", "Null", "true", "FALSE", "", ""'it''s'"", '"q\\n\\u00e4"', "a#b",
        "http://x:80/y", "{site}", "é", "日本", "2026-01-01", "-", "- a", "?", "*x", "&x v", "- -",
        "a: b", "x,y", "'", "\"", "|", ">-", "%a", "@a", "!t v", "<<", "=", ".inf", "#c", "a #c",
        "0b1", "0o8", "1e400", "-0", "+1", "00", "1__0", "1:30", "1.2.3", "...", "---", "::", "a:b",
    ]
)  # fmt: skip
KEYS = st.sampled_from(["a", "b", "c d", "'e'", '"f"', "1", "1.10", "no", "~", "é", "<<", "? g"])


def indented(text: str, by: str) -> str:
    """Every line of a text moved to the right."""
    return "\n".join(by + line for line in text.split("\n"))


def block(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Mappings and lists around other text, in block and flow style."""
    pairs = st.lists(st.tuples(KEYS, children), min_size=1, max_size=4)
    items = st.lists(children, min_size=1, max_size=4)
    return st.one_of(
        pairs.map(lambda found: "\n".join(f"{k}:\n{indented(v, '  ')}" for k, v in found)),
        pairs.map(lambda found: "\n".join(f"{k}: {v}" for k, v in found)),
        pairs.map(lambda found: "{" + ", ".join(f"{k}: {v}" for k, v in found) + "}"),
        items.map(lambda found: "\n".join(f"-\n{indented(v, '  ')}" for v in found)),
        items.map(lambda found: "\n".join(f"- {v}" for v in found)),
        items.map(lambda found: "[" + ", ".join(found) + "]"),
        children.map(lambda found: f"|\n{indented(found, '  ')}"),
        children.map(lambda found: f"&x {found}"),
    )


DOCUMENTS = st.recursive(SCALARS, block, max_leaves=8)


def ours(text: str) -> tuple[Any, set[str]]:
    """The documents as comparable data, and the codes of what was reported."""
    diagnostics = Diagnostics()
    documents = source.parse("f.yaml", text, diagnostics)
    codes = {found.code.id for found in diagnostics.found}
    return [comparable(document.data) for document in documents], codes


def comparable(data: Any) -> Any:
    """Data that compares by type, order of keys and value."""
    if isinstance(data, dict):
        return {"map": [(key, comparable(value)) for key, value in data.items()]}
    if isinstance(data, list):
        return [comparable(value) for value in data]
    for kind in (bool, int, float, str):
        if isinstance(data, kind):
            return (kind.__name__, repr(kind(data)))
    return data


def theirs(text: str) -> Any:
    """The same by ruamel.yaml; raises YAMLError or ValueError where it refuses."""
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReusedAnchorWarning)
        return [from_node(node, reader, ()) for node in reader.compose_all(io.StringIO(text))]


def from_node(node: Any, reader: YAML, above: tuple[int, ...]) -> Any:
    """Comparable data of a node of ruamel.yaml, with keys by their text as a spec has them."""
    if id(node) in above:
        raise ValueError("a value inside itself")
    if isinstance(node, MappingNode):
        keys = [str(key.value) for key, _ in node.value]
        if len(set(keys)) < len(keys):
            raise ValueError("a duplicate key")
        values = [from_node(value, reader, (*above, id(node))) for _, value in node.value]
        return {"map": list(zip(keys, values, strict=True))}
    if isinstance(node, SequenceNode):
        return [from_node(value, reader, (*above, id(node))) for value in node.value]
    if node.style is None and beyond_core_schema(node):
        return comparable(str(node.value))
    return comparable(reader.constructor.construct_object(node))


def beyond_core_schema(node: Any) -> bool:
    """Whether ruamel.yaml reads a plain scalar as something that YAML 1.2 has no rule for.

    It keeps dates, merge keys, `=`, binary numbers and underscores in numbers from YAML 1.1.
    """
    kind = str(node.tag).rpartition(":")[2]
    numeric = kind in {"int", "float"} and ("_" in node.value or "0b" in node.value)
    return numeric or kind in {"timestamp", "merge", "value"}


def judged(text: str) -> str:
    """How the two readers compare on one text."""
    data, codes = ours(text)
    if codes & LANGUAGE:
        return "not in the language"
    try:
        other = theirs(text)
    except (YAMLError, ValueError):
        return "both refuse" if codes else "only ruamel.yaml refuses"
    if codes:
        return "only we refuse"
    return "same data" if data == other else "other data"


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
@given(DOCUMENTS)
def test_both_readers_of_yaml_1_2_give_the_same_data_or_both_refuse(text: str) -> None:
    assert judged(text) in {"same data", "both refuse", "not in the language"}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("a: [no, 012, 0o14, 24:00, 1_000, 1.10, 2026-01-01, =]", "same data"),
        ("a: {b: 1", "both refuse"),
        ("a: 1\na: 2", "both refuse"),
        ("a: &x [*x]", "both refuse"),
        ("a: !t b", "not in the language"),
    ],
)
def test_the_comparison_tells_the_cases_apart(text: str, verdict: str) -> None:
    assert judged(text) == verdict


EXCEPTIONS = [
    (
        "a:\tb",
        "only ruamel.yaml refuses",
        "YAML 1.2 allows a tab that separates a key from a value",
    ),
    ("a\tb", "only ruamel.yaml refuses", "YAML 1.2 allows a tab inside a plain scalar"),
    ("[a\tb]", "only ruamel.yaml refuses", "the same between brackets"),
    ("{a:}", "only we refuse", "libyaml wants a space after the colon; refusing is the safer"),
    ("[a:]", "only we refuse", "the same in a list"),
    ("a\n...\nb", "only we refuse", "libyaml wants `---` after `...`"),
    ("[:b]", "not in the language", "libyaml takes the colon for the end of an empty key"),
    ("a: -0o7", "other data", "the core schema has no sign before 0o; ruamel.yaml reads a number"),
    ("a: +0x1", "other data", "the core schema has no sign before 0x; ruamel.yaml reads a number"),
]
"""Everything else in which the two were found to differ, with the reason."""


@pytest.mark.parametrize(("text", "verdict", "reason"), EXCEPTIONS)
def test_an_exception_is_still_one(text: str, verdict: str, reason: str) -> None:
    assert judged(text) == verdict, reason


GRAMMAR = """\
a : b
[a, b,]
{a, b: c}
{"a":1}
{a:b}
[? a : b]
[a: b]
a: 'b' #c
a: [-b, ?c]
'a': "b"
a::b
[,]
a: 'b'c
- -a
--- a
key: [a, b]: c
&a &b c
a: {b: c}}
\ta: b
[\ta]
"""


@pytest.mark.parametrize("text", GRAMMAR.splitlines())
def test_both_readers_agree_on_corners_of_the_grammar(text: str) -> None:
    assert judged(text) in {"same data", "both refuse"}
