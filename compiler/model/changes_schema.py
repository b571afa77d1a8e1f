"""The JSON Schema of a comparison: what `diff --format json` prints and other programs may rely on.

A key is never taken away and never changes its meaning within one `format`; new ones may come.
"""

from __future__ import annotations

from typing import Any

from compiler.model.changes import Effect

FORMAT = "edgewright-diff/1"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """The schema of the whole document; `diagnostics` is as every command prints it."""
    return {
        "$schema": _DIALECT,
        "title": "What a change does to a fleet",
        **_object(
            {
                "format": {"const": FORMAT},
                "base": _text("What was compared with, in words."),
                "head": _text("What was compared, in words."),
                "objects": _count("Objects that differ."),
                "sites": _count("Sites at which anything but metadata changes."),
                "effects": {
                    "description": "Objects by effect, the most severe first.",
                    "type": "object",
                    "propertyNames": {"enum": [effect.value for effect in Effect]},
                    "additionalProperties": {"type": "integer", "minimum": 1},
                },
                "overriddenTemplates": _list(_text("A template that the author replaced.")),
                "changes": _list(_change()),
                "costs": _list(_cost()),
                "gates": _list(_gate()),
                "policies": _list(
                    _object({"name": _text("The policy."), "per": _text("What it is held for.")})
                ),
            }
        ),
        "additionalProperties": True,
    }


def _change() -> dict[str, Any]:
    return _object(
        {
            "effect": {"enum": [effect.value for effect in Effect]},
            "subject": _text("The part of the spec, such as jobs.watch-shelves."),
            "summary": _text("What happens, in a sentence."),
            "hint": _text("What to do about it; empty for nothing."),
            "objects": _count("Objects that this is about."),
            "kinds": {
                "description": "Objects by kind.",
                "type": "object",
                "additionalProperties": {"type": "integer", "minimum": 1},
            },
            "fields": _list(
                _object(
                    {
                        "path": _text("Where in the object."),
                        "old": _text("The value before; empty for none. {site} is each site."),
                        "new": _text("The value now; empty for none. {site} is each site."),
                    }
                )
            ),
            "places": _list(_place()),
            "example": _text("One file of the output that changed."),
            "privileged": {"description": "A container is privileged now.", "type": "boolean"},
            "cause": _or_null(
                _object(
                    {
                        "file": _text("The file of the spec, or the lock."),
                        "line": _count("Counted from 1."),
                        "column": _count("Counted from 1."),
                    }
                )
            ),
        }
    )


def _cost() -> dict[str, Any]:
    both = _or_null(
        _object({"before": _or_null(_count("Bytes.")), "after": _or_null(_count("Bytes."))})
    )
    return _object(
        {
            "places": _list(_place()),
            "artifacts": _list(_text("An artifact that is fetched, with its version.")),
            "download": _count("Bytes over each site's link."),
            "unsized": _count("Artifacts of which no lock states the size."),
            "seconds": _or_null(_count("Time on the link; null where no rate is known.")),
            "window": _text("When bytes may move, as HH:MM-HH:MM; empty for always."),
            "openings": _count("How often the window opens until all is there."),
            "disk": both,
            "memory": both,
            "returnsOffline": _or_null(
                {"description": "The version before stays at the site.", "type": "boolean"}
            ),
        }
    )


def _gate() -> dict[str, Any]:
    return _object(
        {
            "environment": _text("The environment."),
            "model": _text("The model."),
            "version": _text("A version of it that a site gets."),
            "variant": _text("The variant; empty for the version itself."),
            "metric": _text("The metric of the gate."),
            "holds": {"description": "The version passes.", "type": "boolean"},
            "value": _text("The value that decided; empty where it was not measured."),
            "why": _text("The value and the bound, in words."),
        }
    )


def _place() -> dict[str, Any]:
    return _object(
        {
            "environment": _text("The environment."),
            "cluster": _text("The cluster."),
            "site": _text("The site; empty for what is of no single site."),
        }
    )


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "type": "string"}


def _count(description: str) -> dict[str, Any]:
    return {"description": description, "type": "integer", "minimum": 0}


def _or_null(one: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [one, {"type": "null"}]}
