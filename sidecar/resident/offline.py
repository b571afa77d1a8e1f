"""What commands do to a tenant on disk while no resident process serves it.

The groups are those of a resident process, only that nothing is fetched and no server is told:
whoever serves the tenant next does that, because the record says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from sidecar.contract.accept import Accepted
from sidecar.disk import owner, store, tenants
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.model.reasons import ReasonError
from sidecar.model.status import Status
from sidecar.model.tasks import Message, TaskKind
from sidecar.resident.barrier import Barrier
from sidecar.resident.deeds import Leader
from sidecar.resident.following import Standby
from sidecar.resident.means import Means, NoHouse
from sidecar.resident.snapshot import Seen, status
from sidecar.resident.wanted import groups

Change = Callable[[Sequence[Leader]], str]


def change(accepted: Accepted, base: str, what: Change) -> str:
    """Change the groups of a tenant that nobody serves; what `what` says.

    Raises:
        ReasonError: `Busy` where a process has the tenant; or what `what` raises.
    """
    with _holding(accepted) as (layout, own):
        means = _means(accepted, base, layout, own)
        barrier = Barrier(means.config.release, means.ask, means.now)
        return what([Leader(means, one, barrier) for one in groups(means.config)])


def look(accepted: Accepted, host: str) -> Status:
    """How a tenant stands as far as the disk tells: never ready, as nobody serves it.

    Changes nothing.
    """
    found = stand_by(accepted, "")
    seen = status(Seen(accepted.config, host, True, found, (), "", None, False, 0, 0))
    return seen._replace(ready=False, release_ready=False)


def stand_by(accepted: Accepted, base: str) -> list[Standby]:
    """The groups of a tenant as the disk tells of them, without a right to change anything."""
    config = accepted.config
    # Nothing is written in the store, so nobody is needed who could.
    means = _means(accepted, base, Layout(config.limits.root), cast("Owner", None))
    barrier = Barrier(config.release, means.ask, means.now)
    found = [Standby(means, one, barrier) for one in groups(config)]
    for group in found:
        group.begin()
    return found


@contextmanager
def _holding(accepted: Accepted) -> Iterator[tuple[Layout, Owner]]:
    config = accepted.config
    layout = store.open_store(config.limits.root)
    with owner.enter(layout) as own:
        lock = tenants.enter(layout, config.tenant.directory)
        if lock is None:
            raise ReasonError(
                "Busy", f"a process has {config.tenant.directory} and does not answer"
            )
        with lock:
            yield layout, own


def _means(accepted: Accepted, base: str, layout: Layout, own: Owner) -> Means:
    return Means(
        layout=layout,
        owner=own,
        config=accepted.config,
        base=base,
        ask=_nobody,
        post=lambda call: call(),
        note=lambda **_: None,
        tally=lambda *_: None,
        house=NoHouse(),
        now=time.monotonic,
        wall=time.time,
        alone=True,
    )


def _nobody(kind: TaskKind, body: dict[str, Any], heard: Callable[[Message], None]) -> int:
    """Takes no task."""
    del kind, body, heard
    return 0
