"""The sum of a disk as a small table: who takes what, and where each figure is written."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.model.fit import Line, Sum
from compiler.model.quantity import MILLI, format_memory

ROWS = 12


def table(found: Sum) -> Iterator[str]:
    """One line for each part, with the size in front; what is beyond a dozen is one line."""
    shown = found.lines if len(found.lines) <= ROWS else found.lines[: ROWS - 1]
    for line in shown:
        size = "unknown" if line.size is None else bytes_text(line.size)
        yield f"{size:>8}  {words(line)}"
    if rest := found.lines[len(shown) :]:
        yield f"{bytes_text(sum(line.size or 0 for line in rest)):>8}  {len(rest)} more"


def words(line: Line) -> str:
    """What a line of the sum is about."""
    of = f" of {', '.join(line.tenants)}" if line.tenants else ""
    at = f" ({line.source})" if line.source else ""
    said = {
        "now": f"{line.title}{of}{at}",
        "before": f"{line.title}{of}, the version before{at}",
        "coming": f"{line.title}{of}, which comes while both are there{at}",
        "outbox": f"outbox {line.title}{of}",
    }
    guessed = {
        "before": f"the version before {line.title}{of}, taken to be as large",
        "coming": f"the largest that may come, taken to be as large as {line.title}{of}",
        "outbox": f"outbox {line.title}{of}, which has no limit: a quarter of the disk",
    }
    return (guessed if line.taken else said).get(line.what) or line.title


def bytes_text(size: int) -> str:
    """A size as a profile would write it."""
    return format_memory(size * MILLI)
