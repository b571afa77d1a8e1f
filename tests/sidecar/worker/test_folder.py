"""Folders: a list of files whose digest is the artifact's, each file fetched by its own digest."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from sidecar.disk import owner, scrub, store
from sidecar.disk.layout import Layout
from sidecar.model import tasks
from sidecar.model.tasks import Message
from tests.sidecar.support import s3 as s3_server
from tests.sidecar.support.proxy import Fault, Relay
from tests.sidecar.support.s3 import S3
from tests.sidecar.transfer.fetching import MIB, content, digest_of, document
from tests.sidecar.worker.talking import wait_until, worker
from tests.sidecar.worker.test_memory import PEAK, Peak

Files = Mapping[str, bytes]
KEY = "dataset/shelves"
FILES = {
    "images/a 1.jpg": content(70_000, seed=1),
    "images/deep/er/b#2?.jpg": content(5_000, seed=2),
    "images/ü%41.jpg": b"",
    "labels.json": b"{}",
}


def listing(files: Files) -> bytes:
    """The list of a folder's files, as this test understands the contract."""
    entries: list[tuple[str, int, int, str]] = []
    for path, data in files.items():
        entries.append((path, 0o444, len(data), digest_of(data)))
        entries += [(str(above), 0o555, 0, "") for above in list(Path(path).parents)[:-1]]
    lines = sorted({json.dumps(list(one), separators=(",", ":")) for one in entries})
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def artifact(files: Files, url: str, at: str = "main", **more: Any) -> dict[str, Any]:
    """The entry of a config."""
    text, total = listing(files), sum(map(len, files.values()))
    source = {"url": url, **({"store": at} if at else {})}
    return {
        "name": "shelves", "kind": "dataset", "version": "1", "sources": [source],
        "sha256": digest_of(text), "size": len(text), "unpacked": total,
        "unpack": {"format": "manifest", "maxBytes": max(total, 1), "maxFiles": 100_000},
        "view": {"type": "flat"}, "activation": {"update": "hot"}, **more,
    }  # fmt: skip


def put(s3: S3, bucket: str, files: Files) -> str:
    """Store a folder with its list; its URL."""
    for path, data in files.items():
        s3.put(bucket, f"shelves/{path}", data)
    s3.put(bucket, f"shelves.{digest_of(listing(files))}.manifest", listing(files))
    return f"s3://{bucket}/shelves/"


def on_disk(folder: Path, files: Files) -> str:
    """Write a folder with its list; its `file:` URL."""
    for path, data in files.items():
        (folder / "shelves" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "shelves" / path).write_bytes(data)
    place = folder / f"shelves.{digest_of(listing(files))}.manifest"
    place.write_bytes(listing(files))
    return f"file://{quote(str(folder / 'shelves'))}/"


def bring(made: dict[str, Any]) -> Message:
    with worker(made) as one:
        return one.do("bring", tasks.bring(KEY, first=True))


def tree_of(root: Path | str, tree: str) -> dict[str, bytes]:
    """What is in a tree of a store."""
    top = Path(store.open_store(str(root)).tree(tree))
    return {
        str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()
    }


def test_a_folder_becomes_the_tree_that_its_list_names(tmp_path: Path, s3: S3) -> None:
    keys = s3_server.credentials(tmp_path / "secret")
    url = put(s3, "folder", FILES)
    made = document(tmp_path / "store", [artifact(FILES, url)], stores=[s3.store(credentials=keys)])
    done = bring(made)
    assert done.event == "done", done
    assert done.body["tree"] == made["artifacts"][0]["sha256"]
    assert tree_of(tmp_path / "store", done.body["tree"]) == FILES
    assert done.body["bytes"] == len(listing(FILES)) + sum(map(len, FILES.values()))
    again = bring(made)
    assert (again.event, again.body["bytes"]) == ("done", 0)


def test_a_folder_that_grew_costs_what_is_new_and_files_are_kept_once(
    tmp_path: Path, s3: S3
) -> None:
    keys = s3_server.credentials(tmp_path / "secret")
    more = {**FILES, "images/new.jpg": content(9_000, seed=3)}
    one = artifact(FILES, put(s3, "grown", FILES))
    two = artifact(more, put(s3, "grown", more))
    stores = [s3.store(credentials=keys)]
    first = bring(document(tmp_path / "store", [one], stores=stores))
    second = bring(document(tmp_path / "store", [two], stores=stores))
    assert second.event == "done", second
    assert second.body["bytes"] == 9_000 + len(listing(more))
    layout = store.open_store(f"{tmp_path}/store")
    places = [
        f"{layout.tree(first.body['tree'])}/labels.json",
        f"{layout.tree(second.body['tree'])}/labels.json",
        layout.blob(digest_of(b"{}")),
    ]
    assert len({Path(place).stat().st_ino for place in places}) == 1


