"""`edgewright diff`: what a change does to the fleet, by meaning and not by line."""

from __future__ import annotations

import gc
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from compiler.commands import common
from compiler.model.changes import Comparison, Effect
from compiler.model.codes import write as codes
from compiler.model.codes.gates import EFFECT_UNWANTED
from compiler.model.diagnostics import Diagnostics
from compiler.model.suggest import did_you_mean

FORMATS = ("text", "markdown", "json", "html", *common.ANNOTATED)
ENDINGS = {".html": "html", ".json": "json", ".md": "markdown", ".sarif": "sarif"}


class _Report(click.Path):
    """A file whose ending names a format."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if Path(value).suffix not in ENDINGS:
            self.fail(f"{value!r} ends with none of {', '.join(ENDINGS)}", param, ctx)
        return super().convert(value, param, ctx)


class _Effects(click.ParamType[tuple[Effect, ...]]):
    """Names of effects, parted by commas."""

    name = "EFFECT[,EFFECT]"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[Effect, ...]:
        if isinstance(value, tuple):
            return value
        known = [effect.value for effect in Effect]
        names = [name.strip() for name in value.split(",")]
        for name in names:
            if name not in known:
                hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
                self.fail(f"{name!r} is no effect; {hint}", param, ctx)
        return tuple(Effect(name) for name in names)


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
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=_Report(path_type=Path, dir_okay=False),
    help=f"Also write this file, in the format of its ending: {', '.join(ENDINGS)}; repeatable.",
)
@click.option(
    "--fail-on",
    type=_Effects(),
    default=(),
    help="Exit with 3 where anything has one of these effects, such as outage,data-loss.",
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
    reports: tuple[Path, ...],
    fail_on: tuple[Effect, ...],
) -> None:
    """Say what the work tree's SPEC (default: specs) does to what BASE made.

    BASE is any revision of Git (default: where this branch left the main branch), a folder of
    output, or a folder of a spec. SPEC may be a folder of output too.
    """
    # A compile makes few cycles and many objects: collecting costs a third of the time.
    gc.disable()
    from compiler import pipeline
    from compiler.workflows import difference

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
    _hold(found, fail_on, diagnostics)
    status = common.GATE_FAILED if diagnostics.has_errors else 0
    for report in reports:
        _write(report, _text(ENDINGS[report.suffix], found, diagnostics, spec))
    click.echo(_text(output_format, found, diagnostics, spec), nl=False)
    if output_format not in common.WITH_FINDINGS:
        common.show(diagnostics)
    sys.exit(status)


def _text(output_format: str, found: Comparison, diagnostics: Diagnostics, spec: Path) -> str:
    """The comparison in a format; those for programs hold the findings too."""
    if output_format in common.ANNOTATED:
        from compiler.commands.annotating import annotated

        return annotated(output_format, diagnostics, spec, found)
    if output_format == "json":
        from compiler.reports.changes_json import document
        from compiler.reports.json import render as json

        return json(document(found), diagnostics.in_order())
    if output_format == "text":
        from compiler.reports.changes_text import render as text

        return text(found, colour=common.coloured(sys.stdout))
    from importlib import import_module

    made: str = import_module(f"compiler.reports.changes_{output_format}").render(found)
    return made


def _write(report: Path, text: str) -> None:
    try:
        report.write_text(text, encoding="utf-8")
    except OSError as error:
        raise common.failed(codes.WORLD, f"{report}: {error.strerror}") from error


def _hold(found: Comparison, fail_on: tuple[Effect, ...], diagnostics: Diagnostics) -> None:
    """Report the effects that the caller does not want."""
    counts = [
        f"{count:,} {effect.value}" for effect, count in found.effects.items() if effect in fail_on
    ]
    if counts:
        message = f"the change has effects that --fail-on names: {', '.join(counts)}"
        hint = "change the spec, or have somebody decide who may leave --fail-on out"
        diagnostics.add(EFFECT_UNWANTED, message, None, hint)
