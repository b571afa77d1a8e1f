"""What JSON Schema cannot say of an object: list keys that must be unique, and CEL rules.

A tree of marks is made once for each schema and holds only the branches where something is to
be looked at, so that walking an object beside it is cheap. Nothing here looks at fields that
no mark leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Any

from compiler.model.record import dataclass
from compiler.stages.check.cel import CelError, Rule, compile_rule

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Mark:
    """`keys` identify the entries of a list; `rules` hold on the value; the rest leads on."""

    keys: tuple[tuple[str, Any], ...] = ()
    rules: list[Rule] = field(default_factory=list)
    properties: dict[str, Mark] = field(default_factory=dict)
    items: Mark | None = None
    others: Mark | None = None
    closed: bool = False

    @property
    def useful(self) -> bool:
        """Whether anything is to be looked at here or below; an unfinished mark counts."""
        here = self.keys or self.rules or self.properties
        return bool(here or self.items or self.others or not self.closed)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Two entries of the list at `path` with the same key; `key` is words such as name 'web'."""

    path: Path
    key: str
    first: int


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that does not hold at `path`."""

    path: Path
    rule: Rule


def build_marks(root: Any, resolve: Callable[[Any], tuple[Any, Mapping[str, Any]]]) -> Mark:
    """The marks of a schema. `resolve` turns a reference to a node into its identity and itself."""
    return _build(root, resolve, {})


def unmarked(mark: Mark, value: Any) -> bool:
    """Whether `walk` would find nothing; cheaper, because it keeps no paths."""
    if mark.rules and not all(rule.holds(value) for rule in mark.rules):
        return False
    if isinstance(value, dict):
        return _unmarked_object(mark, value)
    if not isinstance(value, list):
        return True
    if mark.keys and len(value) > 1 and next(_duplicates(mark.keys, value, ()), None):
        return False
    below = mark.items
    return below is None or all(unmarked(below, item) for item in value)


def walk(mark: Mark, value: Any, path: Path = ()) -> Iterator[Duplicate | Broken]:
    """Everything of `value` that breaks a mark."""
    for rule in mark.rules:
        if not rule.holds(value):
            yield Broken(path, rule)
    if isinstance(value, dict):
        yield from _walk_object(mark, value, path)
    elif isinstance(value, list):
        if mark.keys and len(value) > 1:
            yield from _duplicates(mark.keys, value, path)
        if mark.items is not None:
            for number, item in enumerate(value):
                yield from walk(mark.items, item, (*path, number))


def unchecked_rules(mark: Mark) -> list[str]:
    """The rules below `mark` that need an older object, or that are beyond the evaluator."""
    found: dict[str, None] = {}
    seen: set[int] = set()
    wanted: list[Mark | None] = [mark]
    while wanted:
        one = wanted.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        found.update(dict.fromkeys(r.text for r in one.rules if r.program is None))
        wanted += [*one.properties.values(), one.items, one.others]
    return sorted(found)


def _unmarked_object(mark: Mark, value: Mapping[str, Any]) -> bool:
    for name, below in mark.properties.items():
        if name in value and not unmarked(below, value[name]):
            return False
    others = mark.others
    if others is None:
        return True
    return all(
        unmarked(others, item) for name, item in value.items() if name not in mark.properties
    )


def _walk_object(mark: Mark, value: Mapping[str, Any], path: Path) -> Iterator[Duplicate | Broken]:
    for name, below in mark.properties.items():
        if name in value:
            yield from walk(below, value[name], (*path, name))
    if mark.others is not None:
        for name, item in value.items():
            if name not in mark.properties:
                yield from walk(mark.others, item, (*path, name))


def _duplicates(
    keys: tuple[tuple[str, Any], ...], items: list[Any], path: Path
) -> Iterator[Duplicate]:
    if len(keys) == 1 and _all_differ(keys[0][0], items):
        return
    seen: dict[tuple[Any, ...], int] = {}
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            return
        key = tuple(str(item.get(name, default)) for name, default in keys)
        first = seen.setdefault(key, number)
        if first != number:
            words = ", ".join(f"{name} {text!r}" for (name, _), text in zip(keys, key, strict=True))
            yield Duplicate((*path, number), words, first)


def _all_differ(key: str, items: list[Any]) -> bool:
    try:
        return len({item[key] for item in items}) == len(items)
    except (KeyError, TypeError):
        return False


def _build(
    token: Any,
    resolve: Callable[[Any], tuple[Any, Mapping[str, Any]]],
    made: dict[Any, Mark],
) -> Mark:
    identity, node = resolve(token)
    if identity in made:
        return made[identity]
    mark = made[identity] = Mark()
    mark.rules = [_rule(one, node, resolve) for one in _rules(node)]
    for name, sub in node.get("properties", {}).items():
        if (below := _build(sub, resolve, made)).useful:
            mark.properties[name] = below
    if "items" in node:
        mark.items = _if_useful(_build(node["items"], resolve, made))
        mark.keys = _list_keys(node, resolve)
    more = node.get("additionalProperties")
    if more is not None and not isinstance(more, bool):
        mark.others = _if_useful(_build(more, resolve, made))
    mark.closed = True
    return mark


def _if_useful(mark: Mark) -> Mark | None:
    return mark if mark.useful else None


def _list_keys(
    node: Mapping[str, Any], resolve: Callable[[Any], tuple[Any, Mapping[str, Any]]]
) -> tuple[tuple[str, Any], ...]:
    names = node.get("x-kubernetes-list-map-keys", ())
    _, item = resolve(node["items"])
    return tuple((name, _default(item, name, resolve)) for name in names)


def _default(
    item: Mapping[str, Any], name: str, resolve: Callable[[Any], tuple[Any, Mapping[str, Any]]]
) -> Any:
    if name == "protocol":
        return "TCP"
    sub = item.get("properties", {}).get(name)
    return None if sub is None else resolve(sub)[1].get("default")


def _rules(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*node.get("rules", ()), *node.get("x-kubernetes-validations", ())]


def _rule(
    facts: Mapping[str, Any],
    node: Mapping[str, Any],
    resolve: Callable[[Any], tuple[Any, Mapping[str, Any]]],
) -> Rule:
    defaults = {
        name: value["default"]
        for name, sub in node.get("properties", {}).items()
        if "default" in (value := resolve(sub)[1])
    }
    text, message = str(facts.get("rule", "")), str(facts.get("message", ""))
    try:
        program = compile_rule(text)
    except CelError:
        program = None
    return Rule(text, message, program, defaults)
