"""The footer of a Parquet file: its rows and its columns, without a library for the rest of it.

The footer is a struct in Thrift's compact protocol at the end of the file. Of it the number of
rows, the names of the columns and the rows of each group are read; everything else is passed
over, within caps on nesting and on sizes.
"""

from __future__ import annotations

from typing import Any, Final

from compiler.model.record import dataclass

MAGIC: Final = b"PAR1"
TAIL: Final = 8
_DEPTH: Final = 32
_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = (
    0, 1, 2, 3, 7, 8, 9, 10, 11, 12,
)  # fmt: skip
_INTEGERS: Final = (4, 5, 6)


@dataclass(frozen=True, slots=True)
class ParquetFooter:
    """`columns` are the paths of the leaf columns, with dots, in the order of the file."""

    rows: int
    columns: tuple[str, ...]


class ParquetFaultError(Exception):
    """The bytes are no footer."""


def read_footer(data: bytes) -> ParquetFooter:
    """Read the footer from its own bytes, without length and magic.

    Raises:
        ParquetFaultError: they are not a footer, or contradict themselves.
    """
    try:
        found = _Compact(data).struct(0)
        schema = [(_text(one[4]), one.get(5, 0)) for one in found[2]]
        rows, groups = found[3], [group[3] for group in found[4]]
        columns = tuple(_leaves(schema))
    except (IndexError, KeyError, TypeError, AttributeError, RecursionError):
        raise ParquetFaultError("the footer is damaged") from None
    if not isinstance(rows, int) or rows < 0 or sum(groups) != rows:
        raise ParquetFaultError(f"the footer says {rows} rows, and its groups {sum(groups)}")
    return ParquetFooter(rows, columns)


def _leaves(schema: list[tuple[str, int]]) -> list[str]:
    """The leaves of a tree that is written flat: each node says how many children follow."""
    found: list[str] = []
    at = 1

    def walk(children: int, above: str, depth: int) -> None:
        nonlocal at
        if depth > _DEPTH or children < 0:
            raise IndexError
        for _ in range(children):
            name, below = schema[at]
            at += 1
            if below:
                walk(below, f"{above}{name}.", depth + 1)
            else:
                found.append(f"{above}{name}")

    walk(schema[0][1], "", 0)
    return found


def _text(value: Any) -> str:
    return bytes(value).decode("utf-8", "replace")


class _Compact:
    """Decodes a struct into a mapping of field numbers; IndexError at the end of the bytes."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def struct(self, depth: int) -> dict[int, Any]:
        """One struct, with all that is in it."""
        if depth > _DEPTH:
            raise IndexError
        found: dict[int, Any] = {}
        number = 0
        while (head := self._byte()) != _STOP:
            step, kind = head >> 4, head & 15
            number = number + step if step else self._integer()
            found[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind in _INTEGERS:
            return self._integer()
        if kind == _BINARY:
            return self._bytes(self._size())
        if kind in (_LIST, _SET):
            return self._list(depth)
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind == _MAP:
            return self._map(depth)
        return self._bytes({_BYTE: 1, _TRUE: 1, _FALSE: 1, _DOUBLE: 8}[kind])

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        size = head >> 4 if head >> 4 < 15 else self._size()
        self._enough(size)
        return [self._value(head & 15, depth + 1) for _ in range(size)]

    def _map(self, depth: int) -> list[tuple[Any, Any]]:
        size = self._size()
        if not size:
            return []
        kinds = self._byte()
        self._enough(size)
        return [
            (self._value(kinds >> 4, depth + 1), self._value(kinds & 15, depth + 1))
            for _ in range(size)
        ]

    def _integer(self) -> int:
        number = self._size()
        return (number >> 1) ^ -(number & 1)

    def _size(self) -> int:
        found = shift = 0
        while True:
            one = self._byte()
            found |= (one & 0x7F) << shift
            if one < 0x80:
                return found
            shift += 7
            if shift > 63:
                raise IndexError

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _bytes(self, size: int) -> bytes:
        self._enough(size)
        self.at += size
        return self.data[self.at - size : self.at]

    def _enough(self, size: int) -> None:
        if size > len(self.data) - self.at:
            raise IndexError
