"""Evaluates the part of CEL that rules of custom resource definitions are written in.

Values are parsed JSON; a program is a closure from variables to a value. `||` and `&&` absorb
an error of one side as CEL asks. Beyond the macros `has all exists exists_one filter map` and
the functions in `_METHODS` nothing is known: such a rule does not compile, and whoever asks
learns that it is unchecked. Rules over `oldSelf` need an older object and are not for here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from compiler.model.record import dataclass

Variables = Mapping[str, Any]
Program = Callable[[Variables], Any]


class CelError(Exception):
    """The text is beyond this evaluator, or an expression has no value."""


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
    parser = _Parser(_tokens(text))
    program = parser.expression()
    parser.expect("")
    return program


_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)u?
    |(?P<string>[rR]?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))
    |(?P<name>[A-Za-z_]\w*)
    |(?P<sign>\|\||&&|==|!=|<=|>=|[-+*/%!<>?:.,()\[\]]))""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise CelError(f"unexpected {text[at : at + 10]!r}")
        found.append((match.lastgroup or "", match[match.lastgroup or 0]))
        at = match.end()
    return [*found, ("end", "")]


class _Parser:
    """Recursive descent over tokens; every method returns a program."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens, self.at = tokens, 0

    def peek(self) -> str:
        kind, text = self.tokens[self.at]
        return text if kind in {"sign", "name", "end"} else ""

    def accept(self, *signs: str) -> str:
        kind, text = self.tokens[self.at]
        if kind != "string" and text in signs:
            self.at += kind != "end"
            return text
        return ""

    def expect(self, sign: str) -> None:
        kind, text = self.tokens[self.at]
        if kind == "string" or text != sign:
            raise CelError(f"expected {sign or 'the end'}, found {text!r}")
        self.at += kind != "end"

    def name(self) -> str:
        kind, text = self.tokens[self.at]
        if kind != "name":
            raise CelError(f"expected a name, found {text!r}")
        self.at += 1
        return text

    def expression(self) -> Program:
        condition = self.binary(0)
        if not self.accept("?"):
            return condition
        yes = self.expression()
        self.expect(":")
        no = self.expression()
        return lambda v: yes(v) if _boolean(condition(v)) else no(v)

    def binary(self, level: int) -> Program:
        if level == len(_LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while sign := self.accept(*_LEVELS[level]):
            left = _BINARY[sign](left, self.binary(level + 1))
        return left

    def unary(self) -> Program:
        if self.accept("!"):
            inner = self.unary()
            return lambda v: not _boolean(inner(v))
        if self.accept("-"):
            negated = self.unary()
            return lambda v: -_number(negated(v))
        return self.postfix(self.primary())

    def postfix(self, value: Program) -> Program:
        while sign := self.accept(".", "["):
            if sign == "[":
                value = _index(value, self.expression())
                self.expect("]")
                continue
            name = self.name()
            value = self.method(value, name) if self.accept("(") else _select(value, name)
        return value

    def method(self, value: Program, name: str) -> Program:
        if name in _MACROS:
            variable = self.name()
            self.expect(",")
            body = self.expression()
            self.expect(")")
            return _macro(name, value, variable, body)
        return _call(name, [value, *self.arguments(")")])

    def arguments(self, end: str) -> list[Program]:
        found: list[Program] = []
        while not self.accept(end):
            if found:
                self.expect(",")
            found.append(self.expression())
        return found

    def primary(self) -> Program:
        kind, text = self.tokens[self.at]
        if kind == "number":
            self.at += 1
            number = float(text) if re.search(r"[.eE]", text) else int(text)
            return lambda _: number
        if kind == "string":
            self.at += 1
            literal = _unquote(text)
            return lambda _: literal
        return self.word() if kind == "name" else self.bracket()

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
        if name in _CONSTANTS:
            return lambda _: _CONSTANTS[name]
        if self.accept("("):
            if name == "has":
                return self.has()
            return _call(name, self.arguments(")"))
        if name == "oldSelf":
            raise CelError("the rule needs the older object")
        return lambda v: _variable(v, name)

    def has(self) -> Program:
        value = self.primary()
        names: list[str] = []
        while self.accept("."):
            names.append(self.name())
        self.expect(")")
        if not names:
            raise CelError("has() takes a field")
        for name in names[:-1]:
            value = _select(value, name)
        return lambda v: value(v).get(names[-1]) is not None if _is_map(value(v)) else False


def _unquote(text: str) -> str:
    if text[0] in "rR":
        return text[2:-1]
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text[1:-1])


def _is_map(value: Any) -> bool:
    return isinstance(value, dict)


def _variable(variables: Variables, name: str) -> Any:
    if name not in variables:
        raise CelError(f"no variable {name}")
    return variables[name]


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise CelError("not a boolean")


