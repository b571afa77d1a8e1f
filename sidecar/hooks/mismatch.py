"""Where a given output differs from the expected one, and how both are taken apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple


class Mismatch(Exception):  # noqa: N818 - it is what was found, not something that went wrong
    """A difference at `place`."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"{place}: {what}" if place else what)


class Tensor(NamedTuple):
    """One output: its shape, and its values in a flat list. `shape` is empty for a single value."""

    shape: tuple[int, ...]
    values: list[Any]


def outputs(document: Any) -> dict[str, Tensor] | None:
    """The outputs of an Open Inference Protocol document by name; None where it is none.

    Raises:
        Mismatch: an output has not as many values as its shape says.
    """
    listed = document.get("outputs") if isinstance(document, dict) else None
    if not isinstance(listed, list) or not all(
        isinstance(one, dict) and isinstance(one.get("name"), str) and "data" in one
        for one in listed
    ):
        return None
    return {one["name"]: _output(one) for one in listed}


def _output(one: dict[str, Any]) -> Tensor:
    values = list(_flat(one["data"]))
    shape = one.get("shape")
    if not isinstance(shape, list):
        return tensor(one["data"], f"output {one['name']}")
    sizes = tuple(int(size) for size in shape if isinstance(size, int))
    if product(sizes) != len(values):
        raise Mismatch(f"output {one['name']}", f"{len(values)} values for shape {list(sizes)}")
    return Tensor(sizes, values)


def tensor(nested: Any, place: str) -> Tensor:
    """Nested lists as a tensor.

    Raises:
        Mismatch: the lists are not of equal length.
    """
    shape: list[int] = []
    level = nested
    while isinstance(level, list):
        shape.append(len(level))
        if not level:
            break
        level = level[0]
    values = list(_flat(nested))
    if product(tuple(shape)) != len(values):
        raise Mismatch(place, "its lists are not of equal length")
    return Tensor(tuple(shape), values)


def is_number(value: Any) -> bool:
    """Whether it is a number; a truth value is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_tensor(value: Any) -> bool:
    """Whether it is a list, or lists of lists, of plain values only."""
    return isinstance(value, list) and all(
        is_tensor(one) if isinstance(one, list) else not isinstance(one, dict) for one in value
    )


def at(shape: tuple[int, ...], index: int) -> str:
    """The place of a flat index, as `[0][3]`."""
    found: list[int] = []
    for size in reversed(shape):
        index, rest = divmod(index, size)
        found.append(rest)
    return "".join(f"[{one}]" for one in reversed(found))


def product(sizes: tuple[int, ...]) -> int:
    """The number of values in a shape."""
    total = 1
    for size in sizes:
        total *= size
    return total


def _flat(nested: Any) -> Iterator[Any]:
    if not isinstance(nested, list):
        yield nested
        return
    for one in nested:
        if isinstance(one, list):
            yield from _flat(one)
        else:
            yield one
