"""What a syntax fault of YAML means to the person who wrote the text.

libyaml names the rule that its scanner missed; this module turns that into the code, the place
and the hint that help. It parses nothing and reports nothing itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from compiler.model.codes import text as codes
from compiler.model.diagnostics import Code, Related, Span
from compiler.model.record import dataclass

_BREAK = re.compile(r"\r\n|[\r\n]")
_CONFLICT = re.compile(r"^(?:<{7}|>{7}|\|{7}) .*$|^={7}$", re.MULTILINE)
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
    "\ufeff\ufffe\uffff\ud800-\udfff]"
)
_LONGEST_KEY: Final = 1024
_NAMES: Final = {
    "\x00": "NUL",
    "\x7f": "DEL",
    "\x85": "NEL, a line break of YAML 1.1",
    "\u2028": "a line separator",
    "\u2029": "a paragraph separator",
    "\ufeff": "a byte order mark",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, ready to be reported."""

    code: Code
    message: str
    span: Span
    hint: str = ""
    related: tuple[Related, ...] = ()


def lines_of(text: str) -> list[str]:
    """The lines of a text as YAML counts them (CR, LF or both), without their breaks."""
    return _BREAK.split(text)


def span_at(file: str, text: str, offset: int) -> Span:
    """The place of a character offset in a text."""
    line, start = 1, 0
    for found in _BREAK.finditer(text, 0, offset):
        line, start = line + 1, found.end()
    return Span(file, line, offset - start + 1)


def invisible(file: str, text: str) -> Fault | None:
    """The first character that no reviewer can see, or None; cheap on plain ASCII text."""
    found = _INVISIBLE.search(text)
    if found is None:
        return None
    character = found.group()
    name = _NAMES.get(character, "a control character")
    if "\ud800" <= character <= "\udfff":
        name = "half of a surrogate pair"
    if character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069":
        name = "a mark that makes text look otherwise than it is"
    return Fault(
        codes.CONTROL_CHARACTER,
        f"the text holds U+{ord(character):04X} ({name})",
        span_at(file, text, found.start()),
        "delete it; where it is meant, write it as an escape in double quotes",
    )


def conflict(file: str, text: str) -> Fault | None:
    """The first mark that an unfinished Git merge left, or None."""
    found = _CONFLICT.search(text)
    if found is None:
        return None
    return Fault(
        codes.CONFLICT_MARKERS,
        f"`{found.group()[:40]}` is left over from a Git merge",
        span_at(file, text, found.start()),
        "keep one of the two versions and delete the marks",
    )


def many_directives(file: str, text: str, most: int) -> Fault | None:
    """More than `most` `%` lines, or None: libyaml compares each with all that came before."""
    if text.startswith("%TAG") + text.count("\n%TAG") + text.count("\r%TAG") <= most:
        return None
    offset = max(text.find("%TAG"), 0)
    hint = "remove the lines"
    return Fault(codes.DIRECTIVE, "%TAG is not supported", span_at(file, text, offset), hint)


def explain(file: str, text: str, error: Any) -> Fault:
    """The fault behind an exception of PyYAML's parser (scanner, parser or reader)."""
    special = conflict(file, text) or (invisible(file, text) if _is_reader(error) else None)
    if special is not None:
        return special
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = _Place(file, lines_of(text), str(getattr(error, "problem", error)), mark, error)
    for words, fault in _KNOWN:
        if words in place.problem:
            return fault(place)
    return Fault(codes.SYNTAX, f"YAML syntax: {place.problem}", place.span)


def _is_reader(error: object) -> bool:
    return getattr(error, "problem_mark", None) is None


