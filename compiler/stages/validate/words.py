"""Says in words what is wrong with one value, without showing what may be secret.

Part of `validate`. Knows the error types of pydantic and the forms of texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from compiler.model.codes import all_codes
from compiler.model.codes import spec as codes
from compiler.model.diagnostics import Code, Diagnostics, Span
from compiler.model.record import dataclass
from compiler.model.spec.base import NOTHING, source_text
from compiler.model.spec.checks import holds_credential, looks_like_credential
from compiler.model.spec.placeholders import PLACEHOLDER, placeholder_fault
from compiler.model.spec.shape import Shape, fields
from compiler.model.spec.text import Text
from compiler.model.suggest import did_you_mean

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ORDINARY = re.compile(r"[A-Za-z]{1,15}[0-9]{0,3}(?:[-_. ][A-Za-z]{0,15}[0-9]{0,3}){0,6}")
"""Texts made of words, which are a mistyped name and no credential."""
_TRUTH = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_SHOWN = 60
_LONG = 300
_LONGEST = 1200


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnostic without its place; `meant` is the key that an unknown one stands for."""

    code: Code
    message: str
    hint: str = ""
    meant: str = ""


class Spotted(Protocol):
    """What of a place matters for words."""

    @property
    def name(self) -> str:
        """The key, for messages."""
        ...

    @property
    def value(self) -> Any:
        """The value as written."""
        ...

    @property
    def shape(self) -> Shape:
        """What is allowed there."""
        ...

    @property
    def is_key(self) -> bool:
        """Whether the key itself is wrong."""
        ...


def finding(error: Any, spot: Spotted) -> Finding:
    """The words for one error of pydantic."""
    value = spot.value if spot.is_key else error["input"]
    text = (spot.shape.key or spot.shape.text) if spot.is_key else spot.shape.text
    if value is None or value is NOTHING:
        empty = {"model": "{}", "mapping": "{}", "list": "[]"}.get(spot.shape.sort, "the value")
        return Finding(
            codes.EMPTY_VALUE,
            f"{spot.name} has no value; it takes {spot.shape}",
            f"Write {empty}, or remove the key.",
        )
    for prefix, explain in _EXPLAIN:
        if error["type"].startswith(prefix):
            return explain(spot, value, text, error)
    return _wrong_type(spot, value, text, error)


def put(diagnostics: Diagnostics, found: Finding, span: Span | None) -> None:
    """Add a finding, with every character that a terminal would act on made visible."""
    diagnostics.add(found.code, _visible(found.message), span, _visible(found.hint))


