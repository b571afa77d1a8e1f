"""What waits obeys its stream's rules and nothing else, and survives whatever the process does."""

from __future__ import annotations

import os
import time
from pathlib import Path
from threading import Event

import pytest

from sidecar.model.config import Limits
from sidecar.model.reasons import ReasonError
from sidecar.outbox.intake import Intake
from sidecar.outbox.names import Item, Left, item_of, left_of
from sidecar.outbox.spool import Spool
from tests.sidecar.outbox.given import Given, contents, given, names

GO = Event()


def put(spool: Spool, name: str, data: bytes = b"data", within: str = "", until: int = 0) -> str:
    intake = Intake(spool)
    intake.write(data)
    return intake.accept(Left(name, within, until)).item.text


def notes(spool: Spool) -> dict[str, str]:
    found = {}
    for text in names(spool.at("dead")):
        item, note = item_of(text), spool.note(text)
        assert item
        assert note
        found[item.name] = note["reason"]
    return found


def test_u1_block_refuses_what_does_not_fit_and_keeps_what_waits(tmp_path: Path) -> None:
    spool = given(tmp_path).spool(max_bytes=10, overflow="block")
    put(spool, "one", b"1" * 6)
    with pytest.raises(ReasonError, match="OutboxFull"):
        put(spool, "two", b"2" * 6)

    assert contents(spool) == {"one": b"1" * 6}
    assert names(spool.at("tmp")) == []
    assert spool.counts().dropped == 0


def test_u1_drop_oldest_makes_room_and_says_why(tmp_path: Path) -> None:
    spool = given(tmp_path).spool(max_bytes=10, overflow="drop-oldest")
    for number in range(6):
        put(spool, f"n{number}", bytes([number]) * 4)

    assert sorted(contents(spool)) == ["n4", "n5"]
    assert notes(spool) == dict.fromkeys(["n0", "n1", "n2", "n3"], "OutboxFull")
    assert spool.counts()[:2] == (2, 8)
    assert spool.counts().dropped == 4


def test_u1_drop_oldest_never_drops_in_vain(tmp_path: Path) -> None:
    spool = given(tmp_path).spool(max_bytes=10, overflow="drop-oldest")
    put(spool, "small", b"s")
    with pytest.raises(ReasonError, match="OutboxFull"):
        put(spool, "never-fits", b"n" * 11)
    assert sorted(contents(spool)) == ["small"]


