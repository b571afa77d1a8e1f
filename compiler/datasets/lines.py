"""Text as blocks of whole lines, each with its line number and byte offset.

Only UTF-8 is read. What no text has (another encoding, a NUL byte) is refused at its place; the
mark that some editors put before UTF-8 is taken away. Nothing here knows a format.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from compiler.model.codes import dataset as codes
from compiler.model.counted import UncountableError
from compiler.model.record import dataclass

BLOCK: Final = 1 << 17
LONGEST: Final = 16 << 20
"""The longest line that is held in memory."""

_MARKS: Final = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\x1f\x8b": "gzip, a compressed format",
    b"PK\x03\x04": "zip, an archive format",
    b"PAR1": "Parquet, a binary format",
}
_CONVERT: Final = "convert it to UTF-8, for example with `iconv -f {} -t UTF-8`"


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of a file: their bytes, the number of the first, its offset in the file."""

    file: str
    data: bytes
    line: int
    offset: int

    @property
    def text(self) -> str:
        """The block decoded.

        Raises:
            UncountableError: it is not UTF-8.
        """
        try:
            return self.data.decode()
        except UnicodeDecodeError as error:
            raise self.refused(error.start, "a byte that no UTF-8 text has") from None

    def check(self) -> None:
        """Refuse what is not UTF-8, without making text of it where it is plain ASCII."""
        if not self.data.isascii():
            _ = self.text

    def refused(self, at: int, message: str) -> UncountableError:
        """The error for a byte of the block that no text has."""
        return UncountableError(
            codes.DATASET_TEXT,
            message,
            "save the file as UTF-8, or look whether it was damaged on its way",
            file=self.file,
            line=self.line + self.data.count(b"\n", 0, at),
            byte=self.offset + at,
        )


def blocks(stream: BinaryIO, file: str) -> Iterator[Block]:
    """The text of a stream; `file` is the name that errors show.

    Raises:
        UncountableError: another encoding, a NUL byte, or a line that is too long.
    """
    line, offset, rest = 1, 0, b""
    for number, data in enumerate(chunks(stream)):
        held = data
        if number == 0:
            held = started(data, file)
            offset = len(data) - len(held)
        cut = held.rfind(b"\n") + 1
        if not cut:
            rest += held
            if len(rest) > LONGEST:
                raise _too_long(file, line, offset)
            continue
        yield (block := _checked(Block(file, rest + held[:cut], line, offset)))
        line += block.data.count(b"\n")
        offset += len(block.data)
        rest = held[cut:]
    if rest:
        yield _checked(Block(file, rest, line, offset))


def chunks(stream: BinaryIO, size: int = BLOCK) -> Iterator[bytes]:
    """The bytes of a stream in pieces."""
    while data := stream.read(size):
        yield data


def started(data: bytes, file: str) -> bytes:
    """The first bytes of a file without the mark of UTF-8.

    Raises:
        UncountableError: they are the first bytes of something else.
    """
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            raise _foreign(file, name)
    if b"\0" in data[:4]:
        raise _foreign(file, "UTF-16" if data[:4].count(0) < 3 else "UTF-32")
    return data.removeprefix(b"\xef\xbb\xbf")


def _foreign(file: str, name: str) -> UncountableError:
    known = name.startswith("UTF")
    hint = _CONVERT.format(name) if known else "write `unpack:` or the right `format:` in the spec"
    return UncountableError(
        codes.DATASET_TEXT, f"this is {name}, not UTF-8", hint, file=file, line=1, byte=0
    )


def _checked(block: Block) -> Block:
    at = block.data.find(0)
    if at >= 0:
        raise block.refused(at, "a NUL byte")
    return block


def _too_long(file: str, line: int, offset: int) -> UncountableError:
    return UncountableError(
        codes.DATASET_BEYOND,
        f"a line is longer than {LONGEST >> 20} MiB",
        "end the lines of the file with a newline",
        file=file,
        line=line,
        byte=offset,
    )
