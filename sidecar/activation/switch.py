"""The switch of a group, forwards and back, in the order that a kill at any moment allows.

The record is written first, the release built beside the active one, numbered views show the new
number, then one rename of `current` commits. What follows that rename is done again by `align`
whenever a process begins, so being killed after it changes nothing.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from sidecar.activation import forms, links, places, records, releases, views
from sidecar.activation.records import Record
from sidecar.activation.releases import CURRENT, PREVIOUS, Member, Release
from sidecar.disk import tenants, trees
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.model.config import Artifact
from sidecar.model.reasons import ReasonError


class Slot(NamedTuple):
    """Where a group of a tenant lies, and who may change it."""

    layout: Layout
    owner: Owner
    tenant: str
    group: str

    @property
    def path(self) -> str:
        """The directory of the slot."""
        return self.layout.slot(self.tenant, self.group)

    def view(self, member: Member) -> str:
        """The directory of a member's numbers."""
        return self.layout.view(self.tenant, member.kind, member.name)

    def release(self, pointer: str) -> Release | None:
        """The whole release that `current` or `previous` names, if its trees are there."""
        found = releases.pointed(self.path, pointer)
        if not found:
            return None
        release = releases.read(self.path, found) or releases.recovered(self.path, found)
        return release if release and whole(self.layout, release.members) else None

    @property
    def way_back(self) -> Release | None:
        """The release before, unless bytes of it are known to have rotted."""
        release = self.release(PREVIOUS)
        return None if release is None or _rotten(self.layout, release.members) else release


def staged(layout: Layout, artifacts: tuple[Artifact, ...]) -> tuple[Member, ...] | None:
    """The members that artifacts become, or None while one of them is not in the store."""
    found = [staged_member(layout, one) for one in artifacts]
    members = tuple(one for one in found if one is not None)
    return members if len(members) == len(artifacts) else None


def staged_member(layout: Layout, artifact: Artifact) -> Member | None:
    """The member that an artifact becomes, or None where no tree that suits is in the store.

    One tree of a digest may be for all to read and another for one user only.
    """
    tree = trees.known(layout, artifact.sha256, forms.form_of(artifact))
    if tree is None:
        return None
    try:
        manifest = trees.manifest(layout, tree)
        first = next(iter(manifest), None)
        file = "" if artifact.unpack else manifest.single
    except (OSError, ValueError):
        return None
    if first is not None and bool(first.mode & 0o004) == artifact.private:
        return None
    return releases.member(artifact, tree, file)


def whole(layout: Layout, members: tuple[Member, ...]) -> bool:
    """Whether all that a release leads to is there."""
    return all(os.path.exists(f"{layout.root}/{one.target}") for one in members)


def activate(
    slot: Slot, members: tuple[Member, ...], serving: dict[str, Any], record: Record
) -> Record:
    """Make `members` what the slot serves; `record` says for which wanted release.

    Raises:
        ReasonError: `ViewClash` where a number is taken; or the disk does not allow it.
    """
    current = releases.pointed(slot.path, CURRENT)
    target = releases.release_id(members)
    _refuse_clash(slot, current, members)
    record = record._replace(phase="activate", origin=current, target=target)
    with tenants.keeping(slot.layout):
        places.make(f"{slot.path}/releases")
        records.write(slot.owner, slot.path, record)
        releases.build(slot.owner, slot.path, members, serving)
    if current not in ("", target) and record.proven == current:
        releases.point(slot.owner, slot.path, PREVIOUS, current)
    _flip(slot, target, members)
    return record


def go_back(slot: Slot, record: Record) -> Record:
    """Make `previous` what the slot serves again; `record` says why.

    Raises:
        ReasonError: `UnableToRollBack` where nothing whole is there to go back to.
    """
    before = slot.way_back
    if before is None:
        raise ReasonError("UnableToRollBack", "the version before is not in the store, or rotted")
    current = releases.pointed(slot.path, CURRENT)
    if record.phase != "rollback":
        record = record._replace(phase="rollback", origin=current, target=before.id)
        with tenants.keeping(slot.layout):
            records.write(slot.owner, slot.path, record)
    _flip(slot, before.id, before.members)
    return record


def align(slot: Slot, *, mend: bool = False) -> None:
    """Let views show what `current` names and nothing beyond it.

    To `mend` is to put files in place that were sealed anew, one by one.
    """
    release = slot.release(CURRENT)
    for member in _numbered(release.members if release else ()):
        views.publish(slot.layout, slot.owner, slot.view(member), member, mend=mend)
        views.withdraw(slot.owner, slot.view(member), above=member.number)


def expire(slot: Slot) -> None:
    """Take away the numbers below the active one; the caller has waited for their readers."""
    release = slot.release(CURRENT)
    for member in _numbered(release.members if release else ()):
        views.expire(slot.owner, slot.view(member), below=member.number)


def link_targets(slot: Slot, artifacts: tuple[Artifact, ...]) -> dict[str, str]:
    """The pod's links that lead to a group, by their path below the pod's volume."""
    found = {
        links.below(one.link): _link_target(slot, releases.member(one))
        for one in artifacts
        if one.link
    }
    bundle = slot.group.removeprefix("bundle.")
    if bundle != slot.group:
        found[f"{links.BUNDLES}/{bundle}"] = f"{slot.path}/{CURRENT}"
    return found


def _rotten(layout: Layout, members: tuple[Member, ...]) -> bool:
    """Whether a check found other bytes than a digest says: what it finds is no longer known."""
    return any(
        one.digest
        and not trees.known(layout, one.digest, forms.form(one.form, one.file, private=one.private))
        for one in members
    )


def _link_target(slot: Slot, member: Member) -> str:
    if member.view == views.FLAT:
        return f"{slot.path}/{CURRENT}/{member.key}"
    return slot.view(member)


def _flip(slot: Slot, target: str, members: tuple[Member, ...]) -> None:
    for member in _numbered(members):
        views.publish(slot.layout, slot.owner, slot.view(member), member)
    if releases.pointed(slot.path, CURRENT) != target:
        releases.point(slot.owner, slot.path, CURRENT, target)
    align(slot)


def _refuse_clash(slot: Slot, current: str, members: tuple[Member, ...]) -> None:
    active = releases.read(slot.path, current) if current else None
    shown = {one.key: one for one in active.members} if active else {}
    for member in _numbered(members):
        before = shown.get(member.key)
        if before and before.number == member.number and before.tree != member.tree:
            raise ReasonError(
                "ViewClash", f"{member.key}: number {member.number} is active with other bytes"
            )


def _numbered(members: tuple[Member, ...]) -> list[Member]:
    return [one for one in members if one.view != views.FLAT]
