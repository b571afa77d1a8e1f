"""A table of sites gives what YAML would give, with row and column in every complaint."""

from __future__ import annotations

import pytest

from compiler.model import site_table, source
from compiler.model.codes import text as codes
from compiler.model.diagnostics import Code, Diagnostic, Diagnostics
from compiler.model.marks import Map
from compiler.model.merge import overlay

HEADER = "name,cluster,layer,profile"


def read(text: str) -> Map:
    """The sites of a table without faults."""
    sites, found = tried(text)
    assert not found
    return sites


def tried(text: str) -> tuple[Map, tuple[Diagnostic, ...]]:
    """The sites of a table and what was reported."""
    diagnostics = Diagnostics()
    return site_table.parse("s.csv", text, diagnostics), diagnostics.in_order()


FULL = """\
name,cluster,layer,profile,hosts,labels.region,labels.ring,vars.lang,link.rate,link.window,timezone
store-001,hub,edge,nuc,edge-1=10.0.0.1; edge-2,north,canary,de,20Mbit/s,01:00-05:00,Europe/Vienna
store-002,hub,edge,nuc,,,,,,,
"""


def test_a_row_equals_the_entry_that_yaml_would_have() -> None:
    yaml = """\
store-001:
  cluster: hub
  layer: edge
  profile: nuc
  hosts: {edge-1: {address: 10.0.0.1}, edge-2: {}}
  labels: {region: north, ring: canary}
  vars: {lang: de}
  link: {rate: 20Mbit/s, window: "01:00-05:00"}
  timezone: Europe/Vienna
store-002: {cluster: hub, layer: edge, profile: nuc}
"""
    assert read(FULL) == source.parse("f.yaml", yaml, Diagnostics())[0].data


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (["store-001"], "s.csv:2:1"),
        (["store-001", "layer"], "s.csv:2:15"),
        (["store-001", "hosts"], "s.csv:2:24"),
        (["store-001", "hosts", "edge-2"], "s.csv:2:41"),
        (["store-001", "hosts", "edge-1", "address"], "s.csv:2:24"),
        (["store-001", "labels"], "s.csv:2:48"),
        (["store-001", "labels", "ring"], "s.csv:2:54"),
        (["store-001", "link", "window"], "s.csv:2:73"),
        (["store-001", "timezone"], "s.csv:2:85"),
        (["store-002", "labels"], "s.csv:3:1"),
        (["store-003"], "s.csv:1:1"),
    ],
)
def test_every_cell_knows_its_row_and_column(path: list[str], place: str) -> None:
    assert str(read(FULL).marks.at(path)) == place


def test_a_site_and_its_parts_have_spans_of_their_own() -> None:
    site = read(FULL)["store-001"]
    assert str(site.marks.span) == "s.csv:2:1"
    assert str(site["labels"].marks.span) == "s.csv:2:48"
    assert str(site["hosts"].marks.key_span("edge-2")) == "s.csv:2:41"
    assert str(site.marks.child("labels").value_span("ring")) == "s.csv:2:54"


def test_a_site_of_a_table_can_be_overlaid() -> None:
    over = source.parse("o.yaml", "labels: {ring: main}", Diagnostics())[0].data
    site = overlay(read(FULL)["store-001"], over)
    assert site["labels"] == {"region": "north", "ring": "main"}
    assert str(site.marks.at(["labels", "region"])) == "s.csv:2:48"
    assert str(site.marks.at(["labels", "ring"])) == "o.yaml:1:16"


