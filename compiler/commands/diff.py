"""`edgewright diff`: what a change does to the fleet, by meaning and not by line."""

from __future__ import annotations

import gc
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from compiler.commands import common
from compiler.model.diagnostics import Diagnostics

FORMATS = ("text", "markdown", "json")


@click.command("diff")
@click.argument("base", required=False, default="")
@common.spec_argument
@common.output_option
@common.environment_option
@common.templates_option
@click.option("--no-cache", is_flag=True, help="Do not read .edgewright/cache.")
@common.processes_option
@click.option(
    "--format",
    "output_format",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="How the result is printed.",
)
@common.guarded
def command(
    base: str,
    spec: Path,
    output: Path,
    environments: tuple[str, ...],
    templates: Path | None,
    no_cache: bool,
    processes: int | None,
    output_format: str,
) -> None:
    """Say what the work tree's SPEC (default: specs) does to what BASE made.

    BASE is any revision of Git (default: where this branch left the main branch), a folder of
    output, or a folder of a spec. SPEC may be a folder of output too.
    """
    # A compile makes few cycles and many objects: collecting costs a third of the time.
    gc.disable()
    from compiler import difference, pipeline

    diagnostics = Diagnostics()
    request = pipeline.Request(
        root=spec,
        environments=environments,
        templates=common.own_templates(spec, templates),
    )
    wishes = pipeline.Wishes(
        out=output, cache=not no_cache, processes=processes or common.processes()
    )
    with common.progress("comparing") as told:
        asked = difference.Asked(base=base, request=request, wishes=replace(wishes, progress=told))
        found = difference.difference(asked, diagnostics)
    _print(found, output_format, diagnostics)


def _print(found: Any, output_format: str, diagnostics: Diagnostics) -> None:
    if output_format == "json":
        from compiler.reports.changes_json import document

        common.finish("json", document(found), diagnostics, 0)
    elif output_format == "markdown":
        from compiler.reports.changes_markdown import render as markdown

        click.echo(markdown(found), nl=False)
    else:
        from compiler.reports.changes_text import render as text

        click.echo(text(found, colour=common.coloured(sys.stdout)), nl=False)
    common.finish("text", {}, diagnostics, 0)
