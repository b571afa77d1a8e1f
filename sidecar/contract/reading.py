"""JSON text read as strictly as RFC 8259 writes it, so that two readers never see two documents.

Refused besides broken syntax: a byte order mark, bytes that are no UTF-8, half of a surrogate
pair, a key that stands twice in one object, NaN and infinities under any name, numbers that no
double holds, and nesting beyond any document of ours. It knows no key and no meaning.
"""

from __future__ import annotations

import json
from typing import Any

from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean

MAX_BYTES = 512 * 1024
MAX_DEPTH = 32


def parse(text: bytes) -> object:
    """The value that the text stands for.

    Raises:
        ReasonError: ConfigTooLarge above `MAX_BYTES`; ConfigInvalid with the place of the fault.
    """
    if len(text) > MAX_BYTES:
        raise ReasonError("ConfigTooLarge", f"{len(text):,} bytes; at most {MAX_BYTES:,} fit")
    try:
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
        )
        _walk(value)
    except UnicodeError as fault:
        raise ReasonError("ConfigInvalid", f"$: no UTF-8, {clean(str(fault), 200)}") from fault
    except RecursionError as fault:
        raise ReasonError("ConfigInvalid", f"$: nested deeper than {MAX_DEPTH}") from fault
    except ValueError as fault:
        raise ReasonError("ConfigInvalid", f"$: {clean(str(fault), 200)}") from fault
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in found if keys.count(key) > 1)
        raise ValueError(f"key {twice!r} stands twice in one object")
    return found


def _constant(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"number {digits[:20]} is too large")
    return value


def _walk(value: object) -> None:
    rest = [(value, 1)]
    while rest:
        found, depth = rest.pop()
        if depth > MAX_DEPTH:
            raise RecursionError
        if isinstance(found, str):
            found.encode()
        elif isinstance(found, dict):
            rest += [(one, depth + 1) for pair in found.items() for one in pair]
        elif isinstance(found, list):
            rest += [(one, depth + 1) for one in found]
