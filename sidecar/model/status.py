"""What a sidecar knows of itself at one moment: what probes, metrics and reports are made of."""

from __future__ import annotations

from typing import Literal, NamedTuple

Phase = Literal[
    "idle",  # what is wanted is active and good
    "fetch",  # bytes are fetched, verified, unpacked and sealed
    "wait",  # staged; waits for a window, the other part of a release, or a retry
    "activate",  # the switch itself
    "notify",  # the server is told
    "probation",  # it has to answer well for a while
    "rollback",  # back to what served before
    "blocked",  # somebody has to change something; what is active stays
    "staged",  # all that is wanted is there, and it is not this process's to switch
]


class ArtifactStatus(NamedTuple):
    """One artifact: what the config wants and what is active; empty text where there is none.

    `wanted` and `active` are digests, `version` and `serves` the names of their versions.
    """

    key: str
    version: str
    wanted: str
    active: str
    required: bool
    bytes: int = 0
    size: int = -1
    serves: str = ""


class GroupStatus(NamedTuple):
    """A group of artifacts that change by one rename: a bundle, or an artifact alone."""

    name: str
    phase: Phase
    reason: str
    detail: str
    since: float
    attempts: int
    artifacts: tuple[ArtifactStatus, ...]
    can_return: bool = False


class StreamStatus(NamedTuple):
    """A stream of the outbox.

    `held` is what still lies with the worker because it is not taken: a reason and how many files.
    """

    name: str
    waiting: int
    bytes: int
    oldest: float
    sent: int
    dropped: int
    held: tuple[tuple[str, int], ...] = ()


class Status(NamedTuple):
    """The whole. `started` gates the worker's start, `ready` needs every required artifact good.

    `revision` is that of the accepted config; `rejected` is the reason for which the newest one
    was not accepted, or empty. `reason` and `detail` are what hinders all groups at once, such as
    a store that cannot be opened. Times are seconds since the epoch.
    """

    tenant: str
    role: str
    site: str
    host: str
    revision: str
    rejected: str
    started: bool
    ready: bool
    release: str
    release_ready: bool
    groups: tuple[GroupStatus, ...]
    streams: tuple[StreamStatus, ...]
    offline: bool
    store_bytes: int
    free_bytes: int
    reason: str = ""
    detail: str = ""
