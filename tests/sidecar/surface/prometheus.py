"""A strict reader of Prometheus' text format 0.0.4, by the format's own description.

It accepts only what every scraper accepts: HELP and TYPE once and before the samples of a family,
samples of a family together, no series twice, names, labels, escapes and numbers to the letter.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?|Inf)|NaN")
_TYPES = frozenset({"counter", "gauge", "histogram", "summary", "untyped"})


class Family(NamedTuple):
    """A family: its type, its help, and its samples by their labels."""

    type: str
    help: str
    samples: dict[tuple[tuple[str, str], ...], float]


def read(text: str) -> dict[str, Family]:
    """The families of an exposition.

    Raises:
        AssertionError: a scraper could refuse it.
    """
    assert text.endswith("\n")
    found: dict[str, Family] = {}
    help_, name = "", ""
    for line in text[:-1].split("\n"):
        assert line == line.strip()
        assert line
        if line.startswith("# HELP "):
            _, _, name, help_ = line.split(" ", 3)
            assert _NAME.fullmatch(name)
            assert name not in found, f"{name} twice"
        elif line.startswith("# TYPE "):
            _, _, typed, kind = line.split(" ")
            assert typed == name
            assert kind in _TYPES
            assert kind != "counter" or name.endswith("_total")
            assert kind == "counter" or not name.endswith("_total")
            found[name] = Family(kind, _unescaped(help_, "\\n"), {})
        else:
            _sample(line, name, found)
    assert all(family.samples for family in found.values())
    return found


def _sample(line: str, name: str, found: dict[str, Family]) -> None:
    match = _SAMPLE.fullmatch(line)
    assert match, line
    assert match[1] == name, f"{match[1]} outside of its family"
    labels = tuple(_labels(match[2] or ""))
    assert len({label for label, _ in labels}) == len(labels)
    samples = found[name].samples
    assert labels not in samples, f"{line} twice"
    assert _NUMBER.fullmatch(match[3]), match[3]
    samples[labels] = float(match[3])
    if samples:
        assert len({tuple(label for label, _ in one) for one in samples}) == 1


def _labels(text: str) -> list[tuple[str, str]]:
    found, place = [], 0
    while place < len(text):
        match = _LABEL.match(text, place)
        assert match, text[place:]
        assert match[1] != "__name__"
        found.append((match[1], _unescaped(match[2], '\\n"')))
        place = match.end()
        assert match[3] != "," or place < len(text)
    return found


def _unescaped(text: str, escapes: str) -> str:
    assert not re.sub(rf"\\[{re.escape(escapes)}]", "", text).count("\\")
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)
