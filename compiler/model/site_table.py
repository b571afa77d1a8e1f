"""A table of sites (CSV) as the mapping that `fleet.sites` would be in YAML.

One line is one site. Positions are worked out when somebody asks, so that a large fleet costs
little. It checks the shape of the table only: what a value may be is decided elsewhere.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Final

from compiler.model import yaml_faults
from compiler.model.codes import text as codes
from compiler.model.decoding import STANDARD_LIMITS
from compiler.model.diagnostics import Code, Diagnostics, Related, Span
from compiler.model.marks import Entry, Map, Marks, collector_paused
from compiler.model.suggest import did_you_mean

_REQUIRED: Final = ("name", "cluster", "layer", "profile")
_PLAIN: Final = ("cluster", "layer", "profile", "timezone")
_LINK: Final = ("link.rate", "link.window")
_KNOWN: Final = (*_REQUIRED, "hosts", "timezone", *_LINK)
_FREE: Final = ("labels.", "vars.")
_MOST_COLUMNS: Final = 200
_LONGEST_LINE: Final = 65_536


def parse(file: str, text: str, diagnostics: Diagnostics) -> Map:
    """The sites of a table by name, in the order of its rows; faulty rows are left out.

    Cells are text, empty cells are absent. `labels.KEY`, `vars.KEY` and `link.KEY` become
    mappings, `hosts` becomes `{name: {address: ...}}` with `{}` where no address is given.
    """
    fault = yaml_faults.invisible(file, text)
    if fault is not None:
        diagnostics.add(fault.code, fault.message, fault.span, fault.hint)
        return Map()
    table = _Table(file, yaml_faults.lines_of(text), diagnostics)
    if not table.read_header():
        return Map()
    with collector_paused():
        return table.read_rows()


class _Table:
    """The lines of one table and what its header means."""

    def __init__(self, file: str, lines: list[str], diagnostics: Diagnostics) -> None:
        self.file, self.lines, self.diagnostics = file, lines, diagnostics
        self.first = next((i for i, line in enumerate(lines) if line.strip()), 0)
        self.columns: dict[str, int] = {}
        self.plain: list[tuple[str, int]] = []
        self.groups: list[tuple[str, list[tuple[str, int]]]] = []
        self.rows: dict[str, int] = {}
        self.shared: dict[str, str] = {}
        self.problems = 0

    def read_header(self) -> bool:
        """Understand the first line; False where the rows cannot be read with it."""
        names = self.cells(self.first)
        if names is None or not self._is_comma_separated(names):
            return False
        added = [self._add_column(index, name) for index, name in enumerate(names[:_MOST_COLUMNS])]
        good = all(added) and len(names) <= _MOST_COLUMNS
        if len(names) > _MOST_COLUMNS:
            message = f"the header has {len(names)} columns; {_MOST_COLUMNS} are the most"
            self.report(codes.CSV_HEADER, message, self.first, None, "remove columns")
        missing = [name for name in _REQUIRED if name not in self.columns]
        if good and missing:
            message = f"the table lacks the column{'s'[: len(missing) > 1]} {', '.join(missing)}"
            self.report(codes.CSV_HEADER, message, self.first, None, "add it to the first line")
        self._plan()
        return good and not missing

    def _is_comma_separated(self, names: Sequence[str]) -> bool:
        for delimiter, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if len(names) == 1 and delimiter in names[0]:
                hint = "save the table with commas; semicolons only separate hosts in one cell"
                message = f"the cells are separated by {word}, not by commas"
                self.report(codes.CSV_DELIMITER, message, self.first, None, hint)
                return False
        return True

    def _add_column(self, index: int, name: str) -> bool:
        if name in self.columns:
            message = f"the column {name} stands twice"
            self.report(codes.CSV_HEADER, message, self.first, index, "remove one")
            return False
        free = name.startswith(_FREE) and not name.endswith(".")
        if name not in _KNOWN and not free:
            self._unknown_column(index, name)
            return False
        self.columns[name] = index
        return True

    def _unknown_column(self, index: int, name: str) -> None:
        message = f"unknown column {name}" if name else "a column without a name"
        near = did_you_mean(name, (*_KNOWN, "labels", "vars"))
        hint = f"columns are {', '.join(_KNOWN)}, labels.KEY and vars.KEY"
        if name.startswith(_FREE) or name in ("labels", "vars"):
            hint = f"name the key: {name.rstrip('.')}.KEY"
        elif near:
            hint = near
        self.report(codes.CSV_HEADER, message, self.first, index, hint)

    def _plan(self) -> None:
        self.plain = [(name, self.columns[name]) for name in _PLAIN if name in self.columns]
        for group in ("labels", "vars", "link"):
            prefix = group + "."
            members = [
                (name.removeprefix(prefix), index)
                for name, index in self.columns.items()
                if name.startswith(prefix)
            ]
            if members:
                self.groups.append((group, members))

    def read_rows(self) -> Map:
        """Every row after the header; blank rows are no sites."""
        sites = Map((), _TableMarks(self, self.first, ""))
        width, name_index = len(self.columns), self.columns["name"]
        for row in range(self.first + 1, len(self.lines)):
            cells = self.cells(row)
            if not cells or not any(cells):
                continue
            if len(cells) != width:
                self._ragged(row, len(cells), width)
            elif self._is_new(cells[name_index], row, name_index):
                self.rows[cells[name_index]] = row
                sites[cells[name_index]] = self._site(cells, row)
            if self.problems > STANDARD_LIMITS.problems:
                message = f"more than {STANDARD_LIMITS.problems} problems; the rest is not read"
                self.diagnostics.add(codes.TOO_MANY_PROBLEMS, message, Span(self.file, row + 1, 1))
                break
        return sites

    def cells(self, row: int) -> list[str] | None:
        """The cells of a line without the spaces around them; None if it was reported."""
        line = self.lines[row]
        if len(line) > _LONGEST_LINE:
            message = f"the line has {len(line)} characters; {_LONGEST_LINE} are the most"
            self.report(codes.CSV_CELL, message, row, None, "write one site on each line")
            return None
        if '"' not in line:
            share = self.shared.setdefault
            return [share(cell, cell) for cell in map(str.strip, line.split(","))]
        try:
            return [cell.strip() for cell in next(csv.reader([line], _Quoted))]
        except csv.Error:
            hint = 'close every "; write a quote inside a quoted cell twice; keep a row on one line'
            self.report(codes.CSV_CELL, "the quotes of the row do not match", row, None, hint)
            return None

    def _ragged(self, row: int, found: int, width: int) -> None:
        message = f"the row has {found} cells, the header {width}"
        hint = "add empty cells at the end"
        if found > width:
            hint = "put a cell that contains a comma into double quotes; separate hosts by ;"
        self.report(codes.CSV_ROW, message, row, None, hint)

    def _is_new(self, name: str, row: int, index: int) -> bool:
        if not name:
            self.report(codes.CSV_CELL, "the row has no name", row, index, "every site needs one")
            return False
        if name not in self.rows:
            return True
        first = Span(self.file, self.rows[name] + 1, self.offset(self.rows[name], index) + 1)
        related = (Related(first, "first defined here"),)
        message = f"fleet.sites.{name} is defined twice; first in {first}"
        self.report(codes.DEFINED_TWICE, message, row, index, "keep one of the two", related)
        return False

    def _site(self, cells: Sequence[str], row: int) -> Map:
        plain = {name: cells[index] for name, index in self.plain if cells[index]}
        site = Map(plain, _TableMarks(self, row, "name"))
        for group, members in self.groups:
            values = {key: cells[index] for key, index in members if cells[index]}
            if values:
                site[group] = Map(values, _TableMarks(self, row, group))
        index = self.columns.get("hosts", -1)
        if index >= 0 and cells[index]:
            site["hosts"] = self._hosts(cells[index], row, index)
        return site

    def _hosts(self, cell: str, row: int, index: int) -> Map:
        marks = _TableMarks(self, row, "hosts")
        hosts = Map((), marks)
        for part in cell.split(";"):
            name, equals, address = (word.strip() for word in part.partition("="))
            crowded = any(mark in name + address for mark in " \t|,/")
            if not name or bool(equals) != bool(address) or name in hosts or crowded:
                problem = f"{name} stands twice" if name in hosts else f"`{part}` is no host"
                hint = "write name or name=address, separated by ;"
                self.report(codes.CSV_CELL, f"hosts: {problem}", row, index, hint)
                break
            hosts[name] = Map({"address": address} if address else (), marks)
        return hosts

    def offset(self, row: int, index: int) -> int:
        """Where a cell begins in its line, counted from 0, after the spaces before it."""
        line, start, quoted = self.lines[row], 0, False
        for place, character in enumerate(line):
            if index == 0:
                break
            quoted ^= character == '"'
            if character == "," and not quoted:
                index, start = index - 1, place + 1
        return start + len(line[start:]) - len(line[start:].lstrip(" \t"))

    def report(
        self,
        code: Code,
        message: str,
        row: int,
        index: int | None,
        hint: str,
        related: tuple[Related, ...] = (),
    ) -> None:
        """Report a fault of a cell, or of the whole row where `index` is None."""
        self.problems += 1
        column = 0 if index is None else self.offset(row, index)
        span = Span(self.file, row + 1, column + 1)
        self.diagnostics.add(code, message, span, hint, related)


class _Quoted(csv.Dialect):
    delimiter, quotechar, lineterminator = ",", '"', "\n"
    quoting, doublequote, strict, skipinitialspace = csv.QUOTE_MINIMAL, True, True, True


class _TableMarks(Marks):
    """The marks of a table, of one row (part `name`) or of one group of its cells."""

    __slots__ = ("part", "table")

    def __init__(self, table: _Table, row: int, part: str) -> None:
        self.file, self.line, self.column = table.file, row, 0
        self.entries = _NO_ENTRIES
        self.table, self.part = table, part

    @property
    def span(self) -> Span:
        """The place of the row's name, or of the first cell of the group."""
        return Span(self.file, self.line + 1, self._start() + 1)

    def entry(self, key: str | int) -> Entry | None:
        """The positions of one site, of one cell, or of one host in its cell."""
        if not self.part:
            return self._site_entry(str(key))
        found = self._offset(str(key))
        if found is None:
            return None
        child = None
        if self.part == "name" and (key == "hosts" or key not in self.table.columns):
            child = _TableMarks(self.table, self.line, str(key))
        return (self.line, found, self.line, found, child, None)

    def _site_entry(self, name: str) -> Entry | None:
        row = self.table.rows.get(name)
        if row is None:
            return None
        index = self.table.columns["name"]
        column = self.table.offset(row, index) if index else 0
        return (row, column, row, column, _TableMarks(self.table, row, "name"), None)

    def _start(self) -> int:
        if not self.part:
            return 0
        if self.part in self.table.columns:
            return self.table.offset(self.line, self.table.columns[self.part])
        return self._group_offset(self.part) or 0

    def _offset(self, key: str) -> int | None:
        if self.part == "hosts":
            return self._host_offset(key)
        name = key if self.part == "name" else f"{self.part}.{key}"
        index = self.table.columns.get(name)
        if index is None:
            return self._group_offset(key) if self.part == "name" else None
        cell = (self.table.cells(self.line) or [])[index : index + 1]
        return self.table.offset(self.line, index) if cell and cell[0] else None

    def _group_offset(self, group: str) -> int | None:
        cells = self.table.cells(self.line) or []
        members = dict(self.table.groups).get(group, [])
        found = [index for _, index in members if index < len(cells) and cells[index]]
        return self.table.offset(self.line, min(found)) if found else None

    def _host_offset(self, host: str) -> int | None:
        start = self._start()
        place = start
        for part in self.table.lines[self.line][start:].split(";"):
            if part.partition("=")[0].partition(",")[0].strip(' "') == host:
                return place + len(part) - len(part.lstrip(' "'))
            place += len(part) + 1
        return None


_NO_ENTRIES: Final[dict[str, Entry]] = {}
