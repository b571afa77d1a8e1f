"""Drafts to objects for tests of backends: the shipped templates over a draft's values."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import jsonschema_rs
from ryaml import loads  # type: ignore[attr-defined]

from compiler.model.manifest import Draft
from compiler.stages.check_structural import CompactFile, strict_compact

ROOT = Path(__file__).parents[2]


def render(draft: Draft) -> dict[str, Any]:
    """The object that a draft's template and values make."""
    text = _environment().get_template(draft.template).render(draft.values)
    data: dict[str, Any] = loads(text)
    return data


def judge(data: dict[str, Any], file: str) -> list[str]:
    """What the compact schemas of `compiler/schemas/<file>.json` hold against an object."""
    version, kind = data["apiVersion"], data["kind"]
    validator = _validator(file, f"{version}/{kind}")
    return [f"{list(e.instance_path)}: {e.message}" for e in validator.iter_errors(data)]


@cache
def _environment() -> jinja2.Environment:
    def finalize(value: Any) -> str:
        assert not isinstance(value, jinja2.Undefined), "an undefined value"
        return json.dumps(value, ensure_ascii=False)

    loader = jinja2.FileSystemLoader(ROOT / "templates")
    return jinja2.Environment(
        loader=loader,
        finalize=finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )


@cache
def _validator(file: str, key: str) -> jsonschema_rs.Draft202012Validator:
    text = (ROOT / "compiler" / "schemas" / f"{file}.json").read_text(encoding="utf-8")
    schema = strict_compact(CompactFile.parse(text), key)
    return jsonschema_rs.Draft202012Validator(schema)
