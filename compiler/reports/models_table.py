"""Versions of models as a table for a terminal.

Words facts; it decides nothing, and it shortens lists of sites and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compiler.reports.models_words import sites

_HEAD = ("VERSION", "TASK", "FRAMEWORK", "LICENSE", "METRICS", "RUNS AT")
Facts = Mapping[str, Any]


def render(rows: Sequence[Facts], metrics: Sequence[str], *, placed: bool) -> str:
    """The list; of metrics those that were asked for, else all. `placed`: whether sites are known.

    `*` marks a version that is wanted in an environment.
    """
    if not rows:
        return "no version fits\n"
    lines = [_HEAD, *(_row(row, metrics, placed) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(_HEAD))]
    text = ""
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        text += "  ".join(cells).rstrip() + "\n"
    return text


def _row(row: Facts, metrics: Sequence[str], placed: bool) -> tuple[str, ...]:
    mark = "*" if row["targetOf"] else " "
    yanked = " (yanked)" if row["yanked"] else ""
    frameworks = dict.fromkeys(b["framework"] for b in row["builds"] if b["framework"])
    values = [
        f"{one['name']} {one['value']}"
        + (f" {build['variant']}" if build["variant"] else "")
        + (f" on {one['dataset']}" if one["dataset"] else "")
        + (f" ({one['split']})" if one["split"] else "")
        + (f" at {one['profile']}" if one["profile"] else "")
        for build in row["builds"]
        for one in build["metrics"]
        if not metrics or one["name"] in metrics
    ]
    return (
        f"{mark} {row['model']}:{row['version']}{yanked}",
        row["task"] or "-",
        ", ".join(frameworks) or "-",
        row["license"] or "-",
        "; ".join(values) or "-",
        (sites(row["sites"]) if row["sites"] else "-") if placed else "?",
    )
