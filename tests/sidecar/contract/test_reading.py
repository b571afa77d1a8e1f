"""JSON text that two readers could understand differently is refused, with its place."""

from __future__ import annotations

import json

import pytest

from sidecar.contract import reading
from sidecar.model.reasons import ReasonError

DEEP = 80_000
REFUSED = {
    "nothing": b"",
    "half a document": b'{"contract": 1, "tenant": {',
    "two documents": b"{} {}",
    "a comma too many": b'{"a": 1,}',
    "a comment": b'{"a": 1} // one',
    "single quotes": b"{'a': 1}",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "Latin 1": '{"a": "ü"}'.encode("latin-1"),
    "an overlong slash": b'{"a": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "half a surrogate pair": b'{"a": "\\ud800"}',
    "half a surrogate pair in a key": b'{"\\udfff": 1}',
    "half a surrogate pair deep inside": b'[[{"a": ["\\ud83d"]}]]',
    "a key twice": b'{"a": 1, "b": 2, "a": 1}',
    "a key twice by an escape": b'{"a": 1, "\\u0061": 2}',
    "a key twice deep inside": b'{"a": [{"b": 1, "b": 1}]}',
    "NaN": b'{"a": NaN}',
    "infinity": b'{"a": Infinity}',
    "less infinity": b"-Infinity",
    "infinity by an exponent": b'{"a": 1e999}',
    "less infinity by an exponent": b'{"a": -1e999}',
    "an integer of five thousand digits": b'{"a": ' + b"9" * 5000 + b"}",
    "a leading zero": b'{"a": 01}',
    "a plus sign": b'{"a": +1}',
    "a tab in a string": b'{"a": "\t"}',
    "NUL at the end": b"{}\0",
    "a form feed between": b"{\f}",
    "a deep list": b"[" * DEEP + b"]" * DEEP,
    "a deep list left open": b"[" * DEEP,
    "a deep object": b'{"":' * DEEP + b"1" + b"}" * DEEP,
    "one level too many": b"[" * 33 + b"]" * 33,
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_is(name: str) -> None:
    with pytest.raises(ReasonError) as caught:
        reading.parse(REFUSED[name])
    assert caught.value.code == "ConfigInvalid"
    assert caught.value.detail.startswith("$: ")
    assert len(caught.value.detail.encode()) <= 512


def test_a_fault_in_the_syntax_is_told_with_its_line_and_column() -> None:
    with pytest.raises(ReasonError, match="line 2 column 7"):
        reading.parse(b'{"a": 1,\n "b": tru}')


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": [1, 1.5, -0, true, null, "x"]}',
        b" \t\r\n{}\n",
        '{"ü": "\U0001f600"}'.encode(),
        b'{"a": "\\ud83d\\ude00\\u0000"}',
        b'{"a": {"b": 1}, "b": {"a": 1}}',
        b"[" * 32 + b"]" * 32,
    ],
)
def test_what_is_plain_json_reads_as_every_reader_reads_it(text: bytes) -> None:
    assert reading.parse(text) == json.loads(text)


def test_a_document_of_just_the_largest_size_is_read_and_one_byte_more_is_not() -> None:
    text = b'["' + b"x" * (reading.MAX_BYTES - 4) + b'"]'
    assert len(text) == reading.MAX_BYTES
    reading.parse(text)
    with pytest.raises(ReasonError) as caught:
        reading.parse(text + b" ")
    assert caught.value.code == "ConfigTooLarge"
    assert "524,289 bytes" in caught.value.detail
