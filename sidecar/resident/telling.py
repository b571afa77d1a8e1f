"""What is said to the server about a group, as jobs: load, then see whether it serves.

A job waits as long as nobody answers at all; only what a server says or does counts against a
version. Which version is on disk at that moment is not decided here. What speaks to servers is
imported with the first word, because many workers have no server at all.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any, NamedTuple

from sidecar.model.config import Artifact, Golden, Hook, Probe, Server
from sidecar.model.reasons import ReasonError
from sidecar.wire.stream import StoppedError

LOAD_SECONDS = 300.0
_PAUSE = 0.5

Waiting = Callable[[str], None]
Compare = Callable[[str, Event], None]


class Told(NamedTuple):
    """How one member of a group is told and asked; `path` is what the server calls its place."""

    key: str
    path: str
    hook: Hook
    probe: Probe | None
    golden: Golden | None = None


def told(artifact: Artifact, path: str) -> Told:
    """What the config says about an artifact that the server finds at a path."""
    activation = artifact.activation
    return Told(artifact.key, path, activation.hook, activation.probe, activation.golden)


def written(members: tuple[Told, ...], gate: str) -> dict[str, Any]:
    """What a release remembers of it, for a return when the config knows it no longer."""
    entries = {
        one.key: {
            "path": one.path,
            "hook": one.hook._asdict(),
            "probe": one.probe._asdict() if one.probe else None,
        }
        for one in members
    }
    return {"gate": gate, "members": entries}


def remembered(serving: dict[str, Any]) -> tuple[Told, ...]:
    """The reverse; what cannot be understood is left out, since going back matters more."""
    found = []
    members = serving.get("members")
    for key, entry in members.items() if isinstance(members, dict) else ():
        try:
            hook = Hook(**{**entry["hook"], "command": tuple(entry["hook"]["command"])})
            probe = Probe(**entry["probe"]) if entry["probe"] else None
            found.append(Told(key, str(entry["path"]), hook, probe))
        except (KeyError, TypeError):
            continue
    return tuple(found)


def load(members: tuple[Told, ...], server: Server, stop: Event, waiting: Waiting) -> None:
    """Tell the server of each member, in order.

    Raises:
        ReasonError: the server refused one; its words are the detail.
        StoppedError: `stop` was set.
    """
    for one in members:
        while not _loaded(one, server, stop, waiting):
            if stop.wait(_PAUSE):
                raise StoppedError("stopped")


def see(members: tuple[Told, ...], server: Server, stop: Event, seconds: float) -> None:
    """Wait until each member is served.

    Raises:
        ReasonError: `ProbeFailed`.
        StoppedError: `stop` was set.
    """
    from sidecar.hooks import probe as probes

    for one in members:
        if one.probe is not None:
            timeout = min(float(one.probe.timeout), max(seconds, 1.0))
            probes.wait(one.probe, server.ports, stop, timeout=timeout)


def compare(members: tuple[Told, ...], stop: Event, call: Compare) -> None:
    """Let the golden input of each member be compared.

    Raises:
        ReasonError: `GoldenFailed`, or why it could not be seen.
    """
    for one in members:
        if one.golden is not None and not stop.is_set():
            call(one.key, stop)


def unload(members: tuple[Told, ...], server: Server, stop: Event) -> None:
    """Tell the server that members are gone; one that does not answer does not know them."""
    from sidecar import hooks

    for one in members:
        if hooks.answers(server, one.hook):
            hooks.unload(one.hook, one.path, server.ports, stop, timeout=LOAD_SECONDS)


def _loaded(one: Told, server: Server, stop: Event, waiting: Waiting) -> bool:
    if one.hook.type == "none" and one.probe is None:
        return True
    from sidecar import hooks

    if not hooks.answers(server, one.hook):
        waiting("")
        return False
    try:
        hooks.load(one.hook, one.path, server.ports, stop, timeout=_patience(one))
    except ReasonError as fault:
        if fault.code != "WaitingForServer":
            raise
        waiting(fault.detail)
        return False
    return True


def _patience(one: Told) -> float:
    return max(LOAD_SECONDS, float(one.probe.timeout) if one.probe else 0.0)