class _Place:
    """What is around a fault: the problem in libyaml's words, where, and since where."""

    def __init__(
        self, file: str, lines: Sequence[str], problem: str, mark: Any, error: Any
    ) -> None:
        self.file, self.lines, self.problem = file, lines, problem
        line, column = (mark.line, mark.column) if mark is not None else (0, 0)
        if line >= len(lines) or (line == len(lines) - 1 and not lines[line] and line):
            line = max(i for i, text in enumerate(lines) if text or not i)
            column = len(lines[line])
        self.line, self.column = line, column
        start = getattr(error, "context_mark", None)
        self.start = (start.line, start.column) if start is not None else (line, column)
        self.context = str(getattr(error, "context", None) or "")

    @property
    def span(self) -> Span:
        return Span(self.file, self.line + 1, self.column + 1)

    @property
    def start_span(self) -> Span:
        return Span(self.file, self.start[0] + 1, self.start[1] + 1)

    @property
    def rest(self) -> str:
        """The line from the fault on."""
        return self.lines[self.line][self.column :] if self.line < len(self.lines) else ""

    @property
    def before(self) -> str:
        """The line up to the fault."""
        return self.lines[self.line][: self.column] if self.line < len(self.lines) else ""


def _syntax(message: str, hint: str = "") -> Callable[[_Place], Fault]:
    return lambda place: Fault(codes.SYNTAX, message, place.span, hint)


def _token(place: _Place) -> Fault:
    character = place.rest[:1]
    if character == "\t":
        return _tab(place)
    return Fault(
        codes.SYNTAX,
        f"a value cannot begin with `{character}`",
        place.span,
        f'put the value into quotes: "{_clip(place.rest)}"',
    )


def _tab(place: _Place) -> Fault:
    hint = "replace the tab by spaces"
    return Fault(codes.TAB, "a tab stands where only spaces may stand", place.span, hint)


def _second_colon(place: _Place) -> Fault:
    if not place.before.strip(" "):
        return Fault(codes.SYNTAX, "a key is missing before `:`", place.span)
    if ":" in place.before:
        hint = "put a value that holds `: ` into quotes, or move the inner key to a line of its own"
        return Fault(codes.SYNTAX, "a second `: ` on one line", place.span, hint)
    if place.column > _LONGEST_KEY:
        hint = "begin the line with `? ` before such a key, or shorten it"
        return Fault(codes.SYNTAX, "a key of more than 1024 characters", place.span, hint)
    hint = "indent the line like its neighbours; the line above already has a value"
    return Fault(codes.SYNTAX, "a key stands where the value above goes on", place.span, hint)


def _no_colon(place: _Place) -> Fault:
    line = place.start[0]
    word = _clip(place.lines[line][place.start[1] :]) if line < len(place.lines) else ""
    return Fault(
        codes.SYNTAX,
        f"`{word}` is neither a key nor part of a value",
        place.start_span,
        f"write `{word}: VALUE`, or indent it if it belongs to the line above",
    )


def _unclosed_bracket(place: _Place) -> Fault:
    kind = "{" if "mapping" in place.context else "["
    closing = {"{": "}", "[": "]"}[kind]
    hint = f"separate items by `,` and close with `{closing}`"
    if place.start[0] == place.line:
        message = f"`,` or `{closing}` expected before `{_clip(place.rest) or 'the end'}`"
        return Fault(codes.SYNTAX, message, place.span, hint)
    stopped = Related(place.span, f"`,` or `{closing}` was expected here at the latest")
    return Fault(codes.SYNTAX, f"`{kind}` is never closed", place.start_span, hint, (stopped,))


def _unclosed_quote(place: _Place) -> Fault:
    quote = place.lines[place.start[0]][place.start[1] : place.start[1] + 1]
    return Fault(
        codes.SYNTAX,
        f"the quote {quote} is never closed",
        place.start_span,
        f"close it with {quote} on the same line",
    )


def _no_key(place: _Place) -> Fault:
    before = place.before.rstrip()
    if not before and place.rest.startswith(":"):
        return Fault(codes.COMPLEX_KEY, "a key is missing before `:`", place.span)
    if before.endswith(("}", "]", '"', "'")):
        hint = "put the whole value into one pair of quotes"
        message = f"`{_clip(place.rest)}` after the end of the value"
        return Fault(codes.SYNTAX, message, place.span, hint)
    if place.rest.startswith("- "):
        hint = "indent the items of a list at least as far as the key that they belong to"
        return Fault(codes.SYNTAX, "a list item among keys", place.span, hint)
    begun = Related(place.start_span, "the mapping begins here")
    hint = "keys of one mapping begin in the same column"
    message = "the indentation fits no mapping above"
    return Fault(codes.SYNTAX, message, place.span, hint, (begun,))


