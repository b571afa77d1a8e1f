"""Reads the part of CEL that rules and policies are written in, and makes programs of it.

Values are parsed JSON. `||` and `&&` absorb an error of one side as CEL asks. Beyond the macros
`has all exists exists_one filter map` and the functions in `cel_values` nothing is known: such a
text does not compile, and whoever asks learns that it is unchecked. Rules over `oldSelf` need an
older object and are not for here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import field
from typing import Any, NamedTuple

from compiler.model.record import dataclass
from compiler.stages.check.cel_values import (
    BINARY,
    COMPARISONS,
    CONSTANTS,
    LEVELS,
    MACROS,
    CelError,
    Program,
    boolean,
    call_of,
    index_of,
    is_map,
    lookup,
    macro_of,
    number,
    select,
)

__all__ = ["CelError", "Evidence", "Rule", "compile_rule", "evidence_of"]

DEPTH = 60
"""Brackets and operators inside one another; people write fewer than ten."""


class Evidence(NamedTuple):
    """A part of an expression that tells why the whole is false.

    The side of a comparison, or a list of which all have to fulfil something: then `variable`
    stands for an item in `condition`.
    """

    text: str
    value: Program
    variable: str = ""
    condition: Program | None = None
    parts: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule's text and message; `program` is None where it cannot be judged here.

    `defaults` are the values that the API server fills in before it judges.
    """

    text: str
    message: str
    program: Program | None
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def holds(self, value: Any) -> bool:
        """Whether the rule holds on `value`; an error counts as broken, as on the server."""
        if self.program is None:
            return True
        own = {**self.defaults, **value} if isinstance(value, dict) else value
        try:
            return self.program({"self": own}) is True
        except CelError:
            return False


def compile_rule(text: str) -> Program:
    """The program of a CEL expression.

    Raises:
        CelError: it is malformed, uses `oldSelf`, or a function that is not known here.
    """
    return _Parser(text, None).whole()


def evidence_of(text: str, names: Collection[str]) -> tuple[Program, tuple[Evidence, ...]]:
    """The program of an expression over some variables, and the parts that explain it.

    Raises:
        CelError: it is malformed, or names something that does not exist; `at` is the place.
    """
    parser = _Parser(text, names)
    return parser.whole(), tuple(parser.evidence)


_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)u?
    |(?P<string>[rR]?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))
    |(?P<name>[A-Za-z_]\w*)
    |(?P<sign>\|\||&&|==|!=|<=|>=|[-+*/%!<>?:.,()\[\]]))""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            raise CelError(f"unexpected {text[start : start + 10]!r}", start)
        kind = match.lastgroup or ""
        found.append(_Token(kind, match[kind], match.start(kind)))
        at = match.end()
    return [*found, _Token("end", "", end)]


