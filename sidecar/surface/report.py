"""The report: one small object that says how one tenant on one host stands, at one time.

`report.schema.json` is its contract. Promotion reads it: a site counts as ready when a report of
the last hour has `state` GOOD for the digests that it should have, or STAGED for those that it
should only hold. It has no name, address or word of a user's data.
"""

from __future__ import annotations

import time
from typing import Any, Final

from sidecar import __version__
from sidecar.model.config import Config
from sidecar.model.status import ArtifactStatus, GroupStatus, Status, StreamStatus
from sidecar.surface.state import state, worst

REPORT: Final = 1


def document(status: Status, config: Config, now: float) -> dict[str, Any]:
    """The report of a status; `now` is seconds since the epoch."""
    states = [state(group) for group in status.groups if _counts(group)]
    overall = "BLOCKED" if status.reason else worst(states)
    found: dict[str, Any] = {
        "report": REPORT,
        "sidecar": __version__,
        "time": stamp(now),
        "project": config.node.project,
        "environment": config.node.environment,
        "cluster": config.node.cluster,
        "namespace": config.node.namespace,
        "site": status.site,
        "host": status.host,
        "job": config.tenant.job,
        "role": config.tenant.role,
        "tenant": status.tenant,
        "revision": status.revision,
        "state": overall,
        "started": status.started,
        "ready": status.ready,
        "artifacts": [_artifact(one, group) for group in status.groups for one in group.artifacts],
        "outbox": [_stream(stream) for stream in status.streams],
    }
    optional = {
        "reason": status.reason,
        "detail": status.detail,
        "rejected": status.rejected,
        "release": {"digest": status.release, "ready": status.release_ready}
        if status.release
        else None,
    }
    return found | {key: value for key, value in optional.items() if value}


def stamp(seconds: float) -> str:
    """A time in UTC as RFC 3339 writes it, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(max(0.0, seconds)))


def _counts(group: GroupStatus) -> bool:
    """Whether a group holds something that is required; the rest never holds a promotion back."""
    return any(one.required for one in group.artifacts)


def _artifact(one: ArtifactStatus, group: GroupStatus) -> dict[str, Any]:
    kind, _, name = one.key.partition("/")
    entry: dict[str, Any] = {
        "kind": kind,
        "name": name,
        "version": one.version,
        "group": group.name,
        "wanted": one.wanted,
        "required": one.required,
        "state": state(group),
        "phase": group.phase,
        "since": stamp(group.since),
    }
    optional = {
        "reason": group.reason,
        "detail": group.detail,
        "active": one.active,
        "serves": one.serves,
    }
    return entry | {key: value for key, value in optional.items() if value}


def _stream(stream: StreamStatus) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": stream.name,
        "waiting": stream.waiting,
        "bytes": stream.bytes,
        "sent": stream.sent,
        "dropped": stream.dropped,
    }
    return entry | ({"oldest": stamp(stream.oldest)} if stream.oldest else {})
