"""Hostile text gives diagnostics and data of the promised shape, and never anything else."""

from __future__ import annotations

from random import Random
from typing import Any

from compiler.model import site_table, source
from compiler.model.codes import all_codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.marks import List, Map
from tests.model.hostile_yaml import PIECES, cases

COUNT, CAMPAIGN = 10_000, 100_000
KNOWN = {identifier for identifier in all_codes() if identifier.startswith("E10")}
SCALARS = (source.Int, source.Float, bool, str, type(None))


def is_promised(data: Any, places: set[tuple[int, int]], depth: int = 0) -> bool:
    """Whether data holds only what the reader promises, with every mark in the text."""
    if isinstance(data, Map):
        keys = all(type(key) is str and inside(data.marks.key_span(key), places) for key in data)
        return keys and all(is_child(data, key, places, depth) for key in data)
    if isinstance(data, List):
        return all(is_child(data, index, places, depth) for index in range(len(data)))
    return isinstance(data, SCALARS)


def is_child(data: Any, key: Any, places: set[tuple[int, int]], depth: int) -> bool:
    """The same for one value below; aliases make the depth of data larger than that of text."""
    placed = inside(data.marks.value_span(key), places)
    return placed and (depth > 120 or is_promised(data[key], places, depth + 1))


def inside(span: Span, places: set[tuple[int, int]]) -> bool:
    """Whether a span lies in the text, or right behind a line of it."""
    return (span.line, span.column) in places


def places_of(text: str) -> set[tuple[int, int]]:
    """Every line and column of a text, counted from 1, the end of each line included."""
    lines = source.lines_of(text.removeprefix("\ufeff"))
    return {
        (number, column)
        for number, line in enumerate(lines, 1)
        for column in range(1, len(line) + 2)
    }


def test_hostile_yaml_is_read_or_refused_with_a_place(campaign: bool) -> None:
    read = refused = 0
    for text in cases(seed=1, count=CAMPAIGN if campaign else COUNT):
        diagnostics = Diagnostics()
        documents = source.parse("f.yaml", text, diagnostics)
        places = places_of(text)
        for found in diagnostics.found:
            assert found.code.id in KNOWN
            assert found.span is not None
            assert inside(found.span, places), (text, found)
        assert all(is_promised(document.data, places) for document in documents), text
        refused += bool(diagnostics.found)
        read += bool(documents) and not diagnostics.found
    assert min(read, refused) > COUNT // 100


def test_hostile_bytes_are_decoded_or_refused(campaign: bool) -> None:
    random, refused = Random(2), 0
    for text in cases(seed=2, count=COUNT // 10 * (10 if campaign else 1)):
        data = bytearray(text.encode("utf-8", "replace"))
        data[random.randrange(len(data))] = random.randrange(256)
        diagnostics = Diagnostics()
        decoded = source.decode("f.yaml", bytes(data), diagnostics)
        assert (decoded is None) == bool(diagnostics.found)
        refused += decoded is None
    assert refused > COUNT // 100


TABLE = (
    "name,cluster,layer,profile,hosts,labels.region",
    "s-1,hub,edge,nuc,a=1.2.3.4;b,north",
    's-2,hub,edge,nuc,"c",',
)
CELLS = (*PIECES, ",", ";", '"', '""', "=", "labels.", "vars.x", "s-1", "\n", "a=", "=b", "a;a")


def test_hostile_tables_are_read_or_refused_with_a_place(campaign: bool) -> None:
    random, read = Random(3), 0
    for _ in range(COUNT // 5 * (10 if campaign else 1)):
        text = "\n".join(TABLE)
        for _ in range(random.randint(1, 4)):
            start = random.randrange(len(text) + 1)
            text = text[:start] + random.choice(CELLS) + text[start + random.choice((0, 1, 4)) :]
        diagnostics = Diagnostics()
        sites, places = site_table.parse("s.csv", text, diagnostics), places_of(text)
        for found in diagnostics.found:
            assert found.code.id in KNOWN
            assert found.span is not None
            assert inside(found.span, places), (text, found)
        assert is_promised(sites, places), text
        read += bool(sites)
    assert read > COUNT // 100
