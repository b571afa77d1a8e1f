"""Numbered views: what model servers read that look for one directory per version.

A number appears by one rename of a complete directory of hard links and goes by one rename away.
It holds the files of exactly one tree, so no server ever finds half a version. The files that
Triton wants above the numbers are replaced one by one, each whole.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from sidecar.activation import places
from sidecar.activation.releases import Member
from sidecar.disk import fsops, removal, trees
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner

FLAT = "flat"
TRITON = "triton"
_SETTINGS = "config.pbtxt"
_SETTINGS_LIMIT = 1 << 20
_NUMBER = re.compile(r"[1-9][0-9]*")
_LABELS = re.compile(rb'label_filename\s*:\s*"([^"/\\]+)"')


class Plan(NamedTuple):
    """Where each file of a tree goes: below the number, or lifted above it."""

    directories: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    lifted: tuple[str, ...]


def publish(layout: Layout, owner: Owner, view: str, member: Member, *, mend: bool = False) -> None:
    """Let the number of a member show its tree, in the view at path `view`.

    A number that shows another tree makes way. One that shows the same tree, some files of which
    were sealed anew, is to be told to `mend`: its readers must not miss it for a moment.
    """
    plan = plan_of(layout, member)
    target = f"{view}/{member.number}"
    if mend and set(_files(target)) == {path for _, path in plan.files}:
        for source, path in plan.files:
            _replace(owner, f"{layout.tree(member.tree)}/{source}", f"{target}/{path}")
    elif not _shows(layout, target, member, plan):
        places.make(view)
        place = _farm(layout, owner, member, plan)
        gone = _away(owner, target) if os.path.lexists(target) else ""
        fsops.rename(place, target)
        fsops.sync_directory(view)
        if gone:
            removal.remove(gone)
    if member.view == TRITON:
        _lift(layout, owner, view, member, plan)


def withdraw(owner: Owner, view: str, *, above: int) -> None:
    """Take away every number above one, at once."""
    _withdraw(owner, view, [number for number in numbers(view) if number > above])


def expire(owner: Owner, view: str, *, below: int) -> None:
    """Take away every number below one; the caller has waited for its readers."""
    _withdraw(owner, view, [number for number in numbers(view) if number < below])


def numbers(view: str) -> list[int]:
    """The numbers that are shown, smallest first."""
    try:
        names = os.listdir(view)
    except OSError:
        return []
    return sorted(int(name) for name in names if _NUMBER.fullmatch(name))


def remove(owner: Owner, view: str) -> None:
    """Take a whole view away."""
    if os.path.isdir(view):
        gone = _away(owner, view)
        fsops.sync_directory(os.path.dirname(view))
        removal.remove(gone)


def plan_of(layout: Layout, member: Member) -> Plan:
    """How the tree of a member is laid out."""
    manifest = trees.manifest(layout, member.tree)
    if member.file:
        suffix = os.path.splitext(member.file)[1]
        return Plan((), ((member.file, f"model{suffix}"),), ())
    entries = list(manifest)
    lifted = _liftable(layout, member, {one.path for one in entries if not one.directory})
    top = {one.path.partition("/")[0] for one in entries}
    inner = top - lifted
    number = next(iter(inner)) if len(inner) == 1 else ""
    prefix = f"{number}/" if _NUMBER.fullmatch(number) else ""
    inside = [one for one in entries if one.path not in lifted or not prefix]
    return Plan(
        tuple(
            one.path.removeprefix(prefix)
            for one in inside
            if one.directory and one.path != prefix.rstrip("/")
        ),
        tuple((one.path, one.path.removeprefix(prefix)) for one in inside if not one.directory),
        tuple(sorted(lifted)),
    )


def _liftable(layout: Layout, member: Member, files: set[str]) -> set[str]:
    """The settings of a Triton model and the label files that they name."""
    if _SETTINGS not in files:
        return set()
    with open(f"{layout.tree(member.tree)}/{_SETTINGS}", "rb") as file:
        text = file.read(_SETTINGS_LIMIT)
    named = {name.decode("utf-8", "replace") for name in _LABELS.findall(text)}
    return {_SETTINGS} | (named & files)


def _farm(layout: Layout, owner: Owner, member: Member, plan: Plan) -> str:
    place, mode = owner.scratch(), 0o750 if member.private else 0o755
    tree = layout.tree(member.tree)
    fsops.make_directory(place, mode)
    for directory in plan.directories:
        fsops.make_directory(f"{place}/{directory}", mode)
    for source, target in plan.files:
        fsops.link(f"{tree}/{source}", f"{place}/{target}")
    for directory in reversed(plan.directories):
        fsops.sync_directory(f"{place}/{directory}")
    fsops.sync_directory(place)
    return place


def _shows(layout: Layout, target: str, member: Member, plan: Plan) -> bool:
    tree = layout.tree(member.tree)
    wanted = {path: f"{tree}/{source}" for source, path in plan.files}
    found = set(_files(target))
    return found == wanted.keys() and all(
        os.path.samestat(os.lstat(f"{target}/{path}"), os.lstat(source))
        for path, source in wanted.items()
    )


def _files(place: str) -> Iterator[str]:
    waiting = [""]
    while waiting:
        inner = waiting.pop()
        try:
            entries = list(os.scandir(f"{place}/{inner}"))
        except OSError:
            continue
        for entry in entries:
            path = f"{inner}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                waiting.append(f"{path}/")
            else:
                yield path


def _lift(layout: Layout, owner: Owner, view: str, member: Member, plan: Plan) -> None:
    tree, changed = layout.tree(member.tree), False
    for name in plan.lifted:
        changed |= _replace(owner, f"{tree}/{name}", f"{view}/{name}")
    for name in _lifted_before(view):
        if name not in plan.lifted:
            fsops.unlink(f"{view}/{name}")
            changed = True
    if changed:
        fsops.sync_directory(view)


def _replace(owner: Owner, source: str, target: str) -> bool:
    try:
        if os.path.samestat(os.lstat(target), os.lstat(source)):
            return False
    except FileNotFoundError:
        pass
    place = owner.scratch()
    fsops.link(source, place)
    fsops.rename(place, target)
    return True


def _lifted_before(view: str) -> list[str]:
    with os.scandir(view) as entries:
        return [one.name for one in entries if not one.is_dir(follow_symlinks=False)]


def _withdraw(owner: Owner, view: str, unwanted: list[int]) -> None:
    gone = [_away(owner, f"{view}/{number}") for number in unwanted]
    if gone:
        # Were files unlinked before, a power cut could bring the directory back without them.
        fsops.sync_directory(view)
    for place in gone:
        removal.remove(place)


def _away(owner: Owner, path: str) -> str:
    """Take a directory out of its place; what it is called now."""
    place = owner.scratch()
    fsops.rename(path, place)
    return place
