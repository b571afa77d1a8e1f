"""Bytes to text: UTF-8 and nothing else, within a cap on size.

It guesses no encoding; where bytes are not UTF-8 it names the first wrong one.
"""

from __future__ import annotations

from compiler.model import yaml_faults
from compiler.model.codes import text as codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.record import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on one file. `nodes` counts keys and values, with aliases as what they stand for."""

    size: int = 8 * 1024 * 1024
    scalar: int = 1024 * 1024
    depth: int = 100
    nodes: int = 1_000_000
    aliases: int = 10_000
    documents: int = 100
    problems: int = 100


STANDARD_LIMITS = Limits()


def decode(
    file: str, data: bytes, diagnostics: Diagnostics, limits: Limits = STANDARD_LIMITS
) -> str | None:
    """The text of UTF-8 bytes without a leading byte order mark; None if it was reported."""
    if len(data) > limits.size:
        report_size(file, len(data), limits, diagnostics)
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        message = "the file is UTF-16, not UTF-8"
        diagnostics.add(codes.ENCODING, message, Span(file, 1, 1), "save the file as UTF-8")
        return None
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        _report_byte(file, data, error.start, diagnostics)
        return None


def report_size(file: str, size: int, limits: Limits, diagnostics: Diagnostics) -> None:
    """Report a file beyond the cap."""
    message = f"the file has {size / 2**20:.1f} MiB; {limits.size / 2**20:g} MiB are the most"
    diagnostics.add(codes.FILE_TOO_LARGE, message, Span(file, 1, 1), "split the file")


def _report_byte(file: str, data: bytes, offset: int, diagnostics: Diagnostics) -> None:
    before = data[:offset].decode("utf-8")
    message = f"byte 0x{data[offset]:02X} is not UTF-8"
    hint = "save the file as UTF-8"
    character = data[offset : offset + 1].decode("cp1252", "replace")
    if character.isprintable() and character != "\ufffd":
        hint = f"in Windows-1252 it would be `{character}`; save the file as UTF-8"
    span = yaml_faults.span_at(file, before, len(before))
    diagnostics.add(codes.ENCODING, message, span, hint)
