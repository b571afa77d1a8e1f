"""`edgewright compile`: the spec into the output folder, or a comparison with what is there."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from compiler.commands import common
from compiler.model.codes import write as codes
from compiler.model.diagnostics import Diagnostics

SHOWN = 20


@click.command("compile")
@common.spec_argument
@common.output_option
@common.environment_option
@click.option("--only", multiple=True, metavar="NAME", help="Only this site or job; repeatable.")
@click.option("--check", is_flag=True, help="Change nothing; exit 4 when the output is stale.")
@click.option("--locked", is_flag=True, help="Fail where the lock does not cover the spec.")
@common.allow_deletes_option
@click.option(
    "--overwrite",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A file or folder of the output whose edits may be lost; repeatable.",
)
@common.templates_option
@click.option("--no-cache", is_flag=True, help="Neither read nor write .edgewright/cache.")
@common.processes_option
@common.findings_format_option
@common.guarded
def command(
    spec: Path,
    output: Path,
    environments: tuple[str, ...],
    only: tuple[str, ...],
    check: bool,
    locked: bool,
    allow_deletes: int | None,
    overwrite: tuple[Path, ...],
    templates: Path | None,
    no_cache: bool,
    processes: int | None,
    output_format: str,
) -> None:
    """Compile SPEC (a folder, default: specs) into the output folder."""
    # A compile makes few cycles and many objects: collecting costs a third of the time.
    gc.disable()
    from compiler import pipeline

    diagnostics = Diagnostics()
    request = pipeline.Request(
        root=spec,
        environments=environments,
        templates=common.own_templates(spec, templates),
        locked=locked,
    )
    wishes = pipeline.Wishes(
        out=output,
        compare=check,
        only=frozenset(only),
        allow_deletes=allow_deletes,
        overwrite=overwrite,
        cache=not no_cache,
        processes=processes or common.processes(),
    )
    with common.progress("compiling") as told:
        wishes = replace(wishes, progress=told)
        outcome = pipeline.compile_and_write(request, wishes, diagnostics)
    result = _result(outcome)
    if output_format == "text":
        _print(result, output, check)
    stale = common.STALE if check and result["changed"] else 0
    if stale:
        files = f"{len(result['changed'])} files differ from what the spec says"
        hint = "run `edgewright compile` and commit the result"
        diagnostics.add(codes.STALE, f"{output} is stale: {files}", None, hint)
    common.finish(output_format, result, diagnostics, stale, spec)


def _result(outcome: Any) -> dict[str, Any]:
    changes = outcome.changes
    if changes is None:
        changed = [{"file": f"{d.path}/{d.file}", "how": d.kind.value} for d in outcome.differences]
        counts = {}
    else:
        changed = [
            {"directory": path, "how": how}
            for how in ("added", "changed", "removed")
            for path in getattr(changes, how)
        ]
        counts = {
            "added": changes.added_objects,
            "changed": changes.changed_objects,
            "moved": changes.moved_objects,
            "deleted": changes.deleted_objects,
        }
    return {
        "directories": outcome.directories,
        "objects": outcome.objects,
        "changedObjects": counts,
        "changed": changed,
    }


def _print(result: dict[str, Any], output: Path, check: bool) -> None:
    total = f"{result['objects']} objects in {result['directories']} directories"
    changed = result["changed"]
    if check:
        state = f"stale: {len(changed)} files differ" if changed else "up to date"
        click.echo(f"{output}: {state} ({total})")
        for item in changed[:SHOWN]:
            click.echo(f"  {item['how']}: {item['file']}")
    else:
        counts = [f"{n} {how}" for how, n in result["changedObjects"].items() if n]
        click.echo(f"{output}: {', '.join(counts) or _no_object(len(changed))} ({total})")
        for item in changed[:SHOWN]:
            click.echo(f"  {item['how']}: {item['directory']}")
    if len(changed) > SHOWN:
        click.echo(f"  and {len(changed) - SHOWN} more")


def _no_object(directories: int) -> str:
    """What happened where no object did: a file that was lost or edited may be back."""
    if not directories:
        return "nothing changed"
    noun = "directory" if directories == 1 else "directories"
    return f"no object changed, only files of {directories} {noun}"
