"""I4: bytes that rot on disk are found, fetched again and mended under whoever reads them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.disk import blobs, owner, scrub, store, trees
from sidecar.disk.layout import Layout
from tests.sidecar.disk.given import accept, activate, blob, raw, sha, tree
from tests.sidecar.support.invariants import problems


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return store.open_store(f"{tmp_path}/store")


@pytest.fixture
def own(layout: Layout) -> Iterator[owner.Owner]:
    with owner.enter(layout) as entered:
        yield entered


def rot(path: Path) -> None:
    """Turn a bit, as a disk does: size, mode and time stay."""
    before = path.stat()
    path.chmod(0o600)
    with path.open("r+b") as file:
        first = file.read(1)
        file.seek(0)
        file.write(bytes([first[0] ^ 1]))
    path.chmod(before.st_mode & 0o777)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_blobs_take_turns(layout: Layout, own: owner.Owner) -> None:
    assert scrub.next_blob(layout) == ""
    digests = sorted(blob(layout, own, bytes([n])) for n in range(4))
    seen = []
    for _ in range(8):
        seen.append(scrub.next_blob(layout))
        assert scrub.check(layout, seen[-1])
    assert seen == digests * 2


def test_a_look_changes_nothing_that_a_server_could_notice(
    layout: Layout, own: owner.Owner
) -> None:
    digest, _ = raw(layout, own, b"weights")
    before = Path(layout.blob(digest)).stat()
    assert scrub.check(layout, digest)
    after = Path(layout.blob(digest)).stat()
    assert (before.st_mtime_ns, before.st_ctime_ns) == (after.st_mtime_ns, after.st_ctime_ns)


def test_i4_a_rotten_blob_is_set_aside_and_its_readers_keep_what_they_have(
    layout: Layout, own: owner.Owner
) -> None:
    digest, name = raw(layout, own, b"weights")
    accept(layout, own, "job.worker", [digest])
    activate(layout, own, "job.worker", "model.a", {"model/a": (digest, name)})
    active = Path(layout.slot("job.worker", "model.a", "current/model/a/model.onnx"))
    rot(Path(layout.blob(digest)))
    assert not scrub.check(layout, digest)
    assert not blobs.has(layout, digest), "so it is fetched again"
    assert trees.known(layout, digest, "raw") is None
    assert active.exists(), "the server is left alone until the right bytes are here"
    with active.open("rb") as reader:
        assert raw(layout, own, b"weights") == (digest, name)
        assert reader.read() == b"veights"
    assert active.read_bytes() == b"weights"
    assert problems(layout.root) == []
    assert scrub.check(layout, digest)
    assert active.samefile(layout.blob(digest)), "space is still used once"


def test_i4_a_numbered_view_gets_the_right_bytes_too(layout: Layout, own: owner.Owner) -> None:
    digest, name = raw(layout, own, b"weights")
    view = Path(layout.view("job.worker", "model", "a"), "3")
    view.mkdir(parents=True)
    os.link(Path(layout.tree(name), "model.onnx"), view / "model.onnx")
    rot(Path(layout.blob(digest)))
    assert not scrub.check(layout, digest)
    raw(layout, own, b"weights")
    assert (view / "model.onnx").read_bytes() == b"weights"


def test_i4_an_unpacked_tree_that_rots_is_unpacked_again_from_its_blob(
    layout: Layout, own: owner.Owner
) -> None:
    files = {"1/model.bin": b"weights", "labels": b"cat"}
    digest = blob(layout, own, b"archive")
    name = tree(layout, own, files)
    trees.remember(layout, own, digest, "tar", name)
    assert scrub.check(layout, digest)
    rot(Path(layout.tree(name), "1/model.bin"))
    assert not scrub.check(layout, digest)
    assert blobs.has(layout, digest), "the archive is right, nothing is fetched"
    assert trees.known(layout, digest, "tar") is None
    assert tree(layout, own, files) == name
    trees.remember(layout, own, digest, "tar", name)
    assert scrub.check(layout, digest)
    assert problems(layout.root) == []


def test_a_blob_that_was_collected_meanwhile_is_no_finding(layout: Layout) -> None:
    assert scrub.check(layout, sha(b"gone"))


def test_an_artifact_that_is_too_short_is_found(layout: Layout, own: owner.Owner) -> None:
    digest, _ = raw(layout, own, b"weights")
    os.truncate(layout.blob(digest), 3)
    assert not scrub.check(layout, digest)
