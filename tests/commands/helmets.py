"""The helmet fleet of the golden tree `selected`: what lies in its store."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

from tests.golden import cases

CASE = cases.TREES / "selected"
CLASSES = ("person", "helmet", "helmet-on", "helmet-off")


def artifacts() -> Mapping[str, bytes]:
    """What lies in the store, by key; the same bytes each time."""
    models = ("yolo/8", "little/1", "little/2", "little/3", "little/4", "big/1")
    found = {f"{name}.pb": f"weights of {name}".encode() * 99 for name in models}
    return {**found, "code/helmet-io.tar": _code(), "data/helmets-2026.1.csv": _labels()}


def spec(folder: Path, stores: str = "") -> Path:
    """The spec below a folder; `stores` replaces its stores."""
    shutil.copytree(CASE / "spec", folder / "spec")
    if stores:
        (folder / "spec/stores.yaml").write_text(stores, encoding="utf-8")
    return folder / "spec"


def _labels() -> bytes:
    # Of a dozen, four, four, three and one.
    rows = [f"{n},frame {n},{CLASSES[3 if n % 12 == 11 else n % 12 // 4]}" for n in range(60)]
    return "\n".join(["id,seen,label", *rows, ""]).encode()


def _code() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as pack:
        for name in ("nms.py", "resize.py"):
            info = tarfile.TarInfo(name)
            info.size = len(name)
            pack.addfile(info, io.BytesIO(name.encode()))
    return made.getvalue()
