"""What the resident process knows, as the `Status` that probes, metrics and reports are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sidecar.activation.releases import Member, Release
from sidecar.model.config import Artifact, Config
from sidecar.model.reasons import ReasonError
from sidecar.model.status import ArtifactStatus, GroupStatus, Status, StreamStatus
from sidecar.resident.groups import Group


class Seen(NamedTuple):
    """What a status is made from. `planned` is whether groups were made of the config yet."""

    config: Config
    host: str
    planned: bool
    groups: Sequence[Group]
    streams: tuple[StreamStatus, ...]
    rejected: str
    fault: ReasonError | None
    offline: bool
    store_bytes: int
    free_bytes: int


def status(seen: Seen) -> Status:
    """The whole of it."""
    config, groups = seen.config, seen.groups
    needed = [one for one in groups if one.wanted.required and one.wanted.update != "stage"]
    staged = [one for one in groups if one.wanted.required and one.wanted.update == "stage"]
    good = all(one.good for one in needed)
    offline = any(one.reason == "Offline" for one in groups)
    return Status(
        tenant=config.tenant.directory,
        role=config.tenant.role,
        site=config.node.site,
        host=seen.host,
        revision=config.revision,
        rejected=seen.rejected,
        started=seen.planned and all(one.active is not None for one in needed),
        ready=seen.planned and good and all(one.phase == "staged" for one in staged),
        release=config.release.digest if config.release else "",
        release_ready=seen.planned and good and all(one.fulfilled for one in needed),
        groups=tuple(map(_group, groups)),
        streams=seen.streams,
        offline=seen.offline or offline,
        store_bytes=seen.store_bytes,
        free_bytes=seen.free_bytes,
        reason=seen.fault.code if seen.fault else "",
        detail=seen.fault.detail if seen.fault else "",
    )


def _group(one: Group) -> GroupStatus:
    return GroupStatus(
        name=one.wanted.name,
        phase=one.phase,
        reason=one.reason,
        detail=one.detail,
        since=one.since,
        attempts=one.attempts,
        artifacts=tuple(_artifact(one, artifact) for artifact in one.wanted.artifacts),
        can_return=one.before is not None,
    )


def _artifact(one: Group, artifact: Artifact) -> ArtifactStatus:
    transfer = one.fetching.transfers.get(artifact.key)
    active = _member(one.active, artifact.key)
    return ArtifactStatus(
        key=artifact.key,
        version=artifact.version,
        wanted=artifact.sha256,
        active=active.digest if active else "",
        required=artifact.required,
        bytes=transfer.bytes if transfer else 0,
        size=artifact.size,
        serves=active.version if active else "",
    )


def _member(release: Release | None, key: str) -> Member | None:
    members = release.members if release else ()
    return next((member for member in members if member.key == key), None)
