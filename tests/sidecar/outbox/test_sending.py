"""What waits arrives: through a real worker process, at a real S3 server."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path
from threading import Thread

import pytest

from tests.sidecar.outbox.given import names
from tests.sidecar.outbox.sending import NOBODY, Sending, sending
from tests.sidecar.support.proxy import NONE, Fault, Relay, answer
from tests.sidecar.support.running import until
from tests.sidecar.support.s3 import S3

LOST = Fault(cut=0, head=lambda _: b"")


def spool(here: Sending, stream: str, part: str) -> list[str]:
    folder = here.folder / "store/tenants/watch.serve/outbox" / stream / part
    return [name for name in names(folder) if not name.startswith("=")]


def test_files_of_all_streams_arrive_under_site_host_and_digest(tmp_path: Path, s3: S3) -> None:
    here = sending(tmp_path, s3, "all")
    here.configure({"name": "gradients", "priority": 5}, {"name": "hard-examples"})
    wanted = [
        here.leave("gradients", "weights.npz", b"w" * 100_000),
        here.leave("gradients", "empty", b""),
        here.leave("hard-examples", "crop-1.jpg", b"jpg"),
    ]
    assert here.drain() == []

    assert here.stored() == sorted(wanted)
    assert s3.get(here.bucket, wanted[0]) == b"w" * 100_000
    listed = here.listing("gradients")["items"]
    assert sorted(one["name"] for one in listed) == ["empty", "weights.npz"]
    assert spool(here, "gradients", "new") == []
    assert len(spool(here, "gradients", "sent")) == 2


def test_the_list_of_a_round_is_written_after_all_of_it(tmp_path: Path, s3: S3) -> None:
    here = sending(tmp_path, s3, "round")
    here.configure({"name": "gradients"})
    with Relay(s3.port) as relay:
        here.configure({"name": "gradients"}, port=relay.port)
        for number in range(5):
            here.leave("gradients", f"round=7~part-{number}", os.urandom(1000))
        here.drain()
        order = [asked.target for asked in relay.asked if asked.method == "PUT"]
    assert order[-1].endswith("/7/manifest.json")
    assert len(order) == 6
    found = here.listing("gradients", "7")
    assert [one["name"] for one in sorted(found["items"], key=lambda one: one["name"])] == [
        f"part-{number}" for number in range(5)
    ]
    assert found["round"] == "7"
    assert found["dropped"] == []


def test_u1_days_offline_change_nothing_but_what_waits(tmp_path: Path, s3: S3) -> None:
    here = sending(tmp_path, s3, "offline")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and never listened on: every try is refused
        here.configure({"name": "gradients", "maxBytes": 1000}, port=closed.getsockname()[1])
        first = here.leave("gradients", "one", b"1" * 600)
        here.leave("gradients", "two", b"2" * 600)
        process = here.start(NOBODY, "3600")
        time.sleep(6)
        process.send_signal(signal.SIGTERM)
        output, fault = process.communicate(timeout=30)
        assert process.returncode == 0, fault
    notes = [json.loads(line) for line in output.splitlines()]
    assert {(note["reason"]) for note in notes} == {"OutboxFull", "Offline"}
    assert len(notes) == 2, "each is told once"
    assert len(spool(here, "gradients", "new")) == 1
    assert names(here.run / "outbox/gradients") == ["two"]

    here.configure({"name": "gradients", "maxBytes": 1000})
    here.drain()
    assert here.stored() == sorted([first, here.key("gradients", "two", b"2" * 600)])


def test_u2_a_crash_between_put_and_receipt_leaves_one_object(tmp_path: Path, s3: S3) -> None:
    here = sending(tmp_path, s3, "crash")
    s3.client.put_bucket_versioning(
        Bucket=here.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    with Relay(s3.port) as relay:
        here.configure({"name": "gradients"}, port=relay.port)
        key = here.leave("gradients", "once", b"exactly once")
        process = here.start()
        relay.always = Fault(cut=0, head=lambda _: b"", then=process.kill)
        relay.harms = lambda asked: asked.method == "PUT"
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        relay.always = NONE
        here.drain()
    versions = s3.client.list_object_versions(Bucket=here.bucket, Prefix=key)["Versions"]
    assert len(versions) == 1
    assert spool(here, "gradients", "new") == []


def test_u4_a_closed_round_is_not_sent_and_the_list_says_so(tmp_path: Path, s3: S3) -> None:
    here = sending(tmp_path, s3, "late")
    here.configure({"name": "gradients"})
    here.leave("gradients", f"round=3,deadline={int(time.time()) - 5}~late", b"too late")
    here.leave("gradients", f"round=3,deadline={int(time.time()) + 3600}~early", b"in time")
    (note,) = here.drain()

    assert note["reason"] == "OutboxExpired"
    assert here.stored() == [here.key("gradients", "early", b"in time", "3")]
    (dropped,) = here.listing("gradients", "3")["dropped"]
    assert (dropped["name"], dropped["reason"]) == ("late", "OutboxExpired")


def test_streams_with_a_larger_priority_go_first(tmp_path: Path, s3: S3) -> None:
    here = sending(tmp_path, s3, "order")
    with Relay(s3.port) as relay:
        here.configure(
            {"name": "logs"}, {"name": "gradients", "priority": 9}, port=relay.port, streams=1
        )
        for number in range(4):
            here.leave("logs", f"l{number}", b"l" * number)
            here.leave("gradients", f"g{number}", b"g" * number)
        here.drain()
        order = [asked.target.split("/")[2] for asked in relay.asked if asked.method == "PUT"]
    gradients = [at for at, name in enumerate(order) if name == "gradients"]
    assert max(gradients) < len(gradients) + 2, order


def test_an_item_that_is_refused_by_itself_holds_up_no_other(tmp_path: Path, s3: S3) -> None:
    here = sending(tmp_path, s3, "poison")
    with Relay(s3.port) as relay:
        here.configure({"name": "gradients"}, port=relay.port)
        here.leave("gradients", "poison", b"never taken")
        relay.harms = lambda asked: asked.target.endswith("-poison")
        relay.always = Fault(answer=answer("400 Bad Request"))
        others = [here.leave("gradients", f"n{number}", os.urandom(9)) for number in range(20)]
        process = here.start(NOBODY, "3600")
        deadline = time.monotonic() + 60
        while here.stored() != sorted(others) and time.monotonic() < deadline:
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert here.stored() == sorted(others)
    assert [name for name in spool(here, "gradients", "new") if name.endswith("~poison")]


def test_rotten_bytes_are_dropped_and_not_sent(tmp_path: Path, s3: S3) -> None:
    here = sending(tmp_path, s3, "rot")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        here.configure({"name": "gradients"}, port=closed.getsockname()[1])
        here.leave("gradients", "rotten", b"good bytes")
        process = here.start(NOBODY, "3600")
        deadline = time.monotonic() + 30
        folder = here.folder / "store/tenants/watch.serve/outbox/gradients/new"
        while not (folder.is_dir() and names(folder)) and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    (path,) = folder.iterdir()
    path.write_bytes(b"gone bytes")
    here.configure({"name": "gradients"})
    (note,) = here.drain()
    assert note["reason"] == "BitRot"
    assert here.stored() == []


def ask(here: Sending, target: str, body: bytes, *headers: str) -> tuple[int, dict[str, object]]:
    """POST on the unix socket as a worker would."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(here.run / "sidecar.sock"))
        lines = [f"POST {target} HTTP/1.1", "Host: sidecar", f"Content-Length: {len(body)}"]
        connection.sendall("\r\n".join((*lines, *headers, "", "")).encode() + body)
        answered = b""
        while piece := connection.recv(65_536):
            answered += piece
    head, _, rest = answered.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(rest)


