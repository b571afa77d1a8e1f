"""Random text that tries to break a reader of YAML: cut, doubled and mixed pieces of syntax."""

from __future__ import annotations

from random import Random
from typing import Final

PIECES: Final = (
    "a", "b: ", "c:\n  ", "- ", "? ", ": ", ", ", "[", "]", "{", "}", "&x ", "*x", "*y", "!t ",
    "!!python/object:os.system ", "!<tag:x> ", "|", ">", "|2-\n", "'", '"', "\\", "\\u", "\\x0",
    "%", "%YAML 1.1\n", "%TAG ! x\n", "---\n", "...\n", "\n", "\n  ", "\n    ", "\n\t", "\t", " ",
    "#c\n", "<<: ", "<<<<<<< HEAD\n", "=======\n", "~", "null", "no", "012", "0o14", "24:00",
    "1_000",
    "1.10", ".inf", "-.nan", "1e999", "9" * 120, "0x" + "f" * 90, "@", "`", "{{ x }}", "${x}",
    "{site}", "\x00", "\x07", "\x1b[2J", "\x7f", "\x85", "\u2028", "\ufeff", "\ufffe", "\ud800",
    "ä", "😀", "\r", "\r\n", "a" * 1100, "::error::", "[[[[[[[[[[", "{a: " * 12, "- " * 40,
    "x: *x\n",
)  # fmt: skip

SEED: Final = """\
fleet:
  sites: &sites
    store-001: {cluster: hub, labels: {region: north}}
models: {m: {versions: {"1.0": {uri: "main:m.tar", sha256: aa}}, target: "1.0"}}
jobs:
  watch:
    env: {A: 'x', B: "y\\n"}
    text: |
      lines
    again: *sites
"""


def cases(seed: int, count: int) -> list[str]:
    """`count` texts that depend on `seed` alone."""
    random = Random(seed)
    return [_case(random) for _ in range(count)]


def _case(random: Random) -> str:
    if random.random() < 0.5:
        return "".join(random.choices(PIECES, k=random.randint(1, 30)))
    text = SEED
    for _ in range(random.randint(1, 6)):
        start = random.randrange(len(text) + 1)
        end = min(len(text), start + random.choice((0, 0, 1, 5, 40)))
        text = text[:start] + random.choice(PIECES) + text[end:]
    return text
