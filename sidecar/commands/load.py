"""`load`: puts artifacts from a medium into a node's store, where no network reaches.

It needs no config: bytes are what their digests say or they are not taken. A sidecar that runs
finds them by itself, one that does not finds them when it starts. As root, which an operator on a
host is, it works as the user whom the store belongs to.
"""

from __future__ import annotations

import json
import os
import sys
from threading import Event

from sidecar.commands.prepare import become_owner
from sidecar.contract import accept
from sidecar.contract.canonical import canonical
from sidecar.disk import owner, store, tenants
from sidecar.disk.layout import Layout
from sidecar.model.config import Limits
from sidecar.model.reasons import ReasonError
from sidecar.unpack import bundle

_BLOCKED = 1
_USAGE = 2


def main(flags: dict[str, str], words: list[str]) -> int:
    """Load one bundle; exit code 1 where something of it was not taken.

    Raises:
        ReasonError: it is no bundle, or the store has no room or cannot be used.
    """
    if len(words) != 1:
        print("load: one ARCHIVE or FOLDER, or - for standard input", file=sys.stderr)
        return _USAGE
    root = flags["root"]
    source = _opened(words[0])
    become_owner(root)
    layout = store.open_store(root)
    with owner.enter(layout) as own:
        found = bundle.load(source, bundle.Place(layout, own, limits(layout)), Event())
    print(json.dumps(_document(found)) if "json" in flags else text(found))
    return _BLOCKED if found.wrong else 0


def text(found: bundle.Outcome) -> str:
    """What people read."""
    lines = [f"{len(found.new)} new in the store, {len(found.here)} were there already"]
    if found.wrong:
        lines.append("not taken:")
        lines += [f"  {one.name}: {one.words}" for one in found.wrong]
    elif found.new:
        lines.append("A sidecar switches to them within a minute, or when it starts.")
    return "\n".join(lines)


def limits(layout: Layout) -> Limits:
    """The strictest floor and quota of the workers of a store, or what a config has by default."""
    found = Limits(layout.root)
    stated = [one for name in tenants.names(layout) if (one := _stated(layout, name))]
    if not stated:
        return found
    return found._replace(
        min_free=max(one.min_free for one in stated),
        min_free_percent=max(one.min_free_percent for one in stated),
        max_bytes=min((one.max_bytes for one in stated if one.max_bytes), default=0),
    )


def _stated(layout: Layout, tenant: str) -> Limits | None:
    document = tenants.accepted(layout, tenant)
    try:
        return accept.read(canonical(document)).config.limits if document else None
    except ReasonError:  # of a newer sidecar
        return None


def _opened(word: str) -> int | str:
    if word == "-":
        return 0
    if os.path.isdir(word):
        return os.path.abspath(word)
    return os.open(word, os.O_RDONLY | os.O_CLOEXEC)


def _document(found: bundle.Outcome) -> dict[str, object]:
    wrong = [one._asdict() for one in found.wrong]
    return {"new": found.new, "here": found.here, "wrong": wrong}
