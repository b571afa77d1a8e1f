"""Every field of every model, written with a wrong type: a diagnostic at its place, always."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from compiler.kinds import KINDS, REGISTRY, kind
from compiler.model.marks import List, Map
from compiler.model.spec.base import SpecModel
from compiler.model.spec.job import StepSpec
from compiler.model.spec.shape import Shape, fields, models_below
from compiler.model.spec.spec import Spec
from compiler.model.yaml_scalars import Float, Int
from compiler.stages.validate.errors import Finder
from tests.spec_cases import EVERY_KEY, judged, read

DATA = read(EVERY_KEY.read_text(), "every_key.yaml")
FINDER = Finder(Shape("model", model=Spec), DATA, (), REGISTRY)
NOT_WRITTEN = {"perHost", "count", "how", "value", "poll"}
"""Fields that a shorter way of writing fills, and `poll`, which is written below `hot`."""


def _fields() -> Iterator[tuple[tuple[str | int, ...], type[SpecModel], str]]:
    seen = set()
    waiting: list[tuple[tuple[str | int, ...], Shape, Any]] = [((), FINDER.root, DATA)]
    while waiting:
        path, shape, value = waiting.pop(0)
        model = FINDER.model(shape, value)
        if model is not None and isinstance(value, dict):
            for key, field in fields(model).items():
                if key in value:
                    waiting.append(((*path, key), field.shape, value[key]))
                    if (model, key) not in seen:
                        seen.add((model, key))
                        yield (*path, key), model, key
        elif shape.item is not None and isinstance(value, dict | list):
            entries = value.items() if isinstance(value, dict) else enumerate(value)
            waiting += [((*path, key), shape.item, entry) for key, entry in entries]


FIELDS = tuple(_fields())


def _all_models() -> dict[type[SpecModel], None]:
    roots: list[type[SpecModel]] = [Spec, StepSpec, *(kind(name).spec for name in KINDS)]
    return dict.fromkeys(model for root in roots for model in models_below(root))


def _declared(model: type[SpecModel], key: str) -> str:
    """The key with the model that first declares it; an inherited key is the same key."""
    attribute = fields(model)[key].attribute
    first = [base for base in model.__mro__ if attribute in vars(base).get("__annotations__", {})]
    return f"{first[-1].__name__}.{key}"


def test_the_example_spec_writes_every_key_of_the_language() -> None:
    written = {_declared(model, key) for _, model, key in FIELDS}
    known = {
        _declared(model, key)
        for model in _all_models()
        for key in fields(model)
        if key not in NOT_WRITTEN
    }
    assert known - written == set()


def _replaced(value: Any, path: tuple[str | int, ...], wrong: Any) -> Any:
    if not path:
        return wrong
    if isinstance(value, dict):
        entries = {**value, path[0]: _replaced(value[str(path[0])], path[1:], wrong)}
        return Map(entries, value.marks)  # type: ignore[attr-defined]
    copy = list(value)
    copy[int(path[0])] = _replaced(value[path[0]], path[1:], wrong)
    return List(copy, value.marks)


WRONG: tuple[tuple[str, Any], ...] = (
    ("a list of lists", [[[]]]),
    ("a foreign mapping", {"wrong-key-here": {"deep": []}}),
    ("nothing", None),
    ("a number with a fraction", Float(1.10, "1.10")),
)


@pytest.mark.parametrize(("name", "wrong"), WRONG, ids=[name for name, _ in WRONG])
def test_a_wrong_type_is_reported_at_the_value_for_every_field(name: str, wrong: Any) -> None:
    del name
    for path, model, key in FIELDS:
        if _may_be_right(wrong, fields(model)[key].shape):
            continue
        spec, found = judged(_replaced(DATA, path, wrong))
        value, at_key = DATA.marks.at(path), FINDER.key_span(path)
        assert spec is None, (path, wrong)
        assert any(d.span in (value, at_key) for d in found), (path, wrong, found)


HOSTILE: tuple[Any, ...] = (
    "",
    "\0",
    "\ud800",
    "\x1b[31m::error::",
    "{" * 100_000,
    "{{" + "x" * 100_000,
    "a://" + "x" * 100_000 + " ",
    "eyJ-" * 30_000,
    "../" * 1000,
    Int(10**90, str(10**90)),
    Float(-1e300, "-1e300"),
    True,
    Map({"\0": None, "": [], "kind": {"kind": []}}),
    List([None, [], {}, "", 0]),
)


def test_hostile_values_in_any_field_are_judged_without_an_exception(campaign: bool) -> None:
    chance = random.Random(7)
    cases = [(path, value) for path, _, _ in FIELDS for value in HOSTILE]
    for path, value in cases if campaign else chance.sample(cases, 500):
        _, found = judged(_replaced(DATA, path, value))
        assert all(len(d.message) < 2000 and d.message.isprintable() for d in found), (path, value)


def _may_be_right(wrong: Any, shape: Shape) -> bool:
    """Whether the wrong value has the right type there, or is wrong only further down."""
    if isinstance(wrong, dict):
        return shape.sort in ("free", "mapping")
    if isinstance(wrong, list):
        return shape.sort == "list" or "list of port" in shape.described
    numbers = shape.text is not None and shape.text.numbers
    return numbers or shape.sort == "number" or shape.described.startswith("a number")
