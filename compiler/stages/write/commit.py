"""Exchanges staged directories with the live ones, one after the other.

Decides nothing: everything was judged before. After a kill at any moment each directory is
wholly old or wholly new (where the file system cannot exchange: after the next run). What
was exchanged out stays in the staging area, and goes when the area is swept.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from compiler.model.ports import Exchange
from compiler.stages.write.journal import remove_by_file, replace_by_journal
from compiler.stages.write.nouns import Action, Area, Staged


def commit(staged: Sequence[Staged], area: Area, exchange: Exchange) -> None:
    """Put every staged directory in its place, in order of path.

    Raises:
        OSError: a step was refused; what came before it is in place.
    """
    steps = {Action.ADD: _add, Action.REPLACE: _replace, Action.REMOVE: _remove}
    for item in sorted(staged, key=lambda found: found.path):
        if item.action is not Action.KEEP:
            steps[item.action](item, area, exchange)
    for item in staged:
        if item.action is Action.REMOVE:
            _drop_empty_parents(item.path, area.out)


def _add(item: Staged, area: Area, exchange: Exchange) -> None:
    source, live = _places(item, area)
    try:
        placed = exchange.place(source, live)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(live), exist_ok=True)
        placed = exchange.place(source, live)
    if not placed:
        replace_by_journal(source, live, _token(area))


def _replace(item: Staged, area: Area, exchange: Exchange) -> None:
    source, live = _places(item, area)
    if not exchange.swap(source, live):
        if item.written or item.linked:
            replace_by_journal(source, live, _token(area))
        else:
            remove_by_file(live)
        return
    for name in item.carried:
        os.rename(f"{source}/{name}", f"{live}/{name}")
    for name in item.discarded:
        os.unlink(f"{source}/{name}")


def _remove(item: Staged, area: Area, exchange: Exchange) -> None:
    target, live = _places(item, area)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if not exchange.place(live, target):
        remove_by_file(live)


def _places(item: Staged, area: Area) -> tuple[str, str]:
    return f"{area.staging}/{item.path}", f"{area.out}/{item.path}"


def _token(area: Area) -> str:
    return os.path.basename(area.staging).split("-", 1)[1].split(".", 1)[0]


def _drop_empty_parents(path: str, out: str) -> None:
    """Remove the folders above a removed directory that hold nothing any more."""
    parent = os.path.dirname(path)
    while parent:
        try:
            os.rmdir(f"{out}/{parent}")
        except OSError:
            return
        parent = os.path.dirname(parent)