def _no_dash(place: _Place) -> Fault:
    begun = Related(place.start_span, "the list begins here")
    hint = "begin each item with `- ` in the same column"
    return Fault(codes.SYNTAX, "a line among list items is no item", place.span, hint, (begun,))


def _no_content(place: _Place) -> Fault:
    found = place.rest[:1]
    if found == ":":
        return Fault(codes.COMPLEX_KEY, "a key is missing before `:`", place.span)
    message = f"a value is missing before `{found}`" if found else "the file ends too early"
    return Fault(codes.SYNTAX, message, place.span, "close every `[` and `{`; remove extra commas")


def _escape(place: _Place) -> Fault:
    hint = "write a backslash as two (\\\\), or use single quotes, in which \\ is itself"
    message = f"the escape {place.rest[:2]} does not exist"
    return Fault(codes.SYNTAX, message, place.span, hint)


def _code_point(place: _Place) -> Fault:
    sign = place.before[-1:]
    digits = {"x": 2, "u": 4, "U": 8}.get(sign, 4)
    hint = (
        "write a character beyond U+FFFF as \\U and eight digits, not as two surrogates; "
        "write a backslash that is meant as two (\\\\)"
    )
    message = f"\\{sign}{place.rest[:digits]} is no character"
    return Fault(codes.SYNTAX, message, place.span, hint)


def _no_name(place: _Place) -> Fault:
    sign = "*" if "alias" in place.context else "&"
    line = place.lines[place.start[0]][place.start[1] :]
    hint = f'if `{sign}` is part of the text, quote it: "{_clip(line)}"'
    return Fault(codes.SYNTAX, f"`{sign}` without a name", place.start_span, hint)


def _tag(place: _Place) -> Fault:
    hint = "remove the tag; if `!` is part of the text, put the value into quotes"
    return Fault(codes.TAG, "the tag is not part of the language", place.span, hint)


def _directive(place: _Place) -> Fault:
    line = _clip(place.lines[place.line])
    if "duplicate" in place.problem:
        return Fault(codes.DIRECTIVE, f"`{line}` is given twice", place.span, "remove one")
    hint = "remove the line; if it is meant as a key, put it into quotes"
    return Fault(codes.DIRECTIVE, f"`{line}` is not supported", place.span, hint)


def _clip(text: str, limit: int = 30) -> str:
    text = text.strip()
    return text if len(text) <= limit else text[: limit - 3] + "..."


_KNOWN: Final[tuple[tuple[str, Callable[[_Place], Fault]], ...]] = (
    ("cannot start any token", _token),
    ("tab character", _tab),
    ("mapping values are not allowed", _second_colon),
    ("could not find expected ':'", _no_colon),
    ("did not find expected ',' or", _unclosed_bracket),
    ("found unexpected end of stream", _unclosed_quote),
    ("found unexpected document indicator", _unclosed_quote),
    ("did not find expected key", _no_key),
    ("did not find expected '-' indicator", _no_dash),
    ("did not find expected node content", _no_content),
    ("found unknown escape character", _escape),
    ("found invalid Unicode character escape code", _code_point),
    ("expected hexdecimal number", _code_point),
    ("expected alphabetic or numeric character", _no_name),
    ("undefined tag handle", _tag),
    (" tag", _tag),
    ("incompatible YAML document", _directive),
    ("directive", _directive),
    ("unexpected non-alphabetical character", _directive),
    (
        "<document start>",
        _syntax(
            "two documents in one file need `---` between them",
            "remove what follows the end of the first, or the `%` line",
        ),
    ),
    (
        "block sequence entries are not allowed",
        _syntax(
            "a list cannot begin on the line of its key",
            "put `- ` on the next line, or write the list as [a, b]",
        ),
    ),
    ("block mapping", _syntax("a key stands where no key may stand", "check the indentation")),
    (
        "expected comment or line break",
        _syntax("text after `|` or `>`", "begin the text on the next line, indented"),
    ),
    ("indentation indicator", _syntax("the number after `|` or `>` must be 1 to 9")),
)
