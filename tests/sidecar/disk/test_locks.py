"""Locks and owners: one at a time where locks work, right in the end where they lie (C5)."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sidecar.disk import blobs, locks, owner, partials, store
from sidecar.disk.layout import Layout
from tests.sidecar.disk.given import names, sha
from tests.sidecar.support.invariants import problems

DATA = b"".join(str(n).encode() * 100 for n in range(4000))
DIGEST = sha(DATA)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return store.open_store(f"{tmp_path}/store")


def taken(path: str, **given: bool) -> locks.Lock:
    lock = locks.try_lock(path, **given)
    assert lock is not None
    return lock


def test_a_lock_keeps_others_out_until_it_is_released(layout: Layout) -> None:
    path = layout.lock("one")
    with taken(path):
        assert locks.held(path)
        assert locks.try_lock(path) is None
        assert locks.try_lock(path, shared=True) is None
    assert not locks.held(path)
    taken(path).release()


def test_shared_locks_go_together_and_keep_an_exclusive_one_out(layout: Layout) -> None:
    path = layout.lock("one")
    with taken(path, shared=True), taken(path, shared=True):
        assert locks.try_lock(path) is None
    taken(path).release()


def test_a_lock_ends_with_its_process(layout: Layout) -> None:
    path = layout.lock("one")
    child = os.fork()
    if child == 0:
        taken(path)
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    taken(path).release()


def test_waiting_ends_when_the_lock_is_free_or_nobody_wants_it(layout: Layout) -> None:
    path, stop = layout.lock("one"), threading.Event()
    held = taken(path)
    found: list[locks.Lock | None] = []
    thread = threading.Thread(target=lambda: found.append(locks.wait_lock(path, stop, 0.01)))
    thread.start()
    held.release()
    thread.join()
    assert found[0] is not None
    stop.set()
    assert locks.wait_lock(path, stop) is None


def test_two_never_hold_a_lock_whose_file_is_removed(layout: Layout) -> None:
    """The waiter has the removed file open; locking that one would keep nobody out."""
    path, holding, most, turns = layout.lock("one"), [0], [0], [0]
    guard, end = threading.Lock(), time.monotonic() + 1.5

    def work() -> None:
        while time.monotonic() < end:
            lock = locks.take(path, poll=0)
            with guard:
                holding[0] += 1
                turns[0] += 1
                most[0] = max(most[0], holding[0])
            time.sleep(0.0002)
            with guard:
                holding[0] -= 1
            lock.remove()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert turns[0] > 50
    assert most[0] == 1


def test_locks_that_work_tell_the_truth(layout: Layout) -> None:
    assert locks.tell_truth(layout.lock("probe"))


def test_an_owner_is_alive_as_long_as_its_process(layout: Layout) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _ENTER, layout.root], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    token = child.stdout.readline().decode().strip()
    assert owner.alive(layout, token)
    owner.sweep(layout)
    assert names(layout.staging(token)) == ["0"]
    child.kill()
    child.wait()
    child.stdout.close()
    assert not owner.alive(layout, token)
    owner.sweep(layout)
    assert names(layout.store("owners")) == names(layout.store("staging")) == []
    if child.stdin is not None:
        child.stdin.close()


_ENTER = """
import sys
from sidecar.disk import fsops, owner
from sidecar.disk.layout import Layout
own = owner.enter(Layout(sys.argv[1]))
fsops.make_directory(own.scratch())
print(own.token, flush=True)
sys.stdin.read()
"""


def test_sweeping_while_others_enter_and_leave_takes_nothing_of_theirs(layout: Layout) -> None:
    stop, broken = threading.Event(), []

    def live() -> None:
        while not stop.is_set():
            with owner.enter(layout) as own:
                path = Path(own.scratch())
                path.mkdir()
                if not path.is_dir() or not owner.alive(layout, own.token):
                    broken.append(own.token)

    threads = [threading.Thread(target=live) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        owner.sweep(layout)
    stop.set()
    for thread in threads:
        thread.join()
    assert broken == []


# --- fetches of one digest by several processes

_FETCH = """
import sys, threading, time
from sidecar.disk import blobs, hashing, locks, owner, partial
from sidecar.disk.layout import Layout
layout, digest, pause = Layout(sys.argv[1]), sys.argv[2], float(sys.argv[3])
data = sys.stdin.buffer.read()
fetched = 0
for attempt in range(20):
    try:
        with owner.enter(layout) as own:
            owner.sweep(layout)
            lock = locks.wait_lock(layout.lock(f"fetch-{digest}"), threading.Event(), 0.01)
            with lock:
                if blobs.has(layout, digest):
                    break
                part = partial.open_partial(layout, own, digest, len(data), 65536)
                while part.position < len(data):
                    piece = data[part.position : part.position + 65536]
                    part.write(piece)
                    fetched += len(piece)
                    time.sleep(pause)
                if hashing.digest_of(part.descriptor) != digest:
                    part.discard()
                    continue
                part.seal(False)
                break
    except OSError as error:
        print("again:", error, file=sys.stderr)
