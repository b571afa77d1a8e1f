"""`edgewright check`: everything that `compile` checks, written nowhere; and the Secrets list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from compiler.commands import common
from compiler.model.diagnostics import Diagnostics


@click.command("check")
@common.spec_argument
@common.environment_option
@click.option("--secrets", is_flag=True, help="List every Secret that the clusters must hold.")
@common.templates_option
@common.format_option
@common.guarded
def command(
    spec: Path,
    environments: tuple[str, ...],
    secrets: bool,
    templates: Path | None,
    output_format: str,
) -> None:
    """Check SPEC (a folder, default: specs) as far as it can be known without a cluster."""
    from compiler import pipeline

    diagnostics = Diagnostics()
    request = pipeline.Request(
        root=spec,
        environments=environments,
        templates=common.own_templates(spec, templates),
    )
    tree = pipeline.compile_tree(request, diagnostics)
    objects = sum(len(directory.objects) for directory in tree.directories.values())
    result: dict[str, Any] = {"objects": objects, "directories": len(tree.directories)}
    if secrets:
        from compiler.reports.secrets import secrets_of, table

        rows = secrets_of(tree)
        result["secrets"] = [row.as_dict() for row in rows]
        if output_format == "text":
            click.echo(table(rows))
    elif output_format == "text":
        click.echo(f"{spec}: ok, {objects} objects in {len(tree.directories)} directories")
    common.finish(output_format, result, diagnostics, 0)
