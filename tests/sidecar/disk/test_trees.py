"""Trees: named by what is in them, read-only, whole."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.disk import blobs, fsops, manifests, owner, removal, store, trees
from sidecar.disk.layout import Layout
from sidecar.model.reasons import ReasonError
from tests.sidecar.disk.given import blob, limits, names, public, raw, sha, tree
from tests.sidecar.support import disks

FILES = {"1/model.xml": b"<net/>", "1/model.bin": b"weights", "run.sh": b"#!", "labels.txt": b""}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return store.open_store(f"{tmp_path}/store")


@pytest.fixture
def own(layout: Layout) -> Iterator[owner.Owner]:
    with owner.enter(layout) as entered:
        yield entered


def modes(root: str) -> dict[str, str]:
    """The mode of each path below a tree."""
    return {
        str(one.relative_to(root)): f"{one.stat().st_mode & 0o777:o}"
        for one in [Path(root), *Path(root).rglob("*")]
    }


def test_a_tree_is_named_by_its_manifest(layout: Layout, own: owner.Owner) -> None:
    name = tree(layout, own, FILES)
    text = Path(layout.manifest(name)).read_bytes()
    assert hashlib.sha256(text).hexdigest() == name
    assert json.loads(text) == [
        ["1", 0o555, 0, ""],
        ["1/model.bin", 0o444, 7, sha(b"weights")],
        ["1/model.xml", 0o444, 6, sha(b"<net/>")],
        ["labels.txt", 0o444, 0, sha(b"")],
        ["run.sh", 0o555, 2, sha(b"#!")],
    ]
    assert next(trees.manifest(layout, name).files()).path == "1/model.bin"
    assert trees.verify(layout, name) == []
    assert names(layout.staging(own.token)) == []


def test_the_order_of_an_archive_does_not_matter(layout: Layout, own: owner.Owner) -> None:
    backwards = dict(reversed(FILES.items()))
    assert tree(layout, own, FILES) == tree(layout, own, backwards)


def test_modes_let_everybody_read_and_nobody_write(layout: Layout, own: owner.Owner) -> None:
    assert modes(layout.tree(tree(layout, own, FILES))) == {
        ".": "555", "1": "555", "1/model.xml": "444", "1/model.bin": "444",
        "run.sh": "555", "labels.txt": "444",
    }  # fmt: skip


def test_modes_of_private_trees_leave_others_out(layout: Layout, own: owner.Owner) -> None:
    assert modes(layout.tree(tree(layout, own, FILES, private=True))) == {
        ".": "550", "1": "550", "1/model.xml": "440", "1/model.bin": "440",
        "run.sh": "550", "labels.txt": "440",
    }  # fmt: skip


def test_a_single_file_is_the_blob_itself(layout: Layout, own: owner.Owner) -> None:
    digest, name = raw(layout, own, b"weights")
    inside = Path(layout.tree(name), "model.onnx")
    assert inside.samefile(layout.blob(digest))
    assert trees.known(layout, digest, "raw") == name
    assert trees.manifest(layout, name).single == "model.onnx"


def test_a_private_single_file_is_a_copy(layout: Layout, own: owner.Owner) -> None:
    digest = blob(layout, own, b"weights", private=True)
    name = trees.from_blob(layout, own, digest, "model.onnx", private=True)
    inside = Path(layout.tree(name), "model.onnx")
    assert not inside.samefile(layout.blob(digest))
    assert inside.stat().st_mode & 0o777 == 0o440
    assert trees.verify(layout, name) == []


def test_a_private_blob_that_another_tenant_may_show_becomes_public(
    layout: Layout, own: owner.Owner
) -> None:
    digest = blob(layout, own, b"weights", private=True)
    assert Path(layout.blob(digest)).stat().st_mode & 0o777 == 0o440
    name = trees.from_blob(layout, own, digest, "model.onnx", private=False)
    assert Path(layout.tree(name), "model.onnx").stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize(
    "path", ["", "/", "a/../b", "..", "a//b", "./a", "a/.", "/etc/passwd", "a\0b"]
)
def test_no_path_leads_out_of_a_tree(layout: Layout, own: owner.Owner, path: str) -> None:
    writer = trees.TreeWriter(layout, own, private=False)
    with pytest.raises(ValueError, match="no plain relative path"):
        writer.file(path, executable=False, size=0)
    writer.abandon()
    assert names(layout.staging(own.token)) == []


def test_a_name_is_given_once(layout: Layout, own: owner.Owner) -> None:
    writer = trees.TreeWriter(layout, own, private=False)
    writer.file("a", executable=False, size=0).close()
    with pytest.raises(FileExistsError):
        writer.file("a", executable=False, size=0)
    with pytest.raises(FileExistsError):
        writer.directory("a")
    writer.abandon()


def test_a_tree_that_is_given_up_leaves_nothing_open(layout: Layout, own: owner.Owner) -> None:
    before = names("/proc/self/fd")
    writer = trees.TreeWriter(layout, own, private=False)
    writer.file("a", executable=False, size=0).close()
    writer.file("b", executable=False, size=0).write(b"half")
    writer.abandon()
    assert names("/proc/self/fd") == before
    assert names(layout.staging(own.token)) == []


def test_what_is_not_noted_or_gone_is_not_known(layout: Layout, own: owner.Owner) -> None:
    digest, name = raw(layout, own, b"weights")
    assert trees.known(layout, digest, "tar") is None
    removal.remove(layout.tree(name))
    assert trees.known(layout, digest, "raw") is None


def test_differences_are_found(layout: Layout, own: owner.Owner) -> None:
    name = tree(layout, own, FILES)
    root = Path(layout.tree(name))
    (root / "1").chmod(0o755)
    (root / "1/model.bin").unlink()
    (root / "1/extra").write_text("")
    (root / "labels.txt").chmod(0o644)
    (root / "run.sh").unlink()
    (root / "run.sh").symlink_to("labels.txt")
    assert trees.verify(layout, name) == ["1/extra", "1/model.bin", "labels.txt", "run.sh"]


def test_c6_a_lost_or_broken_manifest_is_made_again(layout: Layout, own: owner.Owner) -> None:
    name = tree(layout, own, FILES)
    for break_it in (Path.unlink, lambda path: path.write_bytes(b"[\n")):
        path = Path(layout.manifest(name))
        path.chmod(0o644)
        break_it(path)
        assert trees.verify(layout, name) == ["."]
        assert len(list(trees.manifest(layout, name))) == 5
        assert trees.verify(layout, name) == []


def test_a_tree_that_rotted_cannot_prove_itself(layout: Layout, own: owner.Owner) -> None:
    name = tree(layout, own, FILES)
    rot(Path(layout.tree(name), "1/model.bin"))
    Path(layout.manifest(name)).unlink()
    assert not trees.restore(layout, name)
    assert trees.verify(layout, name) == ["."]


def rot(path: Path) -> None:
    """Turn a bit without changing size or mode."""
    mode, data = path.stat().st_mode, bytearray(path.read_bytes())
    data[0] ^= 1
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(data)
    path.chmod(mode)


def test_unpacking_again_mends_what_rotted_in_tree_and_views(
    layout: Layout, own: owner.Owner
) -> None:
    name = tree(layout, own, FILES)
    inside = Path(layout.tree(name), "1/model.bin")
    view = Path(layout.view("job.worker", "models", "detector"), "1")
    view.mkdir(parents=True)
    os.link(inside, view / "model.bin")
    rot(inside)
    with inside.open("rb") as reader:
        assert tree(layout, own, FILES) == name
        assert reader.read() != b"weights"  # an open file stays what it was
    assert trees.verify(layout, name) == []
    assert (view / "model.bin").samefile(inside)
    assert modes(layout.tree(name))["1"] == "555"
    assert names(layout.staging(own.token)) == []


def test_unpacking_again_puts_back_what_is_missing(layout: Layout, own: owner.Owner) -> None:
    name = tree(layout, own, FILES)
    (Path(layout.tree(name)) / "1").chmod(0o700)
    for path in ("1/model.bin", "1/model.xml"):
        Path(layout.tree(name), path).unlink()
    Path(layout.tree(name)).chmod(0o700)
    Path(layout.tree(name), "1").rmdir()
    assert tree(layout, own, FILES) == name
    assert trees.verify(layout, name) == []
    assert modes(layout.tree(name))["."] == "555"


def test_more_entries_than_fit_in_memory_are_sorted_in_runs(own: owner.Owner) -> None:
    writer = manifests.Writer(own)
    count = 40_000
    for number in range(count):
        writer.add(manifests.Entry(f"{number * 7919 % count:06}", 0o444, 0, sha(b"")))
    path, _ = writer.finish()
    found = [entry.path for entry in manifests.Manifest(path)]
    assert found == [f"{number:06}" for number in range(count)]
    assert len(json.loads(Path(path).read_text())) == count


def test_an_archive_that_swells_stops_at_the_floor() -> None:
    with disks.tmpfs("64m") as path:
        layout = store.open_store(f"{path}/store")
        bounds = limits(layout.root, min_free=32 << 20)
        with owner.enter(layout) as own:
            writer = trees.TreeWriter(layout, own, private=False, limits=bounds)
            file = writer.file("bomb", executable=False, size=-1)
            with pytest.raises(ReasonError, match="DiskFull"):
                swell(file)
            found = os.statvfs(path)
            assert found.f_bavail * found.f_frsize > 24 << 20
            file.close()
            writer.abandon()
            assert names(layout.staging(own.token)) == []


def swell(file: trees.FileWriter) -> None:
    """Write as long as the disk lasts."""
    while True:
        file.write(b"\0" * (1 << 20))


def test_many_files_cost_one_sync_of_the_file_system(layout: Layout, own: owner.Owner) -> None:
    seen: list[str] = []
    synced: list[int] = []
    fsops.syncfs, fsops.observer = synced.append, lambda name, _: seen.append(name)
    try:
        tree(layout, own, {f"d{n % 7}/{n}": b"x" for n in range(200)})
    finally:
        fsops.syncfs = fsops.observer = None
    assert len(synced) == 1
    assert seen.count("sync") == 64 + 1  # the first files, and the manifest


def test_where_the_call_is_forbidden_each_file_is_synced(layout: Layout, tmp_path: Path) -> None:
    """As under some sandboxes."""
    trace = tmp_path / "trace"
    code = (
        "import sys\n"
        "from sidecar.disk import fsops, owner\n"
        "from sidecar.disk.layout import Layout\n"
        "from sidecar.worker.syncfs import syncfs\n"
        "from tests.sidecar.disk.given import tree\n"
        "fsops.syncfs = syncfs\n"
        "layout = Layout(sys.argv[1])\n"
        "with owner.enter(layout) as own:\n"
        "    print(tree(layout, own, {f'd{n % 7}/{n}': b'x' for n in range(200)}))\n"
    )
    counts = []
    for rule in ("trace=syncfs,fsync", "inject=syncfs:error=ENOSYS"):
        words = ["strace", "-f", "-o", str(trace), "-e", rule, "-e", "trace=syncfs,fsync"]
        done = subprocess.run(
            [*words, sys.executable, "-c", code, layout.root],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert trees.verify(layout, done.stdout.strip()) == []
        removal.remove(layout.tree(done.stdout.strip()))
        lines = trace.read_text().splitlines()
        counts.append(
            (sum("syncfs(" in one for one in lines), sum("fsync(" in one for one in lines))
        )
    (calls, synced), (tried, each) = counts
    assert calls == tried == 1
    assert synced < 100
    assert each >= synced + 200


def test_trees_are_made_and_removed_without_root() -> None:
    disks.needs_root()
    code = (
        "import os, sys\n"
        "from sidecar.disk import owner, removal, store\n"
        "from sidecar.disk.departures import away\n"
        "from tests.sidecar.disk.given import tree\n"
        "os.setgroups([]); os.setgid(65532); os.setuid(65532)\n"
        "layout = store.open_store(sys.argv[1])\n"
        "with owner.enter(layout) as own:\n"
        "    name = tree(layout, own, {'a/b/c': b'1'})\n"
        "    assert tree(layout, own, {'a/b/c': b'1'}) == name\n"
        "    removal.remove(away(own, layout.tree(name)))\n"
        "assert not os.listdir(layout.store('staging')), os.listdir(layout.store('staging'))\n"
    )
    with public() as path:
        subprocess.run([sys.executable, "-c", code, f"{path}/store"], check=True)


def test_a_blob_that_another_process_sealed_first_stays(layout: Layout, own: owner.Owner) -> None:
    digest, name = raw(layout, own, b"weights")
    scratch = own.scratch()
    Path(scratch).write_bytes(b"weights")
    blobs.seal(layout, own, scratch, digest, private=False)
    assert Path(layout.blob(digest)).samefile(Path(layout.tree(name), "model.onnx"))
    assert not Path(scratch).exists()
