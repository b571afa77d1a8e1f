"""`gc`: deletes what no worker of the node needs, without waiting for a sidecar to do it."""

from __future__ import annotations

import time

from sidecar.activation import links
from sidecar.disk import collect, failure, loose, owner, store
from sidecar.resident import asking


def main(flags: dict[str, str], words: list[str]) -> int:
    """Collect, or say what would go.

    Raises:
        ReasonError: there is no config, or the disk does not allow it.
    """
    del words
    limits = asking.config(flags["config"], flags.get("view", links.VIEW)).config.limits
    layout = store.open_store(limits.root)
    now = time.time()
    with failure.told(limits.root), owner.enter(layout) as own:
        if "dry-run" in flags:
            for path in loose.find(layout, limits, now):
                print(path)
            return 0
        freed = collect.collect(layout, own, limits, now)
        waiting = loose.read(layout, limits, now)
    print(f"{freed:,} bytes freed")
    if waiting:
        print(
            f"{len(waiting)} more may go once their readers had {limits.grace} seconds; "
            "the sidecar sees to it"
        )
    return 0
