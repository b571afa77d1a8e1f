"""What expressions of CEL compute: fields, comparisons, functions and macros over parsed JSON.

A program is a closure from variables to a value. Whatever has no value is a `CelError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Variables = Mapping[str, Any]
Program = Callable[[Variables], Any]


class CelError(Exception):
    """The text is beyond this evaluator, or an expression has no value.

    `at` is the place in the text, counted from 0, where it is the text that is wrong.
    """

    def __init__(self, message: str, at: int | None = None) -> None:
        super().__init__(message)
        self.at = at


def is_map(value: Any) -> bool:
    """Whether a value is a map."""
    return isinstance(value, dict)


def lookup(variables: Variables, name: str) -> Any:
    """The value of a variable."""
    if name not in variables:
        raise CelError(f"no variable {name}")
    return variables[name]


def boolean(value: Any) -> bool:
    """The value as a boolean; anything else is an error."""
    if isinstance(value, bool):
        return value
    raise CelError("not a boolean")


def number(value: Any) -> Any:
    """The value as a number; anything else is an error."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise CelError("not a number")


def select(value: Program, name: str) -> Program:
    """A field of a map."""

    def select(variables: Variables) -> Any:
        found = value(variables)
        if not isinstance(found, dict) or name not in found:
            raise CelError(f"no field {name}")
        return found[name]

    return select


def index_of(value: Program, key: Program) -> Program:
    """An entry of a list or map."""

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
            if boolean(left(variables)) is decisive:
                return decisive
        except CelError:
            if boolean(right(variables)) is decisive:
                return decisive
            raise
        return boolean(right(variables))

    return either


def equal(one: Any, other: Any) -> bool:
    """Equality as CEL has it: a boolean equals no number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Program, Program], Program]:
    def make(left: Program, right: Program) -> Program:
        def ordered(variables: Variables) -> bool:
            one, other = left(variables), right(variables)
            if isinstance(one, str) and isinstance(other, str):
                return compare(one, other)
            return compare(number(one), number(other))

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
    return any(equal(needle, item) for item in hay)


def _quotient(one: Any, other: Any) -> Any:
    whole = isinstance(one, int) and isinstance(other, int)
    if not whole:
        return one / other
    # Towards zero, and exact above 2^53.
    return abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)


LEVELS = (("||",), ("&&",), ("==", "!=", "<=", ">=", "<", ">", "in"), ("+", "-"), ("*", "/", "%"))
BINARY: Mapping[str, Callable[[Program, Program], Program]] = {
    "||": lambda left, right: _either(left, right, True),
    "&&": lambda left, right: _either(left, right, False),
    "==": lambda left, right: lambda v: equal(left(v), right(v)),
    "!=": lambda left, right: lambda v: not equal(left(v), right(v)),
    "in": lambda left, right: lambda v: _contains(left(v), right(v)),
    "<": _ordered(lambda a, b: bool(a < b)),
    "<=": _ordered(lambda a, b: bool(a <= b)),
    ">": _ordered(lambda a, b: bool(a > b)),
    ">=": _ordered(lambda a, b: bool(a >= b)),
    "+": _arithmetic(lambda a, b: a + b),
    "-": _arithmetic(lambda a, b: a - b),
    "*": _arithmetic(lambda a, b: a * b),
    "/": _arithmetic(_quotient),
    "%": _arithmetic(lambda a, b: a - b * _quotient(a, b)),
}
COMPARISONS = frozenset(("==", "!=", "<=", ">=", "<", ">", "in"))
CONSTANTS = {"true": True, "false": False, "null": None}
MACROS = {"all", "exists", "exists_one", "filter", "map"}
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


def call_of(name: str, arguments: list[Program]) -> Program:
    """A function or method over the values of its arguments."""
    function = _METHODS.get(name)
    if function is None or not arguments:
        raise CelError(f"the function {name} is not known")

    def call(variables: Variables) -> Any:
        try:
            return function(*(argument(variables) for argument in arguments))
        except (TypeError, ValueError, AttributeError, re.error) as error:
            raise CelError(f"{name} has no value") from error

    return call


def macro_of(name: str, value: Program, variable: str, body: Program) -> Program:
    """A macro over the items of a list or the keys of a map."""

    def items(variables: Variables) -> Iterator[tuple[Any, Variables]]:
        found = value(variables)
        if not isinstance(found, dict | list):
            raise CelError("not a list or a map")
        return ((item, {**variables, variable: item}) for item in found)

    def chosen(variables: Variables) -> list[Any]:
        return [item for item, inner in items(variables) if boolean(body(inner))]

    programs: Mapping[str, Program] = {
        "all": lambda v: _decided((inner for _, inner in items(v)), body, False),
        "exists": lambda v: _decided((inner for _, inner in items(v)), body, True),
        "exists_one": lambda v: len(chosen(v)) == 1,
        "filter": chosen,
        "map": lambda v: [body(inner) for _, inner in items(v)],
    }
    return programs[name]


def _decided(scopes: Iterable[Variables], body: Program, decisive: bool) -> bool:
    """Whether an item decides; an error of another one then does not count."""
    fault: CelError | None = None
    for inner in scopes:
        try:
            if boolean(body(inner)) is decisive:
                return decisive
        except CelError as error:
            fault = fault or error
    if fault is not None:
        raise fault
    return not decisive
