"""Web servers as stores, against a real one on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from compiler.adapters.stores import AllStores
from compiler.model.codes import world as codes
from compiler.model.inputs import Location
from compiler.model.stored import StoreError


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        del format, args


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "model.onnx").write_bytes(b"weights")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_file_is_looked_at_and_read(served: str) -> None:
    stores, at = AllStores(), Location(f"{served}/model.onnx")
    assert stores.look(at).size == 7
    with stores.open(at) as stream:
        assert stream.read() == b"weights"


def test_what_is_not_there_and_who_does_not_answer_are_told_apart(served: str) -> None:
    with pytest.raises(StoreError, match="is not there") as absent:
        AllStores().look(Location(f"{served}/nothing"))
    assert absent.value.code is codes.STORE_ABSENT
    with pytest.raises(StoreError, match="refused") as silent:
        AllStores().look(Location("http://127.0.0.1:9/model.onnx"))
    assert silent.value.code is codes.STORE_FAILED


def test_a_server_without_ranges_is_no_source_of_a_part(served: str) -> None:
    with (
        pytest.raises(StoreError, match="no ranges"),
        AllStores().open(Location(f"{served}/model.onnx"), start=2, length=2),
    ):
        pass


def test_it_lists_nothing_and_takes_nothing(served: str) -> None:
    with pytest.raises(StoreError, match="lists nothing"):
        list(AllStores().list(Location(f"{served}/")))
    with pytest.raises(StoreError, match="takes no file"):
        AllStores().put(Location(f"{served}/x"), b"x")


def test_a_scheme_that_nobody_reads_is_told_with_those_that_are() -> None:
    with pytest.raises(StoreError, match="ftp is no scheme") as error:
        AllStores().look(Location("ftp://127.0.0.1/x"))
    assert "file, http, https, oci, s3" in error.value.hint
