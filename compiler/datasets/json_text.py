"""JSON where other people's files are read: strict, with places, without surprises.

The standard library's parser, with what it lets pass refused: one key twice, NaN and infinities,
numbers of thousands of digits, nesting that ends the interpreter's stack.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

FRAMED_KEY: Final = rb'"%b"\s*:'
_NO_KEY: Final = b"0123456789.,[]- \t\r\n"
_ASCII_ESCAPE: Final = re.compile(rb"\\u00[2-7]")


class JsonFaultError(Exception):
    """A text is no JSON. `at` is the index of the fault in it, `kind` a kind of problem."""

    def __init__(self, message: str, at: int = 0, kind: str = "bad-record") -> None:
        super().__init__(message)
        self.message, self.at, self.kind = message, at, kind


def decoded(text: str) -> Any:
    """The value of a text.

    Raises:
        JsonFaultError: it is not JSON, or gives one key twice.
    """
    return _decoding(text, 0, whole=True)[0]


def decoded_from(text: str, at: int) -> tuple[Any, int]:
    """One value that begins at an index, and the index after it.

    Raises:
        JsonFaultError: as for `decoded`.
    """
    return _decoding(text, at, whole=False)


def keys_are_single(data: bytes, found: dict[bytes, int]) -> bool:
    """Whether each key is in the text as often as a decoder found it, so that none came twice.

    False where that cannot be told this quickly.
    """
    # A single byte is found much faster than four.
    if b"\\" in data and _ASCII_ESCAPE.search(data):
        return False
    for key, times in found.items():
        # A key that was found nowhere cannot be there twice.
        if not times or data.count(b'"%b"' % key) == times:
            continue
        if len(re.findall(FRAMED_KEY % re.escape(key), data)) != times:
            return False
    return True


def shape_is_one(data: bytes, elements: int) -> bool:
    """Whether an array's elements are flat objects with the same keys in the same order, each once.

    Told by what is left without numbers, commas and brackets: `elements` times the same text.
    A text among the values differs, and the answer is then False: not told this quickly.
    """
    left = data.translate(None, _NO_KEY)
    one = left[: left.find(b"}") + 1]
    keys = one.split(b'"')[1::2]
    return b"\\" not in one and len(set(keys)) == len(keys) and left == one * elements


def _decoding(text: str, at: int, *, whole: bool) -> tuple[Any, int]:
    try:
        if whole:
            return _DECODER.decode(text), len(text)
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        end = error.pos >= len(text.rstrip())
        words = "ends too early" if end else error.msg[:1].lower() + error.msg[1:]
        raise JsonFaultError(words, error.pos) from None
    except RecursionError:
        raise JsonFaultError("nested deeper than can be read", at) from None
    except ValueError as error:
        if "digits" in str(error):
            raise JsonFaultError("a number of thousands of digits", at, "bad-value") from None
        raise


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise JsonFaultError(f"the key {twice} comes twice", kind="duplicate-key")
    return found


def _constant(name: str) -> Any:
    raise JsonFaultError(f"{name} is no JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
