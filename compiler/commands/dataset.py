"""`edgewright dataset`: counts one version of a dataset where it lies, and shows what was found.

Judges nothing: `require:` of the dataset is held where the lock is used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from compiler.commands import common, credentials, trust
from compiler.model.diagnostics import CompileError, Diagnostic, Diagnostics, Span
from compiler.model.record import dataclass
from compiler.model.suggest import did_you_mean

if TYPE_CHECKING:
    from compiler.model.counted import Counted
    from compiler.model.inputs import Location
    from compiler.model.ports import Stores
    from compiler.model.spec.artifacts import DatasetSpec
    from compiler.reports.dataset_html import Shown
    from compiler.workflows.locking import Opened

PICTURES = 24
LARGEST_PICTURE = 1 << 20
ALL_PICTURES = 12 << 20
"""Bytes of pictures in a report: of one, and of all together."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """One version of a dataset; `version` is empty for data that stays where it is born."""

    name: str
    version: str
    dataset: DatasetSpec
    location: Location | None
    span: Span | None

    @property
    def title(self) -> str:
        """`NAME:VERSION`, or the name alone."""
        return f"{self.name}:{self.version}" if self.version else self.name


@click.command("dataset")
@click.argument("name", metavar="NAME[:VERSION]")
@common.spec_argument
@common.environment_option
@click.option(
    "--at", "place", type=click.Path(path_type=Path, exists=True), metavar="PATH",
    help="Count this local copy, a file or a folder, instead of the version's uri.",
)  # fmt: skip
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.html",
    help="Write a page with class balance, box sizes and sample pictures.",
)  # fmt: skip
@credentials.profile_option
@trust.host_option
@trust.branch_option
@common.format_option
@common.guarded
def command(
    name: str,
    spec: Path,
    environments: tuple[str, ...],
    place: Path | None,
    report: Path | None,
    profiles: tuple[str, ...],
    hosts: tuple[str, ...],
    main_branch: str | None,
    output_format: str,
) -> None:
    """Count samples, classes, parts and problems of a dataset of SPEC (default: specs)."""
    from compiler.reports import dataset_html, dataset_text
    from compiler.stages.lock.hosts import host_of
    from compiler.workflows import locking

    diagnostics = Diagnostics()
    opened = locking.open_spec(spec, environments, False, diagnostics)
    chosen = choose(opened, name)
    if place is not None:
        chosen = replace(chosen, location=local(place))
    if chosen.location is None:
        raise click.UsageError(
            f"the data of {chosen.name} stays where it is born; name a copy of it with --at PATH"
        )
    if place is None:
        host = host_of(chosen.location)
        trust.check(spec, {host: chosen.span} if host else {}, main_branch, hosts, diagnostics)
    world = credentials.stores(profiles, (one.resolved for one in opened.asked))
    counted, shown = _count(chosen, chosen.location, world, PICTURES if report else 0)
    seed = chosen.dataset.splits.seed if chosen.dataset.splits else None
    if report:
        _write(report, dataset_html.render(chosen.title, chosen.dataset.format, counted, shown))
    if output_format == "text":
        text = dataset_text.render(chosen.title, chosen.dataset.format, counted, seed)
        click.echo(text, nl=False)
        if report:
            click.echo(f"wrote {report}", err=True)
    common.finish(output_format, as_dict(chosen, counted, report), diagnostics, 0)


def choose(opened: Opened, name: str) -> Chosen:
    """The dataset of a name, and its version: the one given, or the only one.

    Raises:
        UsageError: there is none, or there are several.
    """
    bare, _, version = name.partition(":")
    known: dict[str, Any] = {}
    for one in opened.asked:
        for other, dataset in one.resolved.base.datasets.items():
            known.setdefault(other, (one, dataset))
    if bare not in known:
        _usage(f"there is no dataset {bare}", known, bare)
    asked, dataset = known[bare]
    versions = dataset.versions
    if version and version not in versions:
        _usage(f"{bare} has no version {version}", versions, version)
    if not version and len(versions) > 1:
        raise click.UsageError(f"{bare} has several versions: write {bare}:{list(versions)[-1]}")
    version = version or next(iter(versions), "")
    artifact = asked.artifacts.get(f"datasets/{bare}:{version}")
    return Chosen(
        bare,
        version,
        dataset,
        artifact.location if artifact else None,
        artifact.span if artifact else None,
    )


def local(path: Path) -> Location:
    """A local file or folder as a location."""
    from compiler.model.inputs import Location

    url = path.resolve().as_uri()
    return Location(f"{url}/" if path.is_dir() else url)


def as_dict(chosen: Chosen, counted: Counted, report: Path | None) -> Mapping[str, Any]:
    """What JSON says of a count."""
    from compiler.model.counted import PROBLEMS

    imbalance = counted.imbalance
    return {
        "dataset": chosen.name,
        "version": chosen.version,
        "format": chosen.dataset.format,
        "samples": counted.samples,
        "labels": counted.labels,
        "classes": dict(counted.classes),
        # JSON has no infinity: a class without labels is among the problems.
        "imbalance": None if imbalance in (None, float("inf")) else imbalance,
        "labelMap": dict(counted.label_map),
        "splits": dict(counted.splits),
        "problems": [
            {
                "kind": one.kind,
                "count": one.count,
                "meaning": PROBLEMS[one.kind],
                "examples": list(one.examples),
            }
            for one in counted.problems
        ],
        "report": str(report) if report else None,
    }


def _usage(message: str, known: Mapping[str, Any], wrong: str) -> NoReturn:
    listed = ", ".join(known) or "none"
    raise click.UsageError(f"{message}; there are: {listed}. {did_you_mean(wrong, known)}".rstrip())


def _count(
    chosen: Chosen, at: Location, stores: Stores, pictures: int
) -> tuple[Counted, list[Shown]]:
    from compiler import datasets
    from compiler.reports.dataset_html import Shown
    from compiler.workflows import counting

    with _told(chosen):
        dataset, version = chosen.dataset, chosen.version
        with counting.opened(stores, dataset, version, at) as files:
            asked = counting.request(dataset, version, pictures)
            counted = datasets.dataset_format(dataset.format).count(files, asked)
            sizes = {picture.name: 0 for picture in counted.pictures}
            sizes |= {one.name: one.size for one in files.names() if one.name in sizes}
            left, shown = ALL_PICTURES, []
            for picture in counted.pictures:
                size = sizes[picture.name]
                data = b""
                if size <= min(LARGEST_PICTURE, left):
                    with files.open(picture.name) as stream:
                        data = stream.read(LARGEST_PICTURE + 1)[:LARGEST_PICTURE]
                    left -= len(data)
                shown.append(Shown(picture, size, data))
    return counted, shown


@contextmanager
def _told(chosen: Chosen) -> Iterator[None]:
    """What cannot be counted, as a finding on the line of the spec that names the dataset."""
    from compiler.model.counted import UncountableError
    from compiler.model.stored import StoreError

    try:
        yield
    except (UncountableError, StoreError) as error:
        found = Diagnostic(error.code, f"{chosen.title}: {error}", chosen.span, error.hint)
        raise CompileError((found,)) from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        click.echo(f"{path}: {error.strerror}", err=True)
        sys.exit(common.OUTSIDE_WORLD)
