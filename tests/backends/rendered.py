"""Drafts to objects for tests of backends, through the real render stage."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from compiler.model.diagnostics import Diagnostics
from compiler.model.manifest import Directory, Draft
from compiler.stages.check.structural import CompactFile, strict_compact
from compiler.stages.render import render as stage
from compiler.stages.render.templates import Templates, TemplateSource

SCHEMAS = Path(__file__).parents[2] / "compiler" / "schemas"
_TEMPLATES = Templates(TemplateSource())


def directories(drafts: Iterable[Draft]) -> list[Directory]:
    """The write units that drafts make; a fault of a template fails the test."""
    diagnostics = Diagnostics()
    found = stage.render(drafts, _TEMPLATES, diagnostics, namespace="stores")
    diagnostics.raise_errors()
    return found


def render_all(drafts: Iterable[Draft]) -> list[dict[str, Any]]:
    """The objects of drafts, those of one template together, in the order of the templates."""
    drafts = list(drafts)
    order = [draft.template for draft in drafts]
    objects = [item for made in directories(drafts) for item in made.objects]
    objects.sort(key=lambda item: order.index(item.template))
    return [copy.deepcopy(dict(item.data)) for item in objects]


def render(draft: Draft) -> dict[str, Any]:
    """The object of one draft that refers to no other."""
    (made,) = render_all([draft])
    return made


def judge(data: dict[str, Any], file: str) -> list[str]:
    """What the compact schemas of `compiler/schemas/<file>.json` hold against an object."""
    version, kind = data["apiVersion"], data["kind"]
    validator = _validator(file, f"{version}/{kind}")
    return [f"{list(e.instance_path)}: {e.message}" for e in validator.iter_errors(data)]


@cache
def _validator(file: str, key: str) -> jsonschema_rs.Draft202012Validator:
    text = (SCHEMAS / f"{file}.json").read_text(encoding="utf-8")
    schema = strict_compact(CompactFile.parse(text), key)
    return jsonschema_rs.Draft202012Validator(schema)