@pytest.fixture
def posting(tmp_path: Path, s3: S3):  # type: ignore[no-untyped-def] # a generator of both
    here = sending(tmp_path, s3, "post")
    with Relay(s3.port) as relay:
        here.configure({"name": "gradients", "maxBytes": 100_000}, port=relay.port)
        process = here.start(NOBODY, "3600")
        deadline = time.monotonic() + 30
        while not (here.run / "sidecar.sock").exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield here, relay
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def test_a_post_is_accepted_once_it_survives(posting: tuple[Sending, Relay]) -> None:
    here, _ = posting
    status, said = ask(here, "/v1/outbox/gradients?name=delta.bin&round=4", b"bytes")
    assert status == 201
    assert said["stored"] is False
    assert said["bytes"] == 5
    deadline = time.monotonic() + 30
    while here.stored() != [here.key("gradients", "delta.bin", b"bytes", "4")]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_post_may_wait_until_it_is_stored(posting: tuple[Sending, Relay]) -> None:
    here, _ = posting
    status, said = ask(here, "/v1/outbox/gradients?name=now&wait=stored", b"stored")
    assert (status, said["stored"]) == (200, True)
    assert str(said["url"]).endswith(here.key("gradients", "now", b"stored"))
    assert here.stored() == [here.key("gradients", "now", b"stored")]
    again, said = ask(here, "/v1/outbox/gradients?name=now&wait=stored", b"stored")
    assert (again, said["stored"]) == (200, True)


