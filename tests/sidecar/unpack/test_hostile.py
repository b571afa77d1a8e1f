"""Hostile archives: each is refused for its reason, and nothing outside is ever touched."""

from __future__ import annotations

import io
import os
import random
import tarfile
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from sidecar.model.reasons import ReasonError
from tests.sidecar.unpack.archives import entry, tar
from tests.sidecar.unpack.ground import Ground, ground
from tests.sidecar.unpack.hostile import FINE, Hostile, every

UP = "../" * 9
ARCHIVES = every(UP, "/victim")
MUTATED = 10_000


@pytest.fixture(scope="module")
def field() -> Iterator[Ground]:
    with ground() as found:
        yield found


def test_there_are_at_least_forty_of_each_format() -> None:
    forms = [one.form for one in ARCHIVES.values()]
    print(f"{len(forms)} hostile archives, {forms.count('zip')} of them zip")
    assert forms.count("zip") >= 40
    assert len(forms) - forms.count("zip") >= 40


@pytest.mark.parametrize(
    "name", [pytest.param(name, id=f"{one.row} {name}") for name, one in ARCHIVES.items()]
)
def test_refused_with_nothing_left_behind_is(name: str, field: Ground) -> None:
    one = ARCHIVES[name]
    before, inside = field.outside(), field.inside()
    with pytest.raises(ReasonError) as caught:
        field.unpack(one.data, one.form, most=one.most, files=one.files)
    assert caught.value.code == one.code, caught.value
    assert caught.value.detail.isprintable()
    assert field.outside() == before
    assert field.inside() == inside


def test_t3_a_setuid_bit_is_masked_and_execution_kept(field: Ground) -> None:
    data = tar(
        entry(b"run", b"#!", mode=b"0006755\0"),
        entry(b"read", b"", mode=b"0007666\0"),
        entry(b"none", b"", mode=b"0000000\0"),
    )
    tree = field.unpack(data, "tar")
    modes = {path.name: path.stat().st_mode & 0o7777 for path in tree.iterdir()}
    assert modes == {"run": 0o555, "read": 0o444, "none": 0o444}


def test_t4_a_bomb_is_refused_before_its_bytes_are_written(field: Ground) -> None:
    one = ARCHIVES["tar.gz: zeros beyond the cap"]
    with pytest.raises(ReasonError) as caught:
        field.unpack(one.data, one.form, most=2**20)
    assert caught.value.detail == "zeros: more than 1,048,576 bytes in all"


def mutated(data: bytes, dice: random.Random) -> bytes:
    """The archive with a few bytes changed, moved, cut, doubled or zeroed."""
    found = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 5))):
        at, length = dice.randrange(len(found)), dice.choice((1, 4, 16, 512))
        change = dice.randrange(6)
        if change == 0:
            found[at] ^= 1 << dice.randrange(8)
        elif change == 1:
            found[at : at + length] = dice.randbytes(length)
        elif change == 2:
            found[at:at] = found[at : at + length]
        elif change == 3 and len(found) > length + 1:
            del found[at : at + length]
        elif change == 4:
            found[at : at + length] = bytes(length)
        else:
            found[at : at + 10] = dice.choice((b"../../../x", b"/victim\0\0\0", b"\xff" * 10))
    return bytes(found)


def mended(data: bytes) -> bytes:
    """A tar archive with right checksums again, so that what was changed is looked at."""
    found = bytearray(data)
    for at in range(0, len(found) - 511, 512):
        if found[at + 257 : at + 262] == b"ustar":
            found[at + 148 : at + 156] = b" " * 8
            found[at + 148 : at + 156] = b"%06o\0 " % sum(found[at : at + 512])
    return bytes(found)


def spoiled(count: int, archives: dict[str, Hostile]) -> Iterator[tuple[str, bytes]]:
    """Mutated archives, from honest and from hostile ones."""
    dice = random.Random(22)
    small = [(one.form, one.data) for one in archives.values() if 0 < len(one.data) < 20_000]
    for _ in range(count):
        form, data = dice.choice(list(FINE.items()) if dice.random() < 0.6 else small)
        data = mutated(data, dice)
        yield form, mended(data) if form == "tar" and dice.random() < 0.7 else data


def test_thousands_of_mutated_archives_stay_inside(field: Ground, campaign: bool) -> None:
    count = MUTATED if campaign else MUTATED // 10
    before, inside = field.outside(), field.inside()
    told: dict[str, int] = {}
    for form, data in spoiled(count, ARCHIVES):
        try:
            field.unpack(data, form, most=2**20)
            code = "unpacked"
        except ReasonError as fault:
            code = fault.code
        told[code] = told.get(code, 0) + 1
        if sum(told.values()) % 100 == 0:
            assert field.outside() == before
            assert field.inside() == inside
    assert field.outside() == before
    assert field.inside() == inside
    print(f"{count:,} mutated archives, 0 escapes: {told}")
    assert set(told) <= {"unpacked", "ArchiveRefused", "ArchiveBroken", "ArchiveTooLarge"}
    assert min(told["unpacked"], told["ArchiveRefused"], told["ArchiveBroken"]) > count / 50


def naive(data: bytes, form: str, target: Path) -> None:
    """What the standard library's own extraction makes of an archive."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if form == "zip":
            zipfile.ZipFile(io.BytesIO(data)).extractall(target)
        else:
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                archive.extractall(target, filter="fully_trusted")


CLIMBING = (
    "tar: climbing far",
    "tar: an absolute name",
    "tar: a link and a file behind it",
    "tar: a hard link to a file outside",
    "tar: links longer than a path may be",
)


@contextmanager
def bait() -> Iterator[tuple[Ground, Path, dict[str, Hostile]]]:
    """A ground with a directory to extract into, and archives that know the way out of it."""
    with ground() as place:
        target = place.root / "target"
        target.mkdir()
        up = os.path.relpath(place.folder, target) + "/"
        yield place, target, every(up, str(place.folder / "victim"))


@pytest.mark.parametrize("name", CLIMBING)
def test_the_same_archive_escapes_from_the_standard_librarys_extraction(name: str) -> None:
    with bait() as (place, target, archives):
        before = place.outside()
        with suppress(OSError, tarfile.TarError):
            naive(archives[name].data, archives[name].form, target)
        assert place.outside() != before
        place.unpack(FINE["tar"], "tar")


def test_the_campaign_would_notice_the_standard_librarys_extraction() -> None:
    with bait() as (place, target, archives):
        before, count = place.outside(), 0
        for form, data in spoiled(MUTATED // 10, archives):
            with suppress(Exception):
                naive(data, form, target)
            count += 1
            if place.outside() != before:
                break
        print(f"escaped with mutated archive number {count}")
        assert place.outside() != before
