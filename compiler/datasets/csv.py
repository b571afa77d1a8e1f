"""CSV: a header, then one record a row; a row may hold newlines inside quotes.

The delimiter is the one of comma, semicolon, tab and bar that parts the header into most names.
Several files of one dataset must have one header. A quote that is never closed is refused:
whatever came after it would be one huge field.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from operator import itemgetter
from typing import Any, Final

from compiler.datasets.lines import blocks
from compiler.datasets.listing import chosen
from compiler.datasets.records import ROLES, Batch, Records
from compiler.model.codes import dataset as codes
from compiler.model.counted import Counted, CountRequest, DatasetFormat, UncountableError
from compiler.model.marks import collector_paused
from compiler.model.ports import Files

DELIMITERS: Final = (",", ";", "\t", "|")
ROWS: Final = 500


def count(files: Files, request: CountRequest) -> Counted:
    """Count the rows of every table of a dataset.

    Raises:
        UncountableError: a file is not such a table.
    """
    records = Records(files, request)
    names = chosen(
        files, request.annotations, lambda name: name.lower().endswith((".csv", ".tsv")),
        "table", several=True,
    )  # fmt: skip
    first: list[str] | None = None
    for name in names:
        with files.open(name) as stream, collector_paused():
            lines = chain.from_iterable(
                io.StringIO(block.text, newline="") for block in blocks(stream, name)
            )
            header = _table(lines, name, records)
        if first is not None and header != first:
            raise _other_header(names[0], name)
        first = header
    return records.counted()


FORMAT = DatasetFormat("csv", "CSV with a header", count)

_BREAKS: Final = re.compile(r"\r\n|\r|\n")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def _table(lines: Iterator[str], file: str, records: Records) -> list[str]:
    start = next(lines, "")
    delimiter = delimiter_of(start)
    reader = csv.reader(chain((start,), lines), delimiter=delimiter, strict=True)
    try:
        header = next(reader, [])
        _check_header(header, file, records)
        while True:
            line = reader.line_num + 1
            rows = list(islice(reader, ROWS))
            if not rows:
                return header
            _take(rows, header, file, line, records)
    except csv.Error as error:
        raise _broken(error, file, reader.line_num) from None


def delimiter_of(header: str) -> str:
    """The delimiter that parts a header into most names; a comma where none does."""
    plain = re.sub(r'"[^"]*"?', "", header)
    return max(DELIMITERS, key=plain.count)


def _check_header(header: Sequence[str], file: str, records: Records) -> None:
    if not header:
        raise UncountableError(
            codes.DATASET_MALFORMED,
            "there is no header",
            "the first row names the columns",
            file=file,
            line=1,
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise UncountableError(
            codes.DATASET_DUPLICATE,
            f"the header has the column {twice[0] or 'without a name'} twice",
            "give each column a name of its own",
            file=file,
            line=1,
        )
    records.require(header, file)
    if all(_NUMBER.fullmatch(name) for name in header):
        records.tally.problem("no-header", f"{file}:1: {','.join(header)}")


def _take(rows: list[list[str]], header: list[str], file: str, line: int, records: Records) -> None:
    starts: list[int] = []
    if set(map(len, rows)) != {len(header)}:
        rows, starts = _whole_rows(rows, len(header), file, line, records)
    columns: dict[str, Any] = {}
    for role in ROLES:
        if records.columns[role] in header:
            at = header.index(records.columns[role])
            columns[f"{role}s"] = list(map(itemgetter(at), rows))
    without = header.index(records.columns["id"]) if "ids" in columns else None

    def place(at: int) -> str:
        if not starts:
            starts.extend(_starts(rows, line))
        return f"{file}:{starts[at]}"

    def content(at: int) -> bytes:
        return "\x1f".join(cell for i, cell in enumerate(rows[at]) if i != without).encode()

    records.take(Batch(len(rows), place, content, **columns))


def _whole_rows(
    rows: list[list[str]], width: int, file: str, line: int, records: Records
) -> tuple[list[list[str]], list[int]]:
    """The rows without blank ones, ragged ones reported; a short row lacks its last cells."""
    kept, starts = [], []
    for row, start in zip(rows, _starts(rows, line), strict=True):
        if not row:
            continue
        if len(row) != width:
            problem = f"{file}:{start}: {len(row)} fields, the header has {width}"
            records.tally.problem("ragged-row", problem)
        kept.append((row + [""] * width)[: max(width, len(row))])
        starts.append(start)
    return kept, starts


def _starts(rows: list[list[str]], line: int) -> Iterator[int]:
    """The line on which each row begins."""
    for row in rows:
        yield line
        line += 1 + sum(len(_BREAKS.findall(cell)) for cell in row if "\n" in cell or "\r" in cell)


def _broken(error: csv.Error, file: str, line: int) -> UncountableError:
    text = str(error)
    if "field larger" in text:
        message = (
            f"a field of the row that ends about here is longer than {csv.field_size_limit():,}"
        )
        return UncountableError(
            codes.DATASET_BEYOND,
            message,
            "look for a quote that is not closed",
            file=file,
            line=line,
        )
    if "unexpected end" in text:
        text = "the file ends inside quotes"
    return UncountableError(
        codes.DATASET_MALFORMED,
        text,
        'a quote inside a field is written twice: ""',
        file=file,
        line=line,
    )


def _other_header(first: str, name: str) -> UncountableError:
    return UncountableError(
        codes.DATASET_SEVERAL,
        f"{name} has another header than {first}",
        f'write `annotations: "{first}"` at the version, to count one of them',
    )
