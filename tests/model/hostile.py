"""Strings that break YAML writers, shared by the tests of the emitter and of templates."""
# ruff: noqa: E501 - one line for each family of strings reads best

from __future__ import annotations

import itertools
import random

WORDS = [
    "y",
    "Y",
    "yes",
    "Yes",
    "YES",
    "n",
    "N",
    "no",
    "No",
    "NO",
    "on",
    "On",
    "ON",
    "off",
    "Off",
    "OFF",
    "true",
    "True",
    "TRUE",
    "false",
    "False",
    "FALSE",
    "null",
    "Null",
    "NULL",
    "nil",
    "none",
    "None",
    "~",
    ".nan",
    ".NaN",
    ".NAN",
    "nan",
    "NaN",
    ".inf",
    ".Inf",
    ".INF",
    "-.inf",
    "+.inf",
    "inf",
    "Infinity",
    "0",
    "00",
    "012",
    "0o14",
    "0x1f",
    "0b11",
    "1_000",
    "1e3",
    "12e03",
    "1E3",
    "1.0",
    "1.",
    ".5",
    "-1",
    "+1",
    "-0",
    "1.10",
    "1e+16",
    "0.1e-7",
    "190:20:30",
    "24:00",
    "12:30:45",
    "2026-01-01",
    "2026-01-01T00:00:00Z",
    "<<",
    "=",
    "!",
    "&",
    "*",
    "-",
    "?",
    ":",
    "|",
    ">",
    "%",
    "@",
    "`",
    ",",
    "[",
    "]",
    "{",
    "}",
    "#",
    "'",
    '"',
    "\\",
    "--",
    "---",
    "...",
    "..",
    ".",
    "/",
    "//",
    "_",
    "a:",
    "a:b",
    "a#",
    "#a",
    "-a",
    "?a",
    ":a",
    "a-",
    "e3",
    "E3",
    "x1",
    "0xg",
    "_1",
    "1_",
    "1__0",
    "___",
]

TEXTS = (
    "", " ", "  ", "\n", "\n\n", "\t", "\r", "\r\n", "a\n", "a\n\n", "\na", " a", "a ", "a\n b", "a \nb",
    "a\tb", "a\n\tb", "\ta\nb", "a\n \nb", "a\n\nb\n", "a\r\nb\r\n", "a\rb", "a: b", "a : b", "a #b",
    "a  b", "- a", "-\ta", "? a", ": a", "key: [1, 2]", "{a: b}", "[a]", "--- a", "...\n", "---\n", "%YAML 1.1",
    "a\n---\nb", "a\n...\nb", "!!python/object:os.system", "&a b", "*a", "'a'", '"a"', "it's", 'a "b" c', "\\n", "\\",
    "a\\", "a\x00b", "\x00", "\x07", "\x1b[31m", "\x7f", "\x80", "\x85", "a\x85b", "\x9f", "\xa0", "\xad", "é", "\u2028",
    "a\u2028b", "\u2029", "\ufeff", "\ufeffa", "a\ufeff", "\ufffd", "\ufffe", "\uffff", "\U0001f600", "\U0010ffff", "\ud7ff",
    "\ue000", "\u200b", "\u202e", "e\u0301", "{{ a }}", "{% if a %}", "{# a #}", "${A}", "$(A)", "a\n{{ b }}\n",
    "#!/bin/sh\nset -eu\nexec \"$@\"\n", "a" * 5000, "a b " * 500 + "a", "x: 1\n" * 100, "null\n", "yes\n", "|", "|-\n a", ">", "> a",
    "a\n  b\n c\n", "a\n\n\n\nb", "true false", "no no", "null null", "1 2", "a@b.c", "A" * 64, "0" * 64, "1" * 400,
)  # fmt: skip

FRAGMENTS = (
    "\n", "\r", "\t", " ", "  ", ": ", " #", "- ", "? ", "{", "}", "[", "]", ",", "&", "*", "!", "|", ">", "'", '"', "\\", "%", "@", "`",
    "a", "b", "no", "1", "1e3", "---", "...", "\x00", "\x7f", "\x85", "\u2028", "\ufeff", "\uffff", "é", "\U0001f600", "{{", "}}", "{%", "%}", "{#", "#}", "${", "~",
)  # fmt: skip


def strings(count: int, seed: int = 7) -> list[str]:
    """`count` different hostile strings: the hand-made ones first, then random mixtures."""
    rng = random.Random(seed)
    found = dict.fromkeys(itertools.chain(WORDS, TEXTS))
    while len(found) < count:
        found["".join(rng.choices(FRAGMENTS, k=rng.randint(1, 9)))] = None
        found["".join(chr(_code_point(rng)) for _ in range(rng.randint(1, 5)))] = None
    return list(found)[:count]


def _code_point(rng: random.Random) -> int:
    """A code point that is no surrogate, low ones more often."""
    limit = rng.choice((0x80, 0x100, 0x3000, 0x10000, 0x110000))
    point = rng.randrange(limit)
    return point if not 0xD800 <= point <= 0xDFFF else 0xFFFF
