"""Words of others, made safe to keep."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from sidecar.model.text import LIMIT, clean
from sidecar.wire.head import escape, unescape


def test_control_and_direction_characters_become_spaces() -> None:
    assert clean("a\x1b[31mb\x00\r\nc\u202ed\u2028e\x85f") == "a [31mb c d e f"


def test_credentials_and_queries_leave_urls() -> None:
    assert (
        clean("GET https://user:word@host:9000/a/b.tar?X-Amz-Signature=abc&x=y#z failed")
        == "GET https://host:9000/a/b.tar failed"
    )
    assert clean('"s3://a@b/c?d"') == '"s3://b/c"'


def test_long_words_are_cut_between_characters() -> None:
    found = clean("é" * 1000)
    assert found.endswith("…")
    assert len(found.encode()) <= LIMIT


def test_bytes_that_are_no_text_are_kept_legible() -> None:
    assert clean(b"a\xff\xfeb") == "a��b"


@given(some.binary() | some.text())
def test_whatever_is_said_becomes_one_short_printable_line(words: bytes | str) -> None:
    found = clean(words)
    assert len(found.encode()) <= LIMIT
    assert found.isprintable()
    assert clean(found) == found


@given(some.text(some.characters(exclude_categories=["C", "Z"])))
def test_an_escaped_part_of_a_path_comes_back(part: str) -> None:
    assert unescape(escape(part)) == part
    assert "/" not in escape(part)
