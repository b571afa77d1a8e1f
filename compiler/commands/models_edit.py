"""`edgewright models add` and `record`: write a version, or what was measured of one, into a spec.

Edits the YAML files and keeps every byte that is not about it. Nothing is written when anything is
wrong, and what is there already is not changed.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compiler.commands import common
from compiler.commands.models_names import known
from compiler.model.diagnostics import Diagnostics

if TYPE_CHECKING:
    from compiler.workflows.recording import Opened, Place
    from compiler.workflows.rolling import Change

NEEDS = ("arch", "cpu", "memory", "disk", "accelerator")

reference_argument = click.argument("reference", metavar="NAME:VERSION")
variant_option = click.option(
    "--variant", default="", metavar="NAME", help="This variant of the version."
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Show the change as a diff, and write nothing."
)


@click.command("add")
@reference_argument
@common.spec_argument
@variant_option
@click.option("--uri", metavar="URI", help="Where the bytes are, such as main:shelf/1.4.0.tar.gz.")
@click.option("--sha256", metavar="HEX", help="Their digest; `lock` finds it otherwise.")
@click.option("--unpack", metavar="WORD", help="How they are unpacked: tar, tar.gz or zip.")
@click.option("--framework", metavar="WORD", help="Where it differs from the model's.")
@click.option("--file-format", metavar="WORD", help="Where it differs from the model's.")
@click.option("--edge", metavar="NAME:VERSION", help="Of a pair: the part at the edge.")
@click.option("--cloud", metavar="NAME:VERSION", help="Of a pair: the part in the cloud.")
@click.option(
    "--needs", multiple=True, metavar="KEY=VALUE",
    help=f"What a host must have, by one of {', '.join(NEEDS)}; repeatable.",
)  # fmt: skip
@click.option("--base", metavar="NAME:VERSION", help="The version that training started from.")
@click.option(
    "--trained-on", multiple=True, metavar="DATASET:VERSION", help="What it was trained on; "
    "repeatable.",
)  # fmt: skip
@click.option("--job", metavar="JOB", help="The job that made it.")
@click.option(
    "--metrics", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
    help="What was measured, in the format of `edgewright schema --metrics`.",
)  # fmt: skip
@dry_run_option
@common.format_option
@common.guarded
def add(
    reference: str,
    spec: Path,
    variant: str,
    metrics: Path | None,
    dry_run: bool,
    output_format: str,
    needs: tuple[str, ...],
    base: str | None,
    trained_on: tuple[str, ...],
    job: str | None,
    file_format: str | None,
    **keys: str | None,
) -> None:
    """Add a version, or a variant of one, to a model of SPEC (default: specs).

    Sites get it once it is the target, or once a selection chooses it. A version or variant that
    is there already is not changed.
    """
    from compiler.workflows import recording

    diagnostics = Diagnostics()
    opened = recording.open_spec(spec, diagnostics)
    place = _place(opened, reference, variant)
    measured = recording.read_measured(metrics, diagnostics) if metrics else None
    entry: dict[str, Any] = {key: value for key, value in keys.items() if value is not None}
    if file_format is not None:
        entry["format"] = file_format
    if needs:
        entry["needs"] = _needs(needs)
    lineage = {"base": base, "trainedOn": list(trained_on), "job": job}
    lineage = {key: value for key, value in lineage.items() if value}
    if lineage:
        if measured is not None and measured.spec.lineage is not None:
            raise click.UsageError(f"{metrics} states the lineage: leave out --base and the like")
        entry["lineage"] = lineage
    change = recording.added(opened, place, entry, measured, diagnostics)
    _end(opened, place, change, dry_run, output_format, diagnostics, added=True)


@click.command("record")
@reference_argument
@common.spec_argument
@variant_option
@click.option(
    "--metrics", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
    required=True, help="What was measured, in the format of `edgewright schema --metrics`.",
)  # fmt: skip
@click.option(
    "--replace", "swap", is_flag=True,
    help="Take the file's value where another one was measured in the same way.",
)  # fmt: skip
@dry_run_option
@common.format_option
@common.guarded
def record(
    reference: str,
    spec: Path,
    variant: str,
    metrics: Path,
    swap: bool,
    dry_run: bool,
    output_format: str,
) -> None:
    """Record metrics of a version, or of a variant of one, in SPEC (default: specs).

    What is recorded already in the same words stays, so that a run may record twice.
    """
    from compiler.workflows import recording

    diagnostics = Diagnostics()
    opened = recording.open_spec(spec, diagnostics)
    place = _place(opened, reference, variant)
    model = opened.spec.models[place.model]
    known("version", place.version, model.versions, of=place.model)
    if variant:
        variants = model.versions[place.version].variants
        known("variant", variant, variants, of=f"{place.model}:{place.version}")
    measured = recording.read_measured(metrics, diagnostics)
    change = recording.recorded(opened, place, measured, diagnostics, swap=swap)
    _end(opened, place, change, dry_run, output_format, diagnostics, added=False)


def _place(opened: Opened, reference: str, variant: str) -> Place:
    from compiler.workflows.recording import Place

    name, _, version = reference.partition(":")
    if not name or not version:
        raise click.UsageError(f"{reference} names no version; write NAME:VERSION")
    known("model", name, opened.spec.models)
    return Place(name, version, variant)


def _needs(words: tuple[str, ...]) -> dict[str, Any]:
    """`accelerator=NAME` stands for `accelerator: {name: NAME}`, and `arch=` may be repeated."""
    found: dict[str, Any] = {}
    for word in words:
        key, separator, value = word.partition("=")
        if not separator or not value or key not in NEEDS:
            raise click.UsageError(f"--needs {word}: write KEY=VALUE; keys: {', '.join(NEEDS)}")
        if key == "arch":
            found.setdefault("arch", []).append(value)
        elif key in found:
            raise click.UsageError(f"--needs {key}: it is there twice")
        else:
            found[key] = {"name": value} if key == "accelerator" else value
    return found


def _end(
    opened: Opened,
    place: Place,
    change: Change,
    dry_run: bool,
    output_format: str,
    diagnostics: Diagnostics,
    *,
    added: bool,
) -> None:
    if not dry_run:
        change.write(diagnostics)
    result = {
        "model": place.model,
        "version": place.version,
        "variant": place.variant,
        "changed": list(change.texts),
        "written": [] if dry_run else list(change.texts),
    }
    if output_format == "text":
        if dry_run:
            click.echo("".join(_diff(change)), nl=False)
        for line in _words(opened, place, result, dry_run, added=added):
            click.echo(line)
    common.finish(output_format, result, diagnostics, 0)


def _diff(change: Change) -> Iterator[str]:
    for name, text in change.texts.items():
        old, new = (one.splitlines(keepends=True) for one in (change.old[name], text))
        for line in difflib.unified_diff(old, new, name, name):
            yield line if line.endswith("\n") else f"{line}\n"


def _words(
    opened: Opened, place: Place, result: Mapping[str, Any], dry_run: bool, *, added: bool
) -> Iterator[str]:
    files = ", ".join(result["changed"])
    if not files:
        yield f"{place}: everything in the file is recorded already; nothing to change"
        return
    verb = "would be " if dry_run else ""
    yield f"{place}: {verb}{'added to' if added else 'recorded in'} {files}"
    model = opened.spec.models[place.model]
    if dry_run:
        return
    if model.select is not None:
        yield f"  next: edgewright lock; select chooses by {model.select.metric}"
    elif added and not place.variant:
        yield f'  next: edgewright lock; sites get it with `target: "{place.version}"`'
    elif added:
        yield "  next: edgewright lock"
