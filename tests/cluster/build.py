"""Builds the servers of the cluster tier from their Go modules, once for each state of a module.

Binaries lie outside the tree in a cache, under a key of the module's files, the flags and the Go
release. Nothing here starts a server or decides whether a test is skipped.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

PARTS = Path(__file__).parent / "parts"
KUBERNETES = "1.34.2"
"""The Kubernetes release of `parts/kubernetes/go.mod`; a linker flag has to repeat it."""
GET_GO = "no Go; get release 1.26 or later from https://go.dev/dl to run the cluster tier"

_VERSION = "k8s.io/component-base/version"
_MAJOR, _MINOR, _ = KUBERNETES.split(".")
_STAMP = (
    f"-X {_VERSION}.gitVersion=v{KUBERNETES}"
    f" -X {_VERSION}.gitMajor={_MAJOR} -X {_VERSION}.gitMinor={_MINOR}"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A Go module and the binaries that are built of it: each name with its package."""

    module: str
    binaries: Mapping[str, str]
    flags: str = ""
    tags: str = ""


REGISTRY = (
    Part(
        "kubernetes",
        {
            "kube-apiserver": "./kube-apiserver",
            "kube-scheduler": "./kube-scheduler",
            "kube-controller-manager": "./kube-controller-manager",
        },
        _STAMP,
    ),
    Part("etcd", {"etcd": "."}),
    Part("kwok", {"kwok": "sigs.k8s.io/kwok/cmd/kwok"}),
    Part("argo", {"gitops-agent": "./gitops-agent"}),
    Part("flux", {"kustomize-controller": "github.com/fluxcd/kustomize-controller"}),
    Part("actionlint", {"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"}),
    Part(
        "containerd",
        {name: f"github.com/containerd/containerd/v2/cmd/{name}" for name in ("containerd", "ctr")},
        tags="no_btrfs,no_devmapper,no_zfs",
    ),
)
BY_BINARY = {name: part for part in REGISTRY for name in part.binaries}


class UnbuildableError(Exception):
    """A part could not be built; the text says which and ends with what the compiler said."""


def binary(name: str) -> Path:
    """The path of a built binary; builds its part first where the cache lacks it.

    Raises:
        UnbuildableError: there is no Go, or Go refused.
    """
    part, go = BY_BINARY[name], shutil.which("go")
    if go is None:
        raise UnbuildableError(GET_GO)
    folder = cache() / _key(part, go)
    if not (folder / name).exists():
        _build(part, go, folder)
    return folder / name


def cache() -> Path:
    """The folder of built parts; EDGEWRIGHT_CLUSTER_CACHE moves it."""
    given = os.environ.get("EDGEWRIGHT_CLUSTER_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "edgewright-cluster"


def _key(part: Part, go: str) -> str:
    digest = hashlib.sha256()
    for file in sorted(path for path in (PARTS / part.module).rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(PARTS)}\0".encode())
        digest.update(file.read_bytes())
    release = subprocess.run([go, "version"], check=True, capture_output=True, text=True).stdout
    digest.update(f"{part}{release}".encode())
    return digest.hexdigest()[:16]


def _build(part: Part, go: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    argv = [go, "build", "-trimpath", "-mod=readonly", "-ldflags", f"-s -w {part.flags}"]
    argv += ["-tags", part.tags] if part.tags else []
    # Two runs may build at once; whoever is second replaces files with their equals.
    with tempfile.TemporaryDirectory(dir=folder) as staged:
        done = subprocess.run(
            [*argv, "-o", f"{staged}/", *part.binaries.values()],
            cwd=PARTS / part.module,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise UnbuildableError(f"{part.module} does not build:\n{done.stderr[-2000:]}")
        # Go names a file after the last element of its package's path.
        for name, package in part.binaries.items():
            made = part.module if package == "." else package.rpartition("/")[2]
            (Path(staged) / made).replace(folder / name)


def _fetch(part: Part, go: str) -> None:
    """Bring the sources that a part needs; a fault shows itself when the part is built."""
    subprocess.run(
        [go, "list", "-deps", *part.binaries.values()],
        cwd=PARTS / part.module,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )


def main() -> int:
    """Build every part and print how long each took; what `make test-cluster` runs first."""
    go = shutil.which("go")
    if go is None:
        print(GET_GO, file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    # Sources of the later parts arrive while the first are compiled.
    with ThreadPoolExecutor(len(REGISTRY)) as pool:
        for part in REGISTRY:
            if not (cache() / _key(part, go)).exists():
                pool.submit(_fetch, part, go)
        for part in REGISTRY:
            began = time.monotonic()
            for name in part.binaries:
                print(f"{name:24} {binary(name)} {time.monotonic() - began:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
