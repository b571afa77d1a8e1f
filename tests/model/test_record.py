"""Records: the same meaning as the standard library's dataclasses, option by option."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import field
from typing import Any

import pytest

from compiler.model.record import dataclass as ours

OPTIONS: tuple[dict[str, bool], ...] = (
    {},
    {"slots": True},
    {"frozen": True},
    {"frozen": True, "slots": True},
    {"frozen": True, "slots": True, "kw_only": True},
    {"frozen": True, "slots": True, "order": True},
)


def pair(**options: bool) -> tuple[Any, Any]:
    """The same class made by us and by the standard library."""
    return tuple(_made(decorator, options) for decorator in (ours, dataclasses.dataclass))


def _made(decorator: Any, options: dict[str, bool]) -> Any:
    @decorator(**options)
    class Base:
        first: int
        named: str = field(default="n", kw_only=True)

    @decorator(**options)
    class Point(Base):
        """A point."""

        second: int = 2
        rest: list[int] = field(default_factory=list)
        note: str = field(default="", compare=False, repr=False)

    return Point


@ours(frozen=True, slots=True)
class Kept:
    """At the top of a module, so that it can be pickled."""

    value: int
    others: tuple[int, ...] = ()


@pytest.mark.parametrize("options", OPTIONS)
def test_a_record_shows_its_fields_as_a_dataclass_does(options: dict[str, bool]) -> None:
    mine, theirs = pair(**options)
    assert repr(mine(first=1, rest=[3])) == repr(theirs(first=1, rest=[3]))
    assert [f.name for f in dataclasses.fields(mine)] == [
        f.name for f in dataclasses.fields(theirs)
    ]
    assert mine.__match_args__ == theirs.__match_args__


@pytest.mark.parametrize("options", OPTIONS)
def test_records_are_equal_when_dataclasses_are(options: dict[str, bool]) -> None:
    for cls in pair(**options):
        assert cls(first=1, note="a") == cls(first=1, note="b")
        assert cls(first=1) != cls(first=2)
        assert cls(first=1) != 1
        assert cls(first=1).rest is not cls(first=1).rest
        assert dataclasses.replace(cls(first=1), second=5) == cls(first=1, second=5)


@pytest.mark.parametrize("options", OPTIONS)
def test_wrong_arguments_are_refused(options: dict[str, bool]) -> None:
    for cls in pair(**options):
        with pytest.raises(TypeError):
            cls()
        with pytest.raises(TypeError):
            cls(first=1, unknown=2)


@pytest.mark.parametrize("options", OPTIONS)
def test_only_frozen_records_refuse_a_change(options: dict[str, bool]) -> None:
    for cls in pair(**options):
        one = cls(first=1)
        if options.get("frozen"):
            with pytest.raises(dataclasses.FrozenInstanceError):
                one.first = 2
            with pytest.raises(dataclasses.FrozenInstanceError):
                del one.first
        else:
            one.first = 2
            assert one.first == 2
            with pytest.raises(TypeError):
                hash(one)


def test_slots_leave_no_room_for_other_attributes() -> None:
    for cls in pair(slots=True):
        with pytest.raises(AttributeError):
            cls(first=1).unknown = 2


def test_records_sort_by_their_fields() -> None:
    for cls in pair(frozen=True, order=True):
        wanted = [cls(first=1), cls(first=1, second=3), cls(first=2)]
        assert sorted([wanted[2], wanted[0], wanted[1]]) == wanted
        assert wanted[0] <= wanted[0] < wanted[1] > wanted[0] >= wanted[0]
        with pytest.raises(TypeError):
            assert wanted[0] < 1


def test_frozen_records_hash_by_their_compared_fields() -> None:
    assert hash(Kept(1, (2,))) == hash(Kept(1, (2,)))
    assert len({Kept(1), Kept(1), Kept(2)}) == 2


def test_records_survive_pickle_and_copy() -> None:
    one = Kept(1, (2, 3))
    assert pickle.loads(pickle.dumps(one)) == one
    assert copy.deepcopy(one) == one


def test_what_a_class_defines_itself_is_kept() -> None:
    made = []

    @ours(frozen=True)
    class Own:  # noqa: PLW1641 - the hash is the decorator's
        value: int

        def __post_init__(self) -> None:
            made.append(self.value)

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own)

    assert Own(1) == Own(2)
    assert made == [1, 2]
    assert isinstance(hash(Own(3)), int)
