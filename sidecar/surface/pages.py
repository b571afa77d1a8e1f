"""The pages that only read: probes, status, releases and metrics.

Bodies of probes are plain words for the person who looks at a pod that does not start.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from sidecar.model.config import Config
from sidecar.model.reasons import REASONS
from sidecar.model.status import GroupStatus, Status
from sidecar.surface import metrics
from sidecar.surface.control import JSON, encoded, refusal
from sidecar.surface.counters import Counters
from sidecar.surface.report import document
from sidecar.surface.state import percent, state
from sidecar.wire.answer import Response
from sidecar.wire.server import Request

STUCK_SECONDS = 120.0
"""How long the main loop may stand still. It hashes and deletes nothing itself, so what takes
longer than this is a disk that no longer answers, or a bug."""

RELEASES = "/v1/releases/"


class Source(NamedTuple):
    """What pages are made from. `beat` is when the main loop last moved, on the monotonic clock."""

    config: Config
    status: Callable[[], Status | None]
    beat: Callable[[], float]
    counters: Counters


def page(source: Source, request: Request) -> Response:
    """The answer to a GET or HEAD of any path."""
    if request.path.startswith(RELEASES):
        return _release(source, request.path.removeprefix(RELEASES))
    make = _PAGES.get(request.path)
    return make(source) if make else refusal(404, "NotFound", "there is no such page")


def _health(source: Source) -> Response:
    """Whether a restart would help: a disk that is full or read-only is no reason for one."""
    still = time.monotonic() - source.beat()
    if still > STUCK_SECONDS:
        return _words(503, f"the main loop has not moved for {int(still)} s")
    status = source.status()
    trouble = status.reason if status else ""
    return _words(200, f"alive; {trouble}: {REASONS[trouble].meaning}" if trouble else "alive")


def _started(source: Source) -> Response:
    status = source.status()
    return _probe(status, status is not None and status.started)


def _ready(source: Source) -> Response:
    status = source.status()
    return _probe(status, status is not None and status.ready)


def _probe(status: Status | None, good: bool) -> Response:
    if good:
        return _words(200, "yes")
    if status is None:
        return _words(503, "not yet: the sidecar begins")
    lines = [f"{status.reason}: {status.detail}"] if status.reason else []
    lines += [_waits(group) for group in status.groups if state(group) not in {"GOOD", "STAGED"}]
    return _words(503, "not yet: " + "\n".join(lines or ["the sidecar begins"]))


def _waits(group: GroupStatus) -> str:
    parts = [group.name, group.phase]
    fetched = [percent(one) for one in group.artifacts if one.active != one.wanted and one.bytes]
    if group.phase == "fetch" and fetched:
        parts.append(f"{min(fetched)} %")
    if group.reason:
        parts.append(f"({group.reason}: {group.detail})" if group.detail else f"({group.reason})")
    return " ".join(parts)


def _status(source: Source) -> Response:
    status = source.status()
    if status is None:
        return refusal(503, "WaitingForTenant", "the sidecar begins")
    return Response(200, encoded(status_document(status, source.config, time.time())), JSON)


def status_document(status: Status, config: Config, now: float) -> dict[str, Any]:
    """The report, and what is of use only on the node."""
    groups = [
        {
            "name": one.name,
            "state": state(one),
            "phase": one.phase,
            "attempts": one.attempts,
            "canReturn": one.can_return,
            "fetched": {artifact.key: artifact.bytes for artifact in one.artifacts},
            "sizes": {artifact.key: artifact.size for artifact in one.artifacts},
        }
        for one in status.groups
    ]
    held = [
        {"stream": one.name, "reason": reason, "files": files}
        for one in status.streams
        for reason, files in one.held
    ]
    return document(status, config, now) | {
        "groups": groups,
        "held": held,
        "offline": status.offline,
        "store": {
            "root": config.limits.root,
            "bytes": status.store_bytes,
            "free": status.free_bytes,
        },
    }


def _release(source: Source, digest: str) -> Response:
    """Whether this part serves a release; any other status than 200 means that it does not."""
    status = source.status()
    good = status is not None and digest != "" and status.release == digest and status.release_ready
    return Response(200 if good else 404, encoded({"release": digest[:64], "ready": good}), JSON)


def _metrics(source: Source) -> Response:
    if not source.config.surface.metrics:
        return refusal(404, "NotFound", "the config switches metrics off")
    return Response(200, metrics.text(source.status(), source.counters).encode(), metrics.TYPE)


def _words(status: int, text: str) -> Response:
    return Response(status, text.encode() + b"\n")


_PAGES: dict[str, Callable[[Source], Response]] = {
    "/healthz": _health,
    "/startupz": _started,
    "/readyz": _ready,
    "/v1/status": _status,
    "/metrics": _metrics,
}
