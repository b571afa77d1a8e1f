"""What the cache stores reads back equal, and nothing else reads back at all."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.model.cache import (
    FORMAT,
    CacheError,
    CacheRow,
    Place,
    blob_digest,
    cache_key,
    format_index,
    pack_files,
    pack_notes,
    parse_index,
    unpack_files,
    unpack_notes,
)
from compiler.model.codes import write as codes
from compiler.model.diagnostics import Diagnostic, Related, Span

ROW = CacheRow(
    "shop/prod/hub/base",
    "k" * 64,
    "l" * 64,
    Place("0123456789abcdef.files", 0, 10, "d" * 32),
    Place("0123456789abcdef.notes", 5, 7, "e" * 32),
    "f" * 32,
)
WARNING = Diagnostic(
    codes.KEPT,
    "a message",
    Span("a.yaml", 1, 2),
    "a hint",
    (Related(Span("b.yaml", 3, 4), "first here"),),
)


@given(st.dictionaries(st.text(min_size=1, max_size=9), st.binary(max_size=99), max_size=9))
def test_files_read_back_equal(files: dict[str, bytes]) -> None:
    assert unpack_files(pack_files(files)) == files


@given(st.binary(max_size=99))
def test_bytes_that_are_no_blob_are_a_cache_error(data: bytes) -> None:
    for reader in (unpack_files, unpack_notes, parse_index):
        with pytest.raises(CacheError):
            reader(data)


def test_warnings_and_summary_read_back_equal() -> None:
    summary = {"requests": [["cpu", 100], ["memory", None]]}
    notes = unpack_notes(pack_notes([WARNING, replace(WARNING, span=None)], summary))
    assert notes.warnings == (WARNING, replace(WARNING, span=None))
    assert notes.summary == summary


def test_a_warning_whose_code_is_gone_is_a_cache_error() -> None:
    data = pack_notes([WARNING], None).replace(b"N6010", b"N0000")
    with pytest.raises(CacheError):
        unpack_notes(data)


def test_an_index_reads_back_equal_and_any_altered_byte_is_seen() -> None:
    other = replace(ROW, path="shop/prod/hub/jobs/x", fingerprint="")
    data = format_index([ROW, other])
    assert parse_index(data) == {ROW.path: ROW, other.path: other}
    for place in range(0, len(data), 7):
        altered = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with pytest.raises(CacheError):
            parse_index(altered)
    with pytest.raises(CacheError):
        parse_index(data[:-1])


@pytest.mark.parametrize("name", ["../../etc/passwd", "index", "a/b.files", "0123456789abcdef.sh"])
def test_an_index_cannot_name_a_file_that_is_no_pack(name: str) -> None:
    body = format_index([ROW]).split(b"\n", 1)[1].replace(b"0123456789abcdef.files", name.encode())
    with pytest.raises(CacheError):
        parse_index(f"{FORMAT} {blob_digest(body)}\n".encode() + body)


@pytest.mark.parametrize("body", [[], {}, 7, [[], [[1]]], [[], [["p"] * 12]], [["x"], 5]])
def test_an_index_of_another_shape_is_a_cache_error_even_with_a_right_digest(body: object) -> None:
    data = json.dumps(body).encode()
    with pytest.raises(CacheError):
        parse_index(f"{FORMAT} {blob_digest(data)}\n".encode() + data)


def test_a_key_knows_where_its_parts_end() -> None:
    keys = {cache_key(parts) for parts in (["a", "bc"], ["ab", "c"], ["abc"], ["abc", ""])}
    assert len(keys) == 4
    assert cache_key([b"a", "b"]) == cache_key(["a", b"b"])
