"""The links of a pod: where its worker finds what is active, made once and replaced by a rename.

They lie in the pod's own volume and lead into the store, so that a switch changes nothing here.
Only links of ours are ever replaced: a file or directory in the place of one is a clash.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from sidecar.disk import fsops
from sidecar.model.reasons import ReasonError

VIEW = "/edgewright"
"""Where the paths in a config begin."""
PARAMETERS = ("params.json", "/etc/edgewright/params/params.json")
BUNDLES = "bundles"
_TEMPORARY = ".edgewright-"


def place(base: str, wanted: Mapping[str, str]) -> None:
    """Make the links of `wanted`, from path below `base` to target.

    Raises:
        ReasonError: `ViewClash` where something else has the place of one.
    """
    for path, target in wanted.items():
        _link(f"{base}/{path}", target)


def drop(base: str, path: str) -> None:
    """Take a link away; anything else at the path stays."""
    if os.path.islink(f"{base}/{path}"):
        fsops.unlink(f"{base}/{path}")


def below(path: str) -> str:
    """The path of a config's link below the pod's volume."""
    return path.removeprefix(f"{VIEW}/")


def sweep(base: str) -> None:
    """Delete what a killed process left between making a link and renaming it."""
    for directory in (base, *_directories(base)):
        for name in _names(directory):
            if name.startswith(_TEMPORARY) and os.path.islink(f"{directory}/{name}"):
                fsops.unlink(f"{directory}/{name}")


def _link(path: str, target: str) -> None:
    if os.path.lexists(path):
        if not os.path.islink(path):
            raise ReasonError("ViewClash", f"{path} is not a link of the sidecar's")
        if os.readlink(path) == target:
            return
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        fsops.make_directory(directory)
    temporary = f"{directory}/{_TEMPORARY}{os.urandom(8).hex()}"
    fsops.symlink(target, temporary)
    fsops.rename(temporary, path)


def _directories(base: str) -> list[str]:
    try:
        with os.scandir(base) as entries:
            return [one.path for one in entries if one.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []
