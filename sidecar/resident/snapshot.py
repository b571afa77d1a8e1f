"""What the resident process knows, as the `Status` that probes, metrics and reports are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sidecar.activation.releases import Release
from sidecar.model.config import Artifact, Config
from sidecar.model.status import ArtifactStatus, GroupStatus, Status, StreamStatus
from sidecar.resident.groups import Group


class Figures(NamedTuple):
    """What is measured now and then."""

    store_bytes: int = 0
    free_bytes: int = 0
    offline: bool = False


def status(
    config: Config,
    host: str,
    groups: Sequence[Group],
    streams: tuple[StreamStatus, ...],
    figures: Figures,
    rejected: str,
    *,
    planned: bool,
) -> Status:
    """The whole of it."""
    needed = [one for one in groups if one.wanted.required and one.wanted.update != "stage"]
    staged = [one for one in groups if one.wanted.required and one.wanted.update == "stage"]
    ready = (
        planned and all(one.good for one in needed) and all(one.phase == "staged" for one in staged)
    )
    return Status(
        tenant=config.tenant.directory,
        role=config.tenant.role,
        site=config.node.site,
        host=host,
        revision=config.revision,
        rejected=rejected,
        started=planned and all(one.active is not None for one in needed),
        ready=ready,
        release=config.release.digest if config.release else "",
        release_ready=planned
        and config.release is not None
        and all(one.phase == "idle" and one.good for one in needed),
        groups=tuple(map(_group, groups)),
        streams=streams,
        offline=figures.offline,
        store_bytes=figures.store_bytes,
        free_bytes=figures.free_bytes,
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
    return ArtifactStatus(
        key=artifact.key,
        version=artifact.version,
        wanted=artifact.sha256,
        active=_digest(one.active, artifact.key),
        required=artifact.required,
        bytes=transfer.bytes if transfer else 0,
        size=artifact.size,
    )


def _digest(release: Release | None, key: str) -> str:
    members = release.members if release else ()
    return next((member.digest for member in members if member.key == key), "")
