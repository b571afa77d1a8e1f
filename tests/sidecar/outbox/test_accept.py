"""Files come in by rename, once, and nothing hostile comes in at all."""

from __future__ import annotations

import codecs
import json
import os
import shutil
import socket
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Event

import pytest

from sidecar.outbox import ground
from sidecar.outbox.names import safe
from tests.sidecar.outbox.given import contents, given, names

GO = Event()


def test_a_renamed_file_is_accepted_whole_and_its_source_is_gone(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    acceptor = here.acceptor(spool)
    path = here.left("weights.npz", b"w" * 100_000)

    (accepted,) = acceptor.take(GO)

    assert accepted.item.sha256 == sha256(b"w" * 100_000).hexdigest()
    assert accepted.item.name == "weights.npz"
    assert contents(spool) == {"weights.npz": b"w" * 100_000}
    assert not path.exists()
    assert names(path.parent) == []
    assert names(spool.at("tmp")) == []


def test_names_state_rounds_and_deadlines(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    acceptor = here.acceptor(spool)
    here.left("round=7,deadline=4102444800~delta.bin")
    here.left("round=8~delta.bin")

    items = {one.item.round: one.item for one in acceptor.take(GO)}

    assert items["7"].deadline == 4102444800
    assert items["7"].name == items["8"].name == "delta.bin"
    assert len(names(spool.at("new"))) == 2


def test_a_name_that_states_nonsense_is_refused_and_stays(tmp_path: Path) -> None:
    here = given(tmp_path)
    acceptor = here.acceptor(here.spool())
    path = here.left("deadline=tomorrow~delta.bin")

    assert acceptor.take(GO) == []
    assert path.exists()
    assert here.notes[0][:2] == ("OutboxRefused", "gradients")


@pytest.mark.parametrize(
    "name", ["übung.bin", "a b;c$(x).txt", "-rf", "x" * 200 + ".npz", "~", "a\nb"]
)
def test_any_name_of_a_worker_becomes_a_harmless_one(tmp_path: Path, name: str) -> None:
    here = given(tmp_path)
    spool = here.spool()
    acceptor = here.acceptor(spool)
    here.left(name)

    acceptor.take(GO)

    (made,) = contents(spool)
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    assert 0 < len(made) <= 96
    assert made[0] not in ".-"
    assert made.endswith(".npz") or not name.endswith(".npz")


@pytest.mark.parametrize("name", [".hidden", "half.part", "half.tmp"])
def test_unfinished_names_are_left_alone(tmp_path: Path, name: str) -> None:
    here = given(tmp_path)
    acceptor = here.acceptor(here.spool())
    path = here.run / "outbox/gradients" / name
    path.write_bytes(b"half")

    assert acceptor.take(GO) == []
    assert path.read_bytes() == b"half"
    assert here.notes == []
    assert acceptor.held == {}
    assert acceptor.unfinished() == [f"gradients/{safe(name)}"]


def test_a_file_that_is_still_written_in_place_waits_for_its_end(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    acceptor = here.acceptor(spool)
    path = here.run / "outbox/gradients/slow.bin"
    with path.open("wb") as file:
        file.write(b"first half, ")
        file.flush()
        assert acceptor.take(GO) == []
        file.write(b"second half")
    acceptor.take(GO)

    assert contents(spool) == {"slow.bin": b"first half, second half"}


def test_a_file_counts_as_whole_only_after_it_was_left_in_peace(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    acceptor = here.acceptor(spool, settled=60)
    path = here.left("fresh.bin")
    assert acceptor.take(GO) == []

    os.utime(path, (time.time() - 61, time.time() - 61))
    acceptor.take(GO)
    assert contents(spool) == {"fresh.bin": b"data"}


def test_a_clock_that_was_set_back_holds_no_file_for_ever(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    acceptor = here.acceptor(spool, settled=0.2)
    path = here.left("future.bin")
    os.utime(path, (time.time() + 86_400, time.time() + 86_400))

    assert acceptor.take(GO) == []
    time.sleep(0.25)
    acceptor.take(GO)
    assert contents(spool) == {"future.bin": b"data"}


def test_the_same_bytes_under_the_same_name_are_one_item(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    acceptor = here.acceptor(spool)
    for _ in range(3):
        here.left("same.bin")
        acceptor.take(GO)

    assert spool.counts().waiting == 1
    assert contents(spool) == {"same.bin": b"data"}


def test_a_claim_that_a_crash_left_is_taken_at_the_next_start(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    acceptor = here.acceptor(spool)
    path = here.left("round=3~claimed.bin")
    path.rename(path.with_name(f"{ground.CLAIM}0123abcd-round=3~claimed.bin"))

    (accepted,) = acceptor.take(GO)

    assert (accepted.item.name, accepted.item.round) == ("claimed.bin", "3")
    assert names(path.parent) == []


def test_a_newer_file_of_the_same_name_is_never_deleted_with_the_older(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    acceptor = here.acceptor(spool)
    stop, put = Event(), 400

    def worker() -> None:
        for number in range(put):
            here.left("latest.bin", f"version {number}".encode())
            time.sleep(0.0005)
        stop.set()

    thread = threading.Thread(target=worker)
    thread.start()
    while not stop.is_set():
        acceptor.take(GO)
    thread.join()
    acceptor.take(GO)

    found = {path.read_bytes() for path in Path(spool.at("new")).iterdir()}
    assert f"version {put - 1}".encode() in found
    assert names(here.run / "outbox/gradients") == []


def _symlink(path: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"test-secret")
    path.symlink_to(tmp_path / "secret")


def _hard_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"test-secret")
    path.hardlink_to(tmp_path / "secret")


def _fifo(path: Path, tmp_path: Path) -> None:
    del tmp_path
    os.mkfifo(path)


def _socket(path: Path, tmp_path: Path) -> None:
    del tmp_path
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def _directory(path: Path, tmp_path: Path) -> None:
    del tmp_path
    path.mkdir()
    (path / "inner").write_bytes(b"inner")


def _device(path: Path, tmp_path: Path) -> None:
    del tmp_path
    try:
        os.mknod(path, 0o20666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("making a device needs root")


HOSTILE = {
    "symlink": (_symlink, "symbolic link"),
    "hard link": (_hard_link, "hard links"),
    "fifo": (_fifo, "named pipe"),
    "socket": (_socket, "socket"),
    "directory": (_directory, "directory"),
    "device": (_device, "device"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_symlink_fifo_and_hard_link_in_the_outbox_are_refused(tmp_path: Path, kind: str) -> None:
    here = given(tmp_path)
    spool = here.spool()
    acceptor = here.acceptor(spool)
    make, words = HOSTILE[kind]
    make(here.run / "outbox/gradients/evil", tmp_path)
    here.left("good.bin")

    for _ in range(3):
        acceptor.take(GO)

    assert contents(spool) == {"good.bin": b"data"}
    assert os.path.lexists(here.run / "outbox/gradients/evil"), "it is not ours to delete"
    (told,) = here.notes
    assert told[:2] == ("OutboxRefused", "gradients")
    assert words in told[2]
    assert acceptor.held == {("gradients", "evil"): "OutboxRefused"}


@pytest.mark.parametrize("part", ["outbox", "outbox/gradients"])
def test_a_directory_that_became_a_link_leads_nowhere(tmp_path: Path, part: str) -> None:
    here = given(tmp_path)
    spool = here.spool()
    acceptor = here.acceptor(spool)
    elsewhere = tmp_path / "credentials"
    (elsewhere / "gradients").mkdir(parents=True)
    for folder in (elsewhere, elsewhere / "gradients"):
        (folder / "AWS_SECRET_ACCESS_KEY").write_bytes(b"test-secret")
    (here.run / part).rename(here.run / "moved")
    (here.run / part).symlink_to(elsewhere)

    for _ in range(3):
        assert acceptor.take(GO) == []

    assert contents(spool) == {}
    assert (elsewhere / "AWS_SECRET_ACCESS_KEY").exists()
    assert (elsewhere / "gradients/AWS_SECRET_ACCESS_KEY").exists()
    assert [note[0] for note in here.notes] == ["OutboxRefused"]


def leaked(tmp_path: Path, passes: int) -> bool:
    """Whether a byte from elsewhere came in while a stream's directory was swapped all the time."""
    here = given(tmp_path)
    spool = here.spool()
    acceptor = here.acceptor(spool)
    elsewhere = tmp_path / "credentials"
    elsewhere.mkdir()
    (elsewhere / "key").write_bytes(b"test-secret")
    os.utime(elsewhere / "key", (1_700_000_000, 1_700_000_000))
    stream, stop = here.run / "outbox/gradients", Event()

    def swap() -> None:
        while not stop.is_set():
            with suppress(OSError):  # the sidecar mends what is missing, in between
                stream.rename(here.run / "kept")
                stream.symlink_to(elsewhere)
            with suppress(OSError):
                stream.unlink()
            with suppress(OSError):
                (here.run / "kept").rename(stream)

    thread = threading.Thread(target=swap)
    thread.start()
    for _ in range(passes):
        acceptor.take(GO)
        if contents(spool):
            break
    stop.set()
    thread.join()
    return bool(contents(spool)) or not (elsewhere / "key").exists()


def test_a_directory_that_is_swapped_all_the_time_never_leaks_a_byte(tmp_path: Path) -> None:
    assert not leaked(tmp_path, 2000)


def test_sabotage_a_directory_that_is_entered_through_links_leaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ground, "_DIRECTORY", ground._VOLUME)
    assert leaked(tmp_path, 20_000)


def as_user(uid: int, call: Callable[[], object]) -> None:
    """Call something in a process of another user, and fail if it does."""
    codecs.lookup("ascii")  # the other user may not be able to read the interpreter's library
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            call()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that every user may reach, as a pod's volume and a node's store are."""
    if os.geteuid() != 0:
        pytest.skip("acting as other users needs root")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    for name, owner in (("store", 65532), ("run", 0)):
        (folder / name).mkdir()
        os.chown(folder / name, owner, owner)
    (folder / "run").chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def test_workers_of_other_users_leave_files_that_the_sidecar_takes(shared: Path) -> None:
    stream = shared / "run/outbox/gradients"

    def worker() -> None:
        for name, mode in (("open.bin", 0o644), ("closed.bin", 0o600)):
            (stream / f".{name}").write_bytes(name.encode())
            (stream / f".{name}").chmod(mode)
            (stream / f".{name}").rename(stream / name)

    def sidecar() -> None:
        here = given(shared)
        taken = [one.item.name for one in here.acceptor(here.spool()).take(GO)]
        told = [(code, words.partition(":")[0]) for code, _, words in here.notes]
        (shared / "store/seen.json").write_text(json.dumps([taken, told]))

    as_user(65532, lambda: given(shared).acceptor(given(shared).spool()))
    as_user(1000, worker)
    (stream / "roots.bin").write_bytes(b"root")
    as_user(65532, sidecar)

    taken, told = json.loads((shared / "store/seen.json").read_text())
    assert taken == ["open.bin", "roots.bin"]
    assert told == [["OutboxRefused", "closed.bin"]]
    assert names(stream) == ["closed.bin"]


def test_files_of_root_are_foreign_where_the_volume_is_not_roots(shared: Path) -> None:
    os.chown(shared / "run", 65532, 65532)
    as_user(65532, lambda: given(shared).acceptor(given(shared).spool()))
    (shared / "run/outbox/gradients/roots.bin").write_bytes(b"root")

    def sidecar() -> None:
        here = given(shared)
        assert here.acceptor(here.spool()).take(GO) == []
        assert [code for code, _, _ in here.notes] == ["OutboxRefused"]

    as_user(65532, sidecar)


def test_a_missing_directory_is_made_again(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    acceptor = here.acceptor(spool)
    (here.run / "outbox/gradients").rmdir()
    acceptor.take(GO)

    assert (here.run / "outbox/gradients").stat().st_mode & 0o7777 == 0o1777
    here.left("again.bin")
    acceptor.take(GO)
    assert contents(spool) == {"again.bin": b"data"}


def test_a_full_stream_leaves_files_where_they_are_until_there_is_room(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool(max_bytes=10)
    acceptor = here.acceptor(spool)
    path = here.left("one.bin", b"1" * 8)
    acceptor.take(GO)
    path = here.left("two.bin", b"2" * 8)
    for _ in range(3):
        acceptor.take(GO)

    assert path.read_bytes() == b"2" * 8, "under its own name, where the worker sees it"
    assert [note[0] for note in here.notes] == ["OutboxFull"]
    here.left("z.bin", b"3" * 8)
    acceptor.take(GO)
    held = {name: code for (_, name), code in acceptor.held.items()}
    assert held == {"two.bin": "OutboxFull", "z.bin": "OutboxFull"}, "none is forgotten"
    (here.run / "outbox/gradients/z.bin").unlink()

    spool.finish(spool.oldest()[0].text, "s3://results/one")
    acceptor.take(GO)
    assert contents(spool) == {"two.bin": b"2" * 8}


def test_a_file_that_never_fits_keeps_no_other_from_being_taken(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool(max_bytes=10)
    acceptor = here.acceptor(spool)
    big = here.left("big.bin", b"1" * 11)
    here.left("fine.bin", b"2" * 8)
    for _ in range(3):
        acceptor.take(GO)
    assert contents(spool) == {"fine.bin": b"2" * 8}
    assert big.exists()
    assert [note[0] for note in here.notes] == ["OutboxFull"]


def test_a_file_larger_than_memory_limits_is_accepted_in_pieces(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    acceptor = here.acceptor(spool)
    here.left("large.bin", os.urandom(1 << 20) * 70)
    (accepted,) = acceptor.take(GO)
    assert accepted.size == 70 << 20
    assert spool.counts().bytes == 70 << 20


def test_a_file_that_grows_while_it_is_copied_is_not_accepted_half(tmp_path: Path) -> None:
    here = given(tmp_path)
    spool = here.spool()
    acceptor = here.acceptor(spool)
    path = here.run / "outbox/gradients/log"
    with path.open("wb", buffering=0) as file:
        file.write(b"x" * (4 << 20))
        stop = Event()

        def grow() -> None:
            while not stop.is_set():
                file.write(b"y")
                time.sleep(0.0002)

        thread = threading.Thread(target=grow)
        thread.start()
        taken = [acceptor.take(GO, force=True) for _ in range(5)]
        stop.set()
        thread.join()
    assert taken == [[]] * 5
    written = path.parent.joinpath(next(iter(names(path.parent)))).stat().st_size
    (accepted,) = acceptor.take(GO)
    assert accepted.size == written
