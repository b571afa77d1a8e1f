"""What a killed process was doing: one version from its fetch to its switch, or the collector.

It is started by `support/kill.py` in a process of its own.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from sidecar.disk import (
    collect,
    fsops,
    journal,
    owner,
    partial,
    scrub,
    space,
    store,
    tenants,
    trees,
)
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from tests.sidecar.disk.given import activate, limits, sha, tree

TENANT, GROUP = "job.worker", "model.detector"
CHUNK = 16 << 10


def version(number: int) -> bytes:
    """The bytes of a version, which are the same in each process."""
    return f"version {number} ".encode() * 6000


def main(root: str, number: str) -> None:
    """Bring one version up, as a resident process and its worker do together."""
    layout = store.open_store(root)
    with owner.enter(layout) as own:
        owner.sweep(layout)
        lock = tenants.enter(layout, TENANT)
        if lock is None:
            sys.exit("the tenant's lock is held")
        with lock:
            turn(layout, own, int(number))
            journal.Journal(layout, TENANT).write({"event": "Active", "number": number})
            clean(layout, own)


def turn(layout: Layout, own: Owner, number: int) -> None:
    """Accept, fetch, unpack and switch."""
    data = version(number)
    digest = sha(data)
    document = {"artifacts": [{"sha256": digest}], "number": number}
    tenants.accept(layout, own, TENANT, document)
    bounds = limits(layout.root)
    with partial.open_partial(layout, own, digest, len(data), CHUNK, limits=bounds) as part:
        part.identity = {"etag": str(number)}
        for start in range(part.position, len(data), 8192):
            part.write(data[start : start + 8192])
        part.seal(private=False)
    with space.hold(layout, own, bounds, len(data), 8):
        name = tree(layout, own, {"1/model.bin": data[:5000], "run.sh": str(number).encode()})
        trees.remember(layout, own, digest, "tar", name)
    single = trees.from_blob(layout, own, digest, "model.bin", private=False)
    trees.remember(layout, own, digest, "raw", single)
    activate(layout, own, TENANT, GROUP, {"model/a": (digest, name), "model/b": (digest, single)})


def clean(layout: Layout, own: Owner) -> None:
    """Look at a blob, then collect what is loose, a second later than it was seen to be."""
    scrub.check(layout, scrub.next_blob(layout))
    for later in (1, 2):
        bounds = limits(layout.root, grace=0, keep_previous=0)
        collect.collect(layout, own, bounds, time.time() + later)


def careless(root: str, number: str) -> None:
    """Sabotage: the bytes are written where their name promises that they are whole."""
    layout = store.open_store(root)
    data = version(int(number))
    path = layout.blob(sha(data))
    fsops.make_directory(str(Path(path).parent))
    descriptor = fsops.create(path)
    for start in range(0, len(data), 8192):
        fsops.write(descriptor, data[start : start + 8192])
    fsops.chmod(descriptor, 0o444)
    fsops.sync(descriptor)
    fsops.close(descriptor)
