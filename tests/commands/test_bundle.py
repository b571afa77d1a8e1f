"""`bundle`: one archive that is always the same, that is whole or says what it lacks."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from compiler.stages.pack import blobs
from tests.commands.locking import MODELS, entry, fleet, git, put
from tests.commands.running import run, run_json

TWO = MODELS.replace("    target:", '      "2": {uri: "main:detector/2.onnx"}\n    target:')
BIG = 65 * 1024 * 1024


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fleet of one site, locked."""
    fleet(tmp_path)
    run_json("lock", at=tmp_path)
    return tmp_path


def names(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        return archive.getnames()


def contents(path: Path) -> dict[str, Any]:
    with tarfile.open(path) as archive:
        member = archive.extractfile("bundle.json")
        assert member is not None
        found: dict[str, Any] = json.loads(member.read())
        return found


def rewritten(path: Path, **changes: bytes | None) -> None:
    """Write an archive anew, with other bytes for a part of a name; None leaves a file out."""
    with tarfile.open(path) as archive:
        files = {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]
    for part, data in changes.items():
        name = next((one for one in files if part in one), part)
        files[name] = data
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            if data is not None:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))


def test_it_holds_what_the_site_needs_and_names_every_file(folder: Path) -> None:
    result = run("bundle", "north-1", at=folder)
    assert result.exit_code == 0, result.output
    found = names(folder / "north-1.tar")
    digest = hashlib.sha256(b"one").hexdigest()
    assert found[:3] == ["bundle.json", "edgewright.lock", "configs/watch-north-1-sidecar.json"]
    assert found[-1] == f"artifacts/{digest}"
    said = contents(folder / "north-1.tar")
    assert said["artifacts"] == {
        digest: {"size": 3, "chunks": False, "names": ["models/detector:1"]}
    }
    assert said["apply"] == [
        "manifests/shop/default/hub/bootstrap", "manifests/shop/default/hub/sites/north-1",
    ]  # fmt: skip
    assert {*found} == {"bundle.json", f"artifacts/{digest}", *said["files"]}
    for directory in said["apply"]:
        assert f"kubectl apply -k {directory}\n" in result.stdout


def test_the_manifests_are_those_that_compile_writes(folder: Path) -> None:
    run_json("bundle", "north-1", at=folder)
    assert run("compile", "--no-cache", at=folder).exit_code == 0
    with tarfile.open(folder / "north-1.tar") as archive:
        for one in archive:
            if one.name.startswith("manifests/"):
                stream = archive.extractfile(one)
                assert stream is not None
                place = folder / one.name.replace("manifests", "generated", 1)
                assert stream.read() == place.read_bytes()


def test_twice_gives_the_same_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run_json("bundle", "north-1", at=folder)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    os.utime(folder / "store/detector/1.onnx", (1, 1))
    (folder / "elsewhere").mkdir()
    (folder / "specs").rename(folder / "elsewhere/specs")
    second = run_json("bundle", "north-1", "--output", "b.tar", at=folder / "elsewhere")
    data = (folder / "north-1.tar").read_bytes()
    assert data == (folder / "elsewhere/b.tar").read_bytes()
    assert first["sha256"] == second["sha256"] == hashlib.sha256(data).hexdigest()


def test_it_is_whole_and_says_so(folder: Path) -> None:
    run_json("bundle", "north-1", at=folder)
    result = run("bundle", "--verify", "north-1.tar", at=folder)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "north-1.tar: whole; 1 artifact, 2 directories of north-1\n"
    assert run_json("bundle", "--verify", "north-1.tar", at=folder)["whole"] is True


def test_without_a_lock_the_digests_of_the_spec_are_enough(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"one").hexdigest()
    models = MODELS.replace('onnx"}', f'onnx", sha256: {digest}}}')
    fleet(tmp_path, models=models)
    text = (tmp_path / "specs/fleet.yaml").read_text()
    (tmp_path / "specs/fleet.yaml").write_text(text.partition("    rollout:")[0])
    run_json("bundle", "north-1", at=tmp_path)
    assert run_json("bundle", "--verify", "north-1.tar", at=tmp_path)["whole"] is True
    with tarfile.open(tmp_path / "north-1.tar") as archive:
        lock = archive.extractfile("edgewright.lock")
        assert lock is not None
        assert f'sha256: "{digest}"\n  size: 3\n' in lock.read().decode()


def test_the_list_of_chunks_goes_with_its_artifact(tmp_path: Path) -> None:
    fleet(tmp_path, files={"detector/1.onnx": bytes(BIG)})
    run_json("lock", "--push-chunks", at=tmp_path)
    run_json("bundle", "north-1", at=tmp_path)
    (digest, held), *_ = contents(tmp_path / "north-1.tar")["artifacts"].items()
    assert held["chunks"] is True
    assert names(tmp_path / "north-1.tar")[-1] == f"artifacts/{digest}.chunks"
    assert run_json("bundle", "--verify", "north-1.tar", at=tmp_path)["whole"] is True