def _number(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise CelError("not a number")


def _select(value: Program, name: str) -> Program:
    def select(variables: Variables) -> Any:
        found = value(variables)
        if not isinstance(found, dict) or name not in found:
            raise CelError(f"no field {name}")
        return found[name]

    return select


def _index(value: Program, key: Program) -> Program:
    def index(variables: Variables) -> Any:
        try:
            return value(variables)[key(variables)]
        except (KeyError, IndexError, TypeError) as error:
            raise CelError("no such entry") from error

    return index


def _either(left: Program, right: Program, decisive: bool) -> Program:
    """`||` with True decisive, `&&` with False: an error of one side yields to the other."""

    def either(variables: Variables) -> bool:
        try:
            if _boolean(left(variables)) is decisive:
                return decisive
        except CelError:
            if _boolean(right(variables)) is decisive:
                return decisive
            raise
        return _boolean(right(variables))

    return either


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Program, Program], Program]:
    def make(left: Program, right: Program) -> Program:
        def ordered(variables: Variables) -> bool:
            one, other = left(variables), right(variables)
            if isinstance(one, str) and isinstance(other, str):
                return compare(one, other)
            return compare(_number(one), _number(other))

        return ordered

    return make


def _arithmetic(compute: Callable[[Any, Any], Any]) -> Callable[[Program, Program], Program]:
    def make(left: Program, right: Program) -> Program:
        def arithmetic(variables: Variables) -> Any:
            try:
                return compute(left(variables), right(variables))
            except (TypeError, ZeroDivisionError) as error:
                raise CelError("no such operation") from error

        return arithmetic

    return make


def _contains(needle: Any, hay: Any) -> bool:
    if not isinstance(hay, dict | list):
        raise CelError("not a list or a map")
    return any(_equal(needle, item) for item in hay)


def _quotient(one: Any, other: Any) -> Any:
    whole = isinstance(one, int) and isinstance(other, int)
    return int(one / other) if whole else one / other


_LEVELS = (("||",), ("&&",), ("==", "!=", "<=", ">=", "<", ">", "in"), ("+", "-"), ("*", "/", "%"))
_BINARY: Mapping[str, Callable[[Program, Program], Program]] = {
    "||": lambda left, right: _either(left, right, True),
    "&&": lambda left, right: _either(left, right, False),
    "==": lambda left, right: lambda v: _equal(left(v), right(v)),
    "!=": lambda left, right: lambda v: not _equal(left(v), right(v)),
    "in": lambda left, right: lambda v: _contains(left(v), right(v)),
    "<": _ordered(lambda a, b: bool(a < b)),
    "<=": _ordered(lambda a, b: bool(a <= b)),
    ">": _ordered(lambda a, b: bool(a > b)),
    ">=": _ordered(lambda a, b: bool(a >= b)),
    "+": _arithmetic(lambda a, b: a + b),
    "-": _arithmetic(lambda a, b: a - b),
    "*": _arithmetic(lambda a, b: a * b),
    "/": _arithmetic(_quotient),
    "%": _arithmetic(lambda a, b: a % b),
}
_CONSTANTS = {"true": True, "false": False, "null": None}
_MACROS = {"all", "exists", "exists_one", "filter", "map"}
_METHODS: Mapping[str, Callable[..., Any]] = {
    "size": len,
    "contains": lambda text, part: part in text,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "matches": lambda text, pattern: re.search(pattern, text) is not None,
    "lowerAscii": str.lower,
    "upperAscii": str.upper,
    "trim": str.strip,
    "split": str.split,
    "join": lambda items, glue="": glue.join(items),
    "string": str,
    "int": int,
    "double": float,
    "sum": sum,
}


def _call(name: str, arguments: list[Program]) -> Program:
    function = _METHODS.get(name)
    if function is None or not arguments:
        raise CelError(f"the function {name} is not known")

    def call(variables: Variables) -> Any:
        try:
            return function(*(argument(variables) for argument in arguments))
        except (TypeError, ValueError, AttributeError, re.error) as error:
            raise CelError(f"{name} has no value") from error

    return call


def _macro(name: str, value: Program, variable: str, body: Program) -> Program:
    def items(variables: Variables) -> list[tuple[Any, Any]]:
        found = value(variables)
        if not isinstance(found, dict | list):
            raise CelError("not a list or a map")
        return [(item, body({**variables, variable: item})) for item in found]

    def chosen(variables: Variables) -> list[Any]:
        return [item for item, kept in items(variables) if _boolean(kept)]

    programs: Mapping[str, Program] = {
        "all": lambda v: all(_boolean(kept) for _, kept in items(v)),
        "exists": lambda v: bool(chosen(v)),
        "exists_one": lambda v: len(chosen(v)) == 1,
        "filter": chosen,
        "map": lambda v: [made for _, made in items(v)],
    }
    return programs[name]
