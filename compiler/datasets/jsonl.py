"""JSON lines: one object a line.

A line that is no object is counted and left out; a file of which no line is one is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec

from compiler.datasets.json_text import JsonFaultError, decoded, keys_are_single
from compiler.datasets.lines import Block, blocks
from compiler.datasets.listing import chosen
from compiler.datasets.records import ROLES, Batch, Records
from compiler.model.codes import dataset as codes
from compiler.model.counted import Counted, CountRequest, DatasetFormat, UncountableError
from compiler.model.marks import collector_paused
from compiler.model.ports import Files

SUFFIXES: Final = (".jsonl", ".ndjson")


def count(files: Files, request: CountRequest) -> Counted:
    """Count the lines of every file of a dataset.

    Raises:
        UncountableError: a file is no text, or holds no record at all.
    """
    reader = _Reader(files, request)
    names = chosen(
        files, request.annotations, lambda name: name.lower().endswith(SUFFIXES),
        "file of records", several=True,
    )  # fmt: skip
    for name in names:
        with files.open(name) as stream, collector_paused():
            for block in blocks(stream, name):
                reader.take(block)
        reader.check(name)
    return reader.records.counted()


FORMAT = DatasetFormat("jsonl", "JSON lines", count)


Columns = dict[str, list[Any]]
"""The values of each role, UNSET where a record has none."""


class _Reader:
    def __init__(self, files: Files, request: CountRequest) -> None:
        self.records = Records(files, request)
        self._fields = {role: self.records.columns[role] for role in ROLES}
        row = msgspec.defstruct(
            "Row",
            [(role, Any, msgspec.UNSET) for role in ROLES],
            rename=self._fields,
            gc=False,
        )
        self._row = row
        self._decode = msgspec.json.Decoder(row).decode
        self._seen: set[str] = set()
        self._bad = ""

    def take(self, block: Block) -> None:
        """Count the lines of a block: all at once, or one by one where something is unusual."""
        lines = block.data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        columns = self._quickly(block, lines)
        if columns is not None:
            self._take(block, lines, columns, range(len(lines)))
            return
        found = list(self._slowly(block, lines))
        if found:
            self._take(block, lines, _columns([row for _, row in found]), [at for at, _ in found])

    def check(self, name: str) -> None:
        """Refuse a file without a record, and columns that no record has.

        Raises:
            UncountableError: there is none.
        """
        if not self.records.tally.samples and self._bad:
            raise UncountableError(
                codes.DATASET_MALFORMED,
                f"no line is a JSON object: {self._bad}",
                "write one object a line, without commas between them",
                file=name,
            )
        self.records.require(sorted(self._seen), name)

    def _quickly(self, block: Block, lines: list[bytes]) -> Columns | None:
        try:
            block.check()
            columns = _columns(list(map(self._decode, lines)))
        except (msgspec.DecodeError, RecursionError):
            return None
        # Each counted key must be there as often as it was found, or it came twice somewhere.
        keys = {
            name.encode(): len(lines) - columns[role].count(msgspec.UNSET)
            for role, name in self._fields.items()
        }
        return columns if keys_are_single(block.data, keys) else None

    def _slowly(self, block: Block, lines: list[bytes]) -> Iterator[tuple[int, Any]]:
        for number, line in enumerate(block.text.split("\n")[: len(lines)]):
            if not line.strip():
                continue
            try:
                value = decoded(line)
                if not isinstance(value, dict):
                    raise JsonFaultError("not an object")  # noqa: TRY301 - one report for all
            except JsonFaultError as fault:
                self._bad = f"{block.file}:{block.line + number}: {fault.message}"
                self.records.tally.problem(fault.kind, self._bad)
                continue
            have = {role: value[name] for role, name in self._fields.items() if name in value}
            yield number, self._row(**have)

    def _take(
        self, block: Block, lines: list[bytes], found: Columns, numbers: Sequence[int]
    ) -> None:
        columns: dict[str, Any] = {}
        for role, values in found.items():
            missing = values.count(msgspec.UNSET)
            if missing < len(values):
                self._seen.add(self._fields[role])
                if missing:
                    values = [None if one is msgspec.UNSET else one for one in values]  # noqa: PLW2901
                columns[f"{role}s"] = values

        def place(index: int) -> str:
            return f"{block.file}:{block.line + numbers[index]}"

        content = self._content(lines, numbers)
        self.records.take(Batch(len(numbers), place, content, **columns))

    def _content(self, lines: list[bytes], numbers: Sequence[int]) -> Callable[[int], bytes]:
        def content(index: int) -> bytes:
            try:
                value = msgspec.json.decode(lines[numbers[index]])
            except msgspec.DecodeError:
                return lines[numbers[index]]
            value.pop(self._fields["id"], None)
            return msgspec.json.encode(value, order="sorted")

        return content


def _columns(rows: list[Any]) -> Columns:
    return {role: list(map(attrgetter(role), rows)) for role in ROLES}
