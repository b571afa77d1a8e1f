"""A split: no leak, no sample moved by another, and a rule that anybody can compute."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.model.splitting import Division, Splits, place_of, repeated

PARTS = (("train", 0.6), ("val", 0.2), ("test", 0.2))
SAMPLES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=40)


def parts(samples: list[tuple[int, int]], seed: int = 1) -> list[str]:
    """The part of each (content, id), told by adding one after the other."""
    splits, found = Splits(seed, PARTS), []
    for end in range(len(samples)):
        division = Division(splits)
        for content, one in samples[: end + 1]:
            division.add(place_of(seed, str(content).encode()), one)
        places = list(division._settled())
        names = [PARTS[bisect_right(splits.borders, place)][0] for place in places]
        found = names
    return found


@settings(max_examples=100, deadline=None)
@given(SAMPLES)
def test_no_content_and_no_id_is_in_two_parts(samples: list[tuple[int, int]]) -> None:
    by_content, by_id = defaultdict(set), defaultdict(set)
    for (content, one), part in zip(samples, parts(samples), strict=True):
        by_content[content].add(part)
        by_id[one].add(part)
    assert all(len(found) == 1 for found in (*by_content.values(), *by_id.values()))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 10_000), unique=True, min_size=1, max_size=30), st.data())
def test_new_samples_move_no_other(contents: list[int], data: st.DataObject) -> None:
    old = [(content, content) for content in contents]
    fresh = st.tuples(st.integers(0, 20_000), st.integers(20_001, 30_000))
    new = data.draw(st.lists(fresh, unique_by=lambda one: one[1], max_size=10))
    mixed = data.draw(st.permutations(old + new))
    before = dict(zip(old, parts(old), strict=True))
    after = dict(zip(mixed, parts(mixed), strict=True))
    assert {sample: after[sample] for sample in old} == before


def test_the_part_is_what_the_documentation_computes() -> None:
    splits, counts = Splits(7, PARTS), Counter[str]()
    for number in range(2000):
        content = sha256(str(number).encode()).hexdigest()
        place = int.from_bytes(sha256(f"7/{content}".encode()).digest()[:8]) / 2**64
        expected = "train" if place < 0.6 else "val" if place < 0.8 else "test"
        assert splits.part(content.encode()) == expected
        counts[expected] += 1
    assert abs(counts["train"] - 1200) < 100


def test_numbers_that_repeat_are_found_wherever_they_lie() -> None:
    numbers = [*range(0, 6100, 61), 2**64 - 1, 61, 2**63, 2**64 - 1, 61]
    assert repeated(numbers) == {61, 2**64 - 1}
    assert repeated([]) == set()
