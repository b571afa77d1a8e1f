"""`prepare`: makes the store's directory on the host and hands it to the user of the sidecars.

A host path is made by the kubelet as root's, and no group setting reaches it. This is the one
command that runs as root, with nothing but the right to give files away. It follows no link and
leaves a store that is right as it is.
"""

from __future__ import annotations

import codecs
import os
import re
import sys
from typing import Final

from sidecar.disk import fsops
from sidecar.model.reasons import ReasonError

_OWNER = re.compile(r"([0-9]{1,9}):([0-9]{1,9})")
_USAGE = 2
USER: Final = 65_532
"""Whom the sidecars of a store run as, where nobody has made it yet."""


def main(flags: dict[str, str], words: list[str]) -> int:
    """Hand the store over.

    Raises:
        ReasonError: `StoreUnusable` where something other than a directory is in its place.
    """
    del words
    match = _OWNER.fullmatch(flags["owner"])
    if match is None:
        print("prepare: --owner is UID:GID in digits", file=sys.stderr)
        return _USAGE
    prepare(flags["root"], int(match[1]), int(match[2]))
    return 0


def prepare(root: str, uid: int, gid: int) -> None:
    """Make the directory and give it, and what is in it, to a user.

    Raises:
        ReasonError: `StoreUnusable`.
    """
    if os.path.islink(root) or (os.path.exists(root) and not os.path.isdir(root)):
        raise ReasonError("StoreUnusable", f"{root} is not a directory")
    if not os.path.isdir(root):
        fsops.make_directory(root)
    if any(_foreign(path, uid, gid) for path in (root, f"{root}/store", f"{root}/tenants")):
        _give(root, uid, gid)


def become_owner(root: str) -> None:
    """Where this is root, work as the user whom the store belongs to, for good.

    What is written belongs to the sidecars' user then. From then on this program's own files may
    be out of reach, so nothing is imported afterwards.

    Raises:
        ReasonError: `StoreUnusable`.
    """
    if os.geteuid():
        return
    if not os.path.isdir(root):
        prepare(root, USER, USER)
    found = os.stat(root)
    codecs.lookup("ascii")
    if found.st_uid:
        os.setgroups([])
        os.setresgid(found.st_gid, found.st_gid, found.st_gid)
        os.setresuid(found.st_uid, found.st_uid, found.st_uid)


def _give(root: str, uid: int, gid: int) -> None:
    """Everything below first, so that a broken try is seen by its top and done again."""
    for _, folders, files, descriptor in os.fwalk(root, topdown=False):
        for name in (*folders, *files):
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if (found.st_uid, found.st_gid) != (uid, gid):
                fsops.give(name, uid, gid, at=descriptor)
    fsops.give(root, uid, gid)


def _foreign(path: str, uid: int, gid: int) -> bool:
    try:
        found = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (found.st_uid, found.st_gid) != (uid, gid)
