"""Releases: immutable directories of links to verified trees, and what points to them.

`build` makes a release appear whole by one rename, `point` moves a pointer by one rename; the
rename of `current` is the commit point of every switch. Nothing here fetches, verifies a tree or
tells a server.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from sidecar.activation.forms import RAW
from sidecar.disk import documents, fsops, removal
from sidecar.disk.owner import Owner
from sidecar.model.config import Artifact
from sidecar.model.digest import sha256

CURRENT = "current"
PREVIOUS = "previous"
_ROOT_FROM_MEMBER = "../../../../../../../"
"""From `tenants/<t>/slots/<g>/releases/<id>/<kind>/` to the root of the store."""


class Member(NamedTuple):
    """One artifact in a release. `file` is the name of a single file in `tree`, or empty."""

    key: str
    version: str
    variant: str
    digest: str
    form: str
    tree: str
    file: str
    view: str
    model: str
    number: int
    private: bool

    @property
    def kind(self) -> str:
        """The first half of the key."""
        return self.key.partition("/")[0]

    @property
    def name(self) -> str:
        """The second half of the key."""
        return self.key.partition("/")[2]

    @property
    def target(self) -> str:
        """What the member's link shows, below the root of the store."""
        return f"store/trees/{self.tree}/{self.file}" if self.file else f"store/trees/{self.tree}"


class Release(NamedTuple):
    """What a release directory holds. `serving` is how its members were told and probed."""

    id: str
    members: tuple[Member, ...]
    serving: dict[str, Any]

    @property
    def wanted(self) -> str:
        """The identity of the config entries that it fulfils."""
        return identity(self.members)


def member(artifact: Artifact, tree: str = "", file: str = "") -> Member:
    """The member that an artifact becomes; without a tree it only serves for `identity`."""
    return Member(
        key=artifact.key,
        version=artifact.version,
        variant=artifact.variant,
        digest=artifact.sha256,
        form=artifact.unpack.format if artifact.unpack else RAW,
        tree=tree,
        file=file,
        view=artifact.view.type,
        model=artifact.view.model,
        number=artifact.view.number,
        private=artifact.private,
    )


def identity(members: tuple[Member, ...]) -> str:
    """What a config asks for, before anything is fetched: labels do not count, bytes do."""
    return _short([_substance(one) for one in members])


def release_id(members: tuple[Member, ...]) -> str:
    """The name of a release's directory."""
    return _short([[*_substance(one), one.tree, one.file] for one in members])


def build(owner: Owner, slot: str, members: tuple[Member, ...], serving: dict[str, Any]) -> str:
    """Make the release of `members` in the slot at path `slot` and return its id."""
    found = release_id(members)
    target = f"{slot}/releases/{found}"
    if not _leads(target, members):
        place = _prepared(owner, members)
        gone = _away(owner, target) if os.path.lexists(target) else ""
        fsops.rename(place, target)
        fsops.sync_directory(f"{slot}/releases")
        if gone:
            removal.remove(gone)
    release = read(slot, found)
    if release is None or release.serving != serving:
        describe(owner, slot, Release(found, members, serving))
    return found


def read(slot: str, release: str) -> Release | None:
    """The release with an id, or None where its directory is missing or not whole."""
    document = documents.read(f"{slot}/releases/{release}/release.json")
    if document is None:
        return None
    try:
        members = tuple(Member(**entry) for entry in document["members"])
        serving = document.get("serving", {})
    except (KeyError, TypeError):
        return None
    if release_id(members) != release or not isinstance(serving, dict):
        return None
    return Release(release, members, serving)


def recovered(slot: str, release: str) -> Release | None:
    """A release as its links alone tell it, where the document beside them was lost."""
    place = f"{slot}/releases/{release}"
    found = [_from_link(key, target) for key, target in sorted(_links(place).items())]
    return Release(release, tuple(found), {}) if found else None


def pointed(slot: str, pointer: str) -> str:
    """The release id that `current` or `previous` names, empty where there is none."""
    try:
        target = os.readlink(f"{slot}/{pointer}")
    except OSError:
        return ""
    head, _, found = target.rpartition("/")
    return found if head == "releases" else ""


def point(owner: Owner, slot: str, pointer: str, release: str) -> None:
    """Let `current` or `previous` name a release, by one rename, and make that last."""
    temporary = owner.scratch()
    fsops.symlink(f"releases/{release}", temporary)
    fsops.rename(temporary, f"{slot}/{pointer}")
    fsops.sync_directory(slot)


def flipped(slot: str) -> float:
    """When `current` was last moved, in seconds since the epoch; 0 where there is none."""
    try:
        return os.lstat(f"{slot}/{CURRENT}").st_mtime
    except OSError:
        return 0.0


def forget(owner: Owner, slot: str, release: str) -> None:
    """Take a release out of a slot that neither pointer names."""
    if os.path.isdir(f"{slot}/releases/{release}"):
        gone = _away(owner, f"{slot}/releases/{release}")
        fsops.sync_directory(f"{slot}/releases")
        removal.remove(gone)


def describe(owner: Owner, slot: str, release: Release) -> None:
    """Write anew how the members of a release are told and probed."""
    document = {"members": [one._asdict() for one in release.members], "serving": release.serving}
    documents.write(owner, f"{slot}/releases/{release.id}/release.json", document)


def _prepared(owner: Owner, members: tuple[Member, ...]) -> str:
    """A synced directory with the link of every member, not in its place yet."""
    place = owner.scratch()
    fsops.make_directory(place)
    kinds = sorted({one.kind for one in members})
    for kind in kinds:
        fsops.make_directory(f"{place}/{kind}")
    for one in members:
        fsops.symlink(_ROOT_FROM_MEMBER + one.target, f"{place}/{one.key}")
    for kind in kinds:
        fsops.sync_directory(f"{place}/{kind}")
    fsops.sync_directory(place)
    return place


def _leads(place: str, members: tuple[Member, ...]) -> bool:
    """Whether a directory leads to exactly these members."""
    return _links(place) == {one.key: _ROOT_FROM_MEMBER + one.target for one in members}


def _links(place: str) -> dict[str, str]:
    try:
        return {
            f"{kind}/{name}": os.readlink(f"{place}/{kind}/{name}")
            for kind in os.listdir(place)
            if os.path.isdir(f"{place}/{kind}")
            for name in os.listdir(f"{place}/{kind}")
        }
    except OSError:
        return {}


def _from_link(key: str, target: str) -> Member:
    _, _, below = target.partition("store/trees/")
    tree, _, file = below.partition("/")
    return Member(key, "", "", "", "", tree, file, "flat", "", 0, private=False)


def _away(owner: Owner, path: str) -> str:
    """Take a directory out of its place; what it is called now."""
    place = owner.scratch()
    fsops.rename(path, place)
    return place


def _substance(one: Member) -> list[Any]:
    return [one.key, one.digest, one.form, one.view, one.model, one.number, one.private]


def _short(value: list[Any]) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return str(sha256(text.encode()).hexdigest())[:16]
