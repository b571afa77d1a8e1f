"""Names that somebody typed for the commands of models: what is meant where there is none.

Knows no spec; the names come with their entries, which know their lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from compiler.model.suggest import nearest

SHOWN = 12


def known(noun: str, name: str, names: Mapping[str, Any], of: str = "") -> None:
    """Nothing, where there is such a name.

    Raises:
        UsageError: there is none; it proposes the nearest one, with its line.
    """
    if name in names:
        return
    has = f"{of} has no {noun} {name}" if of else f"there is no {noun} {name}"
    listed = list(names)
    more = ", …" if len(listed) > SHOWN else ""
    there = (
        f"; there are: {', '.join(listed[:SHOWN])}{more}" if listed else "; there is none at all"
    )
    raise click.UsageError(f"{has}{there}. {_proposal(name, names)}".rstrip())


def _proposal(name: str, names: Mapping[str, Any]) -> str:
    meant = nearest(name, names)
    span = getattr(names.get(meant), "span", None)
    at = f" ({span.file}:{span.line})" if span is not None else ""
    return f"Did you mean {meant}{at}?" if meant else ""