def test_a_file_that_is_another_one_now_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    url = on_disk(tmp_path, FILES)
    (tmp_path / "shelves/labels.json").write_bytes(b"[]")
    failed = bring(document(tmp_path / "store", [artifact(FILES, url, at="")]))
    assert failed.body["reason"] == "DigestMismatch"
    assert "labels.json" in failed.body["detail"]
    trees = Path(store.open_store(f"{tmp_path}/store").store("trees"))
    assert not list(trees.iterdir())


def test_a_list_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    url = on_disk(tmp_path, FILES)
    next(tmp_path.glob("*.manifest")).unlink()
    failed = bring(document(tmp_path / "store", [artifact(FILES, url, at="")]))
    assert failed.body["reason"] == "NotFound"
    assert ".manifest" in failed.body["detail"]


def test_private_files_are_for_the_sidecars_user_only(tmp_path: Path) -> None:
    url = on_disk(tmp_path, FILES)
    made = document(tmp_path / "store", [artifact(FILES, url, at="", private=True)])
    done = bring(made)
    assert tree_of(tmp_path / "store", done.body["tree"]) == FILES
    top = Path(store.open_store(f"{tmp_path}/store").tree(done.body["tree"]))
    assert {stat.S_IMODE(one.stat().st_mode) for one in top.rglob("*")} == {0o440, 0o550}


def test_very_many_small_files_take_as_little_memory_as_one(tmp_path: Path) -> None:
    files = {f"{n % 50}/{n:05}.txt": b"%d" % n * 100 for n in range(5_000)}
    made = document(tmp_path / "store", [artifact(files, on_disk(tmp_path, files), at="")])
    with worker(made) as one:
        peak = Peak(one.process.pid)
        done = one.do("bring", tasks.bring(KEY, first=True))
        assert peak.end() <= PEAK
    assert done.event == "done", done
    assert len(tree_of(tmp_path / "store", done.body["tree"])) == len(files)


