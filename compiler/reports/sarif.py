"""Remarks as SARIF 2.1.0, for code scanning and editors.

Every result has a place with a relative address, a rule and a fingerprint that moving lines do not
change. What is more than a host takes is left out, the least severe first, and counted.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from compiler.model.diagnostics import Span
from compiler.reports.annotations import Annotation, Level, Rule

MOST = 5_000
"""Results of a run that GitHub shows."""
LONGEST = 1_000
"""Characters of a message."""
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_FINGERPRINT = "primaryLocationLineHash"
"""The one fingerprint that GitHub tells equal results by."""
_ORDER = tuple(Level)


def render(annotations: Iterable[Annotation], version: str) -> str:
    """The document, ending in a line break."""
    return json.dumps(document(annotations, version), indent=2, ensure_ascii=True) + "\n"


def document(annotations: Iterable[Annotation], version: str) -> dict[str, Any]:
    """The log with its one run."""
    found = sorted(annotations, key=lambda one: _ORDER.index(one.level))
    shown = found[:MOST]
    rules = {one.rule.id: one.rule for one in shown}
    places = {name: number for number, name in enumerate(sorted(rules))}
    seen: Counter[str] = Counter()
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "edgewright",
                "semanticVersion": version,
                "rules": [_rule(rules[name]) for name in places],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, places[one.rule.id], seen) for one in shown],
    }
    if len(found) > MOST:
        run["invocations"] = [_left_out(len(found) - MOST)]
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.text},
    }
    return made | ({"help": {"text": rule.help}} if rule.help else {})


def _result(one: Annotation, rule: int, seen: Counter[str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ruleId": one.rule.id,
        "ruleIndex": rule,
        "level": one.level.value,
        "message": {"text": one.text[:LONGEST]},
        "locations": [_location(one.place)],
        "partialFingerprints": {_FINGERPRINT: _fingerprint(one, seen)},
    }
    if one.related:
        made["relatedLocations"] = [
            {"id": number, "message": {"text": text}, **_location(span)}
            for number, (span, text) in enumerate(one.related)
        ]
    return made


def _fingerprint(one: Annotation, seen: Counter[str]) -> str:
    about = "\0".join([one.rule.id, one.place.file, one.identity])
    digest = hashlib.sha256(about.encode("utf-8", "replace")).hexdigest()[:16]
    seen[digest] += 1
    return f"{digest}:{seen[digest]}"


def _location(span: Span) -> dict[str, Any]:
    address: dict[str, Any] = {"uri": quote(span.file)}
    if not span.file.startswith("/"):
        address["uriBaseId"] = "%SRCROOT%"
    else:
        address["uri"] = f"file://{quote(span.file)}"
    region = {"startLine": max(span.line, 1), "startColumn": max(span.column, 1)}
    return {"physicalLocation": {"artifactLocation": address, "region": region}}


def _left_out(number: int) -> dict[str, Any]:
    text = f"{number:,} more results of the least severe levels are left out"
    note = {"level": "note", "message": {"text": text}}
    return {"executionSuccessful": True, "toolExecutionNotifications": [note]}
