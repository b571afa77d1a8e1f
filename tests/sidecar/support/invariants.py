"""What must be true of a store at any moment, whatever was killed or cut off; changes nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from sidecar.disk import documents, partials, trees
from sidecar.disk.layout import Layout
from sidecar.disk.marks import is_digest

WHOLE_MODES = {0o444, 0o440}


def problems(root: str, contents: Mapping[str, bytes] | None = None) -> list[str]:
    """What is wrong below `root`; `contents` are the right bytes of digests, for partial files."""
    layout = Layout(root)
    return [
        *_blobs(layout),
        *_trees(layout),
        *_unpacked(layout),
        *_partials(layout, contents or {}),
        *_slots(layout),
        *_views(layout),
    ]


def _blobs(layout: Layout) -> Iterator[str]:
    for path in sorted(Path(layout.store("blobs")).glob("*/*")):
        if hashlib.sha256(path.read_bytes()).hexdigest() != path.name:
            yield f"blob {path.name[:8]} is not what its name says"
        elif path.stat().st_mode & 0o777 not in WHOLE_MODES:
            yield f"blob {path.name[:8]} has mode {path.stat().st_mode & 0o777:o}"


def _trees(layout: Layout) -> Iterator[str]:
    for path in sorted(Path(layout.store("trees")).glob("*")):
        if path.is_dir():
            yield from _tree(layout, path.name)


def _tree(layout: Layout, tree: str) -> Iterator[str]:
    if not is_digest(tree) or not Path(layout.tree(tree)).is_dir():
        yield f"tree {tree[:8]} is missing"
        return
    wrong = trees.verify(layout, tree)
    if wrong:
        yield f"tree {tree[:8]} differs at {wrong[:3]}"
    if Path(layout.tree(tree)).stat().st_mode & 0o050 != 0o050:
        yield f"tree {tree[:8]} cannot be entered"


def _unpacked(layout: Layout) -> Iterator[str]:
    for path in sorted(Path(layout.store("unpacked")).glob("*")):
        yield from (f"{path.name[:12]}: {one}" for one in _link(layout, path))


def _link(layout: Layout, path: Path) -> Iterator[str]:
    """A link into the store leads to a whole tree or to a file of one."""
    resolved = os.path.realpath(path)
    inside = resolved.removeprefix(os.path.realpath(layout.store("trees")) + "/").split("/")
    if not Path(resolved).exists():
        yield f"link {path.name} leads nowhere"
    elif not is_digest(inside[0]):
        yield f"link {path.name} leads out of the trees"


def _partials(layout: Layout, contents: Mapping[str, bytes]) -> Iterator[str]:
    for left in partials.listed(layout) if Path(layout.store("partial")).is_dir() else ():
        trusted = partials.read_record(left.path)["trusted"]
        expected = contents.get(left.digest)
        if expected is None or not Path(left.path).exists():
            continue
        found = Path(left.path).read_bytes()[:trusted]  # a longer record than file is cut
        if found != expected[: len(found)]:
            yield f"partial {left.digest[:8]} trusts wrong bytes"


def _slots(layout: Layout) -> Iterator[str]:
    for slot in sorted(Path(layout.root, "tenants").glob("*/slots/*")):
        for pointer in ("current", "previous"):
            if (slot / pointer).is_symlink():
                yield from _release(layout, slot / pointer)


def _release(layout: Layout, pointer: Path) -> Iterator[str]:
    if not pointer.is_dir():
        yield f"{pointer.name} of {pointer.parent.name} leads nowhere"
        return
    if documents.read(f"{pointer}/release.json") is None:
        yield f"{pointer.name} of {pointer.parent.name} has no description"
    links = [path for path in sorted(pointer.glob("*/*")) if path.is_symlink()]
    if not links:
        yield f"{pointer.name} of {pointer.parent.name} is empty"
    for path in links:
        yield from _link(layout, path)


def _views(layout: Layout) -> Iterator[str]:
    """A numbered directory holds sealed files and at least one."""
    for path in sorted(Path(layout.root, "tenants").glob("*/views/*/*/[0-9]*")):
        files = [one for one in path.rglob("*") if one.is_file()]
        if not files:
            yield f"view {path.parent.name}/{path.name} is empty"
        for one in files:
            if one.stat().st_mode & 0o222:
                yield f"view {path.parent.name}/{path.name} holds unsealed {one.name}"
