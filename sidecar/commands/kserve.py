"""`once SRC DST [SRC DST ...]`: does what KServe's storage initializer does, with its environment.

It says of every file whether somebody knew what it must be: without a digest the bytes are fetched
all the same, as KServe does, and are called UNVERIFIED aloud.
"""

from __future__ import annotations

import os
import sys
from threading import Event

from sidecar.commands import kserve_places as places
from sidecar.commands.kserve_files import Brought, bring
from sidecar.commands.kserve_places import Place
from sidecar.model.text import redact
from sidecar.transfer.context import Context

_USAGE = 2


def main(flags: dict[str, str], words: list[str]) -> int:
    """Fetch every pair.

    Raises:
        ReasonError: why one of them cannot be had.
    """
    del flags
    if len(words) % 2:
        print("once: every SRC needs a DST", file=sys.stderr)
        return _USAGE
    odd = next((word for word in words[::2] if not places.is_pinned_well(word)), "")
    if odd:
        print(
            f"once: 64 hexadecimal digits belong behind #sha256= of {redact(odd)}", file=sys.stderr
        )
        return _USAGE
    pairs = [places.place(*words[at : at + 2]) for at in range(0, len(words), 2)]
    found = places.environment(os.environ)
    context = Context(places.config(found, pairs, pairs[0].target), found, Event())
    try:
        for one in pairs:
            for file in bring(one, context):
                print(_line(one, file), flush=True)
    finally:
        context.close()
    return 0


def _line(one: Place, file: Brought) -> str:
    if file.size < 0:
        return f"UNVERIFIED {file.url} linked into {one.target}"
    known = "verified" if one.sha256 else "UNVERIFIED"
    return f"{known} {redact(file.url)}: {file.size:,} bytes, sha256 {file.sha256}"
