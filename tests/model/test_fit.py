"""The sum of a disk: laws that hold for any tenants, and the cases that people ask about."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.model.figures import stored
from compiler.model.fit import BOOKKEEPING, MIN_FREE, Held, Slot, Sum, Tenant, What, disk, smallest

MI, GI = 1024**2, 1024**3
SIZES = st.one_of(st.none(), st.integers(0, 4 * GI))


@st.composite
def held(draw: st.DrawFn) -> Held:
    """One of a few artifacts, so that tenants often share one: a digest has one size."""
    number = draw(st.integers(0, 5))
    blob = None if number == 5 else (number * 37 + 11) * MI
    form = draw(st.sampled_from(["tar.gz", "raw", "tar.gz.private"]))
    tree = 0 if form == "raw" else blob and blob + MI
    return Held(f"m:{number}", f"{number:064x}", form, blob, tree)


SLOTS = st.builds(Slot, held(), st.none() | held(), st.none() | held())
TENANTS = st.builds(
    Tenant,
    store=st.sampled_from(["shop", "lab"]),
    name=st.sampled_from(["watch", "count", "read"]),
    groups=st.lists(st.lists(SLOTS, min_size=1, max_size=3).map(tuple), max_size=3).map(tuple),
    keep=st.integers(0, 2),
    outbox=st.lists(st.tuples(st.sampled_from("ab"), SIZES), max_size=2).map(tuple),
)
DISKS = st.one_of(st.none(), st.integers(GI, 1024 * GI))


@given(st.lists(TENANTS, max_size=4), TENANTS, DISKS)
def test_one_more_tenant_never_needs_less(some: list[Tenant], more: Tenant, size: int) -> None:
    assert disk([*some, more], size).needed >= disk(some, size).needed


@given(st.lists(TENANTS, max_size=4), DISKS, st.randoms())
def test_the_order_of_tenants_is_nothing(some: list[Tenant], size: int, chance: Random) -> None:
    shuffled = list(some)
    chance.shuffle(shuffled)
    one, other = disk(some, size), disk(shuffled, size)
    assert one.needed == other.needed
    assert one.fits == other.fits
    assert sorted(map(str, one.lines)) == sorted(map(str, other.lines))


@given(st.lists(TENANTS, min_size=1, max_size=3), DISKS)
def test_a_tenant_that_has_what_another_has_takes_nothing_more(
    some: list[Tenant], size: int
) -> None:
    twin = replace(some[0], name="twin", outbox=())
    assert disk([*some, twin], size).needed == disk(some, size).needed


@given(st.lists(TENANTS, min_size=1, max_size=3), DISKS)
def test_keeping_less_of_the_past_never_needs_more(some: list[Tenant], size: int) -> None:
    forgetful = [replace(one, keep=0) for one in some]
    assert disk(forgetful, size).of("before") == 0
    assert disk(forgetful, size).needed <= disk(some, size).needed


@settings(max_examples=30)
@given(st.lists(TENANTS, min_size=1, max_size=3), st.integers(0, 8 * GI))
def test_the_smallest_disk_is_just_large_enough(some: list[Tenant], reserved: int) -> None:
    limited = [replace(one, outbox=tuple((n, s or 0) for n, s in one.outbox)) for one in some]
    least = smallest(limited, reserved)
    assert least is not None
    assert not disk(limited, least, reserved).over
    assert disk(limited, least - 1, reserved).over


def model(version: str, blob: int | None, tree: int | None = 0) -> Held:
    form = "tar.gz" if tree != 0 else "raw"
    return Held(f"m:{version}", version * 64, form, blob, tree, f"edgewright.lock:{version}")


def tenant(*groups: tuple[Slot, ...], **changes: Any) -> Tenant:
    return replace(Tenant("shop", "watch", groups), **changes)


def parts(found: Sum) -> dict[What, int]:
    shown: tuple[What, ...] = ("now", "before", "coming", "outbox", "floor")
    return {what: found.of(what) for what in shown}


def test_what_nobody_knows_of_other_versions_is_taken_from_the_one_that_is_served() -> None:
    found = disk([tenant((Slot(model("2", 100 * MI, 150 * MI)),))], 64 * GI, 2 * GI)
    assert parts(found) == {
        "now": 250 * MI,
        "before": 250 * MI,
        "coming": 250 * MI,
        "outbox": 0,
        "floor": 16 * GI,
    }
    assert found.needed == 750 * MI + BOOKKEEPING + 2 * GI + 16 * GI
    assert [line.taken for line in found.lines[:3]] == [False, True, True]
    assert found.fits is True


def test_what_the_lock_knows_of_other_versions_counts_as_it_is() -> None:
    slot = Slot(model("2", 100 * MI), model("1", 40 * MI), model("3", 300 * MI))
    found = disk([tenant((slot,))], 64 * GI)
    assert (found.of("before"), found.of("coming")) == (40 * MI, 300 * MI)
    assert [line.source for line in found.lines[:3]] == [
        "edgewright.lock:2", "edgewright.lock:1", "edgewright.lock:3",
    ]  # fmt: skip


def test_what_comes_is_the_largest_group_and_not_the_sum_of_all() -> None:
    small, large = Slot(model("1", 10 * MI)), Slot(model("2", 90 * MI))
    assert disk([tenant((small,), (large,))]).of("coming") == 90 * MI
    assert disk([tenant((small, large))]).of("coming") == 100 * MI


def test_what_comes_is_free_where_another_tenant_has_it_already() -> None:
    follower = tenant((Slot(model("1", 40 * MI), coming=model("2", 50 * MI)),))
    leader = replace(tenant((Slot(model("2", 50 * MI)),)), name="lead", keep=0)
    found = disk([follower, leader])
    assert found.of("now") == 90 * MI
    assert [line.title for line in found.lines if line.what == "coming"] == ["m:2"]
    assert found.of("coming") == 50 * MI  # the leader's next version, whatever it is


def test_one_digest_in_two_forms_is_one_blob_and_two_trees() -> None:
    open_ = model("1", 100 * MI, 120 * MI)
    private = replace(open_, form="tar.gz.private")
    found = disk([tenant((Slot(open_),), keep=0), tenant((Slot(private),), name="own", keep=0)])
    assert found.of("now") == 340 * MI


def test_stores_of_two_namespaces_share_a_disk_and_nothing_else() -> None:
    one = tenant((Slot(model("1", 100 * MI)),), keep=0)
    assert disk([one, replace(one, store="lab")]).of("now") == 200 * MI
    assert disk([one, replace(one, store="lab")], 4 * GI).of("floor") == GI


def test_at_least_half_a_gibibyte_stays_free() -> None:
    assert disk([tenant()], GI).of("floor") == MIN_FREE


def test_a_size_that_nobody_states_is_named_and_adds_nothing() -> None:
    found = disk([tenant((Slot(model("1", None)),), (Slot(model("2", 90 * MI)),))], 64 * GI)
    assert found.unknown == ("m:1",)
    assert found.fits is None
    assert found.of("now", "before", "coming") == 270 * MI


def test_what_is_known_may_be_too_much_whatever_is_not() -> None:
    known, unknown = Slot(model("2", 900 * MI)), Slot(model("1", None))
    assert disk([tenant((known,), (unknown,))], GI).fits is False


def test_without_a_disk_there_is_a_sum_and_no_verdict() -> None:
    found = disk([tenant((Slot(model("1", MI)),))])
    assert (found.over, found.fits) == (0, None)


def test_a_stream_without_a_limit_may_fill_a_quarter_of_the_disk() -> None:
    sends = tenant(outbox=(("results", None), ("hard", 2 * GI)))
    assert disk([sends], 64 * GI).of("outbox") == 18 * GI
    greedy = tenant(outbox=tuple((f"s{number}", None) for number in range(4)))
    assert smallest([greedy]) is None


def test_files_of_a_prefix_are_held_once_and_twice_where_they_are_private() -> None:
    folder = {"name": "shelves", "version": "1", "size": 100, "unpacked": 5_000,
              "unpack": {"format": "manifest", "maxBytes": 5_000}}  # fmt: skip
    shared, private = stored(folder), stored({**folder, "private": True})
    assert (shared.blob, shared.tree) == (100, 5_000)
    assert (private.blob, private.tree) == (100, 10_000)
