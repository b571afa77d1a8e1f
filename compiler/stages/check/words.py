"""A validator's finding in words: the field's path, what is wrong, what would be right.

The validator's own text is never shown, and neither is a value that could be a secret. Nothing
here decides whether an object is right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import jsonschema_rs

from compiler.model import quantity
from compiler.model.codes import check as codes
from compiler.model.diagnostics import Code
from compiler.model.record import dataclass
from compiler.stages.check.rules import FORMS, PROBLEM
from compiler.stages.check.structural import BASE64

TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
_SECRET = re.compile(r"pass|secret|token|key|credential|auth|private|^value$|data|^args$", re.I)
_PLAIN = re.compile(r"[A-Za-z_][\w-]*")
_SHOWN = 60
_PATTERNS = {
    **FORMS,
    quantity.PATTERN: "it must be a quantity such as 500m or 2Gi",
    BASE64: "it must be base64",
}


@dataclass(frozen=True, slots=True)
class Wrong:
    """One fault of one object: `text` begins with the path of the field."""

    code: Code
    text: str
    hint: str = ""


def describe(
    error: jsonschema_rs.ValidationError,
    schema: Mapping[str, Any],
    data: Any,
    kind: str,
    below: tuple[str | int, ...] = (),
) -> list[Wrong]:
    """The faults that one error of the validator stands for, at least one.

    `data` is the validated value, and `below` its path inside the object.
    """
    name = str(error.kind.name)
    path = (*below, *error.instance_path)
    if problem := _problem(schema, error.schema_path):
        return [Wrong(codes.RULE_BROKEN, f"{path_text(path)} {problem}")]
    if name == "falseSchema":
        # The validator names the closed mapping, not the field in it.
        closed = _node(data, error.instance_path)
        return [_unknown(path, str(found), {}, kind) for found in closed]
    if name == "additionalProperties":
        known = _node(schema, error.schema_path[:-1]).get("properties", {})
        return [_unknown(path, str(found), known, kind) for found in error.kind.value]
    describe_one: Callable[..., Wrong] = _LIMITS.get(name, _other)
    return [describe_one(path, error, error.kind.value)]


def _problem(schema: Any, path: Sequence[str | int]) -> str:
    """The words of the innermost rule that the validator's path leads through, or nothing."""
    found = ""
    for part in path:
        schema = schema[str(part) if isinstance(schema, Mapping) else part]
        if isinstance(schema, Mapping) and isinstance(schema.get(PROBLEM), str):
            found = schema[PROBLEM]
    return found


def path_text(path: Sequence[str | int]) -> str:
    """`spec.containers[0].env`; a key with other characters is quoted in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part, ensure_ascii=False)}]"
    return text or "the object"


def shown(value: Any, path: Sequence[str | int] = ()) -> str:
    """The value for a message: cut, and `a value (not shown)` where it could be a secret."""
    names = [str(part) for part in path[-2:] if isinstance(part, str)]
    if isinstance(value, str) and (any(_SECRET.search(n) for n in names) or "@" in value):
        return "a value (not shown)"
    if isinstance(value, dict | list):
        return TYPES["object" if isinstance(value, dict) else "array"]
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """`Did you mean X?`, or nothing when nothing is near."""
    known = list(known)
    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(wrong.lower(), by_lower, n=1, cutoff=0.7)
    return f"Did you mean {by_lower[near[0]]}?" if near else ""


def _node(top: Any, path: Sequence[str | int]) -> Mapping[str, Any]:
    node: Any = top
    for part in path:
        # The validator turns a key of digits into a number.
        node = node[str(part) if isinstance(node, Mapping) else part]
    return node if isinstance(node, Mapping) else {}


def _unknown(path: tuple[str | int, ...], name: str, known: Mapping[str, Any], kind: str) -> Wrong:
    where = path_text((*path, name))
    if not path and name == "status":
        return Wrong(codes.STATUS_WRITTEN, "status is written by the cluster; leave it out")
    text = f"{where} is not a field of {kind}: the API server would drop it"
    return Wrong(codes.UNKNOWN_FIELD, text, did_you_mean(name, known) or _list_known(known))


def _list_known(known: Mapping[str, Any]) -> str:
    if not known:
        return "The API server keeps no field there."
    names = sorted(known)
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"Known there: {', '.join(names[:12])}{more}."


def _type(path: tuple[str | int, ...], error: jsonschema_rs.ValidationError, value: Any) -> Wrong:
    wanted = [t for t in (value if isinstance(value, list) else [value]) if t != "null"]
    words = " or ".join(TYPES.get(str(t), str(t)) for t in wanted)
    text = f"{path_text(path)} must be {words}, not {shown(error.instance, path)}"
    scalar = isinstance(error.instance, int | float | bool)
    hint = "Put it in quotes." if "string" in wanted and scalar else ""
    return Wrong(codes.WRONG_TYPE, text, hint)


def _enum(path: tuple[str | int, ...], error: jsonschema_rs.ValidationError, value: Any) -> Wrong:
    allowed = [str(option) for option in value if option not in (None, "")]
    text = (f"{path_text(path)} must be one of {', '.join(allowed)}, "
            f"not {shown(error.instance, path)}")  # fmt: skip
    return Wrong(codes.NOT_ALLOWED, text, did_you_mean(str(error.instance), allowed))


def _required(
    path: tuple[str | int, ...], _error: jsonschema_rs.ValidationError, value: Any
) -> Wrong:
    return Wrong(codes.MISSING_FIELD, f"{path_text((*path, str(value)))} is required and missing")


def _pattern(
    path: tuple[str | int, ...], error: jsonschema_rs.ValidationError, value: Any
) -> Wrong:
    rule = _PATTERNS.get(str(value), f"it must match {value}")
    text = f"{path_text(path)} is {shown(error.instance, path)}; {rule}"
    return Wrong(codes.OUT_OF_FORM, text)


def _limit(words: str) -> Callable[..., Wrong]:
    def describe_limit(
        path: tuple[str | int, ...], error: jsonschema_rs.ValidationError, value: Any
    ) -> Wrong:
        text = f"{path_text(path)} is {shown(error.instance, path)}; {words.format(value)}"
        return Wrong(codes.OUT_OF_FORM, text)

    return describe_limit


def _other(path: tuple[str | int, ...], error: jsonschema_rs.ValidationError, _value: Any) -> Wrong:
    text = f"{path_text(path)} breaks the rule {error.kind.name!r} of its definition"
    return Wrong(codes.OUT_OF_FORM, text)


_LIMITS: Mapping[str, Callable[..., Wrong]] = {
    "type": _type,
    "enum": _enum,
    "required": _required,
    "pattern": _pattern,
    "minimum": _limit("the least allowed is {}"),
    "maximum": _limit("the most allowed is {}"),
    "exclusiveMinimum": _limit("it must be more than {}"),
    "exclusiveMaximum": _limit("it must be less than {}"),
    "multipleOf": _limit("it must be a multiple of {}"),
    "minLength": _limit("it needs at least {} characters"),
    "maxLength": _limit("it may have at most {} characters"),
    "minItems": _limit("it needs at least {} entries"),
    "maxItems": _limit("it may have at most {} entries"),
    "minProperties": _limit("it needs at least {} keys"),
    "maxProperties": _limit("it may have at most {} keys"),
    "uniqueItems": _limit("its entries must differ"),
    "format": _limit("it must be a {}"),
}
