"""What the compiler renders, run by the stand-in: every workload is understood, and pods start."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sidecar.pods.specs import SERVER
from tests.sidecar.support.pod import Image, Node, Pod, python_image, sidecar_image

REPOSITORY = Path(__file__).resolve().parents[3]
TREES = (REPOSITORY / "tests/golden/trees", REPOSITORY / "generated")
HOT = REPOSITORY / "generated/store-vision/sample/west/sites/store-0001"
SIDECAR = "registry.example.com/edgewright-sidecar"
_WORKLOAD = re.compile(r"^kind: (Deployment|DaemonSet|StatefulSet|Job|CronJob)$", re.MULTILINE)


def documents(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.rglob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        if path.name != "kustomization.yaml":
            yield from (one for one in yaml.safe_load_all(text) if one)


def workloads() -> list[Path]:
    found = [
        path
        for tree in TREES
        for path in sorted(tree.rglob("*.yaml"))
        if _WORKLOAD.search(path.read_text(encoding="utf-8"))
    ]
    # One of each fleet: sites differ in names alone.
    return list({path.parts[len(REPOSITORY.parts) : -2]: path for path in found}.values())


class Anything(dict[str, Image]):
    """Something stands for every image."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Image:
        return python_image()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with Node(tmp_path / "node") as found:
        yield found


def test_every_workload_of_the_golden_trees_is_understood(node: Node) -> None:
    found = workloads()
    assert len(found) > 15
    for path in found:
        for manifest in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if manifest["kind"] in ("Deployment", "DaemonSet", "StatefulSet", "Job", "CronJob"):
                Pod(manifest, node, images=Anything()).close()


def hot(node: Node) -> Pod:
    """A compiled pod with the real sidecar, and a stand-in for its server."""
    manifests = list(documents(HOT))
    (deployment,) = (one for one in manifests if one["kind"] == "Deployment")
    manifests += [
        {
            "kind": "Secret",
            "metadata": {"name": name},
            "stringData": {
                "url": "test", "AWS_ACCESS_KEY_ID": "test-access",
                "AWS_SECRET_ACCESS_KEY": "test-secret",
            },
        }
        for name in ("s3-reader", "camera-store-0001")
    ]  # fmt: skip
    manifests.append(
        {"kind": "ConfigMap", "metadata": {"name": "corporate-ca"}, "data": {"ca.crt": ""}}
    )
    worker = python_image("-c", SERVER, "8000")
    images = {SIDECAR: sidecar_image(), "registry.example.com/ovms-camera": worker}
    return Pod(deployment, node, images=images, objects=manifests)


def test_prepare_hands_the_host_path_to_the_sidecar_and_holds_nothing_else(node: Node) -> None:
    store = node.host_path("/var/lib/edgewright/store-vision-sample")
    with hot(node) as pod:
        pod.wait_for(lambda: pod["prepare"].exits == [0], "end prepare")
        assert (store.stat().st_uid, store.stat().st_gid) == (65532, 65532)
        assert store.parent.stat().st_uid == os.geteuid()
        pod.wait_for((store / "store/blobs").is_dir, "make the store")
        assert (store / "store/blobs").stat().st_uid == 65532


def test_the_worker_waits_for_a_first_install_that_cannot_be_had(node: Node) -> None:
    with hot(node) as pod:
        pod.wait_for(lambda: pod["sidecar"].running, "run the sidecar")
        pod.wait_for(lambda: _status(pod, "/healthz") == 200, "be healthy")
        assert _status(pod, "/startupz") == 503
        assert not pod["worker"].running
        assert pod.network.counters().keys() == {"lo"}
        pod.stop()
        assert pod["sidecar"].exits == [0]


def test_a_second_pod_of_the_host_finds_the_store_handed_over(node: Node) -> None:
    with hot(node) as first:
        first.wait_for(lambda: first["prepare"].exits == [0], "end prepare")
        first.wait_for(lambda: first["sidecar"].running, "run the sidecar")
        with hot(node) as second:
            second.wait_for(lambda: second["prepare"].exits == [0], "end prepare")
            assert first["sidecar"].running


def _status(pod: Pod, path: str) -> int:
    try:
        return pod.get(9471, path).status
    except OSError:
        return 0