def test_u1_drop_newest_deletes_the_file_that_does_not_fit(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool(max_bytes=10, overflow="drop-newest")
    acceptor = here.acceptor(spool)
    here.left("one", b"1" * 6)
    acceptor.take(GO)
    for name in ("two", "three"):
        here.left(name, b"2" * 6)
    acceptor.take(GO)

    assert contents(spool) == {"one": b"1" * 6}
    assert names(here.run / "outbox/gradients") == []
    assert notes(spool) == {"two": "OutboxFull", "three": "OutboxFull"}


def test_u1_a_full_outbox_takes_nothing_from_the_floor_of_the_disk(tmp_path: Path) -> None:
    here = given(tmp_path)
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    limits = Limits(here.layout.root, min_free=free - (64 << 20), min_free_percent=0)
    spool = here.spool(limits=limits, max_bytes=1 << 40)
    put(spool, "small")
    with pytest.raises(ReasonError, match="DiskFull"):
        spool.check(1 << 30)


def test_without_a_limit_a_stream_has_a_quarter_of_the_store(tmp_path: Path) -> None:
    here = given(tmp_path)
    limits = Limits(here.layout.root, max_bytes=40, min_free=0, min_free_percent=0)
    spool = here.spool(limits=limits)
    put(spool, "fits", b"f" * 10)
    with pytest.raises(ReasonError, match="OutboxFull"):
        put(spool, "more")


def test_u4_a_closed_round_is_not_sent_and_says_why(tmp_path: Path) -> None:
    now = [1_800_000_000.0]
    here = given(tmp_path)
    spool = here.spool(clock=lambda: now[0])
    put(spool, "late", within="7", until=1_800_000_060)
    put(spool, "open", within="8", until=1_800_000_999)
    now[0] += 61

    (dropped,) = spool.expire()
    assert item_of(dropped) == item_of(dropped)
    assert sorted(contents(spool)) == ["open"]
    assert notes(spool) == {"late": "OutboxExpired"}
    with pytest.raises(ReasonError, match="OutboxExpired"):
        put(spool, "too-late", within="7", until=1_800_000_060)


def test_u4_nothing_expires_by_a_clock_that_was_never_set(tmp_path: Path) -> None:
    now = [86_400.0]
    here = given(tmp_path)
    spool = here.spool(clock=lambda: now[0], ttl=3600)
    text = put(spool, "early", until=1_900_000_000)
    os.utime(spool.at("new", text), (now[0], now[0]))
    spool = here.spool(clock=lambda: now[0], ttl=3600)
    now[0] = time.time()
    assert spool.expire() == [], "it did not wait for 50 years"
    spool.oldest()
    now[0] += 3601
    assert spool.expire() == [text]


def test_a_ttl_drops_what_waited_too_long(tmp_path: Path) -> None:
    now = [time.time()]
    spool = given(tmp_path).spool(clock=lambda: now[0], ttl=60)
    put(spool, "old")
    now[0] += 61
    spool.expire()
    assert notes(spool) == {"old": "OutboxExpired"}


def test_order_is_by_age_and_survives_a_restart(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    stated = [f"n{number}" for number in range(5)]
    for age, name in enumerate(stated):
        text = put(spool, name, name.encode())
        os.utime(spool.at("new", text), (1_700_000_000 + age,) * 2)

    again = here.spool()
    assert [one.text.partition("~")[2] for one in again.oldest()] == stated
    assert again.counts()[:2] == (5, 10)


def test_more_items_than_fit_in_memory_come_out_in_order(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    for number in range(700):
        text = put(spool, f"n{number:03}", str(number).encode())
        os.utime(spool.at("new", text), (1_700_000_000 + number,) * 2)
    spool, order = here.spool(), []
    while batch := spool.oldest():
        order.append(batch[0].text.partition("~")[2])
        spool.finish(batch[0].text, "s3://results/x")
        if len(order) % 100 == 0:
            put(spool, f"new{len(order)}", os.urandom(8))
    assert order[:700] == [f"n{number:03}" for number in range(700)]
    assert spool.counts()[:2] == (0, 0)


def test_u2_a_receipt_proves_delivery_even_when_the_item_is_still_there(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    text = put(spool, "sent", b"bytes")
    data = Path(spool.at("new", text)).read_bytes()
    spool.finish(text, "s3://results/sent")
    Path(spool.at("new", text)).write_bytes(data)  # the crash came before the name was gone

    again = here.spool()
    assert again.oldest() == []
    assert contents(again) == {}


def test_what_was_stored_once_is_not_sent_again(tmp_path: Path) -> None:
    spool = given(tmp_path).spool()
    text = put(spool, "sent")
    spool.finish(text, "s3://results/sent")
    intake = Intake(spool)
    intake.write(b"data")
    assert intake.accept(Left("sent")).url == "s3://results/sent"
    assert spool.oldest() == []


def test_an_item_that_was_dropped_may_come_again(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    text = put(spool, "again")
    spool.drop(text, "OutboxFull", "for a test")
    assert put(spool, "again") == text
    assert contents(here.spool()) == {"again": b"data"}
    assert notes(spool) == {}


def test_an_item_that_somebody_else_took_is_not_waited_for(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    gone, stays = put(spool, "gone"), put(spool, "stays", b"s")
    spool.oldest()
    Path(spool.at("new", gone)).unlink()
    spool.recount()
    assert [one.text for one in spool.oldest()] == [stays]
    assert spool.counts()[:2] == (1, 1)


def test_receipts_and_notes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidecar.outbox.spool.RECEIPTS", 10)
    monkeypatch.setattr("sidecar.outbox.spool.NOTES", 10)
    spool = given(tmp_path).spool()
    for number in range(128):
        spool.finish(put(spool, "sent", os.urandom(8)), f"s3://results/{number}")
        spool.drop(put(spool, "dead", os.urandom(8)), "OutboxFull", "for a test")
    for part in ("sent", "dead"):
        assert len([name for name in names(spool.at(part)) if item_of(name)]) <= 10


def test_a_list_of_a_round_is_due_once_nothing_of_it_waits(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    first, second = put(spool, "a", b"1", "7"), put(spool, "b", b"2", "7")
    other = put(spool, "c", b"3", "8")
    spool.finish(first, "s3://results/a")
    assert spool.due(0) == ""
    spool.finish(second, "s3://results/b")
    assert spool.due(0) == "=manifest.r7"
    assert here.spool().due(0) == "=manifest.r7", "also after a restart"

    spool.finish(other, "s3://results/c")
    spool.finish("=manifest.r7", "s3://results/manifest.json")
    assert spool.due(0) == "=manifest.r8"
    spool.finish("=manifest.r8", "s3://results/manifest.json")
    assert spool.due(0) == ""
    assert here.spool().due(0) == ""


def test_a_list_without_rounds_is_not_due_every_moment(tmp_path: Path) -> None:
    spool = given(tmp_path).spool()
    spool.finish(put(spool, "a", b"1"), "s3://results/a")
    now = time.monotonic()
    assert spool.due(now) == "=manifest"
    spool.finish("=manifest", "s3://results/manifest.json")
    spool.finish(put(spool, "b", b"2"), "s3://results/b")
    assert spool.due(now) == ""
    assert spool.due(now, at_once=True) == "=manifest"
    assert spool.due(now + 61) == "=manifest"


def test_what_came_while_a_list_was_sent_is_listed_again(tmp_path: Path) -> None:
    spool = given(tmp_path).spool()
    spool.finish(put(spool, "a", b"1", "7"), "s3://results/a")
    assert spool.due(0) == "=manifest.r7"
    spool.finish(put(spool, "b", b"2", "7"), "s3://results/b")
    spool.finish("=manifest.r7", "s3://results/manifest.json")
    assert spool.due(0) == "=manifest.r7"


def test_a_begun_upload_of_a_dropped_item_is_to_be_aborted(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    text = put(spool, "large")
    Path(spool.at("uploads", text)).write_text("{}")
    spool.drop(text, "OutboxFull", "for a test")
    assert spool.due(0) == f"=abort-{text}"
    assert here.spool().due(0) == f"=abort-{text}"
    spool.finish(f"=abort-{text}", "")
    assert names(spool.at("uploads")) == []
    assert spool.due(0) == ""


def test_what_a_dead_process_left_half_made_is_swept(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    Path(spool.at("tmp", "0123abcd.7")).write_bytes(b"half")
    mine = Path(spool.at("tmp", f"{here.own.token}.9"))
    mine.write_bytes(b"half")
    here.spool()
    assert names(spool.at("tmp")) == [mine.name]


@pytest.mark.parametrize(
    "text",
    ["", "x", "0" * 64, "0" * 63 + "~a", "0" * 64 + "~../a", "0" * 64 + "~.a", "0" * 64 + "~a\n"],
)
def test_only_names_of_items_are_items(text: str) -> None:
    assert item_of(text) is None


@pytest.mark.parametrize(
    "file", ["plain.bin", "round=r_1-2~x-y", "round=9,deadline=1900000000~a~b", "deadline=5~z-1"]
)
def test_a_name_says_what_it_means_in_both_directions(file: str) -> None:
    stated = left_of(file)
    made = Item("ab" * 32, stated.name, stated.round, stated.deadline)
    assert item_of(made.text) == made


def test_foreign_files_in_a_spool_are_no_items(tmp_path: Path) -> None:
    here: Given = given(tmp_path)
    spool = here.spool()
    Path(spool.at("new", "lost+found")).write_bytes(b"x")
    assert here.spool().oldest() == []
