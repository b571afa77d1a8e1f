"""Files go into a real registry once, by digest, and come out of it again by their tag."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.model.config import Source, Store
from sidecar.model.reasons import ReasonError
from sidecar.transfer import oci_store, small, upload
from tests.sidecar.support import registry as registries
from tests.sidecar.support.proxy import Fault, Relay, answer
from tests.sidecar.support.registry import PASSWORD, USER, Registry
from tests.sidecar.support.s3 import credentials
from tests.sidecar.transfer.fetching import MIB, bench, content, digest_of, document, entry

PATIENT = {"timeout": 120}
"""A machine that does much else at the same time syncs slowly."""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registries.running(tmp_path_factory.mktemp("registry")) as running:
        yield running


def file(tmp_path: Path, data: bytes) -> tuple[str, str]:
    path = tmp_path / f"out-{len(data)}"
    path.write_bytes(data)
    return str(path), digest_of(data)


@pytest.mark.parametrize("size", [0, 1, 3 * MIB, 70 * MIB])
def test_a_file_is_one_layer_and_comes_out_again(
    registry: Registry, tmp_path: Path, size: int
) -> None:
    data = content(size, seed=20)
    path, sha256 = file(tmp_path, data)
    url = f"oci://{registry.host}/models/size{size}:v1"
    with bench(document(tmp_path / "store", [entry(data, url)], network=PATIENT)) as found:
        assert not upload.put(url, Store(), path, found.context, sha256=sha256).already
        assert upload.put(url, Store(), path, found.context, sha256=sha256).already
        assert found.fetch().bytes == size
        assert found.blob() == data


def test_a_place_of_an_outbox_becomes_repository_and_tag(
    registry: Registry, tmp_path: Path
) -> None:
    data = content(5000, seed=21)
    path, sha256 = file(tmp_path, data)
    url = f"oci://{registry.host}/results/store-1/edge-001a/watch.serve/Round_7/{sha256}-w.npz"
    with bench(document(tmp_path / "store", [entry(data, url)], network=PATIENT)) as found:
        assert not upload.put(url, Store(), path, found.context, sha256=sha256).already
        named = (
            f"oci://{registry.host}/results/store-1/edge-001a/watch.serve/round-7:{sha256}-w.npz"
        )
        assert small.get(Source(named), found.context, MIB) == data


def test_a_tag_that_names_other_bytes_is_left_alone(registry: Registry, tmp_path: Path) -> None:
    first, second = file(tmp_path, b"first"), file(tmp_path, b"second!")
    url = f"oci://{registry.host}/models/taken:v1"
    with bench(document(tmp_path / "store", [entry(b"", url)], network=PATIENT)) as found:
        upload.put(url, Store(), first[0], found.context, sha256=first[1])
        with pytest.raises(ReasonError, match="DigestMismatch"):
            upload.put(url, Store(), second[0], found.context, sha256=second[1])
        assert small.get(Source(url), found.context, MIB) == b"first"
        upload.put_bytes(url, Store(), b"third", found.context)
        assert small.get(Source(url), found.context, MIB) == b"third"
        assert upload.put_bytes(url, Store(), b"4th", found.context, replace=False).already
        assert small.get(Source(url), found.context, MIB) == b"third"


def test_an_interrupted_blob_goes_on_where_the_registry_has_it(
    registry: Registry, tmp_path: Path
) -> None:
    data = content(100 * MIB, seed=22)
    path, sha256 = file(tmp_path, data)
    state = str(tmp_path / "state.json")
    with Relay(int(registry.host.rpartition(":")[2])) as relay:
        url = f"oci://{relay.address}/models/pieces:v1"
        with bench(document(tmp_path / "store", [entry(data, url)], network=PATIENT)) as found:
            pieces = iter([Fault(), Fault(), Fault(answer=answer("503 Busy"))])
            relay.harms = lambda asked: asked.method == "PATCH"
            relay.faults = list(pieces)
            with pytest.raises(ReasonError, match="Busy"):
                upload.put(url, Store(), path, found.context, sha256=sha256, state_path=state,
                           owner=found.owner)  # fmt: skip
            before = len(relay.asked)
            upload.put(url, Store(), path, found.context, sha256=sha256, state_path=state,
                       owner=found.owner)  # fmt: skip
            sent = [len(one.body) for one in relay.asked[before:] if one.method == "PATCH"]
            assert sum(sent) == len(data) - 2 * oci_store.PIECE
            assert found.fetch().bytes == len(data)
            assert digest_of(found.blob()) == sha256


def test_what_changed_on_disk_is_never_named(registry: Registry, tmp_path: Path) -> None:
    path, _ = file(tmp_path, b"rotten bytes")
    url = f"oci://{registry.host}/models/rot:v1"
    with bench(document(tmp_path / "store", [entry(b"", url)], network=PATIENT)) as found:
        with pytest.raises(ReasonError, match="DigestMismatch"):
            upload.put(url, Store(), path, found.context, sha256=digest_of(b"as they were"))
        with pytest.raises(ReasonError, match="NotFound"):
            small.get(Source(url), found.context, MIB)


def test_a_registry_that_wants_tokens_gets_them(tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    with registries.running(tmp_path / "registry", token=True) as registry:
        data = content(50 * MIB, seed=23)
        path, sha256 = file(tmp_path, data)
        url = f"oci://{registry.host}/models/guarded:v1"
        keys = credentials(tmp_path / "keys", USER, PASSWORD)
        assert registry.tokens
        realm = registry.tokens.web.url("/")
        made = document(
            tmp_path / "store", [entry(data, f"{url} @ hub"), entry(b"", realm, name="realm")],
            stores=[{"name": "hub", "credentials": keys}], network=PATIENT,
        )  # fmt: skip
        with bench(made) as found:
            store = found.config.stores[0]
            with pytest.raises(ReasonError, match="AccessDenied"):
                upload.put(url, Store(), path, found.context, sha256=sha256)
            upload.put(url, store, path, found.context, sha256=sha256)
            assert found.fetch().bytes == len(data)


@pytest.mark.parametrize(
    ("url", "repository", "tag", "title"),
    [
        ("oci://r.example.com/a/b:v1", "a/b", "v1", "v1"),
        ("oci://r.example.com:5000/a/b:v1#w.onnx", "a/b", "v1", "w.onnx"),
        (
            "oci://r.example.com/a/Site_1/x.y/0f-name.npz",
            "a/site-1/x.y",
            "0f-name.npz",
            "0f-name.npz",
        ),
    ],
)
def test_a_url_says_where_a_file_goes(url: str, repository: str, tag: str, title: str) -> None:
    assert oci_store.place_of(Source(url))[1:] == (repository, tag, title)


@pytest.mark.parametrize(
    "url", ["oci://r.example.com", "oci://r.example.com/", "oci://r/only-a-name"]
)
def test_a_url_that_names_no_place_is_refused(url: str) -> None:
    with pytest.raises(ReasonError, match="SchemeUnsupported"):
        oci_store.place_of(Source(url))
