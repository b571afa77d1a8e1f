"""Diagnostics and results as JSON: stable keys, for CI and editors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from compiler.model.diagnostics import Diagnostic, Span


def render(result: Mapping[str, Any], diagnostics: Iterable[Diagnostic]) -> str:
    """Return one document: the result's own keys plus `diagnostics`, ending in a line break."""
    document = {**result, "diagnostics": [as_dict(d) for d in diagnostics]}
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def as_dict(diagnostic: Diagnostic) -> dict[str, Any]:
    """Return code, severity, message, hint, figures, place and related places of one diagnostic."""
    return {
        "code": diagnostic.code.id,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        **_place(diagnostic.span),
        "table": list(diagnostic.table),
        "related": [{**_place(r.span), "message": r.message} for r in diagnostic.related],
    }


def _place(span: Span | None) -> dict[str, Any]:
    if span is None:
        return {"file": None, "line": None, "column": None}
    return {"file": span.file, "line": span.line, "column": span.column}
