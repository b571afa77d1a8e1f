"""`edgewright publish`: a commit of the spec onto the branches that the engines read."""

from __future__ import annotations

from pathlib import Path

import click

from compiler.commands import common
from compiler.model.diagnostics import Diagnostics


@click.command("publish")
@common.spec_argument
@common.environment_option
@click.option(
    "--remote",
    default="",
    metavar="NAME|URL",
    help="Write there instead of to each cluster's repo.url.",
)
@click.option(
    "--proposed",
    is_flag=True,
    help="Write to BRANCH-next, for somebody else to merge.",
)
@click.option("--adopt", is_flag=True, help="Take a branch that holds other files; they stay.")
@common.allow_deletes_option
@click.option(
    "--overwrite",
    multiple=True,
    metavar="PATH",
    help="A file or folder of the branch whose edits may be lost; repeatable.",
)
@common.dry_run_option
@common.templates_option
@common.format_option
@common.guarded
def command(
    spec: Path,
    environments: tuple[str, ...],
    remote: str,
    proposed: bool,
    adopt: bool,
    allow_deletes: int | None,
    overwrite: tuple[str, ...],
    dry_run: bool,
    templates: Path | None,
    output_format: str,
) -> None:
    """Compile the commit that is checked out and bring the output to the engines' branches.

    Each cluster's `repo:` says which branch that is. It grows by one commit, or by none where
    nothing changed; it is never forced. SPEC is the spec's folder (default: specs).
    """
    from compiler.adapters.git import GitError
    from compiler.workflows import publishing

    diagnostics = Diagnostics()
    wishes = publishing.PublishWishes(
        spec=spec,
        templates=templates,
        environments=environments,
        remote=remote,
        proposed=proposed,
        adopt=adopt,
        dry_run=dry_run,
        allow_deletes=allow_deletes,
        overwrite=overwrite,
        processes=common.processes(),
        told=lambda text: click.echo(text, err=True),
    )
    try:
        done = publishing.publish(wishes, diagnostics)
    except GitError as error:
        diagnostics.fail(error.code, error.message, None, error.hint)
    if output_format == "text":
        for one in done:
            click.echo(one.line())
    common.finish(output_format, {"branches": [one.facts() for one in done]}, diagnostics, 0)
