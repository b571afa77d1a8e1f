"""What commands share: options, showing diagnostics, exit codes. Decides nothing of a compile."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from compiler.model.diagnostics import Code, CompileError, Diagnostic, Diagnostics
from compiler.model.suggest import did_you_mean
from compiler.model.yaml_faults import lines_of
from compiler.reports import json as json_report
from compiler.reports import text as text_report

WRONG_SPEC = 1
STALE = 4
OUTSIDE_WORLD = 6
WORLD_CODES = ("E8", "E95")
"""Codes of these families say that the outside world failed: exit code 6."""
GATE_FAILED = 3
GATE_CODES = ("E3012", "E3013", "E7501", "E7502", "E7504", "E7510", "E7511", "E7512", "E7515",
              "E7516", "E7517", "E7518")  # fmt: skip
"""A gate, a requirement, a policy or the room of a host says no: exit code 3."""
GIT_CONFLICT = 5
GIT_CODES = "E94"
"""Codes of this family say that Git's repositories disagree: exit code 5."""
ANNOTATED = ("sarif", "github")
"""Formats that put findings on lines of the repository."""
WITH_FINDINGS = ("json", *ANNOTATED)
"""Formats whose one document holds the findings."""
FEW = 12
"""So many names of a kind are listed where one is wrong."""
WRITE_WORLD = ("E6001", "E6008", "E7115")

spec_argument = click.argument(
    "spec", type=click.Path(path_type=Path), default=Path("specs"), required=False
)
environment_option = click.option(
    "--env",
    "environments",
    multiple=True,
    metavar="NAME",
    help="Only this environment; repeatable.",
)
format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How results and findings are printed.",
)
output_option = click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("generated"),
    show_default=True,
    help="Folder of the output.",
)
processes_option = click.option(
    "--processes",
    type=click.IntRange(min=1),
    help="How many processes work. [default: one per processor]",
)
allow_deletes_option = click.option(
    "--allow-deletes", type=click.IntRange(min=0), metavar="N", help="Let up to N objects go."
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Say what would change, and write nothing."
)
findings_format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", *ANNOTATED]),
    default="text",
    show_default=True,
    help="How results and findings are printed; sarif and github: findings only.",
)
templates_option = click.option(
    "--templates",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of templates that override the shipped ones. [default: SPEC/templates]",
)


def own_templates(spec: Path, given: Path | None) -> Path | None:
    """The user's template folder: the one given, or `templates/` in the spec's folder."""
    if given is not None:
        return given
    beside = (spec if spec.is_dir() else spec.parent) / "templates"
    return beside if beside.is_dir() else None


def check_name(noun: str, name: str, names: Collection[str]) -> None:
    """Nothing, where there is such a name.

    Raises:
        click.UsageError: there is none; few are listed, and the nearest one is proposed.
    """
    if name in names:
        return
    listed = sorted(names)
    few = f"; the {noun}s are: {', '.join(listed)}" if 0 < len(listed) <= FEW else ""
    raise click.UsageError(f"there is no {noun} {name}{few}. {did_you_mean(name, listed)}".rstrip())


def processes() -> int:
    """How many processes may work: the processors that this one may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def show(diagnostics: Diagnostics) -> None:
    """Print every finding and their count to stderr."""
    found = diagnostics.in_order()
    if not found:
        return
    click.echo(
        text_report.render(found, source_line, colour=coloured(sys.stderr)), err=True, nl=False
    )
    counted = text_report.summary(found)
    if counted:
        click.echo(counted, err=True)


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on stderr, shown from the second batch on; None where nobody watches."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None, visible=False)
        yield lambda done, of: bar.update(task, completed=done, total=of, visible=of > 1)


def coloured(stream: Any) -> bool:
    """Whether a stream is a terminal and nobody asked for plain text."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def finish(
    output_format: str,
    result: Mapping[str, Any],
    diagnostics: Diagnostics,
    status: int,
    spec: Path | None = None,
) -> None:
    """Print the result and the findings in the format asked for, and end with the status.

    `spec` is where findings without a place belong, for the formats that name lines.
    """
    if output_format in ANNOTATED:
        from compiler.commands.annotating import annotated

        click.echo(annotated(output_format, diagnostics, spec or Path()), nl=False)
    elif output_format == "json":
        click.echo(json_report.render(result, diagnostics.in_order()), nl=False)
    else:
        show(diagnostics)
    sys.exit(status)


def guarded(function: Callable[..., None]) -> Callable[..., None]:
    """Make a command end with the right code when the spec is wrong or the world fails."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        try:
            function(*args, **kwargs)
        except CompileError as error:
            diagnostics = Diagnostics()
            diagnostics.extend(list(error.diagnostics))
            chosen = kwargs.get("output_format", "text")
            finish(chosen, {}, diagnostics, status_of(error.diagnostics), kwargs.get("spec"))

    return wrapper


def failed(code: Code, message: str, hint: str = "") -> CompileError:
    """What an adapter could not do, as the one finding that a command ends with."""
    return CompileError((Diagnostic(code, message, None, hint),))


def status_of(diagnostics: tuple[Diagnostic, ...]) -> int:
    """The exit code for findings with errors."""
    codes = {d.code.id for d in diagnostics if d.severity.value == "error"}
    if codes and all(c.startswith(GIT_CODES) for c in codes):
        return GIT_CONFLICT
    if codes and all(c in GATE_CODES for c in codes):
        return GATE_FAILED
    world = [c for c in codes if c.startswith(WORLD_CODES) or c in WRITE_WORLD]
    return OUTSIDE_WORLD if codes and len(world) == len(codes) else WRONG_SPEC


@functools.lru_cache(maxsize=32)
def _lines(file: str) -> tuple[str, ...]:
    try:
        # A link may lead out of the folder, and no line of what lies there may be shown.
        if Path(file).is_symlink():
            return ()
        return tuple(lines_of(Path(file).read_bytes().decode("utf-8-sig", "replace")))
    except OSError:
        return ()


def source_line(file: str, number: int) -> str | None:
    """A line of a file as it is now, for the caret below a finding."""
    lines = _lines(file)
    return lines[number - 1] if 0 < number <= len(lines) else None
