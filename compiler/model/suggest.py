"""Did you mean: the word that a misspelt one was probably meant to be.

Only compares words; which words are allowed is the caller's knowledge.
"""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, allowed: Iterable[str]) -> str:
    """The allowed word nearest to `word`, or an empty string when none is near.

    Case, `-` and `_` do not count as differences.
    """
    # Imported here: only a spec with a fault needs it.
    from difflib import get_close_matches

    folded: dict[str, str] = {}
    for candidate in sorted(allowed):
        folded.setdefault(_fold(candidate), candidate)
    if _fold(word) in folded:
        return folded[_fold(word)]
    found = get_close_matches(_fold(word[:80]), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else ""


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """`Did you mean X?` for a word that is near an allowed one, else an empty string."""
    found = nearest(word, allowed)
    return f"Did you mean {found}?" if found else ""


def _fold(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")
