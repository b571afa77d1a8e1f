"""What an interruption costs: bytes fetched and hashed, over random cuts and killed workers.

The relay counts what went to the client, with what was under way in the kernel's buffers; both
ends' buffers are small, so that this is what a metered link would have carried.
"""

from __future__ import annotations

import random
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from sidecar.model import tasks
from tests.sidecar.support.proxy import Fault, Relay
from tests.sidecar.support.web import Web
from tests.sidecar.transfer.fetching import (
    MIB,
    bench,
    chunk_list,
    content,
    digest_of,
    document,
    entry,
)
from tests.sidecar.worker.talking import wait_until, worker

SIZE = 12 * MIB + 4321
DATA = content(SIZE, seed=31)
COST = 4 * MIB
"""The most that one interruption may cost."""
KEY = "model/shelf-detector"


class Counted:
    """Fetches with cuts and kills, and what they cost."""

    def __init__(self, folder: Path, relay: Relay, *, chunks: dict[str, Any] | None) -> None:
        more = {"chunks": chunks} if chunks else {}
        url = f"http://{relay.address}/model"
        self.made = document(folder, [entry(DATA, url, **more)])
        self.relay = relay
        self.interruptions = 0
        digest = digest_of(DATA)
        self.blob = folder / "store/blobs" / digest[:2] / digest

    def killed(self, after: int) -> None:
        """Let a worker fetch, and kill it once so many more bytes went out."""
        before = self.relay.sent
        with worker(self.made) as one:
            one.ask("bring", tasks.bring(KEY, first=True))
            wait_until(lambda: self.relay.sent - before >= after or self._ended(), 60)
            one.process.send_signal(signal.SIGKILL)
        self.interruptions += 1

    def finished(self) -> dict[str, Any]:
        """Let a worker fetch to the end; what it promises."""
        with worker(self.made) as one:
            done = one.do("bring", tasks.bring(KEY, first=True))
        assert done.event == "done", done
        return done.body

    def _ended(self) -> bool:
        return self.blob.exists()


def relayed(web: Web) -> Relay:
    relay = Relay(web.port, small_buffers=True)
    relay.harms = lambda asked: asked.target == "/model"
    return relay


@pytest.mark.parametrize("chunked", [False, True])
def test_killed_workers_cost_at_most_a_chunk_each(
    tmp_path: Path, campaign: bool, chunked: bool
) -> None:
    seeded, rounds = random.Random(41), 50 if campaign else 3
    listing, chunks = chunk_list(DATA, 4 * MIB)
    worst = total = 0
    with Web({"/model": DATA, "/model.chunks": listing}) as web:
        for number in range(rounds):
            with relayed(web) as relay:
                # Slow enough that a kill finds something to interrupt.
                relay.always = Fault(rate=64 * MIB)
                one = Counted(tmp_path / f"{number}", relay, chunks=chunks if chunked else None)
                for _ in range(seeded.randint(1, 4)):
                    one.killed(seeded.randrange(SIZE // 4))
                one.finished()
                extra = relay.sent - SIZE - (len(listing) if chunked else 0)
                assert extra <= COST * one.interruptions, (number, extra)
                worst = max(worst, extra // one.interruptions)
                total += one.interruptions
    print(f"{total} kills in {rounds} fetches, at worst {worst / MIB:.2f} MiB each")


def test_cut_connections_cost_nothing_but_what_was_under_way(
    tmp_path: Path, campaign: bool
) -> None:
    seeded, rounds = random.Random(43), 100 if campaign else 10
    cuts = 0
    with Web({"/model": DATA}) as web:
        for number in range(rounds):
            with relayed(web) as relay:
                relay.faults = [
                    Fault(cut=seeded.randrange(66_000, SIZE // 3))
                    for _ in range(seeded.randint(1, 8))
                ]
                cuts += len(relay.faults)
                made = document(
                    tmp_path / f"{number}", [entry(DATA, f"http://{relay.address}/model")]
                )
                with bench(made) as b:
                    done = b.fetch()
                    assert b.blob() == DATA
                assert done.bytes == relay.sent == SIZE
                assert done.hashed == SIZE, "each byte was hashed once"
    print(f"{cuts} cuts in {rounds} fetches, no byte twice")


def test_what_a_killed_worker_had_hashed_is_all_that_is_hashed_again(tmp_path: Path) -> None:
    """Hashing begins when all bytes are there, so that only a kill in it costs a second time."""
    with Web({"/model": DATA}) as web, relayed(web) as relay:
        one = Counted(tmp_path, relay, chunks=None)
        relay.always = Fault(rate=64 * MIB)
        one.killed(7 * MIB)
        relay.always = Fault()
        with bench(one.made) as b:
            done = b.fetch()
        assert done.hashed == SIZE
        assert done.resumed + done.bytes == SIZE


def test_control_a_worker_that_trusts_nothing_would_be_found_out(tmp_path: Path) -> None:
    with Web({"/model": DATA}) as web, relayed(web) as relay:
        relay.always = Fault(rate=64 * MIB)
        one = Counted(tmp_path, relay, chunks=None)
        one.killed(9 * MIB)
        for record in (tmp_path / "store/partial").glob("*.json"):
            assert re.search(r'"trusted":[1-9]', record.read_text())
            record.unlink()
        relay.always = Fault()
        one.finished()
        assert relay.sent - SIZE > COST * one.interruptions
