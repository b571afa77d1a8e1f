"""Diagnostics as lines for a terminal or a log: place, code, message, source line, hint.

Nothing of the input can act on the reader: control characters are shown as escapes, and no
line begins with what a CI system would take for a command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from compiler.model.codes import spec as codes
from compiler.model.diagnostics import Diagnostic, Severity, Span

Lines = Callable[[str, int], str | None]
"""(file, line counted from 1) -> that line of the source, or None where it cannot be shown."""

_CREDENTIALS = (codes.PASSWORD_IN_VALUE, codes.PASSWORD_IN_URL, codes.SECRET_VALUE)
COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "36"}
WIDTH = 160


def render(diagnostics: Iterable[Diagnostic], lines: Lines, *, colour: bool = False) -> str:
    """Return every diagnostic, in the order given, each ending with a line break.

    A source line that holds a credential is never shown, whatever else is wrong with it.
    """
    found = list(diagnostics)
    hidden = {(d.span.file, d.span.line) for d in found if d.code in _CREDENTIALS and d.span}

    def shown(file: str, number: int) -> str | None:
        return None if (file, number) in hidden else lines(file, number)

    return "".join(_one(diagnostic, shown, colour) for diagnostic in found)


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """Return `2 errors, 1 warning`, or an empty string when there is neither."""
    found = list(diagnostics)
    parts = []
    for severity in (Severity.ERROR, Severity.WARNING):
        count = sum(d.severity is severity for d in found)
        if count:
            parts.append(f"{count} {severity.value}{'s' if count > 1 else ''}")
    return ", ".join(parts)


def safe(text: str) -> str:
    """Return one line that neither moves a cursor nor starts a CI command."""
    shown = "".join(c if c.isprintable() else _escape(c) for c in text)
    return f" {shown}" if shown.startswith(("::", "##[", "##vso[")) else shown


def _escape(character: str) -> str:
    code = ord(character)
    width, letter = (2, "x") if code < 0x100 else (4, "u") if code < 0x10000 else (8, "U")
    return f"\\{letter}{code:0{width}x}"


def _one(diagnostic: Diagnostic, lines: Lines, colour: bool) -> str:
    place = f"{diagnostic.span}: " if diagnostic.span else ""
    label = diagnostic.code.id
    if colour:
        label = f"\x1b[{COLOURS[diagnostic.severity]};1m{label}\x1b[0m"
    out = [f"{safe(place)}{label} {safe(diagnostic.message)}"]
    if diagnostic.span:
        out += _source(diagnostic.span, lines)
    out += [f"      {safe(line)}" for line in diagnostic.table]
    for related in diagnostic.related:
        out.append(safe(f"{related.span}: {related.message}"))
        out += _source(related.span, lines)
    if diagnostic.hint:
        out.append(f"    hint: {safe(diagnostic.hint)}")
    return "\n".join(out) + "\n"


def _source(span: Span, lines: Lines) -> list[str]:
    line = lines(span.file, span.line)
    if line is None or not line.strip():
        return []
    start = max(0, span.column - 1 - WIDTH // 2) if len(line) > WIDTH else 0
    shown = safe_slice(line, start, start + WIDTH)
    pointer = " " * len(safe_slice(line, start, span.column - 1)) + "^"
    gutter = f"{span.line:>5} | "
    return [gutter + shown, " " * (len(gutter) - 2) + "| " + pointer]


def safe_slice(line: str, start: int, end: int) -> str:
    """Return part of a source line, tabs as one space, control characters escaped."""
    return "".join(
        " " if c == "\t" else c if c.isprintable() else _escape(c) for c in line[start:end]
    )
