"""Configs and artifacts for tests that run a sidecar over a temporary root."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import tarfile
from pathlib import Path
from typing import Any

VERSIONS = "0123456789"


class World:
    """A node in a directory: its store, a pod's own volume, a mounted config and a source."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.root = directory / "store"
        self.view = directory / "view"
        self.mount = directory / "config"
        self.sources = directory / "sources"
        for path in (self.root, self.view, self.mount, self.sources):
            path.mkdir(parents=True, exist_ok=True)
        (self.view / "run").mkdir(exist_ok=True)
        self.port = free_port()
        self._flips = 0

    @property
    def config(self) -> Path:
        """The path that a sidecar is given."""
        return self.mount / "config.json"

    def slot(self, group: str, tenant: str = "watch.worker") -> Path:
        """A group's slot in the store."""
        return self.root / "tenants" / tenant / "slots" / group

    def document(self, *artifacts: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A config with these artifacts; `more` replaces or adds top-level keys."""
        return {
            "contract": 1,
            "tenant": {"job": "watch", "role": "worker"},
            "node": {
                "project": "shop", "environment": "test", "namespace": "shop", "cluster": "west",
                "site": "store-1", "layer": "edge", "arch": _ARCH,
            },
            "store": {"root": str(self.root), "minFree": 0, "minFreePercent": 0, "grace": 0},
            "network": {"timeout": 5},
            "artifacts": list(artifacts),
            "surface": {"port": self.port, "socket": str(self.view / "run/sidecar.sock")},
            **more,
        }  # fmt: skip

    def mount_config(self, document: dict[str, Any] | bytes) -> None:
        """Put a config where it is mounted, the way a kubelet does it."""
        self._flips += 1
        text = document if isinstance(document, bytes) else json.dumps(document).encode()
        fresh = self.mount / f"..{self._flips}"
        fresh.mkdir()
        (fresh / "config.json").write_bytes(text)
        link = self.mount / "..data_tmp"
        link.symlink_to(fresh.name)
        link.rename(self.mount / "..data")
        if not self.config.is_symlink():
            self.config.symlink_to("..data/config.json")

    def file(self, name: str, data: bytes, **more: Any) -> dict[str, Any]:
        """An artifact that is one file, offered by a file URL."""
        digest = hashlib.sha256(data).hexdigest()
        path = self.sources / f"{digest[:12]}-{name}.bin"
        path.write_bytes(data)
        return self.artifact(name, path, digest, len(data), **more)

    def tar(self, name: str, files: dict[str, bytes], **more: Any) -> dict[str, Any]:
        """An artifact that is a tar archive of files."""
        data = tar(files)
        digest = hashlib.sha256(data).hexdigest()
        path = self.sources / f"{digest[:12]}-{name}.tar"
        path.write_bytes(data)
        unpack = {"format": "tar", "maxBytes": 1 << 30}
        return self.artifact(name, path, digest, len(data), **{"unpack": unpack, **more})

    def artifact(
        self, name: str, path: Path, digest: str, size: int, **more: Any
    ) -> dict[str, Any]:
        """An artifact entry; `hook`, `probe`, `golden`, `window`, `update` go to its activation."""
        activation: dict[str, Any] = {"update": more.pop("update", "hot")}
        for key in ("hook", "probe", "golden", "window"):
            if key in more:
                activation[key] = more.pop(key)
        kind = more.pop("kind", "model")
        return {
            "name": name,
            "kind": kind,
            "version": more.pop("version", "1"),
            "sources": more.pop("sources", [{"url": f"file://{path}"}]),
            "sha256": digest,
            "size": size,
            "view": more.pop("view", {"type": "flat"}),
            "link": more.pop("link", f"/edgewright/{_FOLDERS[kind]}/{name}"),
            "activation": activation,
            **more,
        }


def tar(files: dict[str, bytes]) -> bytes:
    """A tar archive of plain files."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return held.getvalue()


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


_FOLDERS = {"model": "models", "dataset": "datasets", "code": "code", "file": "files"}
_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
