"""Bytes go out once, whole, and over nothing else: against a real S3 server and plain HTTP."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from sidecar.model.config import Store
from sidecar.model.reasons import ReasonError
from sidecar.transfer import s3_store, upload
from tests.sidecar.support.proxy import Asked, Fault, Relay, answer
from tests.sidecar.support.s3 import READER_ACCESS, READER_SECRET, S3, credentials
from tests.sidecar.support.web import Reply, Web
from tests.sidecar.transfer.fetching import MIB, Bench, bench, content, digest_of, document

BUCKET = "results"
LOST = Fault(cut=0, head=lambda _: b"")
"""The server does what it is asked for, and its answer never arrives."""


@contextmanager
def sender(
    tmp_path: Path, s3: S3, *, port: int = 0, access: str = "", **network: Any
) -> Iterator[Bench]:
    """A context whose store `main` is the server, perhaps behind a relay at `port`."""
    s3.bucket(BUCKET)
    keys = (READER_ACCESS, READER_SECRET) if access == "reader" else ()
    folder = "" if access == "nobody" else credentials(tmp_path / "keys", *keys)
    entry = s3.store("main", folder)
    if port:
        entry["endpoint"] = f"http://127.0.0.1:{port}"
    made = document(tmp_path / "store", [], stores=[entry], network={"timeout": 120, **network})
    with bench(made) as found:
        yield found


def file(tmp_path: Path, data: bytes) -> tuple[str, str]:
    path = tmp_path / f"out-{len(data)}"
    path.write_bytes(data)
    return str(path), digest_of(data)


def put(found: Bench, url: str, path: str, sha256: str, state: str = "") -> upload.Stored:
    store = found.config.stores[0]
    return upload.put(
        url, store, path, found.context, sha256=sha256, state_path=state, owner=found.owner
    )


def uploads(s3: S3, key: str) -> list[str]:
    """Uploads of a key that the server still has under way."""
    answered = s3.client.list_multipart_uploads(Bucket=BUCKET)
    return [one["UploadId"] for one in answered.get("Uploads", ()) if one["Key"] == key]


@pytest.mark.parametrize("size", [0, 1, 100_000, 3 * MIB])
def test_a_small_file_is_one_object_with_its_bytes(tmp_path: Path, s3: S3, size: int) -> None:
    data = content(size)
    path, sha256 = file(tmp_path, data)
    with sender(tmp_path, s3) as found:
        url = f"s3://{BUCKET}/small/{sha256}-data"
        assert put(found, url, path, sha256) == (url, False)
        assert s3.get(BUCKET, f"small/{sha256}-data") == data
        assert put(found, url, path, sha256) == (url, True)
    assert s3.keys(BUCKET, "small/").count(f"small/{sha256}-data") == 1


def test_u2_an_answer_that_is_lost_leaves_one_object(tmp_path: Path, s3: S3) -> None:
    data = content(50_000, seed=2)
    path, sha256 = file(tmp_path, data)
    url = f"s3://{BUCKET}/lost/{sha256}-data"
    with Relay(s3.port, LOST) as relay, sender(tmp_path, s3, port=relay.port) as found:
        relay.harms = lambda asked: asked.method == "PUT"
        with pytest.raises(ReasonError):
            put(found, url, path, sha256)
        assert not relay.faults
        assert put(found, url, path, sha256).already
    assert s3.keys(BUCKET, "lost/") == [f"lost/{sha256}-data"]


def test_an_object_is_never_written_over(tmp_path: Path, s3: S3) -> None:
    path, sha256 = file(tmp_path, content(3 * MIB, seed=3))
    key = f"over/{sha256}-data"
    s3.put(BUCKET, key, b"somebody else's")
    with sender(tmp_path, s3) as found, pytest.raises(ReasonError, match="DigestMismatch"):
        put(found, f"s3://{BUCKET}/{key}", path, sha256)
    assert s3.get(BUCKET, key) == b"somebody else's"


@pytest.mark.parametrize("size", [10_000, 65 * MIB])
def test_what_changed_on_disk_is_never_stored(tmp_path: Path, s3: S3, size: int) -> None:
    data = bytearray(content(size, seed=4))
    sha256 = digest_of(bytes(data))
    data[size // 2] ^= 1
    path, _ = file(tmp_path, bytes(data))
    with sender(tmp_path, s3) as found, pytest.raises(ReasonError, match="DigestMismatch"):
        put(found, f"s3://{BUCKET}/rot/{sha256}-data", path, sha256)
    assert s3.keys(BUCKET, "rot/") == []
    assert uploads(s3, f"rot/{sha256}-data") == []


def test_a_large_file_goes_in_parts_and_arrives_whole(tmp_path: Path, s3: S3) -> None:
    data = content(67 * MIB + 5, seed=5)
    path, sha256 = file(tmp_path, data)
    key = f"large/{sha256}-data"
    state = tmp_path / "state.json"
    with sender(tmp_path, s3) as found:
        assert not put(found, f"s3://{BUCKET}/{key}", path, sha256, str(state)).already
        assert put(found, f"s3://{BUCKET}/{key}", path, sha256, str(state)).already
    assert hashlib.sha256(s3.get(BUCKET, key)).hexdigest() == sha256
    assert s3.client.head_object(Bucket=BUCKET, Key=key)["ETag"].endswith('-9"')
    assert uploads(s3, key) == []
    assert not state.exists()


def test_u3_an_interrupted_upload_sends_only_the_parts_that_are_missing(
    tmp_path: Path, s3: S3
) -> None:
    data = content(80 * MIB, seed=6)
    path, sha256 = file(tmp_path, data)
    key, state = f"parts/{sha256}-data", str(tmp_path / "state.json")
    with Relay(s3.port) as relay:
        relay.harms = lambda asked: "partNumber=6&" in asked.target
        relay.always = Fault(answer=answer("500 Internal Server Error"))
        with sender(tmp_path, s3, port=relay.port) as found, pytest.raises(ReasonError):
            put(found, f"s3://{BUCKET}/{key}", path, sha256, state)
        relay.always = Fault()
        before = len(relay.asked)
        with sender(tmp_path, s3, port=relay.port) as found:
            assert not put(found, f"s3://{BUCKET}/{key}", path, sha256, state).already
        later = [asked for asked in relay.asked[before:] if asked.method == "PUT"]
    assert len(later) == 5, "of ten parts five were there"
    assert hashlib.sha256(s3.get(BUCKET, key)).hexdigest() == sha256
    assert uploads(s3, key) == []


def test_u3_an_upload_that_nobody_remembers_is_taken_over(tmp_path: Path, s3: S3) -> None:
    data = content(72 * MIB, seed=7)
    path, sha256 = file(tmp_path, data)
    key = f"adopted/{sha256}-data"
    s3.bucket(BUCKET)
    old = s3.client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    time.sleep(1.1)  # the server tells seconds apart
    new = s3.client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    for number in (1, 2):
        part = data[(number - 1) * s3_store.PART : number * s3_store.PART]
        s3.client.upload_part(Bucket=BUCKET, Key=key, UploadId=new, PartNumber=number, Body=part)
    assert sorted(uploads(s3, key)) == sorted([old, new])
    with Relay(s3.port) as relay, sender(tmp_path, s3, port=relay.port) as found:
        put(found, f"s3://{BUCKET}/{key}", path, sha256, str(tmp_path / "state.json"))
        sent = [asked for asked in relay.asked if asked.method == "PUT"]
    assert len(sent) == 7
    assert uploads(s3, key) == [], "and the older one is aborted"
    assert hashlib.sha256(s3.get(BUCKET, key)).hexdigest() == sha256


def test_u3_the_end_of_an_upload_may_be_lost_too(tmp_path: Path, s3: S3) -> None:
    data = content(65 * MIB, seed=8)
    path, sha256 = file(tmp_path, data)
    key, state = f"ended/{sha256}-data", str(tmp_path / "state.json")
    with Relay(s3.port, LOST) as relay:
        relay.harms = lambda asked: asked.method == "POST" and "uploads" not in asked.target
        with sender(tmp_path, s3, port=relay.port) as found:
            with suppress(ReasonError):  # a kept connection that breaks is tried again at once
                put(found, f"s3://{BUCKET}/{key}", path, sha256, state)
            assert not relay.faults
            assert put(found, f"s3://{BUCKET}/{key}", path, sha256, state).already
    assert s3.keys(BUCKET, "ended/") == [key]


def test_u3_an_abandoned_upload_is_aborted(tmp_path: Path, s3: S3) -> None:
    path, sha256 = file(tmp_path, content(65 * MIB, seed=9))
    key, state = f"abandoned/{sha256}-data", tmp_path / "state.json"
    url = f"s3://{BUCKET}/{key}"
    with Relay(s3.port, always=Fault(answer=answer("503 Busy"))) as relay:
        relay.harms = lambda asked: "partNumber=3&" in asked.target
        with sender(tmp_path, s3, port=relay.port) as found:
            with pytest.raises(ReasonError):
                put(found, url, path, sha256, str(state))
            assert len(uploads(s3, key)) == 1
            store = found.config.stores[0]
            for _ in range(2):
                upload.abandon(url, store, found.context, state_path=str(state), owner=found.owner)
    assert uploads(s3, key) == []
    assert not state.exists()


def test_an_upload_that_the_server_forgot_begins_anew(tmp_path: Path, s3: S3) -> None:
    data = content(65 * MIB, seed=10)
    path, sha256 = file(tmp_path, data)
    key, state = f"forgot/{sha256}-data", str(tmp_path / "state.json")
    with Relay(s3.port, Fault(answer=answer("503 Busy"))) as relay:
        relay.harms = lambda asked: "partNumber=2&" in asked.target
        with sender(tmp_path, s3, port=relay.port) as found:
            with pytest.raises(ReasonError):
                put(found, f"s3://{BUCKET}/{key}", path, sha256, state)
            (name,) = uploads(s3, key)
            s3.client.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=name)
            put(found, f"s3://{BUCKET}/{key}", path, sha256, state)
    assert hashlib.sha256(s3.get(BUCKET, key)).hexdigest() == sha256


@pytest.mark.parametrize(
    ("access", "code"), [("reader", "AccessDenied"), ("nobody", "AccessDenied")]
)
def test_who_may_not_write_is_told_so(tmp_path: Path, s3: S3, access: str, code: str) -> None:
    path, sha256 = file(tmp_path, b"not allowed")
    with sender(tmp_path, s3, access=access) as found, pytest.raises(ReasonError, match=code):
        put(found, f"s3://{BUCKET}/denied/{sha256}-data", path, sha256)
    assert s3.keys(BUCKET, "denied/") == []


def test_a_busy_server_is_left_alone_as_long_as_it_asks(tmp_path: Path, s3: S3) -> None:
    path, sha256 = file(tmp_path, b"patience")
    busy = Fault(answer=answer("503 Slow Down", "Retry-After: 7"))
    with Relay(s3.port, always=busy) as relay, sender(tmp_path, s3, port=relay.port) as found:
        relay.harms = lambda asked: asked.method == "PUT"
        with pytest.raises(ReasonError) as told:
            put(found, f"s3://{BUCKET}/busy/{sha256}-data", path, sha256)
    assert told.value.code == "Busy"
    assert told.value.after >= 7


def test_nothing_is_sent_outside_of_the_window_but_small_reports(tmp_path: Path, s3: S3) -> None:
    path, sha256 = file(tmp_path, b"later")
    minute = time.gmtime(time.time() + 7200)
    window = {"from": f"{minute.tm_hour:02}:00", "to": f"{minute.tm_hour:02}:01", "zone": "UTC"}
    with sender(tmp_path, s3, windows=[window]) as found:
        with pytest.raises(ReasonError, match="WindowShut"):
            put(found, f"s3://{BUCKET}/window/{sha256}-data", path, sha256)
        store = found.config.stores[0]
        upload.put_bytes(f"s3://{BUCKET}/window/report.json", store, b"{}", found.context)
    assert s3.keys(BUCKET, "window/") == ["window/report.json"]


def test_a_few_bytes_replace_what_was_there_unless_they_must_not(tmp_path: Path, s3: S3) -> None:
    with sender(tmp_path, s3) as found:
        store, url = found.config.stores[0], f"s3://{BUCKET}/few/report.json"
        for data in (b"1", b"2"):
            assert not upload.put_bytes(url, store, data, found.context).already
        assert upload.put_bytes(url, store, b"3", found.context, replace=False).already
    assert s3.get(BUCKET, "few/report.json") == b"2"


class Shelf:
    """A plain HTTP server that takes files; `conditions` is whether it knows If-None-Match."""

    def __init__(self, *, conditions: bool = True, look: int = 200) -> None:
        self.objects: dict[str, bytes] = {}
        self.conditions = conditions
        self.look = look

    def __call__(self, asked: Asked) -> Reply | None:
        held = self.objects.get(asked.target)
        if asked.method == "HEAD":
            if self.look != 200:
                return Reply(self.look)
            return Reply(404) if held is None else Reply(200, {"Content-Length": str(len(held))})
        if asked.method != "PUT":
            return None
        if "if-none-match" in asked.headers:
            if not self.conditions:
                return Reply(501)
            if held is not None:
                return Reply(412)
        self.objects[asked.target] = asked.body
        return Reply(201)


@pytest.mark.parametrize("conditions", [True, False])
@pytest.mark.parametrize("look", [200, 403, 405])
def test_plain_http_servers_of_all_kinds_get_each_file_once(
    tmp_path: Path, conditions: bool, look: int
) -> None:
    path, sha256 = file(tmp_path, content(2 * MIB, seed=11))
    shelf = Shelf(conditions=conditions, look=look)
    with Web(script=shelf) as web, bench(document(tmp_path / "store", [], outbox=[
        {"name": "results", "to": web.url("/")}])) as found:  # fmt: skip
        url = web.url(f"/{sha256}-data")
        for _ in range(2):
            upload.put(url, Store(), path, found.context, sha256=sha256)
        puts = [asked for asked in web.asked if asked.method == "PUT"]
    assert [hashlib.sha256(data).hexdigest() for data in shelf.objects.values()] == [sha256]
    assert puts[0].headers["content-digest"].startswith("sha-256=:")


def test_a_file_on_a_disk_appears_whole_and_once(tmp_path: Path) -> None:
    data = content(3 * MIB, seed=12)
    path, sha256 = file(tmp_path, data)
    folder = tmp_path / "stick/a b/c"
    url = f"file://{tmp_path}/stick/a%20b/c/{sha256}-data"
    with bench(document(tmp_path / "store", [])) as found:
        assert not upload.put(url, Store(), path, found.context, sha256=sha256).already
        assert upload.put(url, Store(), path, found.context, sha256=sha256).already
        upload.put_bytes(f"file://{folder}/r.json", Store(), b"1", found.context)
        upload.put_bytes(f"file://{folder}/r.json", Store(), b"2", found.context)
    assert sorted(one.name for one in folder.iterdir()) == [f"{sha256}-data", "r.json"]
    assert (folder / f"{sha256}-data").read_bytes() == data
    assert (folder / "r.json").read_bytes() == b"2"


def test_a_scheme_that_cannot_store_says_so(tmp_path: Path) -> None:
    path, sha256 = file(tmp_path, b"x")
    with (
        bench(document(tmp_path / "store", [])) as found,
        pytest.raises(ReasonError, match="SchemeUnsupported"),
    ):
        upload.put("ftp://example.com/x", Store(), path, found.context, sha256=sha256)


def test_a_part_is_large_enough_for_the_most_parts_that_services_take() -> None:
    for size in (64 << 20, 1 << 40, 5 << 40):
        part = s3_store.part_size(size)
        assert part >= 8 << 20
        assert -(-size // part) <= 10_000
