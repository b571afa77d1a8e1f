"""`doctor`: says in plain words what is wrong on this node and what to do about it."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

from sidecar.activation import links
from sidecar.commands import findings
from sidecar.commands.findings import Finding
from sidecar.model.config import Config
from sidecar.model.reasons import REASONS, ReasonError
from sidecar.resident import asking, offline
from sidecar.resident.service import host
from sidecar.surface.pages import status_document

_BLOCKED = 1
_MARKS = {"fine": "ok  ", "note": "note", "bad": "BAD "}


def main(flags: dict[str, str], words: list[str]) -> int:
    """Print the findings, what is wrong last; exit code 1 where something is."""
    del words
    found = once(list(_everything(flags)))
    found.sort(key=lambda one: list(_MARKS).index(one.level))
    print(json.dumps([one._asdict() for one in found]) if "json" in flags else text(found))
    return _BLOCKED if any(one.level == "bad" for one in found) else 0


def text(found: list[Finding]) -> str:
    """The findings as people read them."""
    lines = []
    for one in found:
        lines.append(f"{_MARKS[one.level]}  {one.topic}: {one.words}")
        if one.advice and one.level != "fine":
            lines.append(f"      {one.advice}")
    bad = sum(one.level == "bad" for one in found)
    lines.append("" if bad else "\nNothing is wrong that can be seen from here.")
    if bad:
        lines.append(f"{bad} {'thing is' if bad == 1 else 'things are'} wrong.")
    return "\n".join(lines)


def once(found: list[Finding]) -> list[Finding]:
    """Each failure told one time.

    What several artifacts wait for, what the store itself says of it, and what the journal
    remembers, are one thing that is wrong and not three.
    """
    kept: dict[tuple[str, str], Finding] = {}
    for number, one in enumerate(found):
        of_code = [key for key, other in kept.items() if one.code and other.code == one.code]
        if one.topic == "journal" and of_code:
            continue
        name, _, words = one.words.partition(": ")
        same = (one.code, words)
        if one.topic == "artifact" and one.code:
            shared = [key for key in of_code if key == same or kept[key].topic != "artifact"]
            if shared:
                first = kept[shared[0]]
                kept[shared[0]] = first._replace(words=f"{first.words}; also {name}")
                continue
            kept[same] = one
        else:
            kept["", str(number)] = one
    return list(kept.values())


def _everything(flags: dict[str, str]) -> Iterator[Finding]:
    yield from findings.mounted(flags["config"])
    yield from findings.memory()
    yield from findings.trust()
    base = flags.get("view", links.VIEW)
    try:
        accepted = asking.config(flags["config"], base)
    except ReasonError:
        return  # said already, and nothing else can be known
    config = accepted.config
    for check in (findings.stored, findings.room, findings.clock, findings.credentials, _server):
        yield from check(config)
    yield from _standing(accepted)
    yield from findings.journal(config, time.time())
    if "network" in flags:
        from sidecar.commands.reaching import reach

        yield from reach(config)


def _standing(accepted: Any) -> Iterator[Finding]:
    """What every artifact waits for, from the running sidecar or from the disk."""
    config: Config = accepted.config
    try:
        said = asking.get(config.surface.socket, "/v1/status")
    except ReasonError as fault:
        yield findings.of_reason("sidecar", fault)
        said = None
    if said is not None and said.status == 200:
        yield Finding("fine", "sidecar", f"it answers on {config.surface.socket}")
        document = said.document
    else:
        words = f"nobody answers on {config.surface.socket}; what follows is from the disk"
        yield Finding("note", "sidecar", words, "See whether the sidecar's container runs.")
        seen = offline.look(accepted, host(os.environ.get("EDGEWRIGHT_HOST", "")))
        document = status_document(seen, config, time.time())
    for one in document["artifacts"]:
        yield _artifact(one)


def _artifact(one: dict[str, Any]) -> Finding:
    name = f"{one['kind']}/{one['name']} {one['version']}"
    code = one.get("reason", "")
    if code not in REASONS:
        return Finding("fine", "artifact", f"{name} is {one['state'].lower()}")
    found = findings.of_reason("artifact", ReasonError(code, one.get("detail", "")))
    return found._replace(words=f"{name}: {found.words}")


def _server(config: Config) -> Iterator[Finding]:
    """Whether something listens on the ports that hooks and probes go to."""
    for port in config.server.ports:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            words = f"nothing listens on port {port}"
            yield Finding("note", "server", words, REASONS["WaitingForServer"].advice)