print(fetched)
"""


def fetches(layout: Layout, count: int, *before: str) -> list[int]:
    """How many bytes each of several processes fetched that want one digest at once."""
    words = [*before, sys.executable, "-c", _FETCH, layout.root, DIGEST, "0.01"]
    children = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(count)
    ]
    found: list[int] = []

    def talk(child: subprocess.Popen[bytes]) -> None:
        output, _ = child.communicate(DATA)
        found.append(int(output))

    threads = [threading.Thread(target=talk, args=(child,)) for child in children]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(found)


def test_several_pods_fetch_one_digest_once(layout: Layout) -> None:
    assert fetches(layout, 4) == [0, 0, 0, len(DATA)]
    assert blobs.has(layout, DIGEST)
    assert problems(layout.root) == []


def test_a_pod_restarts_while_another_tenant_fetches_the_same_digest(layout: Layout) -> None:
    """The killed one's bytes are gone on with by the one who waited; nothing is fetched twice."""
    words = [sys.executable, "-c", _FETCH, layout.root, DIGEST, "0.02"]
    first = _started(words)
    while not _trusted(layout):
        time.sleep(0.01)
    waiting = _started(words)
    time.sleep(0.1)
    first.kill()
    _answer(first)
    trusted = _trusted(layout)
    restarted = _started(words)
    counts = sorted([_answer(waiting), _answer(restarted)])
    assert counts[0] == 0
    assert counts[1] <= len(DATA) - trusted
    assert blobs.has(layout, DIGEST)
    assert names(layout.store("partial")) == []


def _trusted(layout: Layout) -> int:
    left = partials.listed(layout)
    return max((partials.read_record(one.path)["trusted"] for one in left), default=0)


def _started(words: list[str]) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    child.stdin.write(DATA)
    child.stdin.close()
    return child


def _answer(child: subprocess.Popen[bytes]) -> int:
    assert child.stdout is not None
    with child.stdout as output:
        said = output.read()
    child.wait()
    return int(said or 0)


LYING = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=flock:retval=0")
"""Every lock is granted, to everybody: what `flock` does on some network file systems."""


def test_c5_where_locks_lie_two_pods_end_in_the_same_state(layout: Layout) -> None:
    counts = fetches(layout, 3, *LYING)
    print(f"fetched {counts} of {len(DATA)} bytes")
    assert all(count <= 2 * len(DATA) for count in counts)
    assert Path(layout.blob(DIGEST)).read_bytes() == DATA
    assert problems(layout.root) == []


def test_c5_where_locks_lie_a_recent_owner_counts_as_alive(layout: Layout) -> None:
    code = (
        "import sys\n"
        "from sidecar.disk import locks, owner\n"
        "from sidecar.disk.layout import Layout\n"
        "layout = Layout(sys.argv[1])\n"
        "assert not locks.tell_truth(layout.lock('probe'))\n"
        "print(owner.alive(layout, sys.argv[2]), owner.alive(layout, sys.argv[3]))\n"
        "owner.sweep(layout)\n"
    )
    with owner.enter(layout) as recent, owner.enter(layout) as silent:
        then = time.time() - 7200
        os.utime(layout.owner(silent.token), (then, then))
        said = subprocess.run(
            [*LYING, sys.executable, "-c", code, layout.root, recent.token, silent.token],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert said.split() == ["True", "False"]
        assert names(layout.store("staging")) == [recent.token]
        assert Path(silent.scratch()).parent.is_dir(), "one that was swept in error goes on"
