"""What stands for an image: libraries of this machine, a program, and nothing else."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[3]
SIDECAR_PATH = "/opt/edgewright"

_LIBRARIES = ("/lib", "/lib32", "/lib64", "/libx32", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_DATA = ("/usr/share/zoneinfo", "/usr/share/ca-certificates", "/etc/ssl", "/etc/ld.so.cache")
_TOOLS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin")


class PodError(Exception):
    """The pod did not do what the test waits for, or says what no stand-in knows."""


class Image(NamedTuple):
    """What stands for an image: its entry point, its environment, and paths of this machine.

    `files` maps paths in the container to paths here. The root holds libraries and these alone, no
    shell and no tool, unless `tools`.
    """

    entrypoint: tuple[str, ...]
    environment: Mapping[str, str] = MappingProxyType({})
    files: Mapping[str, str] = MappingProxyType({})
    tools: bool = False


def python_image(*command: str, files: Mapping[str, str] | None = None, **env: str) -> Image:
    """This Python with everything that is installed for it, running `command` (`-m x`, a script).

    A script that lies on this machine is brought along.
    """
    paths = {p for p in (sys.prefix, sys.base_prefix) if p not in ("/", "/usr", "/usr/local")}
    found = {path: path for path in paths}
    executable = os.path.realpath(sys.executable)
    if not any(executable.startswith(f"{path}/") for path in paths):
        found |= {sys.executable: executable, executable: executable}
    found |= {part: part for part in command if part.startswith("/") and Path(part).exists()}
    found |= files or {}
    return Image((sys.executable, *command), {"PYTHONUNBUFFERED": "1", **env}, found)


def sidecar_image(zipapp: Path | None = None) -> Image:
    """The sidecar's program: the sources of this repository, or a zipapp."""
    if zipapp is not None:
        path = f"{SIDECAR_PATH}/edgewright-sidecar"
        return python_image(path, files={path: str(zipapp)})
    files = {f"{SIDECAR_PATH}/sidecar": str(REPOSITORY / "sidecar")}
    return python_image("-m", "sidecar", files=files, PYTHONPATH=SIDECAR_PATH)


def image_of(reference: str, images: Mapping[str, Image]) -> Image:
    """What stands for a reference, by the whole of it or without tag and digest."""
    repository = re.sub(r"(:[^:/@]+)?(@sha256:[0-9a-f]{64})?$", "", reference)
    for name in (reference, repository):
        if name in images:
            return images[name]
    raise PodError(f"ErrImagePull: nothing stands for {reference}")


def image_mounts(image: Image) -> list[tuple[str, str]]:
    """What of this machine is bound into the root, as (here, there)."""
    paths = (*_LIBRARIES, *_DATA, *(_TOOLS if image.tools else ()))
    found = [(path, path) for path in paths if Path(path).exists() and not Path(path).is_symlink()]
    return found + [(here, there) for there, here in image.files.items()]


def image_links(image: Image) -> dict[str, str]:
    """Links of the root, as on this machine."""
    paths = (*_LIBRARIES, *(_TOOLS if image.tools else ()))
    return {path: str(Path(path).readlink()) for path in paths if Path(path).is_symlink()}
