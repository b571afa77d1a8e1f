"""Did you mean: near words are offered, far ones are not."""

from __future__ import annotations

import pytest

from compiler.model.suggest import did_you_mean, nearest


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("nroth", "north"),
        ("North", "north"),
        ("no_rth", "north"),
        ("wst", "west"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_the_nearest_word_is_found_or_none(word: str, meant: str) -> None:
    assert nearest(word, ("west", "north")) == meant
    assert did_you_mean(word, ("west", "north")) == (f"Did you mean {meant}?" if meant else "")


def test_the_order_of_the_allowed_words_does_not_matter() -> None:
    words = ("ab", "ac", "ad")
    assert nearest("ax", words) == nearest("ax", tuple(reversed(words)))


def test_a_very_long_word_is_compared_quickly() -> None:
    assert nearest("x" * 1_000_000, ("north",)) == ""
