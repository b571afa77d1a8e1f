"""What stores must never do: give half a file as a whole one, blame the reader, tell secrets."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from compiler.adapters import web
from compiler.adapters.registry import Registries
from compiler.adapters.stores import AllStores
from compiler.adapters.stores_faults import shown
from compiler.model.inputs import Location
from compiler.model.lockable import LockableArtifact
from compiler.model.stored import Stored, StoreError
from compiler.stages.lock.measure import measure
from compiler.workflows.counting import StoreFiles

Answer = tuple[int, Mapping[str, str], bytes]
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="http://$HOST/token",service="s"'}


@contextmanager
def served(answers: Mapping[str, list[Answer]], posted: list[bytes] | None = None) -> Iterator[str]:
    """A server that gives each path's answers one after the other, the last one for ever.

    `posted` takes the bodies that it is sent.
    """
    left = {path: list(found) for path, found in answers.items()}

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            if self.command == "POST" and posted is not None:
                posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            queue = left.get(self.path.partition("?")[0], [(404, {}, b"")])
            status, headers, body = queue.pop(0) if len(queue) > 1 else queue[0]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value.replace("$HOST", self.headers["Host"]))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_POST = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def artifact(url: str) -> LockableArtifact:
    return LockableArtifact(
        environment="default", name="models/m:1", uri=url, location=Location(url)
    )


def test_a_download_that_is_cut_off_is_no_artifact() -> None:
    with served({"/m.onnx": [(200, {"Content-Length": "1000"}, b"ten bytes!")]}) as host:
        at = artifact(f"http://{host}/m.onnx")
        stores = AllStores()
        with pytest.raises(StoreError, match="broke off after 10 of 1000 bytes"):
            measure(stores, at, stores.look(at.location))


def test_bytes_that_are_fewer_than_the_store_said_are_refused() -> None:
    with served({"/m.onnx": [(200, {"Connection": "close"}, b"ten bytes!")]}) as host:
        at = artifact(f"http://{host}/m.onnx")
        with pytest.raises(StoreError, match="has 1000 bytes, and 10 came"):
            measure(AllStores(), at, Stored(at.location, "", 1000))


def test_bytes_that_are_others_than_the_store_vouches_for_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m.tar").write_bytes(b"x" * 10)
    at = artifact((tmp_path / "m.tar").as_uri())
    big = Stored(at.location, "", 10, sha256="ab" * 32)
    unpacked = LockableArtifact(
        environment="default", name="models/m:1", uri="", location=at.location, unpack="zip"
    )
    with pytest.raises(StoreError, match="vouches for abababababab"):
        measure(AllStores(), unpacked, big)


def test_a_fault_of_the_reader_is_not_the_stores(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    with served({"/a": [(200, {"Content-Length": "1"}, b"a")]}) as host:
        for url in ((tmp_path / "a").as_uri(), f"http://{host}/a"):
            with pytest.raises(OSError, match="no space"), AllStores().open(Location(url)):
                raise OSError("no space")


def test_redirects_lead_to_web_servers_only() -> None:
    away: dict[str, list[Answer]] = {
        "/a": [(302, {"Location": "ftp://127.0.0.1/x?token=test-secret"}, b"")]
    }
    with served(away) as host, pytest.raises(StoreError, match="not followed") as caught:
        AllStores().look(Location(f"http://{host}/a"))
    assert "test-secret" not in str(caught.value)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited, without waiting them."""
    found: list[float] = []
    monkeypatch.setattr(web, "SLEEP", found.append)
    return found


def test_a_server_that_is_busy_for_a_while_is_asked_again_when_it_says(waits: list[float]) -> None:
    busy: list[Answer] = [(429, {"Retry-After": "7"}, b""), (503, {}, b"")]
    with served({"/m": [*busy, (200, {"Content-Length": "1"}, b"m")]}) as host:
        assert AllStores().look(Location(f"http://{host}/m")).size == 1
    assert waits[0] == 7
    assert 0.5 <= waits[1] <= 1.5


