"""A pod's volumes on the host, laid out as a kubelet does.

A ConfigMap or Secret is a directory of links into `..data`, which is itself a link to a dated
directory: `update` makes a new one and flips the link by one rename. fsGroup reaches everything but
a hostPath.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Objects(NamedTuple):
    """What volumes and environment refer to by name: the data of ConfigMaps and Secrets."""

    config_maps: dict[str, dict[str, bytes]]
    secrets: dict[str, dict[str, bytes]]


class VolumeError(Exception):
    """A volume that a kubelet could not set up either; the pod stays in ContainerCreating."""


class Volumes:
    """The volumes of one pod. `path` is where on the host a volume lies."""

    def __init__(self, directory: Path, host: Path, objects: Objects, fs_group: int | None) -> None:
        self._directory = directory
        self._host = host
        self._objects = objects
        self._fs_group = fs_group
        self._specs: dict[str, dict[str, Any]] = {}
        self._paths: dict[str, Path] = {}

    def lay(self, spec: dict[str, Any]) -> None:
        """Make one volume of the pod's spec."""
        spec = dict(spec)
        name = spec.pop("name")
        ((kind, body),) = spec.items()
        self._specs[name] = {kind: body}
        self._paths[name] = _KINDS[kind](self, name, body)

    def path(self, name: str) -> Path:
        """Where the volume lies."""
        return self._paths[name]

    def update(self, kind: str, name: str) -> None:
        """Lay every volume anew that shows this `configMap` or `secret`."""
        key = {"configMap": "name", "secret": "secretName"}[kind]
        for volume, spec in self._specs.items():
            if spec.get(kind, {}).get(key) == name:
                _KINDS[kind](self, volume, spec[kind])

    def _host_path(self, name: str, body: dict[str, Any]) -> Path:
        path = self._host / str(body["path"]).lstrip("/")
        kind = body.get("type", "")
        if kind == "DirectoryOrCreate":
            path.mkdir(parents=True, exist_ok=True)
        if not path.exists() or (kind.startswith("Directory") and not path.is_dir()):
            raise VolumeError(f"hostPath type check failed: {body['path']} is not a {kind}: {name}")
        return path

    def _empty_dir(self, name: str, body: dict[str, Any]) -> Path:
        del body  # a medium or size limit changes nothing that a test looks at
        path = self._directory / name
        path.mkdir(parents=True)
        path.chmod(0o777)
        self._give(path, readonly=False)
        return path

    def _claim(self, name: str, body: dict[str, Any]) -> Path:
        path = self._host / "claims" / str(body["claimName"])
        path.mkdir(parents=True, exist_ok=True)
        self._give(path, readonly=False)
        del name
        return path

    def _config_map(self, name: str, body: dict[str, Any]) -> Path:
        return self._project(name, body, self._objects.config_maps, body["name"])

    def _secret(self, name: str, body: dict[str, Any]) -> Path:
        return self._project(name, body, self._objects.secrets, body["secretName"])

    def _projected(self, name: str, body: dict[str, Any]) -> Path:
        files: dict[str, bytes] = {}
        for source in body["sources"]:
            ((kind, part),) = source.items()
            if kind == "serviceAccountToken":
                files[part["path"]] = b"test-token"
            elif kind == "configMap":
                data = self._objects.config_maps.get(part["name"], {})
                files |= {i["path"]: data.get(i["key"], b"") for i in part["items"]}
            elif kind == "downwardAPI":
                files |= {item["path"]: b"test" for item in part["items"]}
            else:
                raise VolumeError(f"projected {kind} is not known: volume {name}")
        path = self._directory / name
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o777)
        self._write(path, files, body.get("defaultMode", 0o644))
        return path

    def _project(
        self, name: str, body: dict[str, Any], known: Mapping[str, dict[str, bytes]], wanted: str
    ) -> Path:
        data = known.get(wanted)
        if data is None and not body.get("optional"):
            raise VolumeError(f'"{wanted}" not found: volume {name}')
        files = dict(data or {})
        if "items" in body:
            missing = [item["key"] for item in body["items"] if item["key"] not in files]
            if missing:
                raise VolumeError(f"{wanted} has no key {missing[0]}: volume {name}")
            files = {item["path"]: files[item["key"]] for item in body["items"]}
        path = self._directory / name
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o777)
        self._write(path, files, body.get("defaultMode", 0o644))
        return path

    def _write(self, path: Path, files: Mapping[str, bytes], mode: int) -> None:
        dated = path / f"..{time.strftime('%Y_%m_%d_%H_%M_%S')}.{secrets.randbelow(10**9):09}"
        dated.mkdir(mode=0o755)
        for name, content in files.items():
            file = dated / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(mode)
        self._give(path, readonly=True)
        link = path / "..data"
        old = path / link.readlink() if link.is_symlink() else None
        (path / "..data_tmp").symlink_to(dated.name)
        (path / "..data_tmp").rename(link)
        tops = {name.split("/")[0] for name in files}
        for name in tops:
            if not (path / name).is_symlink():
                (path / name).symlink_to(f"..data/{name}")
        for entry in path.iterdir():
            if not entry.name.startswith("..") and entry.name not in tops:
                entry.unlink()
        if old is not None:
            shutil.rmtree(old)

    def _give(self, path: Path, *, readonly: bool) -> None:
        """What fsGroup does to a volume: group, group's rights and the setgid bit."""
        if self._fs_group is None:
            return
        for one in (path, *path.rglob("*")):
            if one.is_symlink():
                continue
            os.chown(one, -1, self._fs_group)
            more = 0o440 if readonly else 0o660
            if one.is_dir():
                more |= 0o110 | stat.S_ISGID
            one.chmod(stat.S_IMODE(one.stat().st_mode) | more)


_KINDS = {
    "hostPath": Volumes._host_path,
    "emptyDir": Volumes._empty_dir,
    "configMap": Volumes._config_map,
    "secret": Volumes._secret,
    "projected": Volumes._projected,
    "persistentVolumeClaim": Volumes._claim,
}


def objects_of(manifests: list[dict[str, Any]]) -> Objects:
    """The ConfigMaps and Secrets among manifests."""
    found = Objects({}, {})
    for one in manifests:
        name, data = one["metadata"]["name"], one.get("data") or {}
        if one["kind"] == "ConfigMap":
            found.config_maps[name] = {key: text.encode() for key, text in data.items()}
        elif one["kind"] == "Secret":
            plain = {key: text.encode() for key, text in (one.get("stringData") or {}).items()}
            found.secrets[name] = {k: base64.b64decode(v) for k, v in data.items()} | plain
    return found
