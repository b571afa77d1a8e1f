from __future__ import annotations

import random
from typing import Any

import pytest

from compiler.datasets import tally
from compiler.datasets.tally import Ids, printable


def uses(batches: list[list[Any]]) -> int:
    """How many ids were used before, as a format asks for it."""
    ids, found = Ids(), 0
    for batch in batches:
        if not ids.fresh(batch):
            found += sum(ids.used(one) for one in batch)
    return found + ids.late()


@pytest.mark.parametrize("known", [10, 100, 10_000])
def test_old_ids_are_counted_in_any_order(known: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "_KNOWN", known)
    chance = random.Random(known)
    for _ in range(300):
        start = list(range(chance.randrange(60)))
        rest = [chance.randrange(80) for _ in range(chance.randrange(60))]
        every: list[Any] = chance.choice([start + rest, rest + start, start, rest, sorted(rest)])
        if chance.random() < 0.3:
            every = [f"{one:02}" if chance.random() < 0.9 else one for one in every]
        batches, at = [], 0
        while at < len(every):
            size = chance.randrange(1, 20)
            batches.append(every[at : at + size])
            at += size
        assert uses(batches) == len(every) - len(set(every))


def test_a_name_is_shown_without_what_a_terminal_would_obey() -> None:
    assert printable("a\x1b[31m\u202eb\ud800") == "a\\u001b[31m\\u202eb\\ud800"
    assert len(printable("x" * 5000)) == 300
