"""Whether class lists and tensors go together, in words: nothing where they do.

Compares what a spec states; what is not stated is taken on trust.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.model.record import dataclass
from compiler.model.spec.signature import TensorSpec
from compiler.model.suggest import did_you_mean, nearest

ANY = -1


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of something by name."""

    of: str
    names: Sequence[str]


def classes_differ(one: Classes, other: Classes, known: Mapping[str, str]) -> tuple[str, str]:
    """How two class lists differ, and what would make them fit.

    With a map, `known`, names count and not the order; a class that it leaves out keeps its name.
    """
    left, right = tuple(one.names), tuple(other.names)
    if not left or not right:
        return "", ""
    if known:
        return _mapped(one, other, known)
    if left == right:
        return "", ""
    meant = {name: name if name in right else nearest(name, right) or "…" for name in left}
    changed = {name: there for name, there in meant.items() if name != there} or meant
    listed = ", ".join(f"{name}: {there}" for name, there in changed.items())
    fits = "give both the same classes in the same order, or say which stand for which with "
    return _first(one, other), f"{fits}classMap: {{{listed}}}"


def tensors_differ(makes: Sequence[TensorSpec], takes: Sequence[TensorSpec]) -> str:
    """How the first tensor that is not as it is taken differs; nothing where all fit."""
    if len(makes) != len(takes):
        return f"{len(makes)} tensor{'s' * (len(makes) != 1)}, not {len(takes)}"
    for one, other in zip(makes, takes, strict=True):
        if one.datatype != other.datatype or not _fits(one.shape, other.shape):
            return f"{tensor(one)}, not {tensor(other)}"
    return ""


def tensor(one: TensorSpec) -> str:
    """A tensor as people write it."""
    return f"{one.datatype} {list(one.shape)}"


def _fits(one: Sequence[int], other: Sequence[int]) -> bool:
    return len(one) == len(other) and all(
        a == b or ANY in (a, b) for a, b in zip(one, other, strict=True)
    )


def _first(one: Classes, other: Classes) -> str:
    left, right = one.names, other.names
    for number, (name, there) in enumerate(zip(left, right, strict=False), 1):
        if name != there:
            return f"class {number} of {one.of} is {name}, of {other.of} {there}"
    more, less = (one, other) if len(left) > len(right) else (other, one)
    return f"{more.of} has {more.names[len(less.names)]}, and {less.of} has not"


def _mapped(one: Classes, other: Classes, known: Mapping[str, str]) -> tuple[str, str]:
    for name in known:
        if name not in one.names:
            return f"classMap names {name}, which is no class of {one.of}", _near(name, one)
    for name in one.names:
        there = known.get(name, name)
        if there not in other.names:
            how = f"{name} of {one.of} is {there}, which is no class of {other.of}"
            return how, _near(there, other)
    return "", ""


def _near(word: str, known: Classes) -> str:
    return did_you_mean(word, known.names) or f"{known.of} has {', '.join(known.names)}"
