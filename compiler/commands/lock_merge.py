"""`edgewright lock --merge`: what Git calls to merge two locks. Reads three files, writes one."""

from __future__ import annotations

from pathlib import Path

import click

from compiler.commands import common
from compiler.model import lock as locks
from compiler.model import source
from compiler.model.diagnostics import Diagnostics
from compiler.model.lock import Lock
from compiler.model.marks import Map

DRIVER = "edgewright lock --merge %O %A %B"
"""The command for `merge.edgewright.driver` of Git's settings."""
ATTRIBUTE = f"{locks.FILE} merge=edgewright"
"""The line for .gitattributes."""


def merge(base: Path, ours: Path, theirs: Path) -> int:
    """Merge into `ours`; the exit status that Git wants.

    Raises:
        CompileError: one of the three is no lock; then nothing was written.
    """
    from compiler.stages.lock import merging

    diagnostics = Diagnostics()
    read = [_read(path, diagnostics) for path in (base, ours, theirs)]
    diagnostics.raise_errors()
    merged = merging.merge(*read)
    ours.write_text(merged.text, encoding="utf-8", newline="\n")
    for key in merged.conflicts:
        click.echo(f"{key} was changed on both sides", err=True)
    return common.GIT_CONFLICT if merged.conflicts else 0


def _read(path: Path, diagnostics: Diagnostics) -> Lock:
    """A lock; an empty file, as Git gives for one that is not there, is one without entries."""
    text = source.decode(str(path), path.read_bytes(), diagnostics) if path.exists() else ""
    documents = source.parse(str(path), text, diagnostics) if text and text.strip() else []
    data = documents[0].data if documents else None
    return locks.read(data, data.marks, diagnostics) if isinstance(data, Map) else Lock()
