"""`verify`: hashes everything in a node's store again. It needs no network.

By itself it changes nothing. With `--repair` it sets aside what is not as its name says; the worker
of a running sidecar then fetches or unpacks that anew and puts it in place file by file, and what
is read meanwhile stays where it is. Nothing here fetches.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import NamedTuple

from sidecar.commands.prepare import become_owner
from sidecar.disk import blobs, failure, hashing, marks, scrub, store, trees
from sidecar.disk.layout import Layout
from sidecar.disk.tenants import listed
from sidecar.model.reasons import REASONS

_BLOCKED, _WAITING = 1, 3


def main(flags: dict[str, str], words: list[str]) -> int:
    """Print what is not as its name says; exit code 1 where something is not.

    After a repair it is 3: what was set aside is brought again by whoever needs it.

    Raises:
        ReasonError: there is no store that can be read, or with `--repair` written.
    """
    del words
    import hashlib  # noqa: F401 - hashes several times faster once it is loaded

    repair = "repair" in flags
    if repair:
        store.look(flags["root"])  # there has to be one
        become_owner(flags["root"])
    layout = store.open_store(flags["root"]) if repair else store.look(flags["root"])
    with failure.told(layout.root):
        digests, names = list(_blobs(layout)), list(_trees(layout))
        wrong = [line for digest in digests for line in _blob(layout, digest)]
        wrong += [line for tree in names for line in _tree(layout, tree)]
        aside = _set_aside(layout, wrong) if repair else []
        wrong += _dangling(layout)
    found = Found(len(digests), len(names), wrong, aside)
    print(json.dumps(found._asdict()) if "json" in flags else text(found))
    return (_WAITING if aside else _BLOCKED) if wrong else 0


class Found(NamedTuple):
    """How much was looked at, what is wrong, and the digests of what was set aside for that."""

    blobs: int
    trees: int
    wrong: list[str]
    aside: list[str]


def text(found: Found) -> str:
    """What people read."""
    counted = f"{found.blobs} blobs and {found.trees} trees were hashed again"
    if not found.wrong:
        return f"{counted}: all are as their names say"
    lines = [f"{counted}; wrong are:", *(f"  {one}" for one in found.wrong)]
    if found.aside:
        lines.append(f"{len(found.aside)} artifacts were set aside: what a config wants of them is")
        return "\n".join([*lines, "brought again by its sidecar, or comes with `load`."])
    soon = "a running sidecar comes to each artifact once in as many hours as there are artifacts, "
    soon += "and at once with `--repair`"
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


def _set_aside(layout: Layout, wrong: list[str]) -> list[str]:
    """Let what is wrong not be known any longer; the digests of the artifacts that it is of."""
    names = {line.split(" ")[1].rstrip(":") for line in wrong}
    links = listed(layout.store("unpacked"))
    found = {
        name.partition(".")[0]
        for name in links
        if names & {name.partition(".")[0], *marks.tree_of(layout.store("unpacked", name))}
    }
    found |= {name for name in names if blobs.has(layout, name)}
    return [digest for digest in sorted(found) if not scrub.check(layout, digest)]


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