class _Parser:
    """Recursive descent over tokens; every method returns a program."""

    def __init__(self, text: str, names: Collection[str] | None) -> None:
        self.text, self.tokens, self.at = text, _tokens(text), 0
        self.names = None if names is None else list(names)
        self.evidence: list[Evidence] = []
        self.depth = 0

    def whole(self) -> Program:
        program = self.expression()
        self.expect("")
        return program

    def wrong(self, message: str, back: int = 0) -> CelError:
        return CelError(message, self.tokens[self.at - back].at)

    def accept(self, *signs: str) -> str:
        token = self.tokens[self.at]
        if token.kind != "string" and token.text in signs:
            self.at += token.kind != "end"
            return token.text
        return ""

    def expect(self, sign: str) -> None:
        token = self.tokens[self.at]
        if token.kind == "string" or token.text != sign:
            raise self.wrong(f"expected {sign or 'the end'}, found {token.text!r}")
        self.at += token.kind != "end"

    def name(self) -> str:
        token = self.tokens[self.at]
        if token.kind != "name":
            raise self.wrong(f"expected a name, found {token.text!r}")
        self.at += 1
        return token.text

    def expression(self) -> Program:
        self.depth += 1
        if self.depth > DEPTH:
            raise self.wrong(f"more than {DEPTH} brackets inside one another")
        condition = self.binary(0)
        if self.accept("?"):
            yes = self.expression()
            self.expect(":")
            no, asked = self.expression(), condition
            condition = lambda v: yes(v) if boolean(asked(v)) else no(v)  # noqa: E731
        self.depth -= 1
        return condition

    def binary(self, level: int) -> Program:
        if level == len(LEVELS):
            return self.unary()
        start = self.tokens[self.at].at
        left = self.binary(level + 1)
        while sign := self.accept(*LEVELS[level]):
            middle, second = self.tokens[self.at - 1].at, self.tokens[self.at].at
            right = self.binary(level + 1)
            if sign in COMPARISONS:
                end = self.tokens[self.at].at
                self.evidence.append(Evidence(self.text[start:middle].strip(), left))
                self.evidence.append(Evidence(self.text[second:end].strip(), right))
            left = BINARY[sign](left, right)
        return left

    def unary(self) -> Program:
        signs: list[str] = []
        while sign := self.accept("!", "-"):
            signs.append(sign)
        value = self.postfix(self.primary())
        for sign in reversed(signs):
            value = _negated(sign, value)
        return value

    def postfix(self, value: Program) -> Program:
        start = self.tokens[self.at - 1].at
        while sign := self.accept(".", "["):
            if sign == "[":
                value = index_of(value, self.expression())
                self.expect("]")
                continue
            name = self.name()
            called = self.accept("(")
            value = self.method(value, name, start) if called else select(value, name)
        return value

    def method(self, value: Program, name: str, start: int) -> Program:
        if name in MACROS:
            return self.macro(value, name, start)
        try:
            return call_of(name, [value, *self.arguments(")")])
        except CelError as error:
            raise self.wrong(str(error), 1) if error.at is None else error from None

    def macro(self, value: Program, name: str, start: int) -> Program:
        variable, outer = self.name(), self.evidence
        self.expect(",")
        self.evidence = []
        if self.names is not None:
            self.names.append(variable)
        body = self.expression()
        if self.names is not None:
            self.names.pop()
        inner, self.evidence = self.evidence, outer
        if name == "all":
            text = self.text[start : self.tokens[self.at].at + 1]
            self.evidence.append(Evidence(text, value, variable, body, tuple(inner)))
        self.expect(")")
        return macro_of(name, value, variable, body)

    def arguments(self, end: str) -> list[Program]:
        found: list[Program] = []
        while not self.accept(end):
            if found:
                self.expect(",")
            found.append(self.expression())
        return found

    def primary(self) -> Program:
        token = self.tokens[self.at]
        if token.kind == "number":
            self.at += 1
            text = token.text
            value = float(text) if re.search(r"[.eE]", text) else int(text)
            return lambda _: value
        if token.kind == "string":
            self.at += 1
            literal = _unquote(token.text)
            return lambda _: literal
        return self.word() if token.kind == "name" else self.bracket()

    def bracket(self) -> Program:
        if self.accept("["):
            items = self.arguments("]")
            return lambda v: [item(v) for item in items]
        self.expect("(")
        inner = self.expression()
        self.expect(")")
        return inner

    def word(self) -> Program:
        name = self.name()
        if name in CONSTANTS:
            return lambda _: CONSTANTS[name]
        if self.accept("("):
            if name == "has":
                return self.has()
            return self.function(name)
        if name == "oldSelf":
            raise self.wrong("the rule needs the older object", 1)
        if self.names is not None and name not in self.names:
            raise self.wrong(f"there is no {name}; there are {', '.join(self.names)}", 1)
        return lambda v: lookup(v, name)

    def function(self, name: str) -> Program:
        start = self.at - 2
        try:
            return call_of(name, self.arguments(")"))
        except CelError as error:
            if error.at is not None:
                raise
            raise CelError(str(error), self.tokens[start].at) from None

    def has(self) -> Program:
        value = self.primary()
        names: list[str] = []
        while self.accept("."):
            names.append(self.name())
        self.expect(")")
        if not names:
            raise self.wrong("has() takes a field", 1)
        for name in names[:-1]:
            value = select(value, name)
        return lambda v: value(v).get(names[-1]) is not None if is_map(value(v)) else False


def _negated(sign: str, value: Program) -> Program:
    if sign == "!":
        return lambda v: not boolean(value(v))
    return lambda v: -number(value(v))


def _unquote(text: str) -> str:
    if text[0] in "rR":
        return text[2:-1]
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text[1:-1])
