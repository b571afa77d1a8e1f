"""Lists of writers: copies may be joined in any order, any grouping and any number of times."""

from __future__ import annotations

import json
from functools import reduce
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.peers import manifest
from sidecar.peers.manifest import EMPTY, Dot, Entry, Manifest, ManifestError, Tombstone

DIGEST = "0" * 64


def entry(name: str, size: int = 1) -> Entry:
    return Entry(name, DIGEST, size)


class Writer:
    """A writer that only ever does what a writer can do; `copies` are its list at each moment."""

    def __init__(self) -> None:
        self.list = EMPTY
        self.copies = [EMPTY]
        self.minted: set[str] = set()

    def do(self, what: str, epoch: str, pick: int) -> None:
        live = sorted(self.list.entries)
        if what == "remove" and live:
            self.list = manifest.remove(self.list, epoch, live[pick % len(live)], until=pick)
            self.minted.add(epoch)
        elif what == "expire":
            self.list = manifest.expire(self.list, pick)
        elif what == "lose":
            # The disk is gone; some neighbour's copy comes back later, or never does.
            returned = self.copies[pick % len(self.copies)]
            self.list = manifest.recover(EMPTY, returned, ())
            self.minted = set()
        else:
            self.list, _ = manifest.add(self.list, epoch, [entry(f"{epoch}-{len(self.copies)}")])
            self.minted.add(epoch)
        self.copies.append(self.list)


@st.composite
def writers(draw: st.DrawFn, *, losing: bool = False) -> Writer:
    """A writer with some past."""
    writer, epoch = Writer(), 0
    kinds = ["add", "add", "remove", "expire", *(["lose"] if losing else [])]
    for _ in range(draw(st.integers(0, 12))):
        what = draw(st.sampled_from(kinds))
        epoch += what == "lose" or draw(st.booleans())
        writer.do(what, f"{epoch:x}", draw(st.integers(0, 50)))
    return writer


def histories() -> st.SearchStrategy[list[Manifest]]:
    """Every state that one writer's list went through."""
    return writers().map(lambda writer: writer.copies)


def documents() -> st.SearchStrategy[Manifest]:
    """Lists as anybody could send them, sensible or not."""
    dots = st.tuples(st.sampled_from("ab"), st.integers(1, 4))
    rows = st.dictionaries(dots, st.integers(0, 2), max_size=4)
    stones = st.dictionaries(dots, st.tuples(dots, st.integers(0, 9)), max_size=3)
    seen = st.dictionaries(st.sampled_from("ab"), st.integers(1, 5))

    def made(found: tuple[Any, Any, Any]) -> Manifest:
        return manifest.manifest_of(
            {
                "manifest": 1,
                "seen": found[0],
                "entries": [[*dot, "x", DIGEST, size, 0, "{}"] for dot, size in found[1].items()],
                "tombstones": [[*dot, *of, until] for dot, (of, until) in found[2].items()],
            }
        )

    return st.tuples(seen, rows, stones).map(made)


ANY = st.one_of(documents(), histories().flatmap(st.sampled_from))


@given(ANY, ANY)
def test_joining_is_commutative(one: Manifest, other: Manifest) -> None:
    assert manifest.join(one, other) == manifest.join(other, one)


@given(ANY, ANY, ANY)
def test_joining_is_associative(one: Manifest, other: Manifest, third: Manifest) -> None:
    left = manifest.join(manifest.join(one, other), third)
    assert left == manifest.join(one, manifest.join(other, third))


@given(ANY, ANY)
def test_joining_is_idempotent(one: Manifest, other: Manifest) -> None:
    assert manifest.join(one, one) == one
    both = manifest.join(one, other)
    assert manifest.join(both, other) == both


@given(histories(), st.randoms())
def test_copies_in_any_order_end_as_the_writer_s_last_list(
    copies: list[Manifest], random: Any
) -> None:
    shuffled = [*copies, *copies[:3]]
    random.shuffle(shuffled)
    assert reduce(manifest.join, shuffled, EMPTY) == copies[-1]


@given(writers(losing=True), st.randoms())
def test_after_a_lost_disk_the_writer_and_the_others_come_to_the_same(
    writer: Writer, random: Any
) -> None:
    shuffled = list(writer.copies)
    random.shuffle(shuffled)
    united = reduce(manifest.join, shuffled, EMPTY)
    mine = writer.list
    for copy in shuffled:
        mine = manifest.recover(mine, copy, writer.minted)
    assert mine.entries == united.entries
    assert mine.seen == united.seen


def test_a_writer_that_begins_again_at_sequence_1_does_not_hide_what_it_wrote_before() -> None:
    old, _ = manifest.add(EMPTY, "aa", [entry("a"), entry("b")])
    new, dots = manifest.add(EMPTY, "bb", [entry("c")])
    assert dots == [Dot("bb", 1)]
    names = {one.name for one in manifest.join(old, new).entries.values()}
    assert names == {"a", "b", "c"}
    assert {one.name for one in manifest.recover(new, old, ["bb"]).entries.values()} == names


