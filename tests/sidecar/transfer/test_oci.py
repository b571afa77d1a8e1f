"""Artifacts of image registries, from a real registry with and without tokens."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.model.config import Source, Store
from sidecar.model.reasons import ReasonError
from sidecar.transfer import small
from sidecar.transfer.schemes import oci
from tests.sidecar.support import registry as registries
from tests.sidecar.support import s3 as s3_server
from tests.sidecar.support.proxy import Asked, Fault, Relay
from tests.sidecar.support.registry import INDEX, PASSWORD, USER, Registry
from tests.sidecar.support.web import Reply, Web
from tests.sidecar.transfer.fetching import (
    MIB,
    bench,
    chunk_list,
    content,
    digest_of,
    document,
    entry,
    refusal,
)

DATA = content(5 * MIB + 3, seed=11)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registries.running(tmp_path_factory.mktemp("registry")) as running:
        yield running


def tarred(name: str, data: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return made.getvalue()


def test_raw_files_and_tar_layers_are_fetched_by_their_digest(
    registry: Registry, tmp_path: Path
) -> None:
    layer = tarred("model.onnx", DATA)
    registry.manifest("shop/detector", "v1", {"weights.onnx": DATA, "labels.txt": b"a\nb\n"})
    registry.manifest("shop/packed", "v1", {"model.tar.gz": layer}, "application/vnd.cncf.x.tar+gz")
    for number, (url, data) in enumerate(
        [
            (f"oci://{registry.host}/shop/detector:v1", DATA),
            (f"oci://{registry.host}/shop/detector:v1", b"a\nb\n"),
            (f"oci://{registry.host}/shop/packed:v1", layer),
        ]
    ):
        with bench(document(tmp_path / f"{number}", [entry(data, url)])) as b:
            assert b.fetch().bytes == len(data)
            assert b.blob() == data


def test_a_cut_blob_is_resumed(registry: Registry, tmp_path: Path) -> None:
    registry.manifest("shop/cut", "v1", {"weights.onnx": DATA})
    with Relay(int(registry.host.rpartition(":")[2]), Fault(cut=2 * MIB)) as relay:
        url = f"oci://{relay.address}/shop/cut:v1"
        with bench(document(tmp_path, [entry(DATA, url)])) as b:
            assert b.fetch().bytes == len(DATA)
            assert b.blob() == DATA
        assert relay.asked[1].headers["range"] == f"bytes={2 * MIB}-"


def test_a_chunk_list_may_be_a_layer_of_the_same_artifact(
    registry: Registry, tmp_path: Path
) -> None:
    listing, chunks = chunk_list(DATA, MIB)
    made = registry.manifest("shop/chunked", "v1", {"w": DATA, "w.chunks": listing})
    for number, name in enumerate((":v1", f"@{made['digest']}")):
        url = f"oci://{registry.host}/shop/chunked{name}"
        with bench(document(tmp_path / f"{number}", [entry(DATA, url, chunks=chunks)])) as b:
            b.fetch()
            assert b.blob() == DATA
            assert [body for event, body in b.said if event == "note"] == []


def test_small_objects_are_found_by_their_name_and_hashed(
    registry: Registry, tmp_path: Path
) -> None:
    made = registry.manifest("shop/golden", "v1", {"in.json": b"[1]", "out.json": b"[2]"})
    registry.manifest("shop/single", "v1", {"only.json": b"[3]"})
    base = f"oci://{registry.host}"
    with bench(document(tmp_path, [entry(b"x", f"{base}/shop/single:v1")])) as b:
        for url, expected in [
            (f"{base}/shop/golden:v1#in.json", b"[1]"),
            (f"{base}/shop/golden@{made['digest']}#out.json", b"[2]"),
            (f"{base}/shop/golden:v1@{made['digest']}#out.json", b"[2]"),
            (f"{base}/shop/single:v1", b"[3]"),
        ]:
            assert small.get(Source(url), b.context, 100) == expected
        for url, code in [
            (f"{base}/shop/golden:v1", "NotFound"),
            (f"{base}/shop/golden:v1#missing", "NotFound"),
            (f"{base}/shop/golden:v2#in.json", "NotFound"),
            (f"{base}/shop/golden@sha256:{'0' * 64}#in.json", "NotFound"),
            (f"{base}/SHOP/golden:v1", "SchemeUnsupported"),
        ]:
            with pytest.raises(ReasonError) as caught:
                small.get(Source(url), b.context, 100)
            assert caught.value.code == code


def test_of_an_index_the_entry_for_the_nodes_architecture_counts(
    registry: Registry, tmp_path: Path
) -> None:
    entries = [
        {
            **registry.manifest("shop/multi", arch, {"w": f"for {arch}".encode()}),
            "platform": {"architecture": arch, "os": "linux"},
        }
        for arch in ("arm64", "amd64")
    ]
    registry.document("shop/multi", "v1", index(entries), INDEX)
    registry.document("shop/multi", "arm", index(entries[:1]), INDEX)
    with bench(document(tmp_path, [entry(b"x", f"oci://{registry.host}/shop/multi:v1")])) as b:
        url = f"oci://{registry.host}/shop/multi"
        assert small.get(Source(f"{url}:v1"), b.context, 100) == b"for amd64"
        with pytest.raises(ReasonError) as caught:
            small.get(Source(f"{url}:arm"), b.context, 100)
        assert caught.value.code == "ArchMismatch"


def index(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}


def test_a_layer_that_is_not_there_is_not_found(registry: Registry, tmp_path: Path) -> None:
    registry.manifest("shop/other", "v1", {"w": b"something"})
    made = document(tmp_path, [entry(DATA, f"oci://{registry.host}/shop/other:v1")])
    made["artifacts"][0]["sha256"] = "0" * 64
    assert refusal(made).code == "NotFound"


# --- being allowed in


@pytest.mark.parametrize("pull_secret", [False, True])
def test_a_token_is_asked_for_once_and_serves_many_requests(
    tmp_path: Path, pull_secret: bool
) -> None:
    (tmp_path / "registry").mkdir()
    with registries.running(tmp_path / "registry", token=True) as registry:
        assert registry.tokens is not None
        registry.manifest("shop/private", "v1", {"w": DATA, "labels": b"labels"})
        folder = tmp_path / "secret"
        if pull_secret:
            folder.mkdir()
            auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            (folder / ".dockerconfigjson").write_text(
                json.dumps({"auths": {registry.host: {"auth": auth}}})
            )
        else:
            s3_server.credentials(folder, USER, PASSWORD)
        url = f"oci://{registry.host}/shop/private:v1 @ main"
        artifacts = [entry(DATA, url), entry(b"labels", url, name="labels"), declaring(registry)]
        stores = [{"name": "main", "credentials": str(folder)}]
        with bench(document(tmp_path / "s", artifacts, stores=stores)) as b:
            b.fetch()
            assert b.blob() == DATA
            b.fetch(b.config.artifacts[1])
        assert len(registry.tokens.web.asked) == 1


def test_without_a_password_or_with_a_wrong_one_access_is_denied(tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    with registries.running(tmp_path / "registry", token=True) as registry:
        registry.manifest("shop/private", "v1", {"w": DATA})
        folder = s3_server.credentials(tmp_path / "secret", USER, "test-wrong")
        stores = [{"name": "wrong", "credentials": folder}]
        for place in ("", " @ wrong"):
            url = f"oci://{registry.host}/shop/private:v1{place}"
            made = document(tmp_path / "s", [entry(DATA, url), declaring(registry)], stores=stores)
            caught = refusal(made)
            assert caught.code == "AccessDenied"
            assert "test-wrong" not in caught.detail


def declaring(registry: Registry) -> dict[str, Any]:
    """An artifact whose source allows that the token service is spoken to on loopback."""
    assert registry.tokens is not None
    return entry(b"x", registry.tokens.web.url("/"), name="declares-the-token-service")


def test_a_registry_may_ask_for_the_password_itself(tmp_path: Path) -> None:
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    def script(asked: Asked) -> Reply | None:
        if asked.headers.get("authorization") == f"Basic {pair}":
            return None
        return Reply(401, {"WWW-Authenticate": 'Basic realm="stand-in for a registry"'})

    blob = f"/v2/shop/basic/blobs/sha256:{digest_of(DATA)}"
    with Web({blob: DATA}, script=script) as web:
        folder = s3_server.credentials(tmp_path / "secret", USER, PASSWORD)
        url = f"oci://127.0.0.1:{web.port}/shop/basic:v1 @ main"
        stores = [{"name": "main", "credentials": folder}]
        with bench(document(tmp_path / "s", [entry(DATA, url)], stores=stores)) as b:
            b.fetch()
            assert b.blob() == DATA


def test_a_token_service_that_is_less_guarded_than_its_registry_gets_no_password() -> None:
    from email.message import Message
    from http.client import HTTPMessage

    from sidecar.transfer.failures import Refusal
    from sidecar.transfer.registry import RegistryAccess

    headers = HTTPMessage()
    headers["WWW-Authenticate"] = 'Bearer realm="http://tokens.example/x",service="r"'
    assert isinstance(headers, Message)
    access = RegistryAccess(Remembering(), Store(), "https://registry.example", "a/b")  # type: ignore[arg-type]
    with pytest.raises(ReasonError) as caught:
        access.renew(Refusal(401, headers, b""))
    assert caught.value.code == "RedirectRefused"


class Remembering:
    """Of a context, what remembers keys."""

    def remembered(self, name: str, make: Any, anew: bool) -> Any:
        del name, anew
        return make()[0]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"no json", "Protocol"), (b"[]", "Protocol"), (b"{}", "Protocol"),
        (b'{"layers": [1]}', "Protocol"), (b'{"layers": [{"digest": "md5:1"}]}', "Protocol"),
        (b'{"layers": []}', "NotFound"), (b'{"manifests": {}}', "Protocol"),
        (b"[" * 100_000, "Protocol"),
    ],
)  # fmt: skip
def test_strange_manifests_are_refused(tmp_path: Path, body: bytes, code: str) -> None:
    with Web({"/v2/a/b/manifests/v1": body}) as web:
        url = f"oci://127.0.0.1:{web.port}/a/b:v1"
        with bench(document(tmp_path, [entry(b"x", url)])) as b:
            with pytest.raises(ReasonError) as caught:
                small.get(Source(url), b.context, 100)
            assert caught.value.code == code


def test_a_manifest_that_is_not_its_digest_is_refused(tmp_path: Path) -> None:
    digest = f"sha256:{'a' * 64}"
    for objects, headers in [
        ({f"/v2/a/b/manifests/{digest}": b'{"layers": []}'}, {}),
        ({"/v2/a/b/manifests/v1": b'{"layers": []}'}, {"Docker-Content-Digest": digest}),
    ]:
        path, body = next(iter(objects.items()))
        with Web(script=lambda _, h=headers, b=body: Reply(200, h, b)) as web:  # type: ignore[misc]
            name = path.rpartition("/")[2]
            mark = "@" if name.startswith("sha256") else ":"
            url = f"oci://127.0.0.1:{web.port}/a/b{mark}{name}"
            with bench(document(tmp_path, [entry(b"x", url)])) as b:
                with pytest.raises(ReasonError) as caught:
                    small.get(Source(url), b.context, 100)
                assert caught.value.code == "DigestMismatch"


@pytest.mark.parametrize(
    ("url", "base", "repository", "name"),
    [
        ("oci://ghcr.io/a/b", "https://ghcr.io", "a/b", "latest"),
        ("oci://docker.io/library/x:1", "https://registry-1.docker.io", "library/x", "1"),
        ("oci://localhost:5000/x:1", "http://localhost:5000", "x", "1"),
        ("oci://r.example:8443/x/y/z:v1.2_3", "https://r.example:8443", "x/y/z", "v1.2_3"),
    ],
)
def test_references_are_read_as_everybody_reads_them(
    url: str, base: str, repository: str, name: str
) -> None:
    assert oci.reference(Source(url))[:3] == (base, repository, name)
