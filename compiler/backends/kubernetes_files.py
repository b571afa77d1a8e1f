"""The text that a worker reads (files, params.json, server settings) as one ConfigMap.

A ConfigMap volume replaces a whole directory, and a single file needs a subPath, which never
updates and is not used here. So files are grouped by directory, a directory below another joins
its volume, and `problem` says in words why a set of paths cannot be mounted.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from compiler.model.layout import PARAMS, VIEW
from compiler.model.manifest import Reference
from compiler.model.names import short_hash
from compiler.model.record import dataclass
from compiler.model.worker import ConfigFile, Volume, Worker

SYSTEM = frozenset(
    ("/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt", "/proc", "/root",
     "/run", "/sbin", "/sys", "/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/local",  # noqa: S108 - of an image
     "/usr/local/bin", "/usr/local/lib", "/usr/sbin", "/usr/share", "/var", "/var/lib",
     "/var/run")
)  # fmt: skip
"""Directories that an image cannot run without: a volume over them hides what they hold."""

PARAMS_FILE = "params.json"
_RESERVED = (VIEW, "/etc/edgewright")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_FOREIGN = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Texts:
    """A worker's text: ConfigMap `data` by key, and per directory the items `(key, path)`."""

    data: Mapping[str, str] = field(default_factory=dict)
    directories: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)

    def volumes(self, reference: Reference, prefix: str = "files") -> list[dict[str, Any]]:
        """One volume per directory, all of the one ConfigMap."""
        return [
            {
                "name": f"{prefix}-{index}",
                "configMap": {
                    "name": reference,
                    "items": [{"key": key, "path": path} for key, path in items],
                },
            }
            for index, items in enumerate(self.directories.values())
        ]

    def mounts(self, prefix: str = "files") -> list[dict[str, Any]]:
        """The mounts of `volumes`, in the same order."""
        return [
            {"name": f"{prefix}-{index}", "mountPath": directory, "readOnly": True}
            for index, directory in enumerate(self.directories)
        ]


def texts(worker: Worker, settings: Iterable[ConfigFile] = (), *, view: bool) -> Texts:
    """A worker's files, its server's `settings` and its params.

    With a `view` (a sidecar is there) `/edgewright/params.json` is a link into `PARAMS`;
    without one the ConfigMap itself is mounted at `/edgewright`.
    """
    files = [*worker.files, *settings]
    if worker.params:
        directory = PARAMS if view else VIEW
        files.append(ConfigFile(f"{directory}/{PARAMS_FILE}", json_text(worker.params)))
    data: dict[str, str] = {}
    directories: dict[str, list[tuple[str, str]]] = {}
    paths = [posixpath.normpath(file.path) for file in files]
    tops = _tops(paths)
    for file, path in zip(files, paths, strict=True):
        top = tops[posixpath.dirname(path)]
        key = _key(path, data)
        data[key] = file.content
        directories.setdefault(top, []).append((key, path[len(top.rstrip("/")) + 1 :]))
    return Texts(data, directories)


def problem(worker: Worker) -> str:
    """Why a worker's files and volumes cannot be mounted together, or the empty text."""
    directories = set(_tops(posixpath.normpath(file.path) for file in worker.files).values())
    paths = {posixpath.normpath(volume.path): volume for volume in worker.volumes}
    for path in (*paths, *directories):
        if any(_within(path, reserved) for reserved in _RESERVED):
            return f"{path} is the sidecar's; workers' own paths lie elsewhere"
    return _hidden(directories) or _clash(directories, paths) or _nested(paths)


def json_text(value: Any) -> str:
    """A JSON document with numbers as their author wrote them, two spaces deep, with newline."""
    return _json(value, "\n") + "\n"


def _hidden(directories: set[str]) -> str:
    for directory in sorted(directories & SYSTEM):
        return (
            f"a file in {directory} would hide all else in that directory of the image; "
            "give it a directory of its own"
        )
    return ""


def _clash(directories: set[str], volumes: Mapping[str, Volume]) -> str:
    for directory in sorted(directories):
        for path, volume in volumes.items():
            if path == directory:
                return f"{path} is a volume and also the directory of a file"
            if _within(path, directory):
                return f"the volume {path} lies in {directory}, which files make read-only"
            if _within(directory, path) and volume.read_only:
                return f"the files of {directory} lie in the read-only volume {path}"
    return ""


def _nested(volumes: Mapping[str, Volume]) -> str:
    for inner in volumes:
        for outer, volume in volumes.items():
            if inner != outer and volume.read_only and _within(inner, outer):
                return f"the volume {inner} lies in the read-only volume {outer}"
    return ""


def _tops(paths: Iterable[str]) -> dict[str, str]:
    # The topmost directory of files that each directory lies in, itself included.
    directories = sorted({posixpath.dirname(path) for path in paths})
    tops: dict[str, str] = {}
    for directory in directories:
        above = (top for top in tops.values() if top not in SYSTEM and _within(directory, top))
        tops[directory] = next(above, directory)
    return tops


def _within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(f"{directory.rstrip('/')}/")


def _key(path: str, taken: Mapping[str, str]) -> str:
    base = _FOREIGN.sub("_", posixpath.basename(path))
    if base not in taken and base not in (".", ".."):
        return base
    return f"{short_hash(path)}-{base}"


def _json(value: Any, indent: str) -> str:
    deeper = f"{indent}  "
    if isinstance(value, Mapping):
        entries = [f"{json.dumps(str(k))}: {_json(v, deeper)}" for k, v in value.items()]
        return f"{{{deeper}{f',{deeper}'.join(entries)}{indent}}}" if entries else "{}"
    if isinstance(value, list | tuple):
        items = [_json(item, deeper) for item in value]
        return f"[{deeper}{f',{deeper}'.join(items)}{indent}]" if items else "[]"
    text = getattr(value, "text", None)
    if isinstance(value, int | float) and isinstance(text, str) and _NUMBER.fullmatch(text):
        return text
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
