"""`verify`: hashes everything in a node's store again. It changes nothing and needs no network."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import NamedTuple

from sidecar.disk import blobs, failure, hashing, store, trees
from sidecar.disk.layout import Layout
from sidecar.disk.tenants import listed
from sidecar.model.reasons import REASONS

_BLOCKED = 1


def main(flags: dict[str, str], words: list[str]) -> int:
    """Print what is not as its name says; exit code 1 where something is not.

    Raises:
        ReasonError: there is no store that can be read.
    """
    del words
    import hashlib  # noqa: F401 - hashes several times faster once it is loaded

    layout = store.look(flags["root"])
    with failure.told(layout.root):
        digests, names = list(_blobs(layout)), list(_trees(layout))
        wrong = [line for digest in digests for line in _blob(layout, digest)]
        wrong += [line for tree in names for line in _tree(layout, tree)]
        wrong += _dangling(layout)
    found = Found(len(digests), len(names), wrong)
    print(json.dumps(found._asdict()) if "json" in flags else text(found))
    return _BLOCKED if wrong else 0


class Found(NamedTuple):
    """How much was looked at, and what is wrong."""

    blobs: int
    trees: int
    wrong: list[str]


def text(found: Found) -> str:
    """What people read."""
    counted = f"{found.blobs} blobs and {found.trees} trees were hashed again"
    if not found.wrong:
        return f"{counted}: all are as their names say"
    lines = [f"{counted}; wrong are:", *(f"  {one}" for one in found.wrong)]
    soon = "a running sidecar comes to each artifact once in as many hours as there are artifacts"
    bit_rot = REASONS["BitRot"]
    return "\n".join([*lines, f"BitRot: {bit_rot.meaning}: {soon}. {bit_rot.advice}"])


def _blobs(layout: Layout) -> Iterator[str]:
    root = layout.store("blobs")
    for shelf in listed(root):
        yield from listed(f"{root}/{shelf}")


def _blob(layout: Layout, digest: str) -> list[str]:
    try:
        descriptor = blobs.open_blob(layout, digest)
    except FileNotFoundError:
        return []  # collected meanwhile
    try:
        same = hashing.digest_of(descriptor, forget=True) == digest
    except OSError as fault:
        return [f"blob {digest}: {fault.strerror}"]
    finally:
        os.close(descriptor)
    return [] if same else [f"blob {digest}: its bytes have another digest"]


def _trees(layout: Layout) -> Iterator[str]:
    yield from (name for name in listed(layout.store("trees")) if not name.endswith(".json"))


def _tree(layout: Layout, tree: str) -> list[str]:
    try:
        descriptor = os.open(layout.manifest(tree), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return [f"tree {tree}: it has no manifest"] if os.path.isdir(layout.tree(tree)) else []
    try:
        if hashing.digest_of(descriptor) != tree:
            return [f"tree {tree}: its manifest has another digest"]
    finally:
        os.close(descriptor)
    return [f"tree {tree}: {path}" for path in trees.verify(layout, tree)]


def _dangling(layout: Layout) -> list[str]:
    """Links of what is active that lead nowhere."""
    found = []
    for tenant in listed(f"{layout.root}/tenants"):
        for group in listed(layout.tenant(tenant, "slots")):
            current = layout.slot(tenant, group, "current")
            for folder, _, names in os.walk(current):
                found += [
                    f"{tenant} {group}: {name} leads nowhere"
                    for name in names
                    if not os.path.exists(f"{folder}/{name}")
                ]
            if os.path.islink(current) and not os.path.isdir(current):
                found.append(f"{tenant} {group}: what is active leads nowhere")
    return found