def test_what_a_store_lacks_is_named_with_its_line_and_nothing_is_written(folder: Path) -> None:
    (folder / "store/detector/1.onnx").unlink()
    result = run("bundle", "north-1", at=folder)
    assert result.exit_code == 6
    assert "specs/models.yaml:5:18: E8201 models/detector:1: " in result.stderr
    assert not list(folder.glob("*.tar*"))


@pytest.mark.parametrize("data", [b"others", b"two"], ids=["of another size", "of the same size"])
def test_other_bytes_than_are_locked_are_refused(folder: Path, data: bytes) -> None:
    put(folder, "detector/1.onnx", data)
    result = run("bundle", "north-1", at=folder)
    assert result.exit_code == 6
    assert "specs/models.yaml:5:18: E8301 models/detector:1: " in result.stderr
    assert not (folder / "north-1.tar").exists()
    put(folder, "detector/1.onnx", b"one")
    run_json("bundle", "north-1", at=folder)
    assert not (folder / "north-1.tar.partial").exists()


def test_a_site_that_is_not_there_is_a_matter_of_usage(folder: Path) -> None:
    result = run("bundle", "north-2", at=folder)
    assert result.exit_code == 2
    assert "there is no site north-2. Did you mean north-1?" in result.stderr
    assert run("bundle", at=folder).exit_code == 2


def test_what_cannot_be_written_is_told(folder: Path) -> None:
    result = run("bundle", "north-1", "--output", "nowhere/b.tar", at=folder)
    assert result.exit_code == 6
    assert "E8303 nowhere/b.tar: No such file or directory" in result.stderr


@pytest.mark.parametrize(
    ("part", "code", "words"),
    [
        (
            "configmap-watch-north-1-sidecar",
            "E8305",
            "configmap-watch-north-1-sidecar.yaml has 1 b",
        ),
        ("artifacts/", "E8305", "has 1 bytes, not 3"),
        ("edgewright.lock", "E8305", "edgewright.lock has 1 bytes"),
    ],
)
def test_a_part_that_is_torn_is_named(folder: Path, part: str, code: str, words: str) -> None:
    run_json("bundle", "north-1", at=folder)
    rewritten(folder / "north-1.tar", **{part: b"?"})
    result = run("bundle", "--verify", "north-1.tar", at=folder)
    assert result.exit_code == 6
    assert code in result.stderr
    assert words in result.stderr


def test_a_flipped_byte_is_found_wherever_it_is(folder: Path) -> None:
    run_json("bundle", "north-1", at=folder)
    whole = (folder / "north-1.tar").read_bytes()
    with tarfile.open(folder / "north-1.tar") as archive:
        ends = {one.offset_data // 512: one.offset_data + one.size for one in archive}
    for at in range(0, len(whole), 509):
        before = [end for block, end in ends.items() if block * 512 <= at]
        if before and before[-1] <= at < -(-before[-1] // 512) * 512:
            continue  # behind the end of a file, where nothing is said
        hurt = bytearray(whole)
        hurt[at] ^= 0xFF
        (folder / "hurt.tar").write_bytes(hurt)
        assert run("bundle", "--verify", "hurt.tar", at=folder).exit_code == 6, at


def test_an_archive_that_was_cut_off_is_found_wherever_it_ends(folder: Path) -> None:
    run_json("bundle", "north-1", at=folder)
    whole = (folder / "north-1.tar").read_bytes()
    for size in (*range(0, len(whole), 512), len(whole) - 1):
        (folder / "cut.tar").write_bytes(whole[:size])
        assert run("bundle", "--verify", "cut.tar", at=folder).exit_code == 6, size


def test_what_is_missing_and_what_is_surplus_is_named(folder: Path) -> None:
    run_json("bundle", "north-1", at=folder)
    rewritten(folder / "north-1.tar", **{"artifacts/": None, "artifacts/more": b"x"})
    result = run("bundle", "--verify", "north-1.tar", at=folder)
    digest = hashlib.sha256(b"one").hexdigest()
    assert result.exit_code == 6
    assert f"E8306 artifacts/{digest} is not there" in result.stderr
    assert "E8307 artifacts/more: nothing names it" in result.stderr


def test_the_lock_inside_decides_what_has_to_be_there(folder: Path) -> None:
    run_json("bundle", "north-1", at=folder)
    said = contents(folder / "north-1.tar")
    said["artifacts"] = {}
    changes: dict[str, bytes | None] = {"bundle.json": json.dumps(said).encode()}
    rewritten(folder / "north-1.tar", **changes, **{"artifacts/": None})
    result = run("bundle", "--verify", "north-1.tar", at=folder)
    digest = hashlib.sha256(b"one").hexdigest()
    assert f"E8306 models/detector:1: artifacts/{digest}" in result.stderr


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty file"),
        (b"x" * 2000, "E8304"),
        (b'{"bundle": 2}', "a bundle of format 2; this release reads 1"),
        (b'{"bundle": 1}', "E8304"),
        (b"[]", "E8304"),
    ],
)
def test_what_is_no_bundle_is_told_so(tmp_path: Path, data: bytes, words: str) -> None:
    place = tmp_path / "b.tar"
    place.write_bytes(data)
    if data.startswith((b"{", b"[")):
        with tarfile.open(place, "w") as archive:
            info = tarfile.TarInfo("bundle.json")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    result = run("bundle", "--verify", "b.tar", at=tmp_path)
    assert result.exit_code == 6
    assert "E8304" in result.stderr
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_a_host_that_nobody_reviewed_is_not_asked(folder: Path) -> None:
    for words in (["init", "-q", "-b", "main"], ["add", "specs"], ["commit", "-qm", "Begin"]):
        assert git(folder, *words).returncode == 0
    path = folder / "specs/fleet.yaml"
    store = (folder / "store").as_uri()
    path.write_text(path.read_text().replace(store, "https://store.example.com/a"))
    result = run("bundle", "north-1", at=folder)
    assert result.exit_code == 1
    assert (
        "specs/models.yaml:5:18: E7110 the spec on main names no store.example.com" in result.stderr
    )


