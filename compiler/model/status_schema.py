"""The JSON Schema of a status: what `status --format json` prints and other programs may rely on.

A key is never taken away and never changes its meaning within one `format`; new ones may come.
"""

from __future__ import annotations

from typing import Any

from compiler.model.observed import EngineState, Verdict
from compiler.model.schema_shapes import (
    DIALECT,
    count,
    list_,
    map_,
    object_,
    or_null,
    text,
    word,
)
from compiler.model.truth import Mark

FORMAT = "edgewright-status/1"


def schema() -> dict[str, Any]:
    """The schema of the whole document; `diagnostics` is as every command prints it."""
    return {
        "$schema": DIALECT,
        "title": "How a fleet stands",
        **object_(
            {
                "format": {"const": FORMAT},
                "models": list_(_model()),
                "rollouts": list_(_rollout()),
                "branches": list_(_branch()),
                "reports": map_(text("Why there are no reports of an environment.")),
                "clusters": list_(_cluster()),
                "rows": list_(_row()),
                "objectsLeftOut": count("Objects that no row is about."),
                "written": or_null(list_(_written())),
                "next": list_(_step()),
            }
        ),
        "additionalProperties": True,
    }


def _model() -> dict[str, Any]:
    return object_(
        {
            **_place(),
            "site": text("The site."),
            "ring": or_null(text("The site's label `ring`.")),
            "model": text("The model."),
            "verdict": word("The worst finding, or unknown where nobody knows.", Verdict),
            "why": list_(object_({**_finding(), "step": or_null(text("What to do next."))})),
            "wanted": object_(
                {
                    "version": or_null(text("The version that is compiled.")),
                    "variant": or_null(text("The variant of it.")),
                    "digest": or_null(text("SHA-256 of the stored bytes.")),
                    "because": or_null(text("Why this version.")),
                    "hardware": or_null(text("Why this variant.")),
                }
            ),
            **{name: _column() for name in ("published", "applied", "accepted", "running")},
            "hosts": list_(_host()),
        }
    )


def _column() -> dict[str, Any]:
    return object_(
        {
            "state": word("How it stands to what is wanted.", Mark),
            "version": or_null(text("The version that was named.")),
            "words": or_null(text("More, in words.")),
            "ageSeconds": or_null(count("How old the news is.")),
        }
    )


def _host() -> dict[str, Any]:
    return object_(
        {
            "host": text("The host that reported."),
            "role": text("The role of the worker."),
            "ageSeconds": count("How old the report is."),
            "clockAheadSeconds": {"description": "How wrong its clock is.", "type": "integer"},
            "revision": text("The config that its sidecar uses."),
            "wantedRevision": or_null(text("The config that is compiled.")),
            "rejected": or_null(text("Why the newest config was refused.")),
            "reason": or_null(text("What hinders the whole tenant.")),
            "version": or_null(text("The version that answers requests.")),
            "towards": or_null(text("The version that the sidecar is to bring.")),
            "digest": or_null(text("SHA-256 of the bytes that are active.")),
            "state": or_null(text("The sidecar's word for it, such as GOOD.")),
            "phase": or_null(text("What the sidecar does.")),
            "why": or_null(text("Why it is so, with the server's own words.")),
        }
    )


def _rollout() -> dict[str, Any]:
    return object_(
        {
            "environment": text("The environment."),
            "job": text("The job."),
            "model": text("The model."),
            "from": or_null(text("The version before.")),
            "to": or_null(text("The version that comes.")),
            "step": count("The step that it is at, from 0."),
            "last": count("The last step."),
            "answer": or_null(
                word("What may happen; null: nobody knows.", ("go", "wait", "abort"))
            ),
            "why": text("Why."),
            "soaksUntil": or_null(text("When the soak ends, in UTC.")),
            "ready": count("Sites that are ready."),
            "failed": count("Sites that left the version again."),
            "reporting": count("Sites that reported within the hour."),
            "sites": count("Sites of the steps reached."),
        }
    )


def _branch() -> dict[str, Any]:
    return object_(
        {
            "repository": text("The repository."),
            "branch": text("The branch."),
            "commit": or_null(text("Its newest commit; null: none, or not asked.")),
            "date": or_null(text("When it was made.")),
            "source": or_null(text("The commit of the spec that it was made from.")),
            "trailers": map_(text("A trailer of the commit.")),
            "notAsked": or_null(text("Why it was not asked.")),
            "step": or_null(text("What brings it up to what is compiled here.")),
        }
    )


def _cluster() -> dict[str, Any]:
    return object_(
        {
            "environment": text("The environment."),
            "cluster": text("The cluster."),
            "site": or_null(text("The site, where each is a cluster.")),
            "asked": or_null(text("The context and the address that were asked.")),
            "problem": or_null(text("What went wrong.")),
            "notAsked": or_null(text("Why nobody asked it.")),
        }
    )


def _row() -> dict[str, Any]:
    named = object_({"name": text("The object."), "revision": text("What names its content.")})
    return object_(
        {
            **_place(),
            "site": or_null(text("The site; null for what is of no single site.")),
            "verdict": word("The worst finding.", Verdict),
            "why": list_(object_(_finding())),
            "wanted": object_(
                {
                    "models": list_({"type": "object"}),
                    "sidecarConfigs": list_(named),
                    "podTemplates": list_(named),
                }
            ),
            "engine": list_(
                object_(
                    {
                        "kind": text("The kind of the engine's object."),
                        "name": text("Its name."),
                        "namespace": text("Its namespace."),
                        "state": word("What it says of its unit.", EngineState),
                        "revision": text("The revision that it applied; empty for none."),
                        "message": text("Its own words."),
                    }
                )
            ),
            "applied": object_(
                {
                    "objects": count("Objects that are compiled."),
                    "missing": list_(text("An object that is not there.")),
                    "older": list_(text("An object that is another.")),
                    "notSeen": list_(text("An object that could not be looked at.")),
                }
            ),
            "running": list_({"type": "object"}),
            "notSeen": map_(text("Why pods or nodes were not seen.")),
            "nodes": list_({"type": "object"}),
            "reported": list_({"type": "object"}),
        }
    )


def _place() -> dict[str, Any]:
    return {
        "environment": text("The environment."),
        "cluster": text("The cluster."),
        "target": text("The cluster's folder below the output."),
        "job": text("The job; in parentheses what is of none."),
    }


def _finding() -> dict[str, Any]:
    return {
        "verdict": word("What it speaks for.", Verdict),
        "text": text("The same for every site with the same fault."),
        "detail": text("What it is about here; empty for nothing more."),
    }


def _step() -> dict[str, Any]:
    return object_(
        {
            "verdict": word("How bad it is.", Verdict),
            "why": text("The finding."),
            "rows": count("How many rows have it."),
            "command": or_null(text("A command that shows more or mends it; null: see `hint`.")),
        }
    )


def _written() -> dict[str, Any]:
    return object_(
        {
            "target": text("The cluster's folder below the output."),
            "dryRun": {"description": "Nothing was stored.", "type": "boolean"},
            "counts": map_(count("How many records had this outcome.")),
            "records": list_(
                object_(
                    {
                        "namespace": text("The record's namespace."),
                        "name": text("The record's name."),
                        "outcome": word("What became of it.", ("written", *_LEFT)),
                        "words": or_null(text("The server's words.")),
                    }
                )
            ),
        }
    )


_LEFT = ("owned", "gone", "refused")
"""Outcomes of a record whose status was to be written and is not."""
