from __future__ import annotations

import csv
import io
import random

import pytest

from compiler.model.splitting import Splits
from tests.datasets.held import count, examples, problems, refusal


def test_a_newline_inside_quotes_ends_no_record() -> None:
    found = count("csv", {"t.csv": 'id,label\r\n1,"a\nb"\r\n2,"a\r\nb"\r\n'})
    assert found.samples == 2
    assert found.classes == {"a\\u000ab": 1, "a\\u000d\\u000ab": 1}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_read_from_the_header(delimiter: str) -> None:
    text = f'id{delimiter}"la;b,e|l"{delimiter}label\n1{delimiter}x{delimiter}cat\n'
    assert count("csv", {"t.csv": text}).classes == {"cat": 1}


def test_the_mark_before_utf_8_is_no_part_of_the_first_name() -> None:
    found = count("csv", {"t.csv": b"\xef\xbb\xbflabel,x\ncat,1\n"})
    assert found.classes == {"cat": 1}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_another_encoding_is_refused_with_the_way_to_convert_it(encoding: str) -> None:
    error = refusal("csv", {"t.csv": "id,label\n1,cat\n".encode(encoding)})
    assert error.code.id == "E9101"
    assert "iconv -f UTF-" in error.hint


def test_a_nul_byte_and_a_byte_of_no_text_are_refused_at_their_line_and_byte() -> None:
    assert str(refusal("csv", {"t.csv": b"id,label\n1,a\n2,\0\n"})) == (
        "t.csv:3: a NUL byte (byte 15)"
    )
    assert str(refusal("csv", {"t.csv": b"id,label\n1,\xe4\n"})) == (
        "t.csv:2: a byte that no UTF-8 text has (byte 11)"
    )


def test_ragged_rows_are_counted_with_the_line_on_which_they_begin() -> None:
    found = count("csv", {"t.csv": 'id,label\n1,"a\n\nb"\n\n2\n3,a,x\n'})
    assert found.samples == 3
    assert problems(found) == {"ragged-row": 2, "unlabelled": 1}
    assert examples(found, "ragged-row") == (
        "t.csv:6: 1 fields, the header has 2",
        "t.csv:7: 3 fields, the header has 2",
    )


def test_a_quote_that_is_never_closed_is_refused() -> None:
    error = refusal("csv", {"t.csv": 'id,label\n1,"a\n2,b\n'})
    assert error.code.id == "E9102"
    assert "inside quotes" in str(error)


def test_a_field_beyond_the_limit_is_refused() -> None:
    error = refusal("csv", {"t.csv": 'id,label\n1,"' + "a" * 200_000})
    assert error.code.id == "E9103"


def test_columns_are_found_by_the_names_of_the_spec_and_a_missing_one_is_told() -> None:
    files = {"t.csv": "uuid,species\nx,cat\nx,dog\n"}
    found = count("csv", files, columns={"id": "uuid", "label": "species"})
    assert problems(found) == {"duplicate-id": 1}
    error = refusal("csv", files, columns={"label": "specis"})
    assert error.code.id == "E9109"
    assert "species" in error.hint
    assert refusal("csv", files, classes=("cat",)).code.id == "E9109"


def test_a_column_that_comes_twice_and_two_tables_with_different_headers_are_refused() -> None:
    assert refusal("csv", {"t.csv": "a,a\n1,2\n"}).code.id == "E9107"
    error = refusal("csv", {"a.csv": "a\n1\n", "b.csv": "b\n1\n"})
    assert error.code.id == "E9106"
    assert refusal("csv", {"t.csv": b""}).code.id == "E9102"


def test_a_dataset_without_a_table_is_refused() -> None:
    error = refusal("csv", {"a.jpg": "", "b.jpg": ""})
    assert error.code.id == "E9105"
    assert "annotations:" in error.hint
    assert refusal("csv", {"a.csv": ""}, annotations="b.csv").code.id == "E9105"


def test_tables_with_one_header_are_one_dataset() -> None:
    found = count("csv", {"a.csv": "label\na\n", "b/b.csv": "label\nb\n"})
    assert found.samples == 2


def test_a_header_that_looks_like_data_is_told() -> None:
    assert problems(count("csv", {"t.csv": "1,2.5\n3,4\n"})) == {"no-header": 1}


def test_undeclared_and_unused_classes_are_counted() -> None:
    found = count("csv", {"t.csv": "label\na\nb\n\n"}, classes=("a", "c"))
    assert found.classes == {"a": 1, "c": 0, "b": 1}
    assert problems(found) == {"empty-class": 1, "unknown-class": 1}
    assert examples(found, "unknown-class") == ("t.csv:3: b",)


def test_files_that_rows_name_are_compared_with_those_that_are_there() -> None:
    files = {"t.csv": "path,label\na.jpg,x\nb.jpg,y\n", "a.jpg": "1", "c.jpg": "2", "d.txt": ""}
    found = count("csv", files)
    assert problems(found) == {"missing-file": 1, "unlisted-file": 1}
    assert examples(found, "missing-file") == ("t.csv:3: b.jpg",)
    assert examples(found, "unlisted-file") == ("c.jpg",)


def written(rows: list[list[str]], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def test_hostile_tables_count_as_they_were_written() -> None:
    chance = random.Random(5)
    cells = [
        "a",
        "",
        '"',
        "\n",
        "\r\n",
        "\r",
        ",",
        ";",
        "ä",
        "💡",
        " x ",
        "'",
        "\t",
        "a\nb\nc",
        "\x85",
    ]
    for _ in range(150):
        rows = [
            [str(i), "".join(chance.choices(cells, k=chance.randrange(4)))]
            for i in range(chance.randrange(60))
        ]
        text = written([["id", "label"], *rows], chance.choice(",;\t"))
        found = count("csv", {"t.csv": text})
        assert found.samples == len(rows)
        assert found.labels == sum(bool(row[1]) for row in rows)
        assert problems(found).get("unlabelled", 0) == sum(not row[1] for row in rows)


def test_pandas_counts_the_same() -> None:
    pandas = pytest.importorskip("pandas", reason="pip install pandas compares with it")
    rows = [[str(i), f"c{i % 3}", f'a "quoted"\nline {i}, and more'] for i in range(5000)]
    text = written([["id", "label", "note"], *rows], ",")
    found = count("csv", {"t.csv": text})
    frame = pandas.read_csv(io.StringIO(text))
    assert found.samples == len(frame)
    assert found.classes == frame["label"].value_counts().to_dict()


def test_a_split_follows_the_content_alone_and_no_content_is_in_two_parts() -> None:
    splits = Splits(7, (("train", 0.7), ("val", 0.2), ("test", 0.1)))
    rows = [[str(i), f"c{i % 9}", f"text {i}"] for i in range(3000)]
    head = ["id", "label", "text"]
    found = count("csv", {"t.csv": written([head, *rows], ",")}, splits=splits)
    assert sum(found.splits.values()) == 3000
    assert found.splits["train"] == pytest.approx(2100, abs=120)
    again = [[f"again-{row[0]}", *row[1:]] for row in rows]
    twice = count("csv", {"t.csv": written([head, *rows, *again], ",")}, splits=splits)
    assert twice.splits == {name: 2 * samples for name, samples in found.splits.items()}
