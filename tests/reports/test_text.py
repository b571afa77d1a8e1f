"""Findings as text: readable for people, harmless for terminals and for CI systems."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.model.diagnostics import Code, Diagnostic, Related, Span
from compiler.reports import REPORTS
from compiler.reports.text import WIDTH, Lines, render, safe, summary

ERROR = Code("E2301", "t", "r", "m")
WARNING = Code("W7201", "t", "r", "m")
NOTE = Code("N7202", "t", "r", "m")
SPAN = Span("specs/jobs.yaml", 2, 29)
TEXT = "jobs:\n  watch: {where: {region: nroth}}\n"
COMMANDS = ("::error::x", "::set-output name=a::b", "##[command]x", "##vso[task.x]y")


def lines(_: str, number: int) -> str | None:
    found = TEXT.splitlines()
    return found[number - 1] if 0 < number <= len(found) else None


def nothing(_: str, __: int) -> str | None:
    return None


def always(line: str) -> Lines:
    """A source of which every line is this one."""

    def found(_: str, __: int) -> str | None:
        return line

    return found


def test_a_finding_shows_place_code_message_source_caret_and_hint() -> None:
    found = Diagnostic(
        ERROR, "region is north or west", Span("a.yaml", 2, 20), "Did you mean north?"
    )
    assert render([found], lines) == (
        "a.yaml:2:20: E2301 region is north or west\n"
        "    2 |   watch: {where: {region: nroth}}\n"
        "      |                    ^\n"
        "    hint: Did you mean north?\n"
    )


def test_the_caret_stands_below_the_column_whatever_stands_before_it() -> None:
    for before in ("", "\t", "\x1b[31m", "ü", "\u202e"):
        line = f"{before}x"
        found = Diagnostic(ERROR, "m", Span("a.yaml", 1, len(before) + 1))
        shown, caret = render([found], always(line)).splitlines()[1:3]
        assert shown[len(caret) - 1] == "x"


def test_related_places_come_with_their_line() -> None:
    related = Related(Span("b.yaml", 1, 1), "first defined here")
    text = render([Diagnostic(ERROR, "m", None, "", (related,))], lines)
    assert text.splitlines() == [
        "E2301 m",
        "b.yaml:1:1: first defined here",
        "    1 | jobs:",
        "      | ^",
    ]


def test_a_place_that_cannot_be_shown_is_still_named() -> None:
    assert render([Diagnostic(ERROR, "m", SPAN)], nothing) == "specs/jobs.yaml:2:29: E2301 m\n"
    assert render([Diagnostic(ERROR, "m")], nothing) == "E2301 m\n"


def test_colour_is_on_the_code_alone_and_only_when_asked_for() -> None:
    found = [Diagnostic(code, "m", SPAN) for code in (ERROR, WARNING, NOTE)]
    assert "\x1b" not in render(found, lines)
    coloured = render(found, nothing, colour=True)
    assert coloured.count("\x1b[") == 6
    assert "\x1b[31;1mE2301\x1b[0m m" in coloured


@pytest.mark.parametrize("text", COMMANDS)
def test_no_line_can_be_taken_for_a_command_of_a_ci_system(text: str) -> None:
    hostile = Diagnostic(ERROR, text, Span(text, 1, 1), text, (Related(Span(text, 1, 1), text),))
    for found in (hostile, Diagnostic(ERROR, text, None, text)):
        for line in render([found], always(text)).splitlines():
            assert not line.startswith(("::", "##"))


HOSTILE = st.text(st.characters(codec="utf-8") | st.sampled_from("\x00\x1b\x9b\r\n\u202e\u2028:#"))


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE, st.integers(1, 500))
def test_nothing_of_the_input_moves_a_cursor_or_starts_a_command(
    file: str, message: str, hint: str, line: str, column: int
) -> None:
    found = Diagnostic(ERROR, message, Span(file, 1, column), hint)
    text = render([found], always(line))
    assert all(character == "\n" or character.isprintable() for character in text)
    assert text.count("\n") <= 4
    assert not any(part.startswith(("::", "##[", "##vso[")) for part in text.splitlines())


@given(st.text(string.printable.replace("\n", "").replace("\r", "")))
def test_a_printable_line_is_shown_as_it_is(text: str) -> None:
    plain = "".join(c for c in text if c.isprintable())
    assert safe(plain).strip() == plain.strip()


def test_a_very_long_line_is_shown_around_its_column() -> None:
    line = "a" * 5000 + "X" + "b" * 5000
    shown = render([Diagnostic(ERROR, "m", Span("f", 1, 5001))], always(line)).splitlines()
    assert len(shown[1]) <= WIDTH + 8
    assert shown[1][len(shown[2]) - 1] == "X"


def test_the_summary_counts_errors_and_warnings() -> None:
    error, warning, note = (Diagnostic(code, "m") for code in (ERROR, WARNING, NOTE))
    assert summary([]) == summary([note]) == ""
    assert summary([error, warning, note]) == "1 error, 1 warning"
    assert summary([error, Diagnostic(ERROR, "n")]) == "2 errors"


def test_reports_are_listed() -> None:
    assert {"text", "json"} <= set(REPORTS)
