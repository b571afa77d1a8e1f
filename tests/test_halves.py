"""The cluster tier is divided whole: no module is left out, none runs twice, none is unknown."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.halves import SECONDS, halves

NAMES = [path.stem for path in (Path(__file__).parent / "cluster").glob("test_*.py")]


def test_every_module_is_in_one_half() -> None:
    groups = halves(NAMES)
    assert len(groups) == 2
    assert sorted(name for group in groups for name in group) == sorted(NAMES)


def test_no_half_takes_much_longer_than_the_other() -> None:
    spent = [sum(SECONDS.get(name, 10) for name in group) for group in halves(NAMES)]
    assert max(spent) - min(spent) < 20


def test_one_processor_has_one_half() -> None:
    assert [len(group) for group in halves(NAMES, 1)] == [len(NAMES)]


def test_what_is_said_to_take_long_is_there() -> None:
    assert set(NAMES) >= SECONDS.keys()
