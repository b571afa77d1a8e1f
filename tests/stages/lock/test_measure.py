"""Chunks: what the lock says of them, and what a device makes of it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from compiler.adapters.stores import AllStores
from compiler.model.inputs import Location
from compiler.model.lockable import LockableArtifact
from compiler.model.stored import list_location
from compiler.stages.lock.measure import CHUNKED_FROM, chunk_list, measure
from sidecar.model.config import Chunks as DeviceChunks
from sidecar.model.config import Source
from sidecar.transfer import chunks
from sidecar.transfer.chunks import BadChunk, Checker


@pytest.mark.parametrize("more", [1, 4 * 1024 * 1024])
def test_a_device_checks_parts_by_the_list_and_finds_a_flipped_byte(
    tmp_path: Path, more: int
) -> None:
    data = os.urandom(CHUNKED_FROM + more)
    (tmp_path / "model").write_bytes(data)
    stores, at = AllStores(), Location(f"file://{tmp_path}/model")
    wanted = LockableArtifact(environment="default", name="m", uri="main:model", location=at)
    read = measure(stores, wanted, stores.look(at))
    known = chunk_list(read)
    assert read.measured.sha256 == hashlib.sha256(data).hexdigest()
    assert known.count == -(-len(data) // known.size)
    assert hashlib.sha256(read.chunks).hexdigest() == known.root
    (tmp_path / "list").write_bytes(read.chunks)
    told = DeviceChunks(known.size, known.count, known.root)
    for flipped in (False, True):
        body = bytearray(data)
        body[known.size * 3 + 5] ^= flipped
        checker = Checker(os.open(tmp_path / "list", os.O_RDONLY), told, len(data))
        try:
            if flipped:
                with pytest.raises(BadChunk) as bad:
                    checker.feed(memoryview(body))
                assert bad.value.start == known.size * 3
            else:
                checker.feed(memoryview(body))
        finally:
            checker.close()


@pytest.mark.parametrize(
    "url",
    ["s3://bucket/a/model.onnx", "https://h.example/m.onnx?v=1", "file:///srv/m", "http://h/m"],
)
def test_the_list_lies_where_a_device_looks_for_it(url: str) -> None:
    (beside,) = chunks._beside(Source(url))
    assert list_location(Location(url)).url == beside.url