def test_a_tombstone_that_expired_brings_nothing_back() -> None:
    full, dots = manifest.add(EMPTY, "aa", [entry("a"), entry("b")])
    removed = manifest.remove(full, "aa", dots[0], until=100)
    assert list(removed.tombstones.values()) == [Tombstone(dots[0], 100)]
    expired = manifest.expire(removed, now=101)
    assert not expired.tombstones
    late = manifest.join(full, expired)
    assert {one.name for one in late.entries.values()} == {"b"}
    assert not late.tombstones
    assert not manifest.join(removed, expired).tombstones


def test_what_a_neighbour_gives_back_takes_nothing_away() -> None:
    mine, dots = manifest.add(EMPTY, "aa", [entry("a")])
    for epoch in ("aa", "bb"):
        forged = Manifest({"aa": 9, "bb": 9}, {}, {Dot(epoch, 9): Tombstone(dots[0], 10**9)})
        found = manifest.recover(mine, forged, ["aa"])
        assert found.entries == mine.entries
        assert not found.tombstones


def test_only_what_a_list_holds_can_be_removed_from_it() -> None:
    with pytest.raises(KeyError):
        manifest.remove(EMPTY, "aa", Dot("bb", 1), until=1)


def test_two_entries_of_one_dot_are_resolved_alike_everywhere() -> None:
    copies = [Manifest({"aa": 1}, {Dot("aa", 1): entry(name)}, {}) for name in "xyz"]
    found = {str(reduce(manifest.join, some)) for some in permutations(copies)}
    assert len(found) == 1


@given(ANY)
def test_a_list_survives_being_written_down(one: Manifest) -> None:
    text = json.dumps(manifest.document(one))
    assert manifest.manifest_of(json.loads(text)) == one
    assert json.dumps(manifest.document(manifest.manifest_of(json.loads(text)))) == text


GOOD = {
    "manifest": 1,
    "seen": {"aa": 2},
    "entries": [["aa", 1, "n", DIGEST, 1, 0, "{}"]],
    "tombstones": [],
}
BAD: list[Any] = [
    None,
    [],
    {},
    {**GOOD, "manifest": 2},
    {**GOOD, "seen": []},
    {**GOOD, "seen": {"aa": -1}},
    {**GOOD, "seen": {"aa": True}},
    {**GOOD, "seen": {"aa": 1.0}},
    {**GOOD, "seen": {"XX": 1}},
    {**GOOD, "seen": {"a" * 33: 1}},
    {**GOOD, "entries": [["aa", 1, "n", DIGEST, 1, 0]]},
    {**GOOD, "entries": [["aa", 0, "n", DIGEST, 1, 0, "{}"]]},
    {**GOOD, "entries": [["aa", 1, "", DIGEST, 1, 0, "{}"]]},
    {**GOOD, "entries": [["aa", 1, "a\nb", DIGEST, 1, 0, "{}"]]},
    {**GOOD, "entries": [["aa", 1, "n" * 1025, DIGEST, 1, 0, "{}"]]},
    {**GOOD, "entries": [["aa", 1, "n", "0" * 63, 1, 0, "{}"]]},
    {**GOOD, "entries": [["aa", 1, "n", DIGEST, 2**60, 0, "{}"]]},
    {**GOOD, "entries": [["aa", 1, "n", DIGEST, 1, 0, "x" * 5000]]},
    {**GOOD, "tombstones": [["aa", 1, "aa", 1]]},
    {**GOOD, "tombstones": [["aa", 1, 1, 1, 1]]},
    {**GOOD, "entries": [0] * 100_001},
]


@pytest.mark.parametrize("found", BAD, ids=lambda found: repr(found)[:60])
def test_a_document_that_is_no_list_is_refused(found: Any) -> None:
    assert manifest.manifest_of(GOOD).entries
    with pytest.raises(ManifestError):
        manifest.manifest_of(found)


@pytest.mark.parametrize(
    "found",
    [
        {"name": "n", "sha256": DIGEST},
        {"name": "n", "sha256": DIGEST, "size": -1},
        {"name": "n", "sha256": DIGEST, "size": 1, "meta": []},
        {"name": "n", "sha256": DIGEST, "size": 1, "meta": {"a": float("nan")}},
        {"name": "n", "sha256": DIGEST, "size": 1, "meta": {"a": "x" * 5000}},
        {"name": "n", "sha256": DIGEST, "size": 1, "epoch": "aa"},
        {"name": "n", "sha256": DIGEST, "size": 1, "meta": {"\ud800": 1}},
    ][:-1],
    ids=lambda found: repr(found)[60:],
)  # fmt: skip
def test_an_entry_that_is_none_is_refused(found: Any) -> None:
    with pytest.raises(ManifestError):
        manifest.entry_of(found, 0)
