"""C1 for the store: killed before each of its changes, it goes on; the log of them is complete."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.disk import blobs, documents, partials, store, trees
from sidecar.disk.layout import Layout
from tests.sidecar.disk import turn
from tests.sidecar.disk.given import names, sha
from tests.sidecar.support import kill
from tests.sidecar.support.invariants import problems

CONTENTS = {sha(turn.version(n)): turn.version(n) for n in range(4)}
CALL = "tests.sidecar.disk.turn:main"


@pytest.fixture
def folder() -> Iterator[str]:
    """In memory, where a sync costs nothing: only a power cut needs a disk."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as path:
        yield path


def run(root: Path, number: int, *, at: int = 0, log: str = "") -> int:
    """Bring a version up in a process that is killed before its n-th change; its exit code."""
    return kill.forked(kill.Plan(at=at, log=log), turn.main, str(root), str(number))


def brought(root: Path, folder: str, number: int) -> list[kill.Operation]:
    """Bring a version up and give the changes that this took."""
    log = f"{folder}/log"
    Path(log).unlink(missing_ok=True)
    assert run(root, number, log=log) == 0
    return kill.operations(log)


def at_rest(root: Path, number: int) -> list[str]:
    """What is not as it should be once a version is up."""
    layout = Layout(str(root))
    digest = sha(turn.version(number))
    release = documents.read(layout.slot(turn.TENANT, turn.GROUP, "current", "release.json")) or {}
    left = {
        "staging": names(layout.store("staging")),
        "owners": names(layout.store("owners")),
        "partial": names(layout.store("partial")),
        "blobs": [] if blobs.has(layout, digest) else ["missing"],
        "trees": [] if trees.known(layout, digest, "tar") else ["missing"],
        "current": [] if digest in str(release) else ["another version"],
        "older blobs": [one.name for one in Path(root).glob("store/blobs/*/*")][1:],
    }
    return [f"{name}: {found}" for name, found in left.items() if found]


def phase(operation: kill.Operation) -> str:
    """The part of the store in which a change is made."""
    path = next((one for one in operation.arguments if "/store" in str(one)), "")
    found = re.search(r"/(blobs|trees|unpacked|partial|staging|owners|locks|slots|config)\b", path)
    return found.group(1) if found else "other"


def test_c1_a_kill_before_any_change_leaves_a_store_that_goes_on(folder: str) -> None:
    root = Path(folder, "store")
    brought(root, folder, 0)
    shutil.copytree(root, Path(folder, "old"), symlinks=True)
    operations = brought(root, folder, 1)
    histogram, wrong = Counter[str](), []
    for index in range(1, len(operations) + 1):
        _reset(root, Path(folder, "old"))
        assert run(root, 1, at=index) == -signal.SIGKILL
        found = problems(str(root), CONTENTS)
        assert run(root, 1) == 0
        found += problems(str(root), CONTENTS) + at_rest(root, 1)
        histogram[phase(operations[index - 1])] += 1
        wrong += [f"killed before {operations[index - 1]}: {one}" for one in found]
    print(f"{len(operations)} kills, {len(wrong)} wrong; {dict(histogram)}")
    assert wrong == []
    assert len(histogram) >= 7


def test_sabotage_kills_find_bytes_that_are_written_in_place(folder: str) -> None:
    wrong = []
    for index in range(1, 500):
        root = f"{folder}/{index}"
        if kill.forked(kill.Plan(at=index), turn.careless, root, "1") == 0:
            break
        wrong += problems(root, CONTENTS)
    print(f"{index - 1} kills, {len(wrong)} wrong: {wrong[:2]}")
    assert wrong


def test_c3_a_kill_between_making_a_link_and_renaming_it_is_swept(folder: str) -> None:
    root = Path(folder, "store")
    operations = brought(root, folder, 0)
    links = [one.number for one in operations if one.name == "symlink"]
    assert len(links) >= 5
    for number in links:
        shutil.rmtree(root)
        for _ in range(3):  # the same moment again and again is no reason to fail
            run(root, 0, at=number + 1)
        assert run(root, 0) == 0
        assert problems(str(root), CONTENTS) + at_rest(root, 0) == []


