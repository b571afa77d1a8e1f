"""Image references against a real registry: digests, platforms, logins, refusals."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compiler.adapters.registry import Reference, Registries, parse
from compiler.model.codes import world as codes
from compiler.model.stored import StoreError
from tests.sidecar.support import registry
from tests.sidecar.support.registry import INDEX, MANIFEST, PASSWORD, USER, Registry


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry.running(tmp_path_factory.mktemp("registry")) as running:
        yield running


def push(there: Registry, repository: str, tag: str, *platforms: str) -> str:
    """Push an image of one layer for each platform, as an index where there are several."""
    found = []
    for platform in platforms:
        system, arch, *variant = platform.split("/")
        about = {"os": system, "architecture": arch, **({"variant": variant[0]} if variant else {})}
        config = json.dumps({**about, "rootfs": {"type": "layers", "diff_ids": []}}).encode()
        made = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": there.blob(repository, config),
                "size": len(config),
            },
            "layers": [],
        }
        name = tag if len(platforms) == 1 else f"{tag}-{arch}"
        found.append({**there.document(repository, name, made, MANIFEST), "platform": about})
    if len(found) == 1:
        return str(found[0]["digest"])
    index: dict[str, Any] = {"schemaVersion": 2, "mediaType": INDEX, "manifests": found}
    return str(there.document(repository, tag, index, INDEX)["digest"])


def test_an_index_is_locked_with_every_platform(plain: Registry) -> None:
    digest = push(plain, "shop/ovms", "1", "linux/amd64", "linux/arm64/v8", "linux/arm/v7")
    found = Registries().image(f"{plain.host}/shop/ovms:1")
    assert found.digest == digest
    assert found.platforms == ("linux/amd64", "linux/arm/v7", "linux/arm64/v8")
    assert Registries().image(f"{plain.host}/shop/ovms@{digest}") == found


def test_a_single_manifest_has_the_platform_of_its_config(plain: Registry) -> None:
    digest = push(plain, "shop/single", "latest", "linux/arm64")
    found = Registries().image(f"{plain.host}/shop/single")
    assert (found.digest, found.platforms) == (digest, ("linux/arm64",))


def test_what_is_no_image_is_no_platform(plain: Registry) -> None:
    push(plain, "shop/attested", "1", "linux/amd64", "unknown/unknown")
    assert Registries().image(f"{plain.host}/shop/attested:1").platforms == ("linux/amd64",)


def test_a_tag_that_is_not_there_and_a_registry_that_is_not(plain: Registry) -> None:
    with pytest.raises(StoreError, match="shop/ovms has no 404") as absent:
        Registries().image(f"{plain.host}/shop/ovms:404")
    assert absent.value.code is codes.STORE_ABSENT
    with pytest.raises(StoreError, match="refused") as silent:
        Registries().image("127.0.0.1:9/shop/ovms:1")
    assert silent.value.code is codes.STORE_FAILED


def test_who_is_logged_in_gets_a_token_and_who_is_not_is_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "registry").mkdir()
    with registry.running(tmp_path / "registry", token=True) as there:
        digest = push(there, "shop/ovms", "1", "linux/amd64")
        with pytest.raises(StoreError, match="access is denied"):
            Registries().image(f"{there.host}/shop/ovms:1")
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        login = {"auths": {there.host: {"auth": pair}}}
        (tmp_path / "config.json").write_text(json.dumps(login))
        assert Registries().image(f"{there.host}/shop/ovms:1").digest == digest


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("nginx", ("docker.io", "library/nginx", "latest")),
        ("kubeedge/sedna:v0.3.0", ("docker.io", "kubeedge/sedna", "v0.3.0")),
        ("localhost/x", ("localhost", "x", "latest")),
        ("r.example.com:5000/a/b/c", ("r.example.com:5000", "a/b/c", "latest")),
        ("r.example.com/a:1@sha256:" + "a" * 64, ("r.example.com", "a", "sha256:" + "a" * 64)),
    ],
)
def test_what_a_reference_leaves_out_is_what_every_client_fills_in(
    reference: str, parts: tuple[str, str, str]
) -> None:
    assert parse(reference) == Reference(*parts)


def test_the_digest_is_that_of_the_bytes(plain: Registry) -> None:
    made = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
    plain.document("shop/empty", "1", made, INDEX)
    body = json.dumps(made).encode()
    found = Registries().image(f"{plain.host}/shop/empty:1")
    assert found.digest == f"sha256:{hashlib.sha256(body).hexdigest()}"
