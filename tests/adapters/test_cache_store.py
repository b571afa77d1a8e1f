"""The cache on disk: hits, misses, faults of every sort, two writers, garbage."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from compiler.adapters.cache_store import CacheStore, PackWriter, compiler_digest
from compiler.model.cache import cache_key
from compiler.model.codes import write as codes
from compiler.model.diagnostics import Diagnostic
from compiler.model.ledger import LEDGER_FILE

ROOT = Path(__file__).resolve().parents[2]
WARNING = Diagnostic(codes.KEPT, "a message")


def files(text: str) -> dict[str, bytes]:
    return {"a.yaml": text.encode() * 50, LEDGER_FILE: f"{text}\n".encode()}


def fill(folder: Path, *names: str, text: str = "1") -> CacheStore:
    """Store units under their names and save."""
    writer = PackWriter(folder)
    store = CacheStore.open(folder)
    store.adopt(
        writer.put(n, cache_key([n, text]), files(n + text), [WARNING], {"n": n}) for n in names
    )
    writer.close()
    store.save()
    return store


def test_a_unit_is_found_by_its_path_and_key_alone(tmp_path: Path) -> None:
    fill(tmp_path, "x", "y")
    store = CacheStore.open(tmp_path)
    assert store.find("x", cache_key(["x", "1"])) == store.rows["x"]
    assert store.find("x", cache_key(["x", "2"])) is None
    assert store.find("z", cache_key(["z", "1"])) is None
    assert store.files("x") == files("x1")
    notes = store.notes("y")
    assert notes is not None
    assert (notes.warnings, notes.summary) == ((WARNING,), {"n": "y"})


def test_a_folder_that_is_not_there_is_an_empty_cache_and_is_not_made(tmp_path: Path) -> None:
    store = CacheStore.open(tmp_path / "none")
    assert store.rows == {}
    assert (store.files("x"), store.notes("x")) == (None, None)
    store.save()
    assert not (tmp_path / "none").exists()


def test_git_ignores_the_cache_whatever_the_repository_says(tmp_path: Path) -> None:
    fill(tmp_path / "c", "x")
    assert (tmp_path / "c" / ".gitignore").read_text() == "*\n"


def test_fingerprints_are_remembered(tmp_path: Path) -> None:
    store = fill(tmp_path, "x", "y")
    store.remember({"x": "mark", "unknown": "mark"})
    store.save()
    rows = CacheStore.open(tmp_path).rows
    assert (rows["x"].fingerprint, rows["y"].fingerprint) == ("mark", "")
    assert rows["x"].known.fingerprint == "mark"


def test_any_file_cut_short_altered_or_missing_is_a_miss_and_no_fault(tmp_path: Path) -> None:
    kinds = {path.suffix or path.name for path in _cache_files(_filled(tmp_path / "kinds"))}
    assert kinds == {".files", ".notes", "index"}
    for number, kind in enumerate(sorted(kinds)):
        for way in ("cut", "altered", "missing", "empty", "directory"):
            folder = _filled(tmp_path / f"{number}-{way}")
            (victim,) = [p for p in _cache_files(folder) if kind in {p.suffix, p.name}]
            _spoil(victim, way)
            store = CacheStore.open(folder)
            got = [(store.files(name), store.notes(name)) for name in ("x", "y")]
            assert any(None in pair for pair in got)
            for name, (found, _) in zip(("x", "y"), got, strict=True):
                assert found in (None, files(name + "1"))


def test_a_spoiled_cache_can_be_filled_again(tmp_path: Path) -> None:
    folder = _filled(tmp_path / "c")
    (folder / "index").write_bytes(b"nonsense")
    fill(folder, "x")
    assert CacheStore.open(folder).files("x") == files("x1")


def test_two_runs_that_save_keep_each_others_units(tmp_path: Path) -> None:
    first, second = CacheStore.open(tmp_path), CacheStore.open(tmp_path)
    for store, name in ((first, "x"), (second, "y")):
        writer = PackWriter(tmp_path)
        store.adopt([writer.put(name, "k", files(name), (), None)])
        writer.close()
    first.save()
    second.save()
    both = CacheStore.open(tmp_path)
    assert {name: both.files(name) for name in both.rows} == {n: files(n) for n in ("x", "y")}


def test_a_pack_is_garbage_when_it_is_unnamed_old_and_nobody_holds_it(tmp_path: Path) -> None:
    writer = PackWriter(tmp_path)
    row = writer.put("x", "k", files("x"), (), None)
    assert row is not None
    pack = tmp_path / row.files.pack
    os.utime(pack, (1, 1))
    fill(tmp_path, "y")
    assert pack.exists(), "a living writer holds it"
    writer.close()
    os.utime(pack)
    fill(tmp_path, "y", "z")
    assert pack.exists(), "its run may be about to save"
    os.utime(pack, (1, 1))
    fill(tmp_path, "y", "z")
    assert not pack.exists()


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    writer = PackWriter(tmp_path / "file" / "cache")
    assert writer.put("x", "k", files("x"), (), None) is None
    store = CacheStore.open(tmp_path / "file" / "cache")
    store.adopt([None])
    store.save()
    assert store.rows == {}
    assert compiler_digest(ROOT / "compiler" / "model", tmp_path / "file" / "cache")
    folder = _filled(tmp_path / "c")
    _spoil(folder / "index", "directory")
    fill(folder, "x")
    assert CacheStore.open(folder).rows == {}


def test_a_full_disk_ends_the_storing_and_spoils_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = PackWriter(tmp_path)
    kept = writer.put("x", "k", files("x"), (), None)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        lost = writer.put("y", "k", {"a": os.urandom(900), LEDGER_FILE: b""}, (), None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert writer.put("z", "k", files("z"), (), None) is None
    writer.close()
    store = CacheStore.open(tmp_path)
    store.adopt([kept, lost])
    store.save()
    assert {name: store.files(name) for name in store.rows} == {"x": files("x")}


def test_many_processes_fill_one_cache_at_once(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.adapters.test_cache_store import fill\n"
        "folder, name = Path(sys.argv[1]), sys.argv[2]\n"
        "for round in range(8): fill(folder, f'{name}-{round}')\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    running = [subprocess.Popen([*command, name], cwd=ROOT) for name in "abc"]
    assert [child.wait() for child in running] == [0, 0, 0]
    store = CacheStore.open(tmp_path)
    assert set(store.rows) == {f"{name}-{number}" for name in "abc" for number in range(8)}
    for name in store.rows:
        assert store.files(name) == files(f"{name}1")


def test_garbage_is_collected_once_over_half_is_dead(tmp_path: Path) -> None:
    noise = {name: os.urandom(200_000) for name in ("x", "y")}
    sizes = []
    for number in range(12):
        writer = PackWriter(tmp_path)
        store = CacheStore.open(tmp_path)
        names = ("x", "y") if number == 0 else ("x",)
        content = {n: {"a": noise[n] + bytes([number]), LEDGER_FILE: b""} for n in names}
        store.adopt([writer.put(n, str(number), content[n], (), number) for n in names])
        writer.close()
        store.save()
        sizes.append(sum(path.stat().st_size for path in _cache_files(tmp_path)))
    store = CacheStore.open(tmp_path)
    assert max(sizes) < 2_000_000
    assert store.files("y") == {"a": noise["y"] + b"\0", LEDGER_FILE: b""}
    assert store.files("x") == {"a": noise["x"] + bytes([11]), LEDGER_FILE: b""}
    notes = store.notes("x")
    assert notes is not None
    assert notes.summary == 11


def test_many_small_runs_do_not_leave_many_packs(tmp_path: Path) -> None:
    for number in range(80):
        fill(tmp_path, f"unit-{number}")
    assert len(_cache_files(tmp_path)) < 80
    store = CacheStore.open(tmp_path)
    assert len(store.rows) == 80
    assert all(store.files(name) == files(f"{name}1") for name in store.rows)


def test_nothing_in_a_cache_is_ever_executed() -> None:
    for module in ("adapters/cache_store.py", "model/cache.py"):
        text = (ROOT / "compiler" / module).read_text()
        for word in ("pickle", "marshal", "shelve", "eval(", "exec("):
            assert word not in text


def test_the_compilers_digest_follows_its_bytes_and_not_their_times(tmp_path: Path) -> None:
    package, state = tmp_path / "package", tmp_path / "state"
    (package / "sub" / "__pycache__").mkdir(parents=True)
    (package / "a.py").write_text("one")
    (package / "sub" / "b.py").write_text("two")
    first = compiler_digest(package, state)
    assert compiler_digest(package, state) == first
    os.utime(package / "a.py", ns=(1, 1))
    (package / "sub" / "__pycache__" / "b.pyc").write_text("noise")
    assert compiler_digest(package, state) == first
    (package / "a.py").write_text("One")
    second = compiler_digest(package, state)
    assert second != first
    assert compiler_digest(package, tmp_path / "elsewhere") == second
    assert compiler_digest(package, state, ["jinja2 3.1.6"]) not in (first, second)


@pytest.mark.parametrize("content", [b"", b"x", b"a b", b"\xff\xfe", b"0 " * 40])
def test_a_spoiled_memory_of_the_digest_is_made_again(tmp_path: Path, content: bytes) -> None:
    package, state = tmp_path / "package", tmp_path / "state"
    package.mkdir()
    (package / "a.py").write_text("one")
    first = compiler_digest(package, state)
    (state / "sources").write_bytes(content)
    assert compiler_digest(package, state) == first


def _filled(folder: Path) -> Path:
    fill(folder, "x", "y")
    return folder


def _cache_files(folder: Path) -> list[Path]:
    return [
        p for p in sorted(folder.iterdir()) if p.suffix in {".files", ".notes"} or p.name == "index"
    ]


def _spoil(path: Path, way: str) -> None:
    data = path.read_bytes()
    if way == "cut":
        path.write_bytes(data[: len(data) - 5])
    elif way == "altered":
        path.write_bytes(data[:40] + bytes([data[40] ^ 1]) + data[41:])
    elif way == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
        if way == "directory":
            path.mkdir()