def test_a_post_that_cannot_be_stored_in_time_is_accepted_all_the_same(
    posting: tuple[Sending, Relay],
) -> None:
    here, relay = posting
    relay.harms = lambda _: True
    relay.always = Fault(answer=answer("503 Busy", "Retry-After: 100"))
    status, said = ask(here, "/v1/outbox/gradients?wait=stored&timeout=1", b"later")
    assert (status, said["stored"]) == (202, False)
    assert len(spool(here, "gradients", "new")) == 1


@pytest.mark.parametrize(
    ("target", "status", "reason"),
    [
        ("/v1/outbox/unknown", 404, "NotFound"),
        ("/v1/outbox/gradients/../x", 404, "NotFound"),
        ("/v1/outbox/gradients?nmae=x", 400, "Protocol"),
        ("/v1/outbox/gradients?round=a/b", 400, "Protocol"),
        ("/v1/outbox/gradients?deadline=tomorrow", 400, "Protocol"),
        ("/v1/outbox/gradients?wait=forever", 400, "Protocol"),
        ("/v1/outbox/gradients?deadline=1", 409, "OutboxExpired"),
    ],
)
def test_a_post_that_makes_no_sense_is_refused_in_words(
    posting: tuple[Sending, Relay], target: str, status: int, reason: str
) -> None:
    here, _ = posting
    got, said = ask(here, target, b"x")
    assert (got, said["reason"]) == (status, reason)
    assert said["detail"]


def test_a_post_that_does_not_fit_is_refused_before_it_is_read(
    posting: tuple[Sending, Relay],
) -> None:
    here, _ = posting
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(here.run / "sidecar.sock"))
        head = (
            "POST /v1/outbox/gradients HTTP/1.1\r\nHost: s\r\nContent-Length: 99999999999\r\n\r\n"
        )
        connection.sendall(head.encode())
        answered = connection.recv(65_536)
    assert answered.startswith(b"HTTP/1.1 507 ")


def test_a_post_that_breaks_off_leaves_nothing(posting: tuple[Sending, Relay]) -> None:
    here, _ = posting
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(here.run / "sidecar.sock"))
            head = "POST /v1/outbox/gradients HTTP/1.1\r\nHost: s\r\nContent-Length: 500\r\n\r\n"
            connection.sendall(head.encode() + b"half")
    ask(here, "/v1/outbox/gradients?wait=stored", b"whole")
    assert here.stored() == [here.key("gradients", "data", b"whole")]
    until(lambda: spool(here, "gradients", "tmp") == [])


def test_many_workers_post_at_once(posting: tuple[Sending, Relay]) -> None:
    here, _ = posting
    results: list[int] = []

    def one(number: int) -> None:
        status, _ = ask(here, f"/v1/outbox/gradients?name=n{number}&wait=stored", b"x" * number)
        results.append(status)

    threads = [Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [200] * 6
    assert len(here.stored()) == 6