def test_who_says_no_or_wants_to_be_left_alone_for_an_hour_is_not_asked_again(
    waits: list[float],
) -> None:
    away: dict[str, list[Answer]] = {
        "/no": [(403, {}, b"")],
        "/later": [(429, {"Retry-After": "3600"}, b"")],
        "/busy": [(503, {}, b"")],
    }
    with served(away) as host:
        for path, words in (("no", "denied"), ("later", "too often"), ("busy", "answer is 503")):
            with pytest.raises(StoreError, match=words) as caught:
                AllStores().look(Location(f"http://{host}/{path}"))
            assert caught.value.hint
            assert len(waits) == (web.ATTEMPTS - 1 if path == "busy" else 0)


def test_messages_have_no_user_and_no_query() -> None:
    assert shown("http://u:test-secret@h/p?key=test-secret") == "http://h/p?…"
    assert shown("s3://bucket/key") == "s3://bucket/key"
    with served({}) as host, pytest.raises(StoreError) as caught:
        AllStores().look(Location(f"http://{host}/none?X-Amz-Signature=test-secret"))
    assert "test-secret" not in str(caught.value)


def test_names_that_look_like_parts_of_a_url_are_names(tmp_path: Path) -> None:
    for name in ("a#1.jpg", "b%41.jpg", "c?d.jpg", "ü .jpg"):
        (tmp_path / name).write_text(name)
    at = Location(f"{tmp_path.as_uri()}/")
    found = list(AllStores().list(at))
    assert sorted(one.name for one in found) == ["a#1.jpg", "b%41.jpg", "c?d.jpg", "ü .jpg"]
    files = StoreFiles(AllStores(), at)
    for one in found:
        with files.open(one.name) as stream:
            assert stream.read().decode() == one.name
        assert AllStores().look(one.location).size == one.size


def test_a_token_that_expired_is_asked_for_again() -> None:
    index = json.dumps({"manifests": [{"platform": {"os": "linux", "architecture": "arm64"}}]})
    answers: dict[str, list[Answer]] = {
        "/v2/app/manifests/1": [(401, CHALLENGE, b""), (200, {}, index.encode())],
        "/v2/app/manifests/2": [(401, CHALLENGE, b""), (200, {}, index.encode())],
        "/token": [(200, {}, b'{"token": "test-token"}')],
    }
    with served(answers) as host:
        registries = Registries()
        assert registries.image(f"{host}/app:1").platforms == ("linux/arm64",)
        assert registries.image(f"{host}/app:2").platforms == ("linux/arm64",)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"/v2/app/manifests/1": [(200, {}, b'{"manifests": ["text", 3]}')]}, ""),
        ({"/v2/app/manifests/1": [(200, {}, b"<html>")]}, "no manifest"),
        ({"/v2/app/manifests/1": [(401, CHALLENGE, b"")], "/token": [(200, {}, b"<html>")]},
         "gives no token"),
    ],
)  # fmt: skip
def test_what_no_registry_should_say_is_a_finding_and_no_traceback(
    answers: Mapping[str, list[Answer]], words: str
) -> None:
    with served(answers) as host:
        if not words:
            assert Registries().image(f"{host}/app:1").platforms == ()
            return
        with pytest.raises(StoreError, match=words):
            Registries().image(f"{host}/app:1")


def test_a_digest_is_held_against_the_bytes() -> None:
    body = b'{"manifests": []}'
    right = f"sha256:{hashlib.sha256(body).hexdigest()}"
    wrong = f"sha256:{'0' * 64}"
    answers: dict[str, list[Answer]] = {
        f"/v2/app/manifests/{one}": [(200, {}, body)] for one in (right, wrong)
    }
    with served(answers) as host:
        assert Registries().image(f"{host}/app@{right}").digest == right
        with pytest.raises(StoreError, match="gives other bytes than sha256:000"):
            Registries().image(f"{host}/app@{wrong}")


def test_a_profile_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nope")
    stores = AllStores()
    at = Location("s3://bucket/", endpoint="http://127.0.0.1:9")
    with pytest.raises(StoreError, match="nope") as caught:
        list(stores.list(at))
    assert "AWS_PROFILE" in caught.value.hint
    with pytest.raises(StoreError, match="nope"):
        stores.look(at)
