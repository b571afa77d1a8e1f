"""Bundles from a medium: what is taken into the store, and everything that is not."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from sidecar.disk import blobs, collect, hashing, loaded, locks, owner, partials, store
from sidecar.disk.layout import Layout
from sidecar.model.config import Limits
from sidecar.model.reasons import ReasonError
from sidecar.unpack import bundle
from tests.sidecar.support import disks
from tests.sidecar.support.invariants import problems
from tests.sidecar.unpack.archives import END, entry, header, packed, pax, tar

ONE, TWO = b"one" * 1000, b"two" * 100_000
MIB = 1 << 20


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def name(data: bytes, end: str = "") -> bytes:
    return f"artifacts/{sha(data)}{end}".encode()


def contents(*datas: bytes, **more: object) -> bytes:
    stated = {sha(data): {"size": len(data), "chunks": False} for data in datas}
    return entry(b"bundle.json", json.dumps({"bundle": 1, "artifacts": stated, **more}).encode())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[bundle.Place]:
    (tmp_path / "store").mkdir()
    layout = store.open_store(str(tmp_path / "store"))
    with owner.enter(layout) as own:
        limits = Limits(layout.root, min_free=0, min_free_percent=0, grace=0)
        yield bundle.Place(layout, own, limits)
    assert problems(layout.root) == []


def load(place: bundle.Place, archive: bytes) -> bundle.Outcome:
    path = Path(place.layout.root).parent / "bundle.tar"
    path.write_bytes(archive)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return bundle.load(descriptor, place, Event())
    finally:
        os.close(descriptor)


def held(layout: Layout) -> set[str]:
    return {path.name for path in Path(layout.store("blobs")).rglob("*") if path.is_file()}


def test_what_is_named_by_its_digest_comes_in_once(place: bundle.Place) -> None:
    archive = tar(contents(ONE, TWO), entry(name(ONE), ONE), entry(name(TWO), TWO))
    assert load(place, archive) == bundle.Outcome([sha(ONE), sha(TWO)], [], [])
    found = Path(place.layout.blob(sha(ONE))).stat()
    assert (found.st_mode & 0o777, found.st_size) == (0o440, len(ONE))
    assert load(place, archive) == bundle.Outcome([], [sha(ONE), sha(TWO)], [])
    assert held(place.layout) == {sha(ONE), sha(TWO)}
    assert not partials.listed(place.layout)


def test_contents_and_directories_need_not_be_named_and_gzip_is_understood(
    place: bundle.Place,
) -> None:
    archive = packed(tar(entry(b"artifacts/", kind=b"5"), entry(name(ONE), ONE)))
    assert load(place, archive).new == [sha(ONE)]


def test_what_is_there_for_other_readers_is_passed_over(place: bundle.Place) -> None:
    others = [
        entry(b"edgewright.lock", b"lock: 1\n"),
        entry(b"configs/watch.json", b"{}"),
        entry(b"manifests/", kind=b"5"),
        entry(b"manifests/shop/kustomization.yaml", b"resources: []\n"),
        entry(b"images/linux-arm64.tar", TWO),
    ]
    archive = tar(contents(ONE), *others, entry(name(ONE), ONE))
    assert load(place, archive) == bundle.Outcome([sha(ONE)], [], [])
    assert held(place.layout) == {sha(ONE)}


def test_an_archive_comes_in_by_a_pipe(place: bundle.Place) -> None:
    out, into = os.pipe()

    def write() -> None:
        with os.fdopen(into, "wb") as file:
            file.write(tar(contents(TWO), entry(name(TWO), TWO)))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert bundle.load(out, place, Event()).new == [sha(TWO)]
    finally:
        os.close(out)
        writer.join()


def test_a_chunk_list_gets_its_own_name(place: bundle.Place) -> None:
    listing = hashlib.sha256(TWO).digest() * 3
    archive = tar(entry(name(TWO), TWO), entry(name(TWO, ".chunks"), listing))
    assert load(place, archive).new == [sha(TWO), sha(listing)]
    assert Path(place.layout.blob(sha(listing))).read_bytes() == listing


def test_bytes_of_another_digest_do_not_count_and_the_rest_comes_in(place: bundle.Place) -> None:
    archive = tar(entry(name(ONE), ONE[:-1] + b"!"), entry(name(TWO), TWO),
                  entry(name(ONE, ".chunks"), b"short"))  # fmt: skip
    found = load(place, archive)
    assert found.new == [sha(TWO)]
    assert [one.name.encode() for one in found.wrong] == [name(ONE), name(ONE, ".chunks")]
    assert held(place.layout) == {sha(TWO)}
    assert not partials.listed(place.layout)


def test_what_the_contents_name_has_to_be_there(place: bundle.Place) -> None:
    found = load(place, tar(contents(ONE, TWO), entry(name(TWO), TWO)))
    assert [(one.name.encode(), one.words) for one in found.wrong] == [
        (name(ONE), "bundle.json names it and it is not there")
    ]


LINK = header(name(ONE), kind=b"2", link=b"/etc/passwd")
HOSTILE = {
    "a symbolic link": (LINK, "it is a symbolic link"),
    "a hard link": (header(name(ONE), kind=b"1", link=b"x"), "it is a hard link"),
    "a sparse file": (header(name(ONE), kind=b"S"), "it is a sparse file"),
    "a FIFO": (header(name(ONE), kind=b"6"), "it is a FIFO"),
    "a climbing name": (entry(b"artifacts/../" + sha(ONE).encode(), ONE), "the name climbs"),
    "an absolute name": (entry(b"/" + name(ONE), ONE), "is absolute"),
    "a name with more behind it": (entry(name(ONE, ".json"), ONE), "no part of a bundle"),
    "a name in capitals": (entry(name(ONE).upper(), ONE), "no part of a bundle"),
    "a name of another folder": (entry(b"blobs/" + sha(ONE).encode(), ONE), "no part of a bundle"),
    "a name with an end of line": (entry(name(ONE, "\n"), ONE), "control character"),
    "another directory": (entry(b"other/", kind=b"5"), "no part of a bundle"),
    "a deeper directory": (entry(b"artifacts/x/", kind=b"5"), "no part of a bundle"),
    "twins": (entry(name(ONE), ONE) * 2, "the name is there twice"),
    "a name by pax": (pax((b"path", b"../x")) + entry(name(ONE), ONE), "the name climbs"),
    "contents that come late": (entry(name(ONE), ONE) + contents(ONE), "contents come first"),
    "contents that do not name it": (contents(TWO) + entry(name(ONE), ONE), "does not name it"),
    "another size than stated": (
        contents(ONE).replace(b"3000", b"3001") + entry(name(ONE), ONE), "about its size",
    ),
    "a newer bundle": (contents(ONE, bundle=2), "bundle 2 is not known"),
    "no contents": (entry(b"bundle.json", b"[]"), "is not what it should be"),
    "contents with other names": (
        entry(b"bundle.json", b'{"bundle": 1, "artifacts": {"../x": {}}}'), "not what it should be",
    ),
    "contents without an end": (header(b"bundle.json", 1 << 30), "make sense"),
    "an end before the bytes": (header(name(ONE), 1 << 40) + ONE, ""),
    "no archive": (b"x" * 2048, "no tar header"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_archives_leave_nothing_that_is_not_its_digest(
    place: bundle.Place, what: str
) -> None:
    archive, words = HOSTILE[what]
    with pytest.raises(ReasonError) as raised:
        load(place, archive + END)
    assert raised.value.code in (
        "ArchiveRefused", "ArchiveBroken", "ArchiveTooLarge", "DiskFull",
    )  # fmt: skip
    assert words in raised.value.detail
    assert held(place.layout) <= {sha(ONE)}
    assert not partials.listed(place.layout)
    assert not list(Path(place.layout.staging(place.owner.token)).iterdir())


def folder(tmp_path: Path, **files: bytes) -> Path:
    found = tmp_path / "medium"
    (found / "artifacts").mkdir(parents=True)
    for digest, data in files.items():
        (found / "artifacts" / digest).write_bytes(data)
    return found


def test_a_directory_is_a_bundle_too(place: bundle.Place, tmp_path: Path) -> None:
    found = folder(tmp_path, **{sha(ONE): ONE, sha(TWO): b"rotten"})
    outcome = bundle.load(str(found), place, Event())
    assert (outcome.new, [one.name for one in outcome.wrong]) == (
        [sha(ONE)], [name(TWO).decode()],
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["link", "fifo", "directory", "name"])
def test_a_directory_with_anything_else_is_refused_before_a_byte_is_read(
    place: bundle.Place, tmp_path: Path, kind: str
) -> None:
    found = folder(tmp_path, **{sha(ONE): ONE})
    odd = found / "artifacts" / ("z.bin" if kind == "name" else "f" * 64)
    if kind == "link":
        odd.symlink_to("/etc/passwd")
    elif kind == "fifo":
        os.mkfifo(odd)
    elif kind == "directory":
        odd.mkdir()
    else:
        odd.touch()
    with pytest.raises(ReasonError, match="ArchiveRefused"):
        bundle.load(str(found), place, Event())
    assert not held(place.layout)


def test_d1_more_than_the_disk_may_hold_is_refused_before_it_is_written(tmp_path: Path) -> None:
    with disks.tmpfs("32m", at=str(tmp_path)):
        (tmp_path / "store").mkdir()
        layout = store.open_store(str(tmp_path / "store"))
        with owner.enter(layout) as own:
            limits = Limits(layout.root, min_free=8 * MIB, min_free_percent=0)
            huge = bundle.Place(layout, own, limits)
            archive = tar(entry(name(ONE), ONE), header(name(TWO), 30 * MIB))
            with pytest.raises(ReasonError, match="DiskFull"):
                load(huge, archive)
        assert held(layout) == {sha(ONE)}
        assert all(Path(one.path).stat().st_size == 0 for one in partials.listed(layout))


def test_a_fetch_under_way_is_neither_waited_for_nor_disturbed(place: bundle.Place) -> None:
    lock = locks.try_lock(place.layout.lock(f"fetch-{sha(ONE)}"))
    assert lock is not None
    with lock:
        assert load(place, tar(entry(name(ONE), ONE))).new == [sha(ONE)]
        assert locks.held(place.layout.lock(f"fetch-{sha(ONE)}"))


def test_a_collector_spares_what_no_config_names_yet(place: bundle.Place) -> None:
    layout, own, limits = place
    load(place, tar(entry(name(ONE), ONE)))
    now = Path(layout.loaded(sha(ONE))).stat().st_mtime
    for at in (now, now + 1, now + loaded.AGE - 1):
        collect.collect(layout, own, limits, at)
    assert held(layout) == {sha(ONE)}
    for at in (now + loaded.AGE, now + loaded.AGE + 1):
        collect.collect(layout, own, limits, at)
    assert not held(layout)


def test_the_hash_is_of_the_bytes_that_lie_in_the_store(place: bundle.Place) -> None:
    load(place, tar(entry(name(TWO), TWO)))
    descriptor = blobs.open_blob(place.layout, sha(TWO))
    try:
        assert hashing.digest_of(descriptor) == sha(TWO)
    finally:
        os.close(descriptor)
