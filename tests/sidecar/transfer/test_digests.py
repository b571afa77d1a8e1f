"""Bytes that are wrong, too many or refused before: rows I1, I2 and I5 of the failure matrix."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.sidecar.support.proxy import Fault, Relay
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

SIZE = 6 * MIB + 5
DATA = content(SIZE, seed=4)


def test_i1_a_flipped_byte_costs_its_chunk_and_no_other(tmp_path: Path) -> None:
    listing, chunks = chunk_list(DATA, MIB)
    with (
        Web({"/model": DATA, "/model.chunks": listing}) as web,
        Relay(web.port, Fault(flip=3 * MIB + 17)) as relay,
    ):
        relay.harms = lambda asked: asked.target == "/model"
        url = f"http://{relay.address}/model"
        with bench(document(tmp_path, [entry(DATA, url, chunks=chunks)])) as b:
            done = b.fetch()
            assert b.blob() == DATA
        assert [one.headers.get("range") for one in relay.asked if one.target == "/model"] == [
            None, f"bytes={3 * MIB}-",
        ]  # fmt: skip
        # What is fetched twice is the chunk, and at most what lay in one buffer behind it.
        assert SIZE < done.bytes <= SIZE + 2 * MIB
        assert done.hashed == SIZE


def test_i1_without_chunks_a_flipped_byte_is_found_at_the_end_and_never_stored(
    tmp_path: Path,
) -> None:
    with Web({"/model": DATA}) as web, Relay(web.port, Fault(flip=3 * MIB)) as relay:
        urls = (f"http://{relay.address}/model", web.url("/model"))
        with bench(document(tmp_path, [entry(DATA, *urls)])) as b:
            done = b.fetch()
            assert b.blob() == DATA
            assert done.source == urls[1]
            assert done.bytes == 2 * SIZE


def test_i1_a_source_whose_chunks_stay_wrong_is_left_and_its_good_ones_are_kept(
    tmp_path: Path,
) -> None:
    listing, chunks = chunk_list(DATA, MIB)
    objects = {"/model": DATA, "/model.chunks": listing}
    with Web(objects) as web, Relay(web.port, always=Fault(flip=2 * MIB)) as relay:
        relay.harms = lambda asked: asked.target == "/model"
        urls = (f"http://{relay.address}/model", web.url("/model"))
        with bench(document(tmp_path, [entry(DATA, *urls, chunks=chunks)])) as b:
            done = b.fetch()
            assert b.blob() == DATA
        assert done.source == urls[1]
        assert web.asked[-1].headers["range"] == f"bytes={2 * MIB}-"


def test_i1_a_chunk_that_was_cut_off_is_read_back_and_not_fetched_again(tmp_path: Path) -> None:
    listing, chunks = chunk_list(DATA, 4 * MIB)
    objects = {"/model": DATA, "/model.chunks": listing}
    with Web(objects) as web, Relay(web.port, always=Fault(cut=3 * MIB + 9)) as relay:
        relay.harms = lambda asked: asked.target == "/model"
        url = f"http://{relay.address}/model"
        made = document(tmp_path, [entry(DATA, url, chunks=chunks)])
        with bench(made) as b:
            relay.faults = [Fault(cut=3 * MIB + 9), Fault(cut=0)]
            b.refused()
        relay.always = Fault()
        with bench(made) as b:  # another process: nothing is left in memory
            done = b.fetch()
            assert b.blob() == DATA
        assert done.resumed == 3 * MIB + 9
        assert done.bytes == SIZE - done.resumed


def test_i1_a_chunk_list_that_is_not_the_configs_is_never_used(tmp_path: Path) -> None:
    listing, chunks = chunk_list(DATA, MIB)
    lying = os.urandom(len(listing))
    with Web({"/model": DATA, "/model.chunks": lying}) as web:
        with bench(document(tmp_path, [entry(DATA, web.url("/model"), chunks=chunks)])) as b:
            done = b.fetch()
            assert b.blob() == DATA
            notes = [body["event"] for event, body in b.said if event == "note"]
        assert notes == ["NoChunkList"]
        assert done.bytes == SIZE


def test_i2_a_wrong_digest_in_the_config_is_blocked_after_two_sources(tmp_path: Path) -> None:
    with Web({"/a": DATA, "/b": DATA, "/c": DATA}) as web:
        made = entry(DATA, web.url("/a"), web.url("/b"), web.url("/c"), sha256="0" * 64)
        caught = refusal(document(tmp_path, [made]))
        assert (caught.code, caught.reason.kind) == ("DigestMismatch", "blocked")
        assert [one.target for one in web.asked] == ["/a", "/b"]


def test_i2_looking_again_at_wrong_bytes_does_not_fetch_them_again(tmp_path: Path) -> None:
    with Web({"/a": DATA}) as web, Relay(web.port) as relay:
        url = f"http://{relay.address}/a"
        made = document(tmp_path, [entry(DATA, url, sha256="0" * 64)])
        for _ in range(4):
            assert refusal(made).code == "DigestMismatch"
        assert relay.sent == SIZE, "the first look alone cost the whole body"
        web.objects["/a"] = DATA[::-1]  # somebody uploads again: another entity tag
        before = relay.sent
        assert refusal(made).code == "DigestMismatch"
        assert relay.sent == before + SIZE


def test_i2_resumed_bytes_of_an_unnamed_version_get_a_second_chance(tmp_path: Path) -> None:
    old = content(SIZE, seed=5)

    def untagged(head: bytes) -> bytes:
        return head.replace(b"ETag", b"X-Tag")

    with Web({"/model": old}) as web, Relay(web.port, always=Fault(head=untagged)) as relay:
        swap = Fault(
            cut=3 * MIB, head=untagged, then=lambda: web.objects.update({"/model": DATA})
        )  # fmt: skip
        relay.faults = [swap]
        with bench(document(tmp_path, [entry(DATA, f"http://{relay.address}/model")])) as b:
            done = b.fetch()
            assert b.blob() == DATA
        assert done.bytes == 2 * SIZE, "old and new were mixed, so all of it came again"


@pytest.mark.parametrize("sized", [True, False])
def test_i5_an_endless_body_is_stopped(tmp_path: Path, sized: bool) -> None:
    made = entry(DATA, "http://x/")
    if not sized:
        del made["size"]
    block = os.urandom(65_536)
    with Web(script=lambda _: Reply(200, {}, block, endless=True)) as web:
        made["sources"] = [{"url": web.url("/model")}]
        config = document(tmp_path, [made])
        config["store"]["maxBytes"] = 40 * MIB
        with bench(config) as b:
            caught = b.refused()
            taken = b.context.meter.received
        assert caught.code == "TooLarge"
        assert taken <= (SIZE if sized else 40 * MIB) + 2 * MIB


@pytest.mark.parametrize(("more", "code"), [(1, "TooLarge"), (-1, "UnexpectedContent")])
def test_i5_a_length_that_is_not_the_size_costs_no_body(
    tmp_path: Path, more: int, code: str
) -> None:
    with Web({"/model": content(SIZE + more)}) as web:
        made = document(tmp_path, [entry(DATA, web.url("/model"))])
        with bench(made) as b:
            assert b.refused().code == code
            assert b.context.meter.received < 64 * 1024


def test_an_unknown_length_and_size_end_with_the_body(tmp_path: Path) -> None:
    made = entry(DATA, "http://x/")
    del made["size"]
    with Web(script=lambda _: Reply(200, {}, DATA, chunked=True)) as web:
        made["sources"] = [{"url": web.url("/model")}]
        with bench(document(tmp_path, [made])) as b:
            assert b.fetch().bytes == SIZE
            assert b.blob() == DATA


def test_files_of_the_node_are_fetched_like_everything_else(tmp_path: Path) -> None:
    file = tmp_path / "disk" / "model v1.onnx"
    file.parent.mkdir()
    file.write_bytes(DATA)
    url = f"file://{tmp_path}/disk/model%20v1.onnx"
    with bench(document(tmp_path / "store", [entry(DATA, url)])) as b:
        assert b.fetch().bytes == SIZE
        assert b.blob() == DATA
    file.unlink()
    os.mkfifo(file)
    again = document(tmp_path / "other", [entry(DATA, url)])
    assert refusal(again).code == "NotFound"
