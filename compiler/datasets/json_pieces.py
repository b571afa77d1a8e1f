"""One huge JSON object read in pieces: its keys in order, its arrays some elements at a time.

A piece ends where an object seems to end and another to begin. Whether it does is not scanned
for but proven: put into brackets, the piece is a JSON array only if it ends between two elements,
since whatever else is open would stay open. So the decoder, which is not ours and fast, finds
every wrong guess, and a piece that it refuses is read again element by element, strictly.
At most one piece and one element are held. Knows no keys of any format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

from compiler.datasets.json_text import JsonFaultError, decoded_from
from compiler.datasets.lines import LONGEST, started
from compiler.model.codes import dataset as codes
from compiler.model.counted import UncountableError

PIECE: Final = 1 << 18

Decode = Callable[[bytes], list[Any] | None]
"""Makes a list of the bytes of an array; None where it cannot, or not surely."""
Convert = Callable[[Any], Any | None]
"""Makes of one decoded value what `Decode` makes of an element; None where it is left out."""

_BETWEEN: Final = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*\{")
_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_TAIL: Final = 4096
_GUESSES: Final = 3


class JsonPieces:
    """Reads forward through a stream; `offset` and `line` say where it stands."""

    def __init__(self, stream: BinaryIO, file: str, offset: int = 0, line: int = 1) -> None:
        self._stream, self.file = stream, file
        self._data = b""
        self._at = 0
        self._ended = False
        self.offset, self.line = offset, line

    def keys(self) -> Iterator[str]:
        """Each key of the object that is the whole file; its value must be read before the next.

        Raises:
            UncountableError: the file is no JSON object, or has a key twice.
        """
        self._fill()
        plain = started(self._data, self.file)
        self._pass(len(self._data) - len(plain))
        self._take(b"{", "an object")
        seen: set[str] = set()
        if self.peek() == b"}":
            self._take(b"}", "}")
        else:
            for _ in self._listed(b"}"):
                yield self._key(seen)
        if self.peek():
            raise self.fault("more text after the end of the object")

    def value(self) -> Any:
        """The value that stands here.

        Raises:
            UncountableError: it is no JSON, or too long.
        """
        self.peek()
        size = _TAIL
        while True:
            self._fill(size)
            text = self._text(size)
            try:
                value, end = decoded_from(text, 0)
            except JsonFaultError as fault:
                if size >= len(self._data) - self._at:
                    self._more(fault, text)
            else:
                if end < len(text) or (self._ended and size >= len(self._data) - self._at):
                    self._pass(len(text[:end].encode()))
                    return value
            size *= 4

    def elements(self, decode: Decode, convert: Convert) -> Iterator[list[Any]]:
        """The elements of the array that stands here, some at a time.

        Raises:
            UncountableError: it is no array, or an element is no JSON or too long.
        """
        self._take(b"[", "an array")
        if self.peek() == b"]":
            self._take(b"]", "]")
            return
        while True:
            rows = self._quickly(decode)
            if rows is None:
                rows, ended = self._slowly(convert)
            else:
                self.peek()
                ended = self._parted(b"]")
            yield rows
            if ended:
                return

    def peek(self) -> bytes:
        """The next byte that is no blank; empty at the end of the file."""
        while True:
            found = _SPACE.match(self._data, self._at)
            self._pass(found.end() - self._at if found else 0)
            if self._at < len(self._data):
                return self._data[self._at : self._at + 1]
            if self._ended:
                return b""
            self._fill()

    def fault(self, message: str, at: int = 0) -> UncountableError:
        """The error for what stands here, or `at` bytes further on."""
        return UncountableError(
            codes.DATASET_MALFORMED,
            message,
            "look whether the file was written and uploaded to its end",
            file=self.file,
            line=self.line + self._data.count(b"\n", self._at, self._at + at),
            byte=self.offset + at,
        )

    def _quickly(self, decode: Decode) -> list[Any] | None:
        self._fill(PIECE)
        end = min(len(self._data), self._at + PIECE)
        window = max(self._at, end - _TAIL)
        found = [match.start() + 1 for match in _BETWEEN.finditer(self._data, window, end)]
        for cut in reversed(found[-_GUESSES:]):
            piece = b"[" + self._data[self._at : cut] + b"]"
            rows = decode(piece) if _is_text(piece) else None
            if rows is not None:
                self._pass(cut - self._at)
                return rows
        return None

    def _slowly(self, convert: Convert) -> tuple[list[Any], bool]:
        """Elements one by one for about one piece, and whether the array ended."""
        rows, start = [], self.offset
        while True:
            row = convert(self.value())
            if row is not None:
                rows.append(row)
            self.peek()
            if self._parted(b"]"):
                return rows, True
            if self.offset - start > PIECE:
                return rows, False

    def _listed(self, end: bytes) -> Iterator[None]:
        while True:
            yield
            self.peek()
            if self._parted(end):
                return

    def _parted(self, end: bytes) -> bool:
        """Pass the comma before the next of a list; True where the list ended instead."""
        found = self.peek()
        if found not in (b",", end):
            expected = f", or {end.decode()}"
            raise self.fault(f"expected {expected}" if found else "the file ends too early")
        self._pass(1)
        self.peek()
        return found == end

    def _key(self, seen: set[str]) -> str:
        if self.peek() != b'"':
            raise self.fault(
                "expected a key in quotes" if self.peek() else "the file ends too early"
            )
        key = str(self.value())
        if key in seen:
            raise UncountableError(
                codes.DATASET_DUPLICATE,
                f"the key {key} comes twice",
                "keep one of the two",
                file=self.file,
                line=self.line,
                byte=self.offset,
            )
        seen.add(key)
        self._take(b":", "a colon")
        self.peek()
        return key

    def _take(self, wanted: bytes, name: str) -> None:
        found = self.peek()
        if found != wanted:
            raise self.fault(f"expected {name}" if found else "the file ends too early")
        self._pass(1)

    def _more(self, fault: JsonFaultError, text: str) -> None:
        """Read on where the fault may be that the text was cut; else raise it."""
        held = len(self._data) - self._at
        if not self._ended and held < LONGEST and fault.kind == "bad-record":
            self._fill(2 * held)
            return
        at = len(text[: fault.at].encode())
        if not self._ended and held >= LONGEST and "nested" not in fault.message:
            raise UncountableError(
                codes.DATASET_BEYOND,
                f"a value is longer than {LONGEST >> 20} MiB, or is no JSON: {fault.message}",
                "look at this place; a single element of that size is seldom meant",
                file=self.file,
                line=self.line,
                byte=self.offset,
            )
        raise self._raised(fault, at)

    def _raised(self, fault: JsonFaultError, at: int) -> UncountableError:
        error = self.fault(fault.message, at)
        if fault.kind == "duplicate-key":
            error.code, error.hint = codes.DATASET_DUPLICATE, "keep one of the two"
        elif "nested" in fault.message:
            error.code = codes.DATASET_BEYOND
        return error

    def _text(self, size: int | None = None) -> str:
        end = len(self._data) if size is None else min(len(self._data), self._at + size)
        data = self._data[self._at : end]
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            cut = error.start > len(data) - 4 and not (self._ended and end == len(self._data))
            if cut:
                return data[: error.start].decode()
            raise UncountableError(
                codes.DATASET_TEXT,
                "a byte that no UTF-8 text has",
                "save the file as UTF-8, or look whether it was damaged on its way",
                file=self.file,
                line=self.line + data.count(b"\n", 0, error.start),
                byte=self.offset + error.start,
            ) from None

    def _fill(self, wanted: int = PIECE) -> None:
        """Hold at least so many bytes, where there are as many."""
        if len(self._data) - self._at >= wanted or self._ended:
            return
        held = self._data[self._at :]
        parts, size = [held], len(held)
        while size < wanted:
            data = self._stream.read(max(PIECE, wanted - size))
            if not data:
                self._ended = True
                break
            parts.append(data)
            size += len(data)
        self._data, self._at = b"".join(parts), 0

    def _pass(self, size: int) -> None:
        self.line += self._data.count(b"\n", self._at, self._at + size)
        self._at += size
        self.offset += size


def _is_text(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
