"""Findings and changes on the lines of the repository, as SARIF or as GitHub's commands.

Knows where the repository's top is, and which line stands for a spec as a whole. Prints nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from compiler.model.changes import Comparison
from compiler.model.diagnostics import Diagnostics, Span
from compiler.reports import github, sarif
from compiler.reports.annotations import Annotation, of_changes, of_diagnostics


def annotated(
    output_format: str, diagnostics: Diagnostics, spec: Path, found: Comparison | None = None
) -> str:
    """What is said of a spec, and of what it changes, in one of the formats that name lines."""
    remarks = list(_from_top(_remarks(diagnostics, spec, found)))
    if output_format == "github":
        return github.render(remarks)
    return sarif.render(remarks, version("edgewright"))


def _remarks(
    diagnostics: Diagnostics, spec: Path, found: Comparison | None
) -> Iterator[Annotation]:
    first = Span(_first_file(spec).as_posix(), 1, 1)
    yield from of_diagnostics(diagnostics.in_order(), first)
    if found is not None:
        yield from of_changes(found, first)


def _first_file(spec: Path) -> Path:
    """The file that stands for a spec: the first one in its folder, where it has one."""
    if not spec.is_dir():
        return spec
    files = sorted(path for path in spec.iterdir() if path.suffix in {".yaml", ".yml"})
    # A folder of output has its files further down, and any of them will do.
    return files[0] if files else min(spec.rglob("*.yaml"), default=spec)


def _from_top(remarks: Iterator[Annotation]) -> Iterator[Annotation]:
    """The remarks with files named from the top of the work tree, or from here without one."""
    here = Path.cwd()
    top = next((one for one in (here, *here.parents) if (one / ".git").exists()), here)

    def moved(span: Span) -> Span:
        # Not resolve(): a link of the repository is known there by its own name.
        path = Path(os.path.abspath(span.file))  # noqa: PTH100
        inside = path.relative_to(top) if path.is_relative_to(top) else path
        return replace(span, file=inside.as_posix())

    for one in remarks:
        related = tuple((moved(span), text) for span, text in one.related)
        yield replace(one, place=moved(one.place), related=related)
