"""A comparison as JSON, for CI and for other reports; `changes_schema` is its published schema."""

from __future__ import annotations

import json
from typing import Any

from compiler.model.changes import Comparison, Cost, Place, Row
from compiler.model.changes_schema import FORMAT
from compiler.model.gating import Standing


def render(found: Comparison) -> str:
    """The document, ending in a line break."""
    return json.dumps(document(found), indent=2, ensure_ascii=True) + "\n"


def document(found: Comparison) -> dict[str, Any]:
    """The comparison as data that JSON has."""
    return {
        "format": FORMAT,
        "base": found.base,
        "head": found.head,
        "objects": found.objects,
        "sites": len(found.sites),
        "effects": {effect.value: count for effect, count in found.effects.items()},
        "overriddenTemplates": list(found.overridden),
        "changes": [_row(row) for row in found.rows],
        "costs": [_cost(cost) for cost in found.costs],
        "gates": [_gate(one) for one in found.gates],
        "policies": [{"name": name, "per": per} for name, per in found.policies],
    }


def _row(row: Row) -> dict[str, Any]:
    cause = row.cause
    return {
        "effect": row.effect.value,
        "subject": row.subject,
        "summary": row.summary,
        "hint": row.hint,
        "objects": row.objects,
        "kinds": dict(row.kinds),
        "fields": [{"path": one.path, "old": one.old, "new": one.new} for one in row.fields],
        "places": [_place(place) for place in row.places],
        "example": row.example,
        "privileged": row.privileged,
        "cause": cause and {"file": cause.file, "line": cause.line, "column": cause.column},
    }


def _cost(cost: Cost) -> dict[str, Any]:
    return {
        "places": [_place(place) for place in cost.places],
        "artifacts": list(cost.artifacts),
        "download": cost.download,
        "unsized": cost.unsized,
        "seconds": cost.seconds,
        "window": cost.window,
        "openings": cost.nights,
        "disk": _change(cost.disk_before, cost.disk_after),
        "memory": _change(cost.memory_before, cost.memory_after),
        "diskGiven": cost.disk_given,
        "returnsOffline": cost.returns_offline,
        "returnsWhy": cost.returns_why,
    }


def _gate(one: Standing) -> dict[str, Any]:
    return {
        "environment": one.environment,
        "model": one.model,
        "version": one.version,
        "variant": one.variant,
        "metric": one.metric,
        "holds": one.holds,
        "value": one.figure,
        "why": one.why,
    }


def _place(place: Place) -> dict[str, str]:
    return {"environment": place.environment, "cluster": place.cluster, "site": place.site}


def _change(before: int | None, after: int | None) -> dict[str, int | None] | None:
    return None if before is None and after is None else {"before": before, "after": after}
