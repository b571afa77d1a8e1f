"""The JSON Schema of a comparison: what `diff --format json` prints and other programs may rely on.

A key is never taken away and never changes its meaning within one `format`; new ones may come.
"""

from __future__ import annotations

from typing import Any

from compiler.model.changes import Effect
from compiler.model.schema_shapes import DIALECT, count, list_, object_, or_null, text

FORMAT = "edgewright-diff/1"


def schema() -> dict[str, Any]:
    """The schema of the whole document; `diagnostics` is as every command prints it."""
    return {
        "$schema": DIALECT,
        "title": "What a change does to a fleet",
        **object_(
            {
                "format": {"const": FORMAT},
                "base": text("What was compared with, in words."),
                "head": text("What was compared, in words."),
                "objects": count("Objects that differ."),
                "sites": count("Sites at which anything but metadata changes."),
                "effects": {
                    "description": "Objects by effect, the most severe first.",
                    "type": "object",
                    "propertyNames": {"enum": [effect.value for effect in Effect]},
                    "additionalProperties": {"type": "integer", "minimum": 1},
                },
                "overriddenTemplates": list_(text("A template that the author replaced.")),
                "changes": list_(_change()),
                "costs": list_(_cost()),
                "gates": list_(_gate()),
                "policies": list_(
                    object_({"name": text("The policy."), "per": text("What it is held for.")})
                ),
            }
        ),
        "additionalProperties": True,
    }


def _change() -> dict[str, Any]:
    return object_(
        {
            "effect": {"enum": [effect.value for effect in Effect]},
            "subject": text("The part of the spec, such as jobs.watch-shelves."),
            "summary": text("What happens, in a sentence."),
            "hint": text("What to do about it; empty for nothing."),
            "objects": count("Objects that this is about."),
            "kinds": {
                "description": "Objects by kind.",
                "type": "object",
                "additionalProperties": {"type": "integer", "minimum": 1},
            },
            "fields": list_(
                object_(
                    {
                        "path": text("Where in the object."),
                        "old": text("The value before; empty for none. {site} is each site."),
                        "new": text("The value now; empty for none. {site} is each site."),
                    }
                )
            ),
            "places": list_(_place()),
            "example": text("One file of the output that changed."),
            "privileged": {"description": "A container is privileged now.", "type": "boolean"},
            "cause": or_null(
                object_(
                    {
                        "file": text("The file of the spec, or the lock."),
                        "line": count("Counted from 1."),
                        "column": count("Counted from 1."),
                    }
                )
            ),
        }
    )


def _cost() -> dict[str, Any]:
    both = or_null(object_({"before": or_null(count("Bytes.")), "after": or_null(count("Bytes."))}))
    return object_(
        {
            "places": list_(_place()),
            "artifacts": list_(text("An artifact that is fetched, with its version.")),
            "download": count("Bytes over each site's link."),
            "unsized": count("Artifacts of which no lock states the size."),
            "seconds": or_null(count("Time on the link; null where no rate is known.")),
            "window": text("When bytes may move, as HH:MM-HH:MM; empty for always."),
            "openings": count("How often the window opens until all is there."),
            "disk": both,
            "memory": both,
            "diskGiven": or_null(count("Bytes that the disk of a host gives to what it holds.")),
            "returnsOffline": or_null(
                {"description": "The version before stays at the site.", "type": "boolean"}
            ),
            "returnsWhy": text("Why it does not stay, or on which condition it does; or empty."),
        }
    )


def _gate() -> dict[str, Any]:
    return object_(
        {
            "environment": text("The environment."),
            "model": text("The model."),
            "version": text("A version of it that a site gets."),
            "variant": text("The variant; empty for the version itself."),
            "metric": text("The metric of the gate."),
            "holds": {"description": "The version passes.", "type": "boolean"},
            "value": text("The value that decided; empty where it was not measured."),
            "why": text("The value and the bound, in words."),
        }
    )


def _place() -> dict[str, Any]:
    return object_(
        {
            "environment": text("The environment."),
            "cluster": text("The cluster."),
            "site": text("The site; empty for what is of no single site."),
        }
    )
