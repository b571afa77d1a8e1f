"""The partial file: what survives an interruption, and who goes on with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.disk import blobs, fsops, owner, partial, partials, store
from sidecar.disk.layout import Layout
from sidecar.model.reasons import ReasonError
from tests.sidecar.disk.given import blob, limits, names, sha
from tests.sidecar.support import disks

MIB = 1 << 20
DATA = os.urandom(10 * MIB)
DIGEST = sha(DATA)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return store.open_store(f"{tmp_path}/store")


@pytest.fixture
def own(layout: Layout) -> Iterator[owner.Owner]:
    with owner.enter(layout) as entered:
        yield entered


def dead(layout: Layout, code: str) -> None:
    """Run code as an owner that is killed at its end."""
    text = (
        "import os, signal, sys\n"
        "from sidecar.disk import owner, partial, blobs, fsops\n"
        "from sidecar.disk.layout import Layout\n"
        "layout = Layout(sys.argv[1]); own = owner.enter(layout)\n"
        "DIGEST, MIB = sys.argv[2], 1 << 20\n"
        f"DATA = sys.stdin.buffer.read()\n{code}\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", text, layout.root, DIGEST], input=DATA, check=False
    )
    assert done.returncode == -signal.SIGKILL


def test_a_kill_costs_at_most_one_chunk(layout: Layout, own: owner.Owner) -> None:
    dead(
        layout,
        "part = partial.open_partial(layout, own, DIGEST, len(DATA))\n"
        "part.identity = {'etag': 'one'}\n"
        "for n in range(9): part.write(DATA[n * MIB : (n + 1) * MIB])",
    )
    part = partial.open_partial(layout, own, DIGEST, len(DATA))
    assert (part.trusted, part.position, part.identity) == (8 * MIB, 8 * MIB, {"etag": "one"})
    part.write(DATA[8 * MIB :])
    part.seal(private=False)
    assert Path(layout.blob(DIGEST)).read_bytes() == DATA
    assert names(layout.store("partial")) == []


def test_a_live_owner_keeps_its_partial(layout: Layout, own: owner.Owner) -> None:
    mine = partial.open_partial(layout, own, DIGEST, len(DATA))
    mine.write(DATA[: 5 * MIB])
    with owner.enter(layout) as other:
        theirs = partial.open_partial(layout, other, DIGEST, len(DATA))
        assert theirs.position == 0
        theirs.write(DATA)
        theirs.seal(private=False)
    mine.write(DATA[5 * MIB :])
    mine.seal(private=False)
    assert blobs.size(layout, DIGEST) == len(DATA)
    assert names(layout.store("partial")) == []


def test_the_longest_of_the_dead_is_taken_and_the_others_go(
    layout: Layout, own: owner.Owner
) -> None:
    for length in (4, 8, 0):
        dead(
            layout,
            "part = partial.Partial(layout, own, DIGEST)\n"
            f"part.open(len(DATA), None)\npart.write(DATA[: {length} * MIB])",
        )
    part = partial.open_partial(layout, own, DIGEST, len(DATA))
    assert part.trusted == 8 * MIB
    assert len(partials.listed(layout)) == 1
    part.discard()
    assert names(layout.store("partial")) == []


def test_a_fetch_that_was_closed_goes_on_in_the_same_process(
    layout: Layout, own: owner.Owner
) -> None:
    with partial.open_partial(layout, own, DIGEST, len(DATA)) as part:
        part.write(DATA[: 3 * MIB])
    again = partial.open_partial(layout, own, DIGEST, len(DATA))
    assert again.trusted == 3 * MIB


def test_a_kill_between_the_last_chmod_and_the_rename_is_taken_over(
    layout: Layout, own: owner.Owner
) -> None:
    dead(
        layout,
        "part = partial.open_partial(layout, own, DIGEST, len(DATA))\n"
        "part.write(DATA); part.checkpoint(); fsops.chmod(part.descriptor, 0o444)",
    )
    part = partial.open_partial(layout, own, DIGEST, len(DATA))
    assert part.trusted == len(DATA)
    part.seal(private=True)
    assert Path(layout.blob(DIGEST)).stat().st_mode & 0o777 == 0o440


def test_what_is_cut_is_not_trusted_again(layout: Layout, own: owner.Owner) -> None:
    part = partial.open_partial(layout, own, DIGEST, len(DATA))
    part.write(DATA[: 8 * MIB])
    part.truncate(MIB)
    assert partials.read_record(part.path)["trusted"] == MIB
    part.write(b"x" * MIB)
    part.truncate(MIB + 4)
    assert (part.trusted, part.position) == (MIB, MIB + 4)


@pytest.mark.parametrize(
    "broken", [b"", b"{", b"[]\n", b'{"trusted": "all"}\n', b"\0" * 100, b'{"trusted": 99}']
)
def test_a_broken_record_trusts_nothing(layout: Layout, own: owner.Owner, broken: bytes) -> None:
    part = partial.open_partial(layout, own, DIGEST, 100)
    part.close()
    Path(partials.record_path(part.path)).write_bytes(broken)
    assert partial.open_partial(layout, own, DIGEST, 100).trusted == 0


def test_a_record_never_trusts_more_than_there_is(layout: Layout, own: owner.Owner) -> None:
    part = partial.open_partial(layout, own, DIGEST, -1)
    part.write(b"abc")
    part.close()
    Path(partials.record_path(part.path)).write_bytes(b'{"trusted": 500}\n')
    assert partial.open_partial(layout, own, DIGEST, -1).trusted == 3


def test_a_line_cut_off_by_a_full_disk_does_not_spoil_the_next(
    layout: Layout, own: owner.Owner
) -> None:
    part = partial.open_partial(layout, own, DIGEST, 100)
    with Path(partials.record_path(part.path)).open("ab") as file:
        file.write(b'{"trust')
    part.write(DATA[:50])
    part.close()
    assert partial.open_partial(layout, own, DIGEST, 100).trusted == 50


def test_an_unknown_size_may_be_longer_or_shorter(layout: Layout, own: owner.Owner) -> None:
    part = partial.open_partial(layout, own, sha(b"abc"), -1)
    part.write(b"abc")
    part.seal(private=False)
    assert blobs.size(layout, sha(b"abc")) == 3


def test_reserved_space_is_cut_off_at_the_end(layout: Layout, own: owner.Owner) -> None:
    part = partial.open_partial(layout, own, sha(b"abc"), MIB)
    assert os.fstat(part.descriptor).st_size == MIB
    part.write(b"abc")
    part.seal(private=False)
    assert Path(layout.blob(sha(b"abc"))).read_bytes() == b"abc"


def test_an_empty_file_is_a_blob_too(layout: Layout, own: owner.Owner) -> None:
    assert blobs.size(layout, blob(layout, own, b"")) == 0


def test_two_fetches_never_get_the_same_room() -> None:
    with disks.tmpfs("16m") as path:
        layout = store.open_store(f"{path}/store")
        with owner.enter(layout) as first, owner.enter(layout) as second:
            bounds = limits(layout.root)
            partial.open_partial(layout, first, "a" * 64, 9 * MIB, limits=bounds)
            with pytest.raises(ReasonError) as raised:
                partial.open_partial(layout, second, "b" * 64, 9 * MIB, limits=bounds)
    assert raised.value.code == "DiskFull"
    assert raised.value.facts["need"] == 9 * MIB


def test_a_resumed_fetch_asks_only_for_what_it_lacks(layout: Layout, own: owner.Owner) -> None:
    bounds = limits(layout.root, max_bytes=12 * MIB)
    with partial.open_partial(layout, own, DIGEST, len(DATA), limits=bounds) as part:
        part.write(DATA[: 4 * MIB])
    with partial.open_partial(layout, own, DIGEST, len(DATA), limits=bounds) as part:
        assert part.trusted == 4 * MIB


def test_the_log_shows_a_sync_before_each_line_of_the_record(
    layout: Layout, own: owner.Owner
) -> None:
    part = partial.open_partial(layout, own, DIGEST, len(DATA))
    seen: list[str] = []
    fsops.observer = lambda name, _: seen.append(name)
    try:
        part.write(DATA[: 4 * MIB])
    finally:
        fsops.observer = None
    assert seen == ["write_at", "sync_data", "write", "sync_data"]