def test_killed_again_and_again_a_fetch_still_ends(folder: str) -> None:
    root = Path(folder, "store")
    data, kills, trusted = turn.version(0), 0, [0]
    for at in range(40, 400, 2):
        if run(root, 0, at=at) == 0:
            break
        kills += 1
        layout = Layout(str(root))
        left = [partials.read_record(one.path)["trusted"] for one in partials.listed(layout)]
        trusted += left
    assert kills > 5
    assert len(set(trusted)) > 2, "no kill fell into the fetch"
    assert all(one % turn.CHUNK == 0 or one == len(data) for one in trusted)
    assert run(root, 0) == 0
    assert problems(str(root), CONTENTS) + at_rest(root, 0) == []


def _reset(root: Path, old: Path) -> None:
    shutil.rmtree(root)
    shutil.copytree(old, root, symlinks=True)


# --- is the log of changes complete?

CALLS = (
    "openat,open,creat,write,pwrite64,writev,fallocate,ftruncate,truncate,fchmod,chmod,fchmodat,"
    "fsync,fdatasync,syncfs,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,"
    "unlink,unlinkat,rmdir,utimensat,chown,fchown,lchown,fchownat,mknod,mknodat,setxattr,fsetxattr,"
    "removexattr,copy_file_range,sendfile,ioctl"
)
KIND = {
    "write_at": "pwrite64", "write": "write", "allocate": "fallocate", "truncate": "ftruncate",
    "chmod": "fchmod", "chmod_path": "chmod", "sync": "fsync", "sync_data": "fdatasync",
    "sync_directory": "fsync", "sync_below": "syncfs", "make_directory": "mkdir",
    "rename": "rename", "link": "linkat", "symlink": "symlink", "unlink": "unlink",
    "remove_directory": "rmdir", "touch": "utimensat", "create": "openat", "append": "openat",
    "lock_file": "openat", "reopen": "openat",
}  # fmt: skip


_FIRST = r'(?:\d+<|(?:AT_FDCWD<[^>]*>, )?"|"[^"]*", ")'
"""What stands before the path that a call changes: a descriptor, or the target of a link."""


def system_calls(trace: str, root: str) -> Iterator[str]:
    """The names of the calls of a trace that change something below a root."""
    for line in Path(trace).read_text().splitlines():
        match = re.match(rf"(?:\d+ +)?(\w+)\({_FIRST}{root}(.*)", line)
        if match is None:
            continue
        name, rest = match.groups()
        if name == "openat" and not re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", rest):
            continue
        if name != "ioctl":
            yield name


def test_the_log_of_changes_is_complete(folder: str) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is missing: install the package strace")
    root, log, trace = Path(folder, "store"), f"{folder}/log", f"{folder}/trace"
    run(root, 0)
    words = kill.Plan(log=log, call=CALL).command([str(root), "1"])
    strace = ["strace", "-f", "-y", "-qq", "-s", "512", "-e", f"trace={CALLS}", "-o", trace]
    subprocess.run([*strace, *words], check=True)
    seen = Counter(system_calls(trace, str(root)))
    logged = Counter(KIND[one.name] for one in kill.operations(log) if one.name != "close")
    print(f"{sum(seen.values())} changes: {dict(seen)}")
    assert seen == logged


def test_sabotage_a_change_beside_the_log_is_found(folder: str) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is missing: install the package strace")
    layout = store.open_store(f"{folder}/store")
    trace = f"{folder}/trace"
    subprocess.run(
        ["strace", "-y", "-e", f"trace={CALLS}", "-o", trace, "mkdir", layout.store("beside")],
        check=True,
    )
    assert list(system_calls(trace, layout.root)) == ["mkdir"]
