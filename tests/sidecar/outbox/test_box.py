"""An outbox that cannot work says so and goes on as soon as it can."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

from sidecar.model.tasks import Message, TaskKind
from sidecar.outbox import box, policy
from sidecar.outbox.box import Outbox, Ways
from tests.sidecar.outbox.given import contents, given


class Asked:
    """Takes tasks and answers them when it is told to."""

    def __init__(self) -> None:
        self.tasks: list[tuple[dict[str, Any], Callable[[Message], None]]] = []
        self.notes: list[dict[str, object]] = []

    def ask(self, kind: TaskKind, body: dict[str, Any], heard: Callable[[Message], None]) -> int:
        assert kind == "send"
        self.tasks.append((body, heard))
        return len(self.tasks)

    def note(self, **event: object) -> None:
        self.notes.append(event)

    def answer(self, event: str = "done", **body: Any) -> dict[str, Any]:
        asked, heard = self.tasks.pop(0)
        heard(Message(0, event, {"url": "s3://results/x", **body}))
        return asked

    def ways(self, streams: int = 4) -> Ways:
        return Ways(self.ask, lambda call: call(), self.note, time.monotonic, streams)


def test_a_store_that_fails_is_told_once_and_tried_again(tmp_path: Path) -> None:
    here, asked = given(tmp_path), Asked()
    blocked = tmp_path / "store/tenants/train.edge/outbox/gradients"
    blocked.write_bytes(b"a file where a directory should be")
    found = Outbox(lambda: {"gradients": here.spool()}, asked.ways(), run=str(here.run))
    now = time.monotonic()
    for wait in range(5):
        assert found.step(now + wait * box.REST) > now
    assert [note["reason"] for note in asked.notes] == ["StoreUnusable"]
    assert found.statuses() == ()

    blocked.unlink()
    found.step(now + 6 * box.REST)
    assert [one.name for one in found.statuses()] == ["gradients"]
    here.left("weights.npz")
    deadline = time.monotonic() + 20
    while not contents(here.spool()) and time.monotonic() < deadline:
        time.sleep(0.1)
    found.stop()
    assert contents(here.spool()) == {"weights.npz": b"data"}


def test_files_that_are_not_taken_are_counted_by_their_reason(tmp_path: Path) -> None:
    here, asked = given(tmp_path), Asked()
    found = Outbox(lambda: {"gradients": here.spool(max_bytes=10)}, asked.ways(), run=str(here.run))
    found.step(time.monotonic())
    for name in ("a", "b"):
        here.left(name, b"1" * 8)
    here.left("c", b"1" * 11)
    deadline = time.monotonic() + 20
    while not (held := found.statuses()[0].held) and time.monotonic() < deadline:
        time.sleep(0.1)
    found.stop()
    assert held == (("OutboxFull", 2),)


def test_uploads_leave_half_of_the_streams_to_downloads(tmp_path: Path) -> None:
    here, asked = given(tmp_path), Asked()
    spool = here.spool()
    acceptor = here.acceptor(spool)
    for number in range(10):
        here.left(f"n{number}", b"%d" % number)
    acceptor.take(Event())
    found = Outbox(lambda: {"gradients": spool}, asked.ways(streams=6))
    found.step(time.monotonic())
    assert len(asked.tasks) == 3


def test_a_store_that_does_not_answer_is_asked_once_in_a_while(tmp_path: Path) -> None:
    here, asked = given(tmp_path), Asked()
    spool = here.spool()
    acceptor = here.acceptor(spool)
    for number in range(10):
        here.left(f"n{number}", b"%d" % number)
    acceptor.take(Event())
    found = Outbox(lambda: {"gradients": spool}, asked.ways(streams=2))
    now = time.monotonic()
    for _ in range(6):
        found.step(now)
        if asked.tasks:
            asked.answer("failed", reason="Offline", detail="no route", after=0)
    assert [note["reason"] for note in asked.notes] == ["Offline"], "told once"
    assert found.hindered == {"gradients": ("Offline", "no route")}
    found.step(now + 400)
    assert len(asked.tasks) == 1


def test_no_more_tiny_files_wait_than_a_node_has_inodes_for(
    tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(policy, "MOST_ITEMS", 5)
    here = given(tmp_path)
    spool = here.spool()
    acceptor = here.acceptor(spool)
    for number in range(8):
        here.left(f"n{number}", b"%d" % number)
    acceptor.take(Event())
    assert spool.counts().waiting == 5
    assert [note[0] for note in here.notes] == ["OutboxFull"]