def _visible(text: str) -> str:
    line = text if text.isprintable() else "".join(map(_visible_character, text))
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _visible_character(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")


def described(value: Any, hide: bool = False) -> str:
    """A value for people: what it is, and what it says when that is short and not secret."""
    if not isinstance(value, str):
        return _other(value)
    if hide or holds_credential(value) or looks_like_credential(value):
        return "a text (value not shown)"
    return f'the text "{shortened(value)}"' if value else "an empty text"


def _other(value: Any) -> str:
    for kind, word in ((dict, "a mapping"), (list, "a list"), (bool, "the truth value {}")):
        if isinstance(value, kind):
            return word.format(source_text(value))
    return f"the number {source_text(value)}" if isinstance(value, int | float) else "nothing"


def shortened(text: str) -> str:
    """A text on one line, cut where it is long."""
    line = _visible(text[: 2 * _SHOWN])
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


def _wrong_type(spot: Spotted, value: Any, text: Text | None, _error: Any) -> Finding:
    keys = fields(spot.shape.model) if spot.shape.model is not None else {}
    hide = "secret" in keys or (text is not None and text.secret)
    hint = f"Write {spot.name}: {{secret: NAME}}." if "secret" in keys else ""
    if isinstance(value, str) and spot.shape.sort in ("whole", "number"):
        hint = "Remove the quotes." if re.fullmatch(r"-?[0-9.]+", value) else ""
    if spot.shape.sort == "list" and not isinstance(value, dict):
        hint = "Write a list: put the value in square brackets."
    return Finding(
        codes.WRONG_TYPE, f"{spot.name} is {described(value, hide)}; it takes {spot.shape}", hint
    )


def _text_type(spot: Spotted, value: Any, text: Text | None, error: Any) -> Finding:
    written = source_text(value)
    if written is None or (text is not None and text.secret and not isinstance(value, int | float)):
        return _wrong_type(spot, value, text, error)
    if text is not None and not re.search(text.pattern, written):
        return _wrong_type(spot, value, text, error)
    noun = (
        text.noun if text is not None and text.noun not in ("text", "word", "value") else spot.name
    )
    if isinstance(value, bool):
        return Finding(
            codes.WRONG_TYPE,
            f"{noun} {written} is read as a truth value; it takes {spot.shape}",
            f'Write "{written}" in quotes if the text is meant.',
        )
    return Finding(
        codes.NUMBER_FOR_TEXT,
        f'{noun} {written} is read as the number {_plain(value)}; write "{written}"',
    )


def _form(spot: Spotted, value: Any, text: Text | None, error: Any) -> Finding:
    if text is None or not isinstance(value, str):
        return _wrong_type(spot, value, text, error)
    control = _CONTROL.search(value)
    if control:
        return Finding(
            codes.CONTROL_CHARACTER,
            f"{spot.name} holds the control character U+{ord(control.group()):04X}",
        )
    if not value:
        return Finding(codes.WRONG_LENGTH, f"{spot.name} is empty; it takes {spot.shape}")
    if text.secret:
        return _secret(spot, value, text)
    wrong = placeholder_fault(value, text.placeholders or ()) if "{" in value else None
    if wrong is not None and not holds_credential(value):
        context: Any = wrong.context
        return Finding(all_codes()[context["code"]], context["message"], context["hint"])
    return Finding(
        codes.MALFORMED_TEXT,
        f"{spot.name}: {_quoted(value)} is no {text.noun}; it is {text.rule}",
        _correction(value, text),
    )


def _secret(spot: Spotted, value: str, text: Text) -> Finding:
    nearly = _folded(value)
    if _ORDINARY.fullmatch(value) and re.search(text.pattern, nearly):
        return Finding(
            codes.MALFORMED_TEXT,
            f"{spot.name}: {_quoted(value)} is no {text.noun}; it is {text.rule}",
            f"Did you mean {nearly}?",
        )
    plain = PLACEHOLDER.sub("x", value)
    if plain != value and re.search(text.pattern, plain) and not holds_credential(value):
        wrong: Any = placeholder_fault(value, text.placeholders or ())
        if wrong is not None:
            return Finding(
                all_codes()[wrong.context["code"]], wrong.context["message"], wrong.context["hint"]
            )
    return Finding(
        codes.SECRET_VALUE,
        f"{spot.name} takes the {text.noun}, and this is none (value not shown); it is {text.rule}",
        "Write the name of a Secret that exists in the cluster, never its content.",
    )


def _too_long(spot: Spotted, value: Any, _text: Text | None, error: Any) -> Finding:
    size = len(value) if isinstance(value, str | list | dict | tuple) else 0
    if error["type"].endswith("too_short"):
        return Finding(codes.WRONG_LENGTH, f"{spot.name} is empty; at least one entry is needed")
    most = error["ctx"]["max_length"]
    return Finding(
        codes.WRONG_LENGTH, f"{spot.name} is {size} characters long; at most {most} are allowed"
    )


def _range(spot: Spotted, value: Any, _text: Text | None, error: Any) -> Finding:
    (bound, limit), *_ = error["ctx"].items()
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}[bound]
    return Finding(
        codes.OUT_OF_RANGE, f"{spot.name} is {source_text(value)}; it must be {words} {limit:g}"
    )


def _word(spot: Spotted, value: Any, text: Text | None, error: Any) -> Finding:
    if not isinstance(value, str):
        return _wrong_type(spot, value, text, error)
    return Finding(
        codes.UNKNOWN_WORD,
        f"{spot.name}: {_quoted(value)} is not allowed; it takes {spot.shape}",
        did_you_mean(value, spot.shape.words),
    )


def _truth(spot: Spotted, value: Any, text: Text | None, error: Any) -> Finding:
    meant = _TRUTH.get(value.lower(), "") if isinstance(value, str) else ""
    if isinstance(value, str) and value.lower() in ("true", "false"):
        meant = value.lower()
    if not meant:
        return _wrong_type(spot, value, text, error)
    return Finding(
        codes.NOT_A_TRUTH_VALUE,
        f'{spot.name} is the text "{value}"; a truth value is true or false',
        f"Did you mean {meant}?",
    )


def _correction(value: str, text: Text) -> str:
    if len(value) > _LONG:
        return ""
    for candidate in (value.strip(), value.strip().lower(), _folded(value)):
        if candidate != value and re.search(text.pattern, candidate):
            return f"Did you mean {candidate}?"
    return f"Example: {text.example}" if text.example else ""


def _folded(value: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", value.strip().lower()).strip("-.")


def _quoted(value: str) -> str:
    if holds_credential(value) or looks_like_credential(value):
        return "the text (value not shown)"
    return f'"{shortened(value)}"'


def _plain(value: float) -> str:
    return str(int(value)) if isinstance(value, int) else repr(float(value))


_EXPLAIN: tuple[tuple[str, Callable[[Spotted, Any, Text | None, Any], Finding]], ...] = (
    ("string_type", _text_type),
    ("string_pattern", _form),
    ("string_too", _too_long),
    ("too_", _too_long),
    ("greater_than", _range),
    ("less_than", _range),
    ("literal_error", _word),
    ("bool_", _truth),
)