PREFIX = MODELS.replace("main:detector/1.onnx", "main:detector/1/")
PARTS = {"detector/1/a.onnx": b"one", "detector/1/deep/b c#.txt": b"two", "detector/1/z": b"one"}


@pytest.fixture
def prefixed(tmp_path: Path) -> Path:
    """A fleet whose model is a folder of three files, two of them equal."""
    fleet(tmp_path, models=PREFIX, files=PARTS)
    run_json("lock", "--push-chunks", at=tmp_path)
    return tmp_path


def test_a_prefix_is_carried_file_by_file_with_the_list_of_them(prefixed: Path) -> None:
    run_json("bundle", "north-1", at=prefixed)
    listed = entry(prefixed, "artifacts", "models/detector:1")["sha256"]
    digests = {hashlib.sha256(data).hexdigest() for data in PARTS.values()}
    said = contents(prefixed / "north-1.tar")["artifacts"]
    assert set(said) == {listed, *digests}
    assert {one for one, held in said.items() if held["names"] == ["models/detector:1"]} == {listed}
    with tarfile.open(prefixed / "north-1.tar") as archive:
        for digest in said:
            stream = archive.extractfile(f"artifacts/{digest}")
            assert stream is not None
            assert hashlib.sha256(stream.read()).hexdigest() == digest
    assert run_json("bundle", "--verify", "north-1.tar", at=prefixed)["whole"] is True


def test_files_that_a_prefix_lacks_are_named_before_a_byte_is_written(prefixed: Path) -> None:
    (prefixed / "store/detector/1/a.onnx").unlink()
    (prefixed / "store/detector/1/z").unlink()
    result = run("bundle", "north-1", at=prefixed)
    assert result.exit_code == 6
    assert result.stderr.count("specs/models.yaml:5:18: E8201 models/detector:1: ") == 2
    assert "E8201 models/detector:1: z is not there" in result.stderr
    assert not list(prefixed.glob("*.tar*"))


def test_a_file_of_a_prefix_that_changed_is_refused(prefixed: Path) -> None:
    put(prefixed, "detector/1/a.onnx", b"another")
    result = run("bundle", "north-1", at=prefixed)
    assert "E8301 models/detector:1: a.onnx has 7 bytes, and is locked with 3" in result.stderr
    put(prefixed, "detector/1/a.onnx", b"eno")
    put(prefixed, "detector/1/z", b"eno")
    assert "E8301 models/detector:1: a.onnx: " in run("bundle", "north-1", at=prefixed).stderr


def test_a_file_of_a_prefix_that_is_missing_in_the_bundle_is_named(prefixed: Path) -> None:
    run_json("bundle", "north-1", at=prefixed)
    digest = hashlib.sha256(b"two").hexdigest()
    said = contents(prefixed / "north-1.tar")
    del said["artifacts"][digest]
    changes: dict[str, bytes | None] = {"bundle.json": json.dumps(said).encode()}
    rewritten(prefixed / "north-1.tar", **changes, **{f"artifacts/{digest}": None})
    result = run("bundle", "--verify", "north-1.tar", at=prefixed)
    assert result.exit_code == 6
    assert f"E8306 artifacts/{digest}, a file of a prefix" in result.stderr


def test_more_files_than_the_sidecar_takes_are_refused(
    prefixed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "MOST", 2)
    result = run("bundle", "north-1", at=prefixed)
    assert result.exit_code == 6
    assert "E8308 3 files are needed; 2 are the most" in result.stderr
