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
import time
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
    """One binary: the Go module that it is built from, the package, and linker flags."""

    name: str
    module: str
    package: str
    flags: str = ""


REGISTRY = (
    Part("etcd", "etcd", "."),
    Part("kube-apiserver", "kubernetes", "./apiserver", _STAMP),
    Part("kube-scheduler", "kubernetes", "./scheduler", _STAMP),
    Part("kube-controller-manager", "kubernetes", "./controllermanager", _STAMP),
    Part("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    Part("kustomize-controller", "flux", "github.com/fluxcd/kustomize-controller"),
    Part("gitops-agent", "argo", "github.com/argoproj/gitops-engine/agent"),
)
BY_NAME = {part.name: part for part in REGISTRY}


class UnbuildableError(Exception):
    """A part could not be built; the text says which and ends with what the compiler said."""


def binary(name: str) -> Path:
    """The path of a built part; builds it first where the cache lacks it.

    Raises:
        UnbuildableError: there is no Go, or Go refused.
    """
    part, go = BY_NAME[name], shutil.which("go")
    if go is None:
        raise UnbuildableError(GET_GO)
    target = cache() / _key(part, go) / part.name
    if not target.exists():
        _build(part, go, target)
    return target


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


def _build(part: Part, go: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # Two runs may build at once; whoever is second replaces a file with its equal.
    staged = target.with_name(f"{part.name}.{os.getpid()}")
    argv = [go, "build", "-trimpath", "-mod=readonly", "-ldflags", f"-s -w {part.flags}"]
    done = subprocess.run(
        [*argv, "-o", str(staged), part.package],
        cwd=PARTS / part.module,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UnbuildableError(f"{part.name} does not build:\n{done.stderr[-2000:]}")
    staged.replace(target)


def main() -> int:
    """Build every part and print how long each took; what `make test-cluster` runs first."""
    if shutil.which("go") is None:
        print(GET_GO, file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    for part in REGISTRY:
        began = time.monotonic()
        print(f"{part.name:24} {binary(part.name)} {time.monotonic() - began:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
