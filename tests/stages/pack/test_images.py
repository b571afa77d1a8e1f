"""Images against a real registry: what `--images` carries is a whole OCI layout of one platform."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands.locking import SPEC, fleet
from tests.commands.running import ROOT, run, run_json
from tests.sidecar.support import disks, registry
from tests.sidecar.support.registry import INDEX, MANIFEST, Registry

PAGE = (ROOT / "docs/bundle.md").read_text(encoding="utf-8")
STAND_INS = """\
edgewright() { "$PY" -m compiler "$@"; }
edgewright-sidecar() { "$PY" -m sidecar "$@"; }
kubectl() { command kubectl kustomize "$3"; }
ctr() { tar -t; }
"""
"""On this machine there is neither a cluster nor containerd."""
ARCHIVE = "images/linux-amd64.tar"
LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry.running(tmp_path_factory.mktemp("registry")) as running:
        yield running


def push(there: Registry, name: str, *arches: str) -> str:
    """Push an image with a layer of its own for each architecture; its digest."""
    repository, _, tag = name.partition(":")
    found = []
    for arch in arches:
        layer = layer_of(f"{name} {arch}")
        rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}
        config = json.dumps({"os": "linux", "architecture": arch, "rootfs": rootfs}).encode()
        made = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described(there, repository, config, CONFIG),
            "layers": [described(there, repository, layer, LAYER)],
        }
        known = {"os": "linux", "architecture": arch}
        at = f"{tag}-{arch}" if len(arches) > 1 else tag
        found.append({**there.document(repository, at, made, MANIFEST), "platform": known})
    if len(arches) == 1:
        return str(found[0]["digest"])
    proof = {**found[0], "platform": {"os": "unknown", "architecture": "unknown"}}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*found, proof]}
    return str(there.document(repository, tag, index, INDEX)["digest"])


def layer_of(text: str) -> bytes:
    """A layer with one file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        info = tarfile.TarInfo("about.txt")
        info.size = len(text) * 1000
        archive.addfile(info, io.BytesIO(text.encode() * 1000))
    return packed.getvalue()


def described(there: Registry, repository: str, data: bytes, kind: str) -> dict[str, Any]:
    return {"mediaType": kind, "digest": there.blob(repository, data), "size": len(data)}


def shop(folder: Path, there: Registry, *arches: str) -> dict[str, str]:
    """A fleet whose images lie in the registry; their digests by tag."""
    fleet(folder)
    tags = {f"{there.host}/sidecar:1": push(there, "sidecar:1", *arches),
            f"{there.host}/ovms:1": push(there, "ovms:1", *arches)}  # fmt: skip
    sidecar, worker = tags
    text = SPEC.format(store=(folder / "store").as_uri(), digest="D")
    text = text.replace("r.example.com/sidecar@D", sidecar).replace("r.example.com/ovms@D", worker)
    (folder / "specs/fleet.yaml").write_text(text)
    return tags


def unpacked(folder: Path) -> Path:
    """The layout that a bundle carries."""
    with tarfile.open(folder / "north-1.tar") as archive:
        archive.extractall(folder / "carried", filter="data")
    with tarfile.open(folder / "carried" / ARCHIVE) as archive:
        archive.extractall(folder / "layout", filter="data")
    return folder / "layout"


def blob(layout: Path, digest: str) -> bytes:
    data = (layout / "blobs/sha256" / digest.removeprefix("sha256:")).read_bytes()
    assert f"sha256:{hashlib.sha256(data).hexdigest()}" == digest
    return data


