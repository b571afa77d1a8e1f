"""Findings as JSON: the same keys for every one, whatever is in it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from compiler.model.diagnostics import Code, Diagnostic, Related, Span
from compiler.reports.json import as_dict, render

WARNING = Code("W7201", "t", "r", "m")
SPAN = Span("specs/jobs.yaml", 2, 29)


def test_a_finding_has_its_place_and_its_related_places() -> None:
    found = Diagnostic(WARNING, "m", SPAN, "h", (Related(Span("b", 1, 2), "there"),))
    assert as_dict(found) == {
        "code": "W7201",
        "severity": "warning",
        "message": "m",
        "hint": "h",
        "file": "specs/jobs.yaml",
        "line": 2,
        "column": 29,
        "table": [],
        "related": [{"file": "b", "line": 1, "column": 2, "message": "there"}],
    }


def test_every_finding_has_the_same_keys_with_or_without_a_place() -> None:
    with_place, without = as_dict(Diagnostic(WARNING, "m", SPAN)), as_dict(Diagnostic(WARNING, "m"))
    assert with_place.keys() == without.keys()
    assert (without["file"], without["line"], without["column"]) == (None, None, None)


def test_the_result_comes_before_the_findings() -> None:
    text = render({"objects": 3}, [Diagnostic(WARNING, "m")])
    assert list(json.loads(text)) == ["objects", "diagnostics"]
    assert text.endswith("}\n")


@given(st.text(), st.text())
def test_any_text_survives_and_the_document_is_plain_ascii(message: str, hint: str) -> None:
    text = render({}, [Diagnostic(WARNING, message, None, hint)])
    assert text.isascii()
    (found,) = json.loads(text)["diagnostics"]
    assert (found["message"], found["hint"]) == (message, hint)
