"""Diagnostics: what many sites share is told once, whichever parts of the work found it."""

from __future__ import annotations

import pickle

import pytest

from compiler.model.codes import check, world
from compiler.model.codes import fleet as codes
from compiler.model.diagnostics import CompileError, Diagnostics, Related, Span

LINE = Span("specs/jobs.yaml", 7, 3)
OTHER_LINE = Span("specs/jobs.yaml", 9, 3)


def own(number: int) -> Span:
    """The line of a site in the table of sites."""
    return Span("specs/sites.csv", number + 2, 1)


def found_at(*numbers: int, text: str = "it is missing", span: Span | None = LINE) -> Diagnostics:
    """What one part of the work finds at some sites."""
    found = Diagnostics()
    for number in numbers:
        found.add_at_site(codes.NO_TIMEZONE, text, f"s{number:03}", own(number), span, "add it")
    return found


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (1, "it is missing at site s000"),
        (2, "it is missing at sites s000 and s001"),
        (3, "it is missing at sites s000, s001 and s002"),
        (4, "it is missing at sites s000, s001, s002 and 1 more"),
        (2_000, "it is missing at sites s000, s001, s002 and 1,997 more"),
    ],
)
def test_a_fault_of_many_sites_is_one_finding_that_names_three(count: int, message: str) -> None:
    (told,) = found_at(*range(count)).in_order()
    assert (told.message, told.span, told.hint) == (message, LINE, "add it")


def test_other_texts_and_other_lines_are_findings_of_their_own() -> None:
    found = found_at(1, 2)
    found.extend(found_at(1, 2, text="another is missing").in_order())
    found.extend(found_at(2, span=OTHER_LINE).in_order())
    assert [one.message for one in found.in_order()] == [
        "another is missing at sites s001 and s002",
        "it is missing at sites s001 and s002",
        "it is missing at site s002",
    ]


def test_without_a_line_of_all_the_first_site_in_name_order_lends_its_own() -> None:
    (told,) = found_at(5, 3, 4, span=None).in_order()
    assert told.message == "it is missing at sites s003, s004 and s005"
    assert told.span == own(3)


@pytest.mark.parametrize("span", [LINE, None])
def test_parts_that_were_told_apart_become_the_same_in_any_order(span: Span | None) -> None:
    parts = [found_at(*numbers, span=span).in_order() for numbers in ((4, 5), (1, 2), (2, 3))]
    forth, back = Diagnostics(), Diagnostics()
    for part in parts:
        forth.extend(pickle.loads(pickle.dumps(part)))
    for part in reversed(parts):
        back.extend(part)
    assert forth.in_order() == back.in_order() == found_at(*range(1, 6), span=span).in_order()


def test_an_error_that_is_raised_tells_it_once_as_well() -> None:
    with pytest.raises(CompileError) as raised:
        found_at(*range(500)).raise_errors()
    assert str(raised.value) == (
        "specs/jobs.yaml:7:3: E2109 it is missing at sites s000, s001, s002 and 497 more"
    )


def test_a_fault_at_several_places_is_one_finding_with_their_number() -> None:
    found = Diagnostics()
    related = (Related(OTHER_LINE, "first made here"),)
    for place in ("b.yaml", "a.yaml", "b.yaml"):
        found.add_at_place(check.DUPLICATE_OBJECT, "it is made twice", place, LINE, "", related)
    (told,) = found.in_order()
    assert told.message == "a.yaml: it is made twice (and 1 more with the same fault)"
    assert (told.span, told.related) == (LINE, ())
    found = Diagnostics()
    found.add_at_place(check.DUPLICATE_OBJECT, "it is made twice", "a.yaml", LINE, "", related)
    (told,) = found.in_order()
    assert (told.message, told.related) == ("a.yaml: it is made twice", related)


def test_what_is_no_error_is_no_fault_at_several_places() -> None:
    found = Diagnostics()
    for place in ("hub", "west"):
        found.add_at_place(world.OTHER_VERSION, "it runs 1.34", place, LINE)
    (told,) = found.in_order()
    assert told.message == "hub: it runs 1.34 (and 1 more with the same)"
