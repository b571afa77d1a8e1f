"""Pieces of JSON: the decoder's proof of every cut, compared with the standard library."""

from __future__ import annotations

import io
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.datasets import json_pieces
from compiler.datasets.json_pieces import JsonPieces
from compiler.model.counted import UncountableError

TEXT = st.text(st.sampled_from('{}[],:" \\ab\n\u2028é😀'), max_size=12)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
ELEMENTS = st.lists(st.dictionaries(TEXT, VALUE, max_size=4), max_size=30)
DOCUMENT = st.dictionaries(TEXT, ELEMENTS, max_size=4)
LAYOUT = st.sampled_from([{}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}])


def read(data: bytes) -> tuple[dict[str, Any], int]:
    """Every array of a document, and how many pieces were taken the quick way."""
    decode, quick = msgspec.json.Decoder(list[dict[str, Any]]).decode, 0

    def quickly(piece: bytes) -> list[Any] | None:
        nonlocal quick
        try:
            rows = decode(piece)
        except (msgspec.DecodeError, RecursionError):
            return None
        quick += 1
        return rows

    pieces, found = JsonPieces(io.BytesIO(data), "a.json"), {}
    for key in pieces.keys():  # noqa: SIM118 - not a mapping
        found[key] = [row for rows in pieces.elements(quickly, lambda one: one) for row in rows]
    return found, quick


def read_in(size: int, data: bytes) -> dict[str, Any] | UncountableError:
    """A document read in pieces of some bytes, or why it is refused."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_pieces, "PIECE", size)
        try:
            return read(data)[0]
        except UncountableError as error:
            return error


@settings(max_examples=200, deadline=None)
@given(DOCUMENT, LAYOUT, st.integers(8, 300))
def test_every_document_is_read_as_the_standard_library_reads_it(
    document: dict[str, Any], layout: dict[str, Any], size: int
) -> None:
    assert read_in(size, json.dumps(document, **layout).encode()) == document


@settings(max_examples=200, deadline=None)
@given(DOCUMENT, st.data(), st.integers(8, 300))
def test_a_damaged_document_is_refused_as_the_standard_library_refuses_it(
    document: dict[str, Any], data: st.DataObject, size: int
) -> None:
    text = bytearray(json.dumps(document).encode())
    at = data.draw(st.integers(0, len(text) - 1))
    text[at] = data.draw(st.sampled_from(b'{}[],:"\\ 0aZ\xff\x00'))
    found = read_in(size, bytes(text))
    if isinstance(found, UncountableError):
        assert found.byte is not None
        assert 0 <= found.byte <= len(text)
    else:
        assert found == json.loads(text)


def test_most_of_a_large_document_is_taken_the_quick_way() -> None:
    document = {"a": [{"id": i, "x": "}, {"} for i in range(60_000)]}
    found, quick = read(json.dumps(document).encode())
    assert found == document
    assert quick > 2


@pytest.mark.parametrize("text", ['{"a": [{}], }', '{"a": [{},]}', '{"a": [{} {}]}', '{"a" [{}]}'])
def test_a_comma_or_colon_too_many_or_too_few_is_refused(text: str) -> None:
    with pytest.raises(UncountableError):
        read(text.encode())
