"""Links and servers that fail in the middle: rows N1 to N12 of the failure matrix."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import pytest

from tests.sidecar.support import s3 as s3_server
from tests.sidecar.support.proxy import Asked, Fault, Relay, answer, replace_header
from tests.sidecar.support.s3 import S3
from tests.sidecar.support.web import Reply, Web
from tests.sidecar.transfer.fetching import (
    MIB,
    bench,
    chunk_list,
    content,
    document,
    entry,
    refusal,
)

SIZE = 10 * MIB + 77
DATA = content(SIZE)


@pytest.fixture
def keys(tmp_path: Path) -> str:
    return s3_server.credentials(tmp_path / "secret")


def ranges(asked: list[Asked]) -> list[str]:
    return [one.headers.get("range", "") for one in asked if one.method == "GET"]


def test_n1_connection_reset_resumes_at_the_last_verified_byte(
    s3: S3, tmp_path: Path, keys: str
) -> None:
    url = s3.put("row-n1", "model.onnx", DATA)
    with Relay(s3.port, Fault(cut=3 * MIB), Fault(cut=4 * MIB + 5)) as relay:
        store = {**s3.store(credentials=keys), "endpoint": f"http://{relay.address}"}
        made = document(tmp_path / "store", [entry(DATA, f"{url} @ main")], stores=[store])
        with bench(made) as b:
            done = b.fetch()
            assert b.blob() == DATA
        assert ranges(relay.asked) == ["", f"bytes={3 * MIB}-", f"bytes={7 * MIB + 5}-"]
        assert [bool(one.headers.get("if-match")) for one in relay.asked] == [False, True, True]
        assert done.bytes == SIZE == relay.sent
        assert done.hashed == SIZE


def test_n1_with_chunks_no_chunk_is_fetched_twice(tmp_path: Path) -> None:
    listing, chunks = chunk_list(DATA, MIB)
    with (
        Web({"/model": DATA, "/model.chunks": listing}) as web,
        Relay(web.port, always=Fault(cut=MIB + MIB // 2)) as relay,
    ):
        relay.harms = lambda asked: asked.target == "/model"
        url = f"http://{relay.address}/model"
        with bench(document(tmp_path, [entry(DATA, url, chunks=chunks)])) as b:
            done = b.fetch()
            assert b.blob() == DATA
        assert done.bytes == SIZE
        assert relay.sent == SIZE + len(listing)


def test_n2_a_server_that_stalls_is_left_for_the_next_source(tmp_path: Path) -> None:
    with Web({"/model": DATA}) as web, Relay(web.port, Fault(stall=2 * MIB)) as relay:
        urls = (f"http://{relay.address}/model", web.url("/model"))
        relay.always = answer_fault("503 Service Unavailable")
        network = {"timeout": 1}
        with bench(document(tmp_path, [entry(DATA, *urls)], network=network)) as b:
            done = b.fetch()
            assert b.blob() == DATA
        assert done.source == urls[1]
        assert done.bytes == SIZE, "what came before the stall is kept"
        assert ranges(web.asked)[-1] == f"bytes={2 * MIB}-"


def test_n2_a_server_that_trickles_is_given_up_as_stalled(tmp_path: Path) -> None:
    with Web({"/model": DATA}) as web, Relay(web.port, always=Fault(rate=200)) as relay:
        url = f"http://{relay.address}/model"
        network = {"timeout": 30, "lowSpeed": {"rate": 1000, "seconds": 1}}
        caught = refusal(document(tmp_path, [entry(DATA, url)], network=network))
        assert caught.code == "Stalled"
        assert caught.reason.kind == "wait"


def test_n3_a_server_that_ignores_ranges_begins_again_and_nothing_is_doubled(
    s3: S3, tmp_path: Path, keys: str
) -> None:
    url = s3.put("row-n3", "model.onnx", DATA)
    with Relay(s3.port, Fault(cut=3 * MIB), Fault(ignore_range=True)) as relay:
        store = {**s3.store(credentials=keys), "endpoint": f"http://{relay.address}"}
        made = document(tmp_path / "store", [entry(DATA, f"{url} @ main")], stores=[store])
        with bench(made) as b:
            done = b.fetch()
            assert b.blob() == DATA
        assert ranges(relay.asked) == ["", f"bytes={3 * MIB}-"]
        assert done.bytes == 3 * MIB + SIZE


@pytest.mark.parametrize(
    "stated",
    [
        f"bytes 0-{SIZE - 1}/{SIZE}",
        f"bytes {3 * MIB}-{SIZE - 1}/{SIZE + 1}",
        f"bytes {3 * MIB + 1}-{SIZE - 1}/{SIZE}",
        f"bytes {3 * MIB}-{SIZE - 2}/{SIZE}",
        f"bytes {3 * MIB}-/{SIZE}",
        f"bytes {3 * MIB}-{SIZE - 1}/{SIZE}, bytes 0-1/2",
        "pages 1-2/3",
        "",
    ],
)
def test_n4_a_part_that_is_not_what_was_asked_for_is_thrown_away(
    tmp_path: Path, stated: str
) -> None:
    with Web({"/model": DATA}) as web:
        wrong = Fault(head=replace_header("Content-Range", stated))
        with Relay(web.port, Fault(cut=3 * MIB), wrong, always=wrong) as relay:
            urls = (f"http://{relay.address}/model", web.url("/model"))
            with bench(document(tmp_path, [entry(DATA, *urls)])) as b:
                done = b.fetch()
                assert b.blob() == DATA
            assert done.source == urls[1]
            assert done.bytes == SIZE, "not one byte of the wrong part was taken"


def test_n4_a_length_that_does_not_fit_its_range_is_a_protocol_error(tmp_path: Path) -> None:
    with Web({"/model": DATA}) as web:
        wrong = Fault(head=replace_header("Content-Length", str(SIZE)))
        with Relay(web.port, Fault(cut=3 * MIB), always=wrong) as relay:
            url = f"http://{relay.address}/model"
            caught = refusal(document(tmp_path, [entry(DATA, url)]))
            assert caught.code == "Protocol"


def test_n5_an_object_replaced_in_mid_download_drops_what_came_of_the_old_one(
    s3: S3, tmp_path: Path, keys: str
) -> None:
    old = content(SIZE, seed=2)
    url = s3.put("row-n5", "model.onnx", old)
    swap = Fault(cut=3 * MIB, then=lambda: s3.put("row-n5", "model.onnx", DATA))
    with Relay(s3.port, swap) as relay:
        store = {**s3.store(credentials=keys), "endpoint": f"http://{relay.address}"}
        made = document(tmp_path / "store", [entry(DATA, f"{url} @ main")], stores=[store])
        with bench(made) as b:
            done = b.fetch()
            assert b.blob() == DATA
        assert ranges(relay.asked) == ["", f"bytes={3 * MIB}-", ""]
        assert done.bytes == 3 * MIB + SIZE


def test_n5_a_replacement_that_the_server_hides_fails_by_its_digest(tmp_path: Path) -> None:
    other = content(SIZE, seed=2)
    with Web({"/model": DATA}) as web:
        same_tag = replace_header("ETag", '"the-same"')
        swap = Fault(cut=3 * MIB, head=same_tag, then=lambda: web.objects.update({"/model": other}))
        strip = Fault(head=same_tag)
        with Relay(web.port, swap, always=strip) as relay:
            web.heeds_if_match = False
            url = f"http://{relay.address}/model"
            assert refusal(document(tmp_path, [entry(DATA, url)])).code == "DigestMismatch"


def test_n6_a_range_beyond_the_end_of_a_complete_file_only_verifies(tmp_path: Path) -> None:
    # Without a size in the config, only the server knows that there is no more.
    made = entry(DATA, "http://127.0.0.1/")
    del made["size"]
    with Web({"/model": DATA}) as web:
        lost = Fault(cut=SIZE, head=lambda head: head.replace(b"Content-Length", b"X-Length"))
        with Relay(web.port, lost) as relay:
            made["sources"] = [{"url": f"http://{relay.address}/model"}]
            with bench(document(tmp_path, [made])) as b:
                done = b.fetch()
                assert b.blob() == DATA
            assert done.bytes == SIZE
            assert ranges(relay.asked) == ["", f"bytes={SIZE}-"]


def test_n6_an_oversize_partial_is_dropped_and_fetched_again_without_a_loop(
    tmp_path: Path,
) -> None:
    longer = content(SIZE + 3 * MIB, seed=3)
    with Web({"/model": longer}) as web, Relay(web.port, Fault(cut=SIZE + MIB)) as relay:
        made = entry(DATA, f"http://{relay.address}/model")
        del made["size"]
        relay.faults[0] = relay.faults[0]._replace(
            then=lambda: web.objects.update({"/model": DATA}), head=drop_tag
        )
        relay.always = Fault(head=drop_tag)
        with bench(document(tmp_path, [made])) as b:
            done = b.fetch()
            assert b.blob() == DATA
        assert ranges(relay.asked) == ["", f"bytes={SIZE + MIB}-", ""]
        assert done.bytes == SIZE + MIB + SIZE


def test_n6_a_server_that_denies_every_range_is_left(tmp_path: Path) -> None:
    with Web({"/model": DATA}) as web:
        deny = answer_fault("416 Range Not Satisfiable")
        with Relay(web.port, Fault(cut=3 * MIB), deny, Fault(cut=3 * MIB), always=deny) as relay:
            url = f"http://{relay.address}/model"
            caught = refusal(document(tmp_path, [entry(DATA, url)]))
            assert caught.code == "Protocol"
            assert len(relay.asked) == 4


@pytest.mark.parametrize("status", ["503 Slow Down", "429 Too Many Requests"])
def test_n7_a_busy_server_is_given_the_time_that_it_asks_for(tmp_path: Path, status: str) -> None:
    busy = Fault(answer=answer(status, "Retry-After: 40"))
    with Web({"/model": DATA, "/other": b"small"}) as web, Relay(web.port, always=busy) as relay:
        relay.harms = lambda asked: asked.target == "/model"
        artifacts = [
            entry(DATA, f"http://{relay.address}/model"),
            entry(b"small", f"http://{relay.address}/other", name="other"),
        ]
        with bench(document(tmp_path, artifacts)) as b:
            caught = b.refused()
            assert caught.code == "Busy"
            assert 40 <= caught.after <= 50
            assert b.fetch(b.config.artifacts[1]).bytes == 5, "other artifacts go on"


def test_n7_no_server_makes_anybody_wait_for_more_than_five_minutes(tmp_path: Path) -> None:
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 86_400))
    for value in ("86400", later, "99999999999999999999"):
        with Web(script=lambda _, value=value: Reply(503, {"Retry-After": value})) as web:  # type: ignore[misc]
            caught = refusal(document(tmp_path, [entry(DATA, web.url("/model"))]))
            assert 0 < caught.after <= 300


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (404, "NotFound")])
def test_n9_what_is_denied_or_missing_is_blocked_after_one_attempt(
    tmp_path: Path, status: int, code: str
) -> None:
    with Web(script=lambda _: Reply(status, body=b"<Error><Code>No</Code></Error>")) as web:
        caught = refusal(document(tmp_path, [entry(DATA, web.url("/model?secret=1"))]))
        assert caught.code == code
        assert caught.reason.kind == "blocked"
        assert len(web.asked) == 1
        assert "secret" not in caught.detail


def test_n9_a_real_store_tells_missing_from_denied(s3: S3, tmp_path: Path, keys: str) -> None:
    url = s3.put("row-n9", "model.onnx", b"there")
    wrong = s3_server.credentials(tmp_path / "wrong", secret="test-other")
    stores = [s3.store(credentials=keys), s3.store("wrong", credentials=wrong), s3.store("open")]
    cases = [(f"{url}x @ main", "NotFound"), (f"{url} @ wrong", "AccessDenied"),
             (f"{url} @ open", "AccessDenied")]  # fmt: skip
    for place, code in cases:
        caught = refusal(document(tmp_path / "store", [entry(b"there", place)], stores=stores))
        assert caught.code == code


@pytest.mark.parametrize("url", ["http://no-such-host.invalid/model", "http://127.0.0.1:1/model"])
def test_n10_no_route_and_no_name_are_offline_and_leave_nothing_growing(
    tmp_path: Path, url: str
) -> None:
    with bench(document(tmp_path, [entry(DATA, url)])) as b:
        for _ in range(20):
            caught = b.refused()
            assert caught.code == "Offline"
        assert len(b.partials()) <= 1
        assert len(list(Path(b.layout.store("locks")).iterdir())) <= 2


@pytest.mark.parametrize("padded", [False, True])
def test_n11_a_captive_portal_is_not_taken_for_the_artifact(tmp_path: Path, padded: bool) -> None:
    page = b"<html>Welcome, please log in</html>".ljust(SIZE if padded else 0)
    portal = Reply(200, {"Content-Type": "text/html; charset=utf-8"}, page)
    with Web(script=lambda _: portal) as web:
        caught = refusal(document(tmp_path, [entry(DATA, web.url("/model"))]))
        assert caught.code == "UnexpectedContent"
        assert caught.reason.kind == "wait"


def test_n12_nothing_encoded_is_asked_for_or_taken(tmp_path: Path) -> None:
    packed = gzip.compress(DATA)
    coding = Reply(200, {"Content-Encoding": "gzip"}, packed)
    with Web(script=lambda _: coding) as web:
        caught = refusal(document(tmp_path, [entry(DATA, web.url("/model"))]))
        assert caught.code == "UnexpectedContent"
        assert web.asked[0].headers["accept-encoding"] == "identity"


def test_a_connection_is_used_again(tmp_path: Path) -> None:
    objects = {f"/{n}": f"object {n}".encode() for n in range(5)}
    with Web(objects) as web, Relay(web.port) as counted:
        direct = [entry(data, web.url(path), name=f"n{path[1:]}") for path, data in objects.items()]
        with bench(document(tmp_path, direct)) as b:
            for one in b.config.artifacts:
                b.fetch(one)
        assert len(web.asked) == 5
        assert web.connections == 1
        assert counted.connections == 0


def test_a_kept_connection_that_died_is_replaced_without_a_word(tmp_path: Path) -> None:
    objects = {"/a": b"first", "/b": b"second"}
    with Web(objects) as web:
        artifacts = [entry(data, web.url(path), name=path[1:]) for path, data in objects.items()]
        with bench(document(tmp_path, artifacts)) as b:
            b.fetch(b.config.artifacts[0])
            web.hang_up()
            assert b.fetch(b.config.artifacts[1]).bytes == 6


def drop_tag(head: bytes) -> bytes:
    return head.replace(b"ETag", b"X-Tag")


def answer_fault(status: str) -> Fault:
    return Fault(answer=answer(status))
