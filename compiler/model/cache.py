"""The cache's nouns: keys, places in pack files, the index, and how an entry becomes bytes.

Content is only ever data: JSON and bytes, each under a digest. Whatever does not read back
exactly is `CacheError`, which means a miss and never a fault of the user's. No file is
opened here.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from typing import Any

from compiler.model.codes import all_codes
from compiler.model.diagnostics import Diagnostic, Related, Span
from compiler.model.record import dataclass

FORMAT = "edgewright-cache 1"

_PACK_NAME = re.compile(r"[0-9a-f]{8,32}\.(files|notes)")
_LEVEL = 1


class CacheError(Exception):
    """Cached bytes do not read back as what was written."""


@dataclass(frozen=True, slots=True)
class Known:
    """How a directory looked after it was written: sha256 of its ledger, and a fingerprint."""

    ledger: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a blob lies: pack file, byte offset, byte length, 32 hex digits of its digest."""

    pack: str
    offset: int
    length: int
    digest: str


@dataclass(frozen=True, slots=True)
class CacheRow:
    """One unit in the index: the key of its inputs, its ledger's sha256, its two blobs.

    `fingerprint` is empty until the unit was written.
    """

    path: str
    key: str
    ledger: str
    files: Place
    notes: Place
    fingerprint: str = ""

    @property
    def known(self) -> Known:
        """What `write` needs to leave the directory alone."""
        return Known(self.ledger, self.fingerprint)


@dataclass(frozen=True, slots=True)
class Notes:
    """What a unit's compile said: its warnings, and the check stage's summary as JSON data."""

    warnings: tuple[Diagnostic, ...]
    summary: Any


def cache_key(parts: Iterable[str | bytes]) -> str:
    """64 hex digits over parts whose borders count: ("a", "bc") and ("ab", "c") differ."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()


def blob_digest(blob: bytes) -> str:
    """The digest that a `Place` carries."""
    return hashlib.blake2b(blob, digest_size=16).hexdigest()


def pack_files(files: Mapping[str, bytes]) -> bytes:
    """One compressed blob of files by name: a line of JSON (names and lengths), then the bytes."""
    head = json.dumps([[name, len(data)] for name, data in files.items()])
    return zlib.compress(b"".join((head.encode(), b"\n", *files.values())), _LEVEL)


def unpack_files(blob: bytes) -> dict[str, bytes]:
    """The files of a blob.

    Raises:
        CacheError: the blob was not made by `pack_files`.
    """
    try:
        head, _, body = zlib.decompress(blob).partition(b"\n")
        files: dict[str, bytes] = {}
        start = 0
        for name, length in json.loads(head):
            files[str(name)] = body[start : start + length]
            start += length
    except (zlib.error, ValueError, TypeError) as fault:
        raise CacheError(str(fault)) from fault
    if start != len(body):
        raise CacheError("the lengths do not add up")
    return files


def pack_notes(warnings: Sequence[Diagnostic], summary: Any) -> bytes:
    """Warnings and summary as one line of JSON; `summary` holds only what JSON can."""
    return json.dumps(
        [[_diagnostic_data(item) for item in warnings], summary], separators=(",", ":")
    ).encode()


def unpack_notes(blob: bytes) -> Notes:
    """Warnings and summary of a blob.

    Raises:
        CacheError: the blob was not made by `pack_notes`, or a code is gone.
    """
    try:
        warnings, summary = json.loads(blob)
        return Notes(tuple(_diagnostic(item) for item in warnings), summary)
    except (ValueError, TypeError, KeyError) as fault:
        raise CacheError(str(fault)) from fault


def format_index(rows: Iterable[CacheRow]) -> bytes:
    """The index: a line with format and digest, then every row, packs named once."""
    packs: dict[str, int] = {}
    table = [_row_data(row, packs) for row in rows]
    body = json.dumps([list(packs), table], separators=(",", ":")).encode()
    return f"{FORMAT} {blob_digest(body)}\n".encode() + body


def parse_index(data: bytes) -> dict[str, CacheRow]:
    """The rows of an index by unit path.

    Raises:
        CacheError: another format, cut short or altered.
    """
    head, _, body = data.partition(b"\n")
    if head.decode("ascii", "replace") != f"{FORMAT} {blob_digest(body)}":
        raise CacheError("the index is of another format, cut short or altered")
    try:
        packs, table = json.loads(body)
        if not all(_PACK_NAME.fullmatch(pack) for pack in packs):
            raise CacheError("the index names a file that is no pack")
        return {item[0]: _row(item, packs) for item in table}
    except (ValueError, TypeError, IndexError) as fault:
        raise CacheError(str(fault)) from fault


def _row_data(row: CacheRow, packs: dict[str, int]) -> list[Any]:
    files = _place_data(row.files, packs)
    notes = _place_data(row.notes, packs)
    return [row.path, row.key, row.ledger, row.fingerprint, *files, *notes]


def _place_data(place: Place, packs: dict[str, int]) -> tuple[int, int, int, str]:
    number = packs.setdefault(place.pack, len(packs))
    return number, place.offset, place.length, place.digest


def _row(item: Sequence[Any], packs: Sequence[str]) -> CacheRow:
    path, key, ledger, mark, pack, start, length, digest, pack2, start2, length2, digest2 = item
    files = Place(packs[pack], start, length, digest)
    return CacheRow(path, key, ledger, files, Place(packs[pack2], start2, length2, digest2), mark)


def _diagnostic_data(item: Diagnostic) -> list[Any]:
    related = [[astuple(other.span), other.message] for other in item.related]
    span = astuple(item.span) if item.span else None
    return [item.code.id, item.message, span, item.hint, related]


def _diagnostic(data: Sequence[Any]) -> Diagnostic:
    code, message, span, hint, related = data
    return Diagnostic(
        all_codes()[code],
        message,
        Span(*span) if span else None,
        hint,
        tuple(Related(Span(*place), text) for place, text in related),
    )
