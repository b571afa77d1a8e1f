"""`edgewright schema`: JSON Schemas for editors and for other programs, written nowhere else.

Judges nothing: a spec with faults still gives the names that could be read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from compiler.commands import common
from compiler.model.diagnostics import Diagnostics

SECTIONS = ("models", "datasets", "code", "stores", "jobs")
FLEET_SECTIONS = ("sites", "profiles", "clusters")
MODE_HELP = "Print the schema of {} instead."


@click.command("schema")
@common.spec_argument
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this file."
)
@click.option("--lock", is_flag=True, help=MODE_HELP.format("edgewright.lock"))
@click.option("--sidecar", is_flag=True, help=MODE_HELP.format("the sidecar's config"))
@click.option("--diff", is_flag=True, help=MODE_HELP.format("what `diff --format json` prints"))
@click.option("--status", is_flag=True, help=MODE_HELP.format("what `status --format json` prints"))
@click.option("--metrics", is_flag=True, help=MODE_HELP.format("what `models record` reads"))
@common.guarded
def command(
    spec: Path,
    output: Path | None,
    lock: bool,
    sidecar: bool,
    diff: bool,
    status: bool,
    metrics: bool,
) -> None:
    """Print the JSON Schema of a spec, with the names that SPEC (default: specs) defines.

    In an editor with a YAML language server, the line
    "# yaml-language-server: $schema=schema.json" at the top of a file turns it on.
    """
    modes = {
        "lock": lock, "sidecar": sidecar, "diff": diff, "status": status, "metrics": metrics,
    }  # fmt: skip
    chosen = [mode for mode, wanted in modes.items() if wanted]
    if len(chosen) > 1:
        words = " and ".join(f"--{mode}" for mode in chosen)
        raise click.UsageError(f"{words} are different schemas: choose one")
    text = text_of(_schema(spec, *chosen))
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        where = f"{error.filename}: " if error.filename not in (None, str(output)) else ""
        click.echo(f"{output} cannot be written: {where}{error.strerror}", err=True)
        sys.exit(common.OUTSIDE_WORLD)
    click.echo(f"wrote {output}")


def _schema(spec: Path, mode: str = "") -> dict[str, Any]:
    if mode == "diff":
        from compiler.model.changes_schema import schema

        return schema()
    if mode == "status":
        from compiler.model import status_schema

        return status_schema.schema()
    if mode == "metrics":
        return metrics_schema()
    return {"lock": lock_schema, "sidecar": contract_schema}[mode]() if mode else spec_schema(spec)


def spec_schema(spec: Path) -> dict[str, Any]:
    """The schema of the language with the names of a folder; faults of the folder are printed.

    Raises:
        CompileError: the folder was named and holds nothing that can be read.
    """
    from compiler import kinds, pipeline
    from compiler.model.spec.json_schema import build

    return build(kinds.REGISTRY, {**pipeline.vocabularies(), **names_of(_data(spec))})


def names_of(data: Mapping[str, Any]) -> dict[str, list[str]]:
    """The names that a spec's data defines, by section; a section without any is left out."""
    fleet = data.get("fleet")
    places = [(data, section) for section in SECTIONS]
    if isinstance(fleet, Mapping):
        places += [(fleet, section) for section in FLEET_SECTIONS]
    found = {}
    for holder, section in places:
        entries = holder.get(section)
        if isinstance(entries, Mapping) and entries:
            found[section] = list(entries)
    return found


def lock_schema() -> dict[str, Any]:
    """The schema of the lock file: one pattern of keys for each section."""
    from compiler.model import lock
    from compiler.model.spec.json_schema import DIALECT

    patterns = {}
    definitions: dict[str, Any] = {}
    for section, model in lock.SECTIONS.items():
        made = model.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
        definitions |= made.pop("$defs", {})
        patterns[rf"^[^.]+\.{section}\..+$"] = made
    schema: dict[str, Any] = {
        "$schema": DIALECT,
        "title": "edgewright.lock",
        "type": "object",
        "properties": {"lock": {"const": lock.VERSION}},
        "required": ["lock"],
        "patternProperties": patterns,
        "additionalProperties": False,
    }
    return {**schema, "$defs": definitions} if definitions else schema


def contract_schema() -> dict[str, Any]:
    """The schema of the sidecar's config."""
    from compiler.stages.check.contract import schema

    return schema()


def metrics_schema() -> dict[str, Any]:
    """The schema of a file of metrics."""
    from compiler.model.spec.json_schema import document
    from compiler.model.spec.measured import MeasuredSpec

    return document(MeasuredSpec, "edgewright metrics")


def _data(spec: Path) -> Mapping[str, Any]:
    from compiler.stages.load import load

    context = click.get_current_context(silent=True)
    named = context is None or context.get_parameter_source("spec") is not _default()
    if not named and not spec.exists():
        return {}
    diagnostics = Diagnostics()
    data = load(spec, diagnostics).data
    if not data:
        diagnostics.raise_errors()
    common.show(diagnostics)
    return data


def _default() -> click.core.ParameterSource:
    return click.core.ParameterSource.DEFAULT


def text_of(schema: Mapping[str, Any]) -> str:
    """A schema as the text of its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
