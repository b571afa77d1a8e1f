"""Stores of etcd in which definitions are established, made once and kept beside the binaries.

An API server needs most of a minute of processor time to take all definitions; a copy of a
stopped store costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from tests.cluster import control_plane, definitions
from tests.cluster.build import binary, cache

EMITTED = ("argo-cd", "flux", "sedna")
"""Systems whose objects are compiled today; a server with fewer definitions starts sooner."""


def store(systems: tuple[str, ...] = EMITTED) -> Path:
    """The data of a stopped etcd with the definitions of `systems` and our own.

    Raises:
        UnbuildableError: a server cannot be built on this machine.
    """
    given = (*definitions.published(*systems), *definitions.own())
    digest = hashlib.sha256(json.dumps(given, sort_keys=True).encode())
    digest.update(f"{binary('etcd')}{binary('kube-apiserver')}".encode())
    target = cache() / f"store-{digest.hexdigest()[:16]}"
    if not target.exists():
        with tempfile.TemporaryDirectory() as folder:
            plane = control_plane.start(Path(folder) / "plane")
            try:
                control_plane.define(plane.api(), given)
            finally:
                plane.stop()
            _keep(plane.store, target)
    return target


def _keep(made: Path, target: Path) -> None:
    staged = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.copytree(made, staged)
    try:
        staged.rename(target)
    except OSError:
        # Another run was first; its store is as good.
        shutil.rmtree(staged)