@pytest.mark.parametrize("arches", [("amd64",), ("arm64", "amd64")])
def test_every_image_of_the_site_is_there_for_its_platform(
    tmp_path: Path, there: Registry, arches: tuple[str, ...]
) -> None:
    tags = shop(tmp_path, there, *arches)
    run_json("lock", at=tmp_path)
    said = run_json("bundle", "north-1", "--images", at=tmp_path)
    pinned = {f"{tag.removesuffix(':1')}@{digest}": digest for tag, digest in tags.items()}
    assert said["images"] == {ARCHIVE: {**pinned, **tags}}
    layout = unpacked(tmp_path)
    index = json.loads((layout / "index.json").read_bytes())
    assert json.loads((layout / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    held = set()
    for head in index["manifests"]:
        body = blob(layout, head["digest"])
        held.add(head["digest"])
        assert len(body) == head["size"]
        manifests = [json.loads(body)]
        if len(arches) > 1:
            (chosen,) = (
                one for one in manifests[0]["manifests"]
                if one["platform"] == {"os": "linux", "architecture": "amd64"}
            )  # fmt: skip
            held.add(chosen["digest"])
            manifests = [json.loads(blob(layout, chosen["digest"]))]
        for one in (manifests[0]["config"], *manifests[0]["layers"]):
            assert len(blob(layout, one["digest"])) == one["size"]
            held.add(one["digest"])
    files = {f"sha256:{one.name}" for one in (layout / "blobs/sha256").iterdir()}
    assert files == held
    assert run_json("bundle", "--verify", "north-1.tar", at=tmp_path)["whole"] is True


def test_pods_name_what_the_layout_names(tmp_path: Path, there: Registry) -> None:
    shop(tmp_path, there, "amd64")
    run_json("lock", at=tmp_path)
    said = run_json("bundle", "north-1", "--images", at=tmp_path)
    unpacked(tmp_path)
    names = set(said["images"][ARCHIVE])
    (deployment,) = (tmp_path / "carried").rglob("deployment*.yaml")
    lines = deployment.read_text().splitlines()
    images = {line.partition("image: ")[2].strip('"') for line in lines if " image: " in line}
    assert len(images) == 2
    assert images <= names


def test_twice_gives_the_same_bytes_with_images_too(tmp_path: Path, there: Registry) -> None:
    shop(tmp_path, there, "amd64", "arm64")
    run_json("lock", at=tmp_path)
    first = run_json("bundle", "north-1", "--images", at=tmp_path)
    second = run_json("bundle", "north-1", "--images", "--output", "b.tar", at=tmp_path)
    assert first["sha256"] == second["sha256"]


def test_a_platform_that_an_image_lacks_is_named(tmp_path: Path, there: Registry) -> None:
    tags = shop(tmp_path, there, "arm64", "arm")
    digests = {tag: f"{tag[:-2]}@{digest}" for tag, digest in tags.items()}
    path = tmp_path / "specs/fleet.yaml"
    text = path.read_text()
    for tag, pinned in digests.items():
        text = text.replace(tag, pinned)
    path.write_text(text)
    run_json("lock", at=tmp_path)
    result = run("bundle", "north-1", "--images", at=tmp_path)
    assert result.exit_code == 6
    for pinned in digests.values():
        assert (
            f"E8302 {pinned}: it has no linux/amd64, only linux/arm, linux/arm64" in result.stderr
        )
    assert not list(tmp_path.glob("*.tar*"))


def test_an_image_that_is_not_locked_is_named(tmp_path: Path, there: Registry) -> None:
    shop(tmp_path, there, "amd64")
    run("lock", "--only", "detector", at=tmp_path)
    result = run("bundle", "north-1", "--images", at=tmp_path)
    assert result.exit_code == 1
    assert f"E7102 {there.host}/ovms:1 has no entry in the lock" in result.stderr


def test_a_layer_that_is_torn_or_gone_is_named(tmp_path: Path, there: Registry) -> None:
    shop(tmp_path, there, "amd64")
    run_json("lock", at=tmp_path)
    run_json("bundle", "north-1", "--images", at=tmp_path)
    data = (tmp_path / "north-1.tar").read_bytes()
    layer = layer_of("ovms:1 amd64")
    (tmp_path / "torn.tar").write_bytes(data.replace(layer, layer.replace(b"ovms", b"evil", 1)))
    result = run("bundle", "--verify", "torn.tar", at=tmp_path)
    digest = hashlib.sha256(layer).hexdigest()
    assert result.exit_code == 6
    assert f"E8305 {ARCHIVE}: blobs/sha256/{digest} has the digest" in result.stderr


def test_the_page_can_be_followed(tmp_path: Path, there: Registry) -> None:
    shop(tmp_path, there, "arm64")
    path = tmp_path / "specs/fleet.yaml"
    text = path.read_text().replace("arch: amd64", "arch: arm64").replace("north-1", "store-001")
    path.write_text(text)
    run_json("lock", at=tmp_path)
    blocks = re.findall(r"^```\n(.*?)^```$", PAGE, re.M | re.S)
    assert len(blocks) == 5
    script = "set -eo pipefail\n" + STAND_INS + "".join(blocks)
    for name, value in {
        "PROJECT/ENVIRONMENT/CLUSTER": "shop/default/hub",
        "/var/lib/edgewright/NAMESPACE": str(tmp_path / "node"),
        "/var/lib/rancher/k3s/agent/": f"{tmp_path}/agent/",
    }.items():
        script = script.replace(name, value)
    (tmp_path / "agent").mkdir()
    (tmp_path / "node").mkdir()
    with disks.tmpfs("2g", at=str(tmp_path / "node")):
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PY": sys.executable},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "store-001.tar: whole; 1 artifact, 2 directories, 2 images of store-001" in done.stdout
    assert "1 new in the store" in done.stdout
    assert "kind: Namespace" in done.stdout
    assert "kind: Deployment" in done.stdout
    with tarfile.open(tmp_path / "agent/images/linux-arm64.tar") as archive:
        assert done.stdout.count("index.json") == archive.getnames().count("index.json") == 1
