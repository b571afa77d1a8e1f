"""Spoils objects at random, from a seed: one change at a time, each of a named class.

Two sources: changes that any tree of data can suffer, and a table of what authors get wrong at
places that they write often (containers, pods, volumes, Services, Jobs). Nothing here knows
whether a change makes an object wrong; a few leave it right, which is worth asking too.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.cluster.mutation_edits import GONE
from tests.cluster.mutation_kinds import KIND_EDITS
from tests.cluster.mutation_pods import POD_EDITS

Data = dict[str, Any]
EDITS = {**POD_EDITS, **KIND_EDITS}
Place = tuple[Any, Any]
"""A container (mapping or list) and the key of a value in it."""
ODD_WORDS = ("", "UPPER_case", "-edge", "a b", "a..b", "ünï", "x" * 64, "x" * 254, "1", "a/b")
NUMBERS = (-1, 0, 1, 70000, 2**31, 2**63, 1.5)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A spoilt object: the class of its change, where it was made, and what came out."""

    name: str
    where: str
    data: Data


def mutants(bases: Sequence[Data], seed: int, count: int) -> Iterator[Mutant]:
    """`count` mutants, of every class in turn; equal for equal arguments."""
    chance = random.Random(seed)
    names = [*GENERIC, *EDITS]
    made = 0
    while made < count:
        name = names[made % len(names)]
        found = _generic(name, bases, chance) if name in GENERIC else _edited(name, bases, chance)
        if found is not None:
            made += 1
            yield found


def _generic(name: str, bases: Sequence[Data], chance: random.Random) -> Mutant | None:
    base = copy.deepcopy(chance.choice(bases))
    change, fits = GENERIC[name]
    places = [one for one in _places(base) if fits(one[1][0][one[1][1]])]
    if not places:
        return None
    where, (holder, key) = chance.choice(places)
    if not change(holder, key, chance):
        return None
    return Mutant(name, f"{base.get('kind')} {where}", base)


def _edited(name: str, bases: Sequence[Data], chance: random.Random) -> Mutant | None:
    place, patch = chance.choice(EDITS[name])
    fitting = [one for one in bases if next(_of_sort(one, place), None)]
    if not fitting:
        return None
    base = copy.deepcopy(chance.choice(fitting))
    where, target = chance.choice(list(_of_sort(base, place)))
    _merge(target, patch)
    return Mutant(name, f"{base['kind']} {where} {patch}", base)


def _places(data: Any, path: str = "") -> Iterator[tuple[str, Place]]:
    """Every value below the top of an object but its identity; others may not have its name."""
    pairs = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in list(pairs):
        where = f"{path}.{key}"
        if where in {".apiVersion", ".kind", ".metadata", ".metadata.namespace"}:
            if where == ".metadata":
                yield from _places(value, where)
            continue
        yield where, (data, key)
        if isinstance(value, dict | list):
            yield from _places(value, where)


def _of_sort(data: Any, sort: str, path: str = "") -> Iterator[tuple[str, Data]]:
    """The mappings of an object that are of a sort, such as `container`."""
    if isinstance(data, dict):
        if _is(data, sort, path):
            yield path or ".", data
        for key, value in data.items():
            if key not in {"workflowSpec", "openAPIV3Schema"}:
                yield from _of_sort(value, sort, f"{path}.{key}")
    elif isinstance(data, list):
        for number, item in enumerate(data):
            yield from _of_sort(item, sort, f"{path}.{number}")


def _is(data: Data, sort: str, path: str) -> bool:
    if sort == "container":
        return "image" in data and "name" in data and "ontainers" in path.rpartition(".")[0]
    if sort == "pod":
        return "containers" in data and isinstance(data["containers"], list)
    if sort == "template":
        return bool(path) and isinstance(data.get("spec"), dict) and "containers" in data["spec"]
    if sort == "metadata":
        return path == ".metadata"
    return not path and data.get("kind") == sort


def _merge(target: Data, patch: Mapping[str, Any]) -> None:
    for key, value in patch.items():
        if value is GONE:
            target.pop(key, None)
        elif key.startswith("+"):
            target[key[1:]] = [*target.get(key[1:], ()), *copy.deepcopy(value)]
        elif isinstance(value, Mapping) and value:
            below = target.get(key)
            target[key] = dict(below) if isinstance(below, dict) else {}
            _merge(target[key], value)
        else:
            target[key] = copy.deepcopy(value)


def _set(value: Callable[[Any, random.Random], Any]) -> Callable[[Any, Any, random.Random], bool]:
    def change(holder: Any, key: Any, chance: random.Random) -> bool:
        before = holder[key]
        holder[key] = value(before, chance)
        return repr(holder[key]) != repr(before)

    return change


def _remove(holder: Any, key: Any, _chance: random.Random) -> bool:
    del holder[key]
    return True


def _unknown(holder: Any, key: Any, chance: random.Random) -> bool:
    holder[key][chance.choice(("oops", "hostnetwork", "x-y", "Name"))] = chance.choice((1, "a", {}))
    return True


def _rename(holder: Any, key: Any, chance: random.Random) -> bool:
    inner = holder[key]
    old = chance.choice(list(inner))
    inner[chance.choice((old[:-1] or "q", f"{old}s", old.upper()))] = inner.pop(old)
    return True


def _repeat(holder: Any, key: Any, chance: random.Random) -> bool:
    holder[key].append(copy.deepcopy(chance.choice(holder[key])))
    return True


def _foreign(value: Any, chance: random.Random) -> Any:
    others = ("text", 7, True, ["text"], {"a": "b"}, [{"a": 1}])
    return chance.choice([one for one in others if type(one) is not type(value)])


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_full_map(value: Any) -> bool:
    return isinstance(value, dict) and bool(value)


def _is_full_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


def _any(_value: Any) -> bool:
    return True


def _swap_case(value: str, _chance: random.Random) -> str:
    return value.swapcase()


GENERIC: Mapping[str, tuple[Callable[[Any, Any, random.Random], bool], Callable[[Any], bool]]] = {
    "wrong type": (_set(_foreign), _any),
    "unknown field": (_unknown, lambda value: isinstance(value, dict)),
    "misspelt field": (_rename, _is_full_map),
    "missing field": (_remove, _any),
    "null": (_set(lambda _value, _chance: None), _any),
    "emptied": (_set(lambda value, _chance: type(value)()), _any),
    "odd word": (_set(lambda _value, chance: chance.choice(ODD_WORDS)), _is_text),
    "other case": (_set(_swap_case), _is_text),
    "odd number": (_set(lambda _value, chance: chance.choice(NUMBERS)), _is_number),
    "repeated entry": (_repeat, _is_full_list),
}
"""Classes of change that fit any data, each with the values that it fits."""
