"""An outbox in a process of its own, as a resident process runs it: loop, thread, worker child.

    python tests/sidecar/support/kill.py ... --call tests.sidecar.outbox.process:main -- CONFIG RUN

It ends by itself once nothing is left to do, and prints what it noted.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sidecar.contract import accept
from sidecar.disk import owner, store, tenants
from sidecar.outbox.box import Outbox, Ways
from sidecar.outbox.spool import Spool
from sidecar.resident import workers
from sidecar.resident.loop import Loop
from sidecar.transfer import http_store
from sidecar.wire.server import Server
from sidecar.worker import main as working

SABOTAGE = "EDGEWRIGHT_TEST_SABOTAGE"


def main(config: str, run: str, linger: str = "0") -> None:
    """Serve until everything is sent and nothing came for `linger` seconds."""
    _sabotage(os.environ.get(SABOTAGE, ""))
    workers.COMMAND[:] = _worker_command()
    accepted = accept.read(Path(config).read_bytes())
    layout = store.open_store(accepted.config.limits.root)
    owner.sweep(layout)
    tenant = accepted.config.tenant.directory
    lock = None
    while lock is None:
        lock = tenants.enter(layout, tenant)
    with owner.enter(layout) as own:
        spools = {
            one.name: Spool(layout, tenant, one, accepted.config.limits, own)
            for one in accepted.config.outbox
        }
        loop = Loop()
        asked = workers.Workers(loop.post)
        asked.configure(accepted.document, accepted.revision)
        ways = Ways(asked.ask, loop.post, _note, streams=accepted.config.network.streams)
        box = Outbox(lambda: spools, ways, run=run)
        box.step(time.monotonic())  # whoever finds the socket finds an outbox that is open
        server = Server(f"{run}/sidecar.sock", box.handle)
        server.start()
        loop.heed_signals()
        loop.run(_tick(loop, box, asked, run, float(linger)), 0.5)
        server.close()
        box.stop()
        asked.close(2.0)


def worker(_: str) -> None:
    """The worker child, seen and killed as the plan of its parent says."""
    _sabotage(os.environ.get(SABOTAGE, ""))
    working.main()


def _worker_command() -> list[str]:
    # What this very process was started with, up to what it is to call.
    given = sys.argv[1 : sys.argv.index("--")]
    at = given.index("--call")
    ours = [*given[:at], "--call", f"{__name__}:worker", *given[at + 2 :]]
    return [sys.executable, sys.argv[0], *ours, "--", "worker"]


def _tick(
    loop: Loop, box: Outbox, asked: workers.Workers, run: str, linger: float
) -> Callable[[float], float]:
    since = [time.monotonic()]

    def tick(now: float) -> float:
        due = [box.step(now), asked.look(now)]
        # The acceptor has been there when nothing final is left in the worker's directories.
        if not box.idle or any(_final(path) for path in Path(run, "outbox").glob("*/*")):
            since[0] = now
        elif now - since[0] >= linger:
            loop.end()
        return min([one for one in due if one > 0], default=now + 0.2)

    return tick


def _final(path: Path) -> bool:
    return path.name.startswith(".edgewright-") or not path.name.startswith(".")


def _note(**event: object) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def _sabotage(what: str) -> None:
    """Break one promise on purpose, so that a campaign that proves it must fail."""
    if what == "store-without-looking":
        http_store._CONDITIONS.clear()
    if what == "forget-before-sent":
        kept = Outbox._send

        def forgetful(self: Outbox, job: tuple[str, str]) -> None:
            kept(self, job)
            if not job[1].startswith("="):
                self._spools[job[0]].finish(job[1], "s3://never/sent")

        Outbox._send = forgetful  # type: ignore[method-assign] # that is the sabotage
    if what == "remove-before-accepted":
        from sidecar.outbox import accept as accepting

        copied = accepting._copied

        def careless(spool: Spool, left: object, descriptor: int, *rest: object) -> object:
            Path(f"/proc/self/fd/{descriptor}").readlink().unlink()
            time.sleep(0.2)
            return copied(spool, left, descriptor, *rest)  # type: ignore[arg-type] # as above

        accepting._copied = careless  # type: ignore[assignment] # as above
