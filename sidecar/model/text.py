"""Words of others made safe to keep: one line, printable, short, and without credentials in URLs.

What a server or a person wrote ends up in logs, metrics, reports and terminals. Nothing here
judges it or translates it.
"""

from __future__ import annotations

import re

LIMIT = 512

_URL = re.compile(
    r"\b([A-Za-z][A-Za-z0-9+.-]*://)(?:[^\s/@\"']*@)?([^\s?#\"'<>]*)(?:[?#][^\s\"'<>]*)?"
)


def clean(words: str | bytes, limit: int = LIMIT) -> str:
    """One line of at most `limit` bytes, without control or direction characters.

    URLs lose their user, password, query and fragment; what is cut off shows as an ellipsis.
    """
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    text = "".join(sign if sign.isprintable() else " " for sign in text[: 16 * limit])
    return shorten(redact(" ".join(text.split())), limit)


def redact(text: str) -> str:
    """The text with every URL cut to scheme, host and path."""
    return _URL.sub(r"\1\2", text)


def shorten(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8; what is cut off shows as an ellipsis."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded.decode()
    return encoded[: limit - 3].decode("utf-8", "ignore") + "…"
