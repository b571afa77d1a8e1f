"""Parquet: rows and columns from the footer; ids, labels and contents with pyarrow.

The number of rows takes the last 64 KiB of each file. What is in the rows is read only where the
spec asks for it, by `classes:`, `columns:` or `splits:`, and then needs the extra `[parquet]`.
"""

from __future__ import annotations

import io
from contextlib import ExitStack
from typing import Any, Final

import msgspec

from compiler.datasets.listing import chosen
from compiler.datasets.parquet_footer import (
    MAGIC,
    TAIL,
    ParquetFaultError,
    ParquetFooter,
    read_footer,
)
from compiler.datasets.records import ROLES, Batch, Records
from compiler.model.codes import dataset as codes
from compiler.model.counted import Counted, CountRequest, DatasetFormat, UncountableError
from compiler.model.ports import Files

WINDOW: Final = 64 << 10
LARGEST: Final = 64 << 20
"""The largest footer: one of a hundred thousand groups and columns."""
_ENCODE: Final = msgspec.json.Encoder(enc_hook=str, order="sorted").encode


def count(files: Files, request: CountRequest) -> Counted:
    """Count the rows of every file of a dataset.

    Raises:
        UncountableError: a file is no Parquet, or pyarrow is needed and not installed.
    """
    sizes = {one.name: one.size for one in files.names()}
    names = chosen(
        files, request.annotations, lambda name: name.lower().endswith((".parquet", ".pq")),
        "Parquet file", several=True,
    )  # fmt: skip
    records = Records(files, request)
    first: tuple[str, ...] | None = None
    for name in names:
        found = footer(files, name, sizes[name])
        first = first or found.columns
        if found.columns != first:
            raise UncountableError(
                codes.DATASET_SEVERAL,
                f"{name} has other columns than {names[0]}",
                f'write `annotations: "{names[0]}"` at the version, to count one of them',
            )
        records.require([column.split(".")[0] for column in found.columns], name)
        if request.classes or request.columns or request.splits:
            _rows(files, name, sizes[name], found, records)
        else:
            records.tally.samples += found.rows
    return records.counted()


FORMAT = DatasetFormat("parquet", "Parquet", count)


def footer(files: Files, name: str, size: int) -> ParquetFooter:
    """The footer of a file, from one read of its end where it is not huge.

    Raises:
        UncountableError: the file is no Parquet, was cut off, or is encrypted.
    """
    tail = _range(files, name, max(0, size - WINDOW), WINDOW)
    if tail[-4:] == b"PARE":
        raise _malformed(name, "the footer is encrypted", size)
    if size < 12 or tail[-4:] != MAGIC:
        raise _malformed(name, "the file does not end as Parquet does", size)
    length = int.from_bytes(tail[-TAIL:-4], "little")
    if length > min(LARGEST, size - TAIL - len(MAGIC)):
        raise _malformed(name, f"a footer of {length:,} bytes cannot be", size)
    if length + TAIL > len(tail):
        tail = _range(files, name, size - length - TAIL, length + TAIL)
    try:
        return read_footer(tail[-TAIL - length : -TAIL])
    except ParquetFaultError as error:
        raise _malformed(name, str(error), size) from None


def _malformed(name: str, message: str, size: int) -> UncountableError:
    return UncountableError(
        codes.DATASET_MALFORMED,
        message,
        "look whether the file was written and uploaded to its end",
        file=name,
        byte=max(0, size - TAIL),
    )


def _range(files: Files, name: str, start: int, size: int) -> bytes:
    with files.open(name, start=start) as stream:
        parts = []
        while size and (data := stream.read(size)):
            parts.append(data)
            size -= len(data)
    return b"".join(parts)


def _rows(files: Files, name: str, size: int, found: ParquetFooter, records: Records) -> None:
    pyarrow = _pyarrow(name)
    tops = list(dict.fromkeys(column.split(".")[0] for column in found.columns))
    used = {role: records.columns[role] for role in ROLES if records.columns[role] in tops}
    wanted = tops if records.tally.division is not None else list(used.values())
    if not wanted:
        records.tally.samples += found.rows
        return
    try:
        with Ranged(files, name, size) as source:
            row = 0
            for batch in pyarrow.ParquetFile(source).iter_batches(columns=wanted):
                columns: Any = {f"{r}s": batch.column(c).to_pylist() for r, c in used.items()}
                records.take(
                    Batch(
                        batch.num_rows,
                        lambda at, row=row: f"{name} row {row + at}",  # type: ignore[misc]
                        lambda at, batch=batch: _content(batch, at, used.get("id")),  # type: ignore[misc]
                        **columns,
                    )
                )
                row += batch.num_rows
    except (pyarrow.lib.ArrowException, OSError) as error:
        raise _malformed(name, str(error).splitlines()[0][:200], size) from None


def _content(batch: Any, at: int, without: str | None) -> bytes:
    """A row as JSON with sorted keys, without its id."""
    (row,) = batch.slice(at, 1).to_pylist()
    row.pop(without, None)
    return _ENCODE(row)


def _pyarrow(name: str) -> Any:
    try:
        import pyarrow.parquet
    except ImportError:
        raise UncountableError(
            codes.DATASET_EXTRA,
            "what is in the rows of a Parquet file needs pyarrow, which is not installed",
            "run `pip install 'edgewright[parquet]'`",
            file=name,
        ) from None
    return pyarrow.parquet


class Ranged(io.RawIOBase):
    """A file that can be read from any place; each jump opens it anew at the place."""

    def __init__(self, files: Files, name: str, size: int) -> None:
        super().__init__()
        self._files, self._name, self._size = files, name, size
        self._at = self._open_at = 0
        self._stack = ExitStack()
        self._stream: Any = None

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be read from any place."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; nothing is opened until something is read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read what the stream gives at once."""
        view = memoryview(buffer).cast("B")
        if self._at >= self._size or not view:
            return 0
        if self._stream is None or self._at != self._open_at:
            self._stack.close()
            opened = self._files.open(self._name, start=self._at)
            self._stream = self._stack.enter_context(opened)
            self._open_at = self._at
        data = self._stream.read(len(view))
        view[: len(data)] = data
        self._at += len(data)
        self._open_at = self._at
        return len(data)

    def close(self) -> None:
        """Close the stream."""
        self._stack.close()
        super().close()
