from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping

import pytest

from compiler.datasets import dataset_format
from compiler.datasets.archive import unpacked
from compiler.model.counted import Counted, CountRequest, UncountableError
from compiler.model.splitting import Splits
from tests.datasets.held import Held, count

FILES: dict[str, bytes | str] = {
    "data.yaml": "names: [cat, dog]\n",
    **{f"images/{i}.jpg": f"content {i}" * 100 for i in range(50)},
    **{f"labels/{i}.txt": f"{i % 2} 0.5 0.5 0.1 0.1\n" for i in range(50)},
}
ASKED = CountRequest(splits=Splits(2, (("a", 0.5), ("b", 0.5))), pictures=3)


def packed(files: Mapping[str, bytes | str], form: str) -> bytes:
    sink = io.BytesIO()
    if form == "zip":
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return sink.getvalue()
    with tarfile.open(fileobj=sink, mode="w:gz" if form == "tar.gz" else "w") as tar:
        for name, data in files.items():
            raw = data.encode() if isinstance(data, str) else data
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            tar.addfile(info, io.BytesIO(raw))
    return sink.getvalue()


def counted(held: Held, form: str, asked: CountRequest = ASKED) -> Counted:
    with unpacked(held, form, digests=asked.splits is not None) as files:
        return dataset_format("yolo").count(files, asked)


@pytest.mark.parametrize("form", ["tar", "tar.gz", "zip"])
def test_an_archive_counts_as_the_files_in_it(form: str) -> None:
    held = Held({f"a.{form}": packed(FILES, form)})
    found = counted(held, form)
    assert found == count("yolo", FILES, splits=ASKED.splits, pictures=3)
    assert found.classes == {"cat": 25, "dog": 25}
    if form != "zip":
        assert held.opened == {f"a.{form}": 1}


@pytest.mark.parametrize("form", ["tar", "tar.gz", "zip"])
def test_an_image_in_an_archive_can_be_looked_at(form: str) -> None:
    held = Held({f"a.{form}": packed(FILES, form)})
    with unpacked(held, form, digests=False) as files, files.open("images/7.jpg") as stream:
        assert stream.read() == b"content 7" * 100


def link() -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        info = tarfile.TarInfo("a.jpg")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    return sink.getvalue()


REFUSED = {
    "a name that climbs": (packed({"../a.jpg": "1"}, "tar"), "tar"),
    "an absolute name": (packed({"/a.jpg": "1"}, "tar.gz"), "tar.gz"),
    "a name that climbs in a zip": (packed({"a/../../b": "1"}, "zip"), "zip"),
    "a link": (link(), "tar"),
    "a bomb in a zip": (packed({"a.txt": b"\0" * (80 << 20)}, "zip"), "zip"),
    "a bomb in gzip": (packed({"a.txt": b"\0" * (80 << 20)}, "tar.gz"), "tar.gz"),
    "no archive": (b"nothing of the kind", "zip"),
    "another archive": (packed({"a": "1"}, "zip"), "tar"),
    "an archive cut off": (packed(FILES, "tar.gz")[:-300], "tar.gz"),
    "an archive of nothing": (gzip.compress(b"\0" * 10240), "tar.gz"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_sidecar_would_refuse_is_refused(name: str) -> None:
    data, form = REFUSED[name]
    with pytest.raises(UncountableError) as raised:
        counted(Held({"a": data}), form)
    assert raised.value.code.id == "E9108"
    assert raised.value.hint


def test_an_archive_is_one_file() -> None:
    with pytest.raises(UncountableError) as raised:
        counted(Held({"a.zip": "", "b.zip": ""}), "zip")
    assert raised.value.code.id == "E9105"