def test_quoted_cells_spaces_and_blank_rows_are_understood() -> None:
    text = f'\n{HEADER},vars.note\n"a", hub ,edge,nuc,"x, ""y"""\n\n,,,,\nb,hub,edge,nuc,\n'
    sites = read(text)
    assert sites["a"]["cluster"] == "hub"
    assert sites["a"]["vars"]["note"] == 'x, "y"'
    assert str(sites.marks.at(["a", "vars", "note"])) == "s.csv:3:20"
    assert list(sites) == ["a", "b"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_break_counts_one_line(end: str) -> None:
    assert str(read(FULL.replace("\n", end)).marks.key_span("store-002")) == "s.csv:3:1"


FAULTS: list[tuple[str, Code, str, str, str]] = [
    ("", codes.CSV_HEADER, "s.csv:1:1", "a column without a name", ""),
    ("nme,cluster,layer,profile", codes.CSV_HEADER, "s.csv:1:1", "nme", "Did you mean name?"),
    (f"{HEADER},labels", codes.CSV_HEADER, "s.csv:1:28", "labels", "labels.KEY"),
    (f"{HEADER},vars.", codes.CSV_HEADER, "s.csv:1:28", "vars.", "vars.KEY"),
    (f"{HEADER},name", codes.CSV_HEADER, "s.csv:1:28", "twice", "remove one"),
    ("name,layer", codes.CSV_HEADER, "s.csv:1:1", "lacks the columns cluster, profile", "add"),
    (HEADER.replace(",", ";"), codes.CSV_DELIMITER, "s.csv:1:1", "semicolons", "commas"),
    (HEADER.replace(",", "\t"), codes.CSV_DELIMITER, "s.csv:1:1", "tabs", "commas"),
    (f"{HEADER}\na,hub,edge", codes.CSV_ROW, "s.csv:2:1", "3 cells, the header 4", "add empty"),
    (f"{HEADER}\na,hub,edge,nuc,x", codes.CSV_ROW, "s.csv:2:1", "5 cells", "quotes"),
    (f"{HEADER}\n,hub,edge,nuc", codes.CSV_CELL, "s.csv:2:1", "no name", ""),
    (f'{HEADER}\na,"hub,edge,nuc', codes.CSV_CELL, "s.csv:2:1", "do not match", ""),
    (f"{HEADER},hosts\na,h,e,n,x=", codes.CSV_CELL, "s.csv:2:9", "`x=` is no host", "="),
    (f"{HEADER},hosts\na,h,e,n,x;;y", codes.CSV_CELL, "s.csv:2:9", "`` is no host", ";"),
    (f"{HEADER},hosts\na,h,e,n,x y", codes.CSV_CELL, "s.csv:2:9", "`x y` is no host", ";"),
    (f"{HEADER},hosts\na,h,e,n,x|y", codes.CSV_CELL, "s.csv:2:9", "`x|y` is no host", ";"),
    (f"{HEADER},hosts\na,h,e,n,x;x", codes.CSV_CELL, "s.csv:2:9", "x stands twice", ""),
    (f"{HEADER}\n" + "x" * 70_000, codes.CSV_CELL, "s.csv:2:1", "70000 characters", "one site"),
    (f"{HEADER}\na,h,e,n\x00", codes.CONTROL_CHARACTER, "s.csv:2:8", "NUL", ""),
]


@pytest.mark.parametrize(("text", "code", "place", "words", "hint"), FAULTS)
def test_a_fault_is_reported_by_row_and_column(
    text: str, code: Code, place: str, words: str, hint: str
) -> None:
    (found,) = tried(text)[1]
    assert (found.code.id, str(found.span)) == (code.id, place)
    assert words in found.message
    assert hint in found.hint


def test_a_name_twice_shows_both_rows_and_the_first_stands() -> None:
    sites, (found,) = tried(f"{HEADER}\na,hub,edge,nuc\nb,h,e,n\na,other,edge,nuc")
    assert found.code == codes.DEFINED_TWICE
    assert (str(found.span), str(found.related[0].span)) == ("s.csv:4:1", "s.csv:2:1")
    assert sites["a"]["cluster"] == "hub"


def test_every_faulty_row_is_reported_and_the_rest_is_read() -> None:
    sites, found = tried(f"{HEADER}\na,hub\nb,hub,edge,nuc\n,x,y,z\n")
    assert [str(one.span) for one in found] == ["s.csv:2:1", "s.csv:4:1"]
    assert list(sites) == ["b"]


def test_reading_ends_after_a_hundred_faulty_rows() -> None:
    found = tried(HEADER + "\na,b" * 1_000)[1]
    assert codes.TOO_MANY_PROBLEMS in {one.code for one in found}
    assert len(found) == 102


def test_a_header_with_thousands_of_columns_is_refused_once() -> None:
    columns = ",".join(f"vars.v{index}" for index in range(3_000))
    (found,) = tried(f"{HEADER},{columns}")[1]
    assert "3004 columns" in found.message


def test_every_wrong_column_is_reported() -> None:
    assert [found.message for found in tried(f"{HEADER},labls.x,nam,zzz")[1]] == [
        "unknown column labls.x", "unknown column nam", "unknown column zzz",
    ]  # fmt: skip