def test_killed_workers_cost_what_was_under_way(tmp_path: Path, s3: S3) -> None:
    files = {f"{number:03}.bin": content(MIB // 2, seed=number) for number in range(40)}
    keys = s3_server.credentials(tmp_path / "secret")
    url = put(s3, "killed", files)
    with Relay(s3.port, small_buffers=True) as relay:
        relay.always = Fault(rate=64 * MIB)
        place = {**s3.store(credentials=keys), "endpoint": relay.url(s3.endpoint, s3.port)}
        made = document(tmp_path / "store", [artifact(files, url)], stores=[place])
        for _ in range(3):
            before = relay.sent
            with worker(made) as one:
                one.ask("bring", tasks.bring(KEY, first=True))
                wait_until(lambda before=before: relay.sent - before > 4 * MIB, 60)  # type: ignore[misc]
                one.process.send_signal(signal.SIGKILL)
        done = bring(made)
        assert done.event == "done", done
        assert tree_of(tmp_path / "store", done.body["tree"]) == files
        # Four streams, each with some small files that are synced together.
        total = sum(map(len, files.values())) + len(listing(files))
        assert relay.sent - total <= 3 * 4 * (3 * MIB // 2)


def test_files_of_a_folder_are_kept_while_it_is_wanted_and_go_with_it(tmp_path: Path) -> None:
    from sidecar.disk import marks
    from tests.sidecar.disk.given import accept

    made = document(tmp_path / "store", [artifact(FILES, on_disk(tmp_path, FILES), at="")])
    assert bring(made).event == "done"
    layout = store.open_store(f"{tmp_path}/store")
    digests = {digest_of(data) for data in FILES.values()}
    with owner.enter(layout) as own:
        accept(layout, own, "watch.serve", [made["artifacts"][0]["sha256"]])
        assert not digests & marks.marks(layout, 1).blobs
        folder = layout.tenant("watch.serve", "config")
        Path(f"{folder}/accepted.json").write_text(json.dumps(made))
        assert digests <= marks.marks(layout, 1).blobs


@pytest.mark.parametrize("order", ["the list first", "the file first"])
def test_a_file_that_rotted_is_fetched_again_and_put_in_place(tmp_path: Path, order: str) -> None:
    made = document(tmp_path / "store", [artifact(FILES, on_disk(tmp_path, FILES), at="")])
    done = bring(made)
    layout = store.open_store(f"{tmp_path}/store")
    rotten = Path(layout.tree(done.body["tree"])) / "images/a 1.jpg"
    rotten.chmod(0o644)
    rotten.write_bytes(b"rot")
    rotten.chmod(0o444)
    turns = [done.body["tree"], digest_of(FILES["images/a 1.jpg"])]
    for digest in turns if order == "the list first" else reversed(turns):
        assert not scrub.check(layout, digest)
        assert bring(made).event == "done"
        if order == "the list first":
            break
    assert rotten.read_bytes() == FILES["images/a 1.jpg"]
    assert scrub.check(layout, done.body["tree"])


def lines(*entries: object, head: str = "[\n", tail: str = "\n]\n") -> bytes:
    text = ",\n".join(json.dumps(one, separators=(",", ":")) for one in entries)
    return f"{head}{text}{tail}".encode()


A = digest_of(b"a")
HOSTILE = {
    "a path that climbs": (lines(["../a", 292, 1, A]), "ArchiveRefused"),
    "an absolute path": (lines(["/a", 292, 1, A]), "ArchiveRefused"),
    "an empty part": (lines(["a//b", 292, 1, A]), "ArchiveRefused"),
    "a dot before": (lines(["./a", 292, 1, A]), "ArchiveRefused"),
    "a control character": (lines(["a\x1b", 292, 1, A]), "ArchiveRefused"),
    "half a character": (lines(["a\ud800", 292, 1, A]), "ArchiveRefused"),
    "a name twice": (lines(["a", 292, 1, A], ["a", 292, 1, A]), "ArchiveRefused"),
    "names that differ by case": (lines(["A", 292, 1, A], ["a", 292, 1, A]), "ArchiveRefused"),
    "a file as a folder": (lines(["a", 292, 1, A], ["a/b", 292, 1, A]), "ArchiveRefused"),
    "no line for a folder": (lines(["c/a", 292, 1, A]), "ArchiveRefused"),
    "lines in another order": (lines(["b", 292, 1, A], ["a", 292, 1, A]), "ArchiveRefused"),
    "a writable file": (lines(["a", 438, 1, A]), "ArchiveBroken"),
    "a set-user-id file": (lines(["a", 2340, 1, A]), "ArchiveBroken"),
    "no digest": (lines(["a", 292, 1, "abc"]), "ArchiveBroken"),
    "a negative size": (lines(["a", 292, -1, A]), "ArchiveBroken"),
    "a size that is true": (lines(["a", 292, True, A]), "ArchiveBroken"),
    "a folder with bytes": (lines(["a", 365, 1, ""]), "ArchiveBroken"),
    "too few fields": (lines(["a", 292, 1]), "ArchiveBroken"),
    "another document": (b'{"a": 1}\n', "ArchiveBroken"),
    "no end": (lines(["a", 292, 1, A], tail="\n"), "ArchiveBroken"),
    "more after the end": (lines(["a", 292, 1, A], tail="\n]\n[]\n"), "ArchiveBroken"),
    "a line without end": (b'[\n["' + b"a" * 100_000, "ArchiveBroken"),
    "deep brackets": (b"[\n" + b"[" * 6_000 + b"\n]\n", "ArchiveBroken"),
    "nothing": (b"[\n\n]\n", "ArchiveBroken"),
    "more bytes than stated": (lines(["a", 292, 9, A], ["b", 292, 9, A]), "ArchiveTooLarge"),
    "more files than stated": (
        lines(*(sorted([f"{n}", 292, 0, digest_of(b"")] for n in range(9)))), "ArchiveTooLarge",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_list_is_refused_whole(tmp_path: Path, case: str) -> None:
    text, reason = HOSTILE[case]
    (tmp_path / "shelves/c").mkdir(parents=True)
    for name in ("a", "b", "c/a"):
        (tmp_path / "shelves" / name).write_bytes(b"a")
    digest = hashlib.sha256(text).hexdigest()
    (tmp_path / f"shelves.{digest}.manifest").write_bytes(text)
    entry = artifact({"a": b"a"}, f"file://{quote(str(tmp_path))}/shelves/", at="")
    entry |= {"sha256": digest, "size": len(text)}
    entry["unpack"] |= {"maxBytes": 10, "maxFiles": 5}
    before = sorted(str(path) for path in tmp_path.rglob("*") if "store" not in path.parts)
    failed = bring(document(tmp_path / "store", [entry]))
    assert failed.event == "failed", failed
    assert failed.body["reason"] == reason, failed
    layout: Layout = store.open_store(f"{tmp_path}/store")
    assert not os.path.lexists(layout.unpacked(digest, "manifest"))
    assert before == sorted(str(path) for path in tmp_path.rglob("*") if "store" not in path.parts)
