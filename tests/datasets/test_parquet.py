from __future__ import annotations

import io
import random
import sys
from typing import Any

import pytest

from compiler.datasets.parquet_footer import ParquetFaultError, read_footer
from compiler.model.splitting import Splits
from tests.datasets.held import Held, count, problems, refusal

pyarrow = pytest.importorskip(
    "pyarrow", reason="pip install pyarrow writes the files of these tests"
)


def written(table: Any, **how: Any) -> bytes:
    import pyarrow.parquet

    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(table), sink, **how)
    return sink.getvalue()


TABLE = {
    "id": [f"r{i}" for i in range(1000)],
    "label": [f"c{i % 3}" for i in range(1000)],
    "nested": [{"a": i, "b": [i]} for i in range(1000)],
}


@pytest.mark.parametrize(
    "how", [{}, {"row_group_size": 7}, {"version": "1.0"}, {"compression": "zstd"}]
)
def test_rows_and_columns_are_those_that_pyarrow_reads(how: dict[str, Any]) -> None:
    import pyarrow.parquet

    data = written(TABLE, **how)
    theirs = pyarrow.parquet.ParquetFile(io.BytesIO(data))
    length = int.from_bytes(data[-8:-4], "little")
    ours = read_footer(data[-8 - length : -8])
    assert ours.rows == theirs.metadata.num_rows == 1000
    assert list(ours.columns) == [column.path for column in theirs.schema]


def test_the_number_of_rows_takes_one_read_and_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held({"a.parquet": written(TABLE), "b.parquet": written(TABLE)})
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert count("parquet", held).samples == 2000
    assert held.opened == {"a.parquet": 1, "b.parquet": 1}


def test_what_needs_the_library_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"a.parquet": written(TABLE)}
    found = count("parquet", files, classes=("c0", "c1"))
    assert found.classes == {"c0": 334, "c1": 333, "c2": 333}
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    error = refusal("parquet", files, classes=("c0",))
    assert error.code.id == "E9110"
    assert "edgewright[parquet]" in error.hint


def test_a_split_follows_the_content_and_ids_are_compared() -> None:
    splits = Splits(7, (("train", 0.7), ("test", 0.3)))
    one = count("parquet", {"a.parquet": written(TABLE)}, splits=splits)
    again = {**TABLE, "id": [f"other {i}" for i in range(1000)]}
    files = {"a.parquet": written(TABLE), "b.parquet": written(again, row_group_size=13)}
    both = count("parquet", files, splits=splits)
    assert both.splits == {name: 2 * samples for name, samples in one.splits.items()}
    twice = count(
        "parquet", {"a.parquet": written(TABLE), "b.parquet": written(TABLE)}, splits=splits
    )
    assert problems(twice) == {"duplicate-id": 1000}


def test_what_is_no_parquet_is_refused_and_never_crashes() -> None:
    data = written(TABLE)
    for bad in (b"", b"PAR1", data[:-1], data[:-500], data[:100] + data[-4:], data[:-4] + b"PARE"):
        assert refusal("parquet", {"a.parquet": bad}).code.id == "E9102"
    assert refusal("parquet", {"a.parquet": data[:-8] + b"\xff\xff\xff\x7fPAR1"}).code.id == "E9102"
    files = {"a.parquet": data, "b.parquet": written({"x": [1]})}
    assert refusal("parquet", files).code.id == "E9106"


def test_a_damaged_footer_is_refused_within_its_own_size() -> None:
    data = written(TABLE, row_group_size=50)
    length = int.from_bytes(data[-8:-4], "little")
    footer = data[-8 - length : -8]
    chance = random.Random(1)
    for _ in range(3000):
        bad = bytearray(footer[: chance.randrange(len(footer))])
        for _ in range(chance.randrange(4)):
            if bad:
                bad[chance.randrange(len(bad))] = chance.randrange(256)
        try:
            assert read_footer(bytes(bad)).rows >= 0
        except ParquetFaultError:
            continue
