"""Who goes to the origin: agreed on without a word, and passed on when that one fails."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.peers.elect import (
    BUSY_GRACE,
    CLAIMED,
    GRACE,
    LEAST,
    LIMIT,
    LONGEST,
    PATIENCE,
    Election,
    State,
    Step,
    order,
    state_of,
)

MEMBERS = [f"http://10.0.0.{number}:19001" for number in range(1, 11)]
DIGEST = "ab" * 32
FIRST, SECOND, THIRD, *_ = order(DIGEST, MEMBERS)
LAST = order(DIGEST, MEMBERS)[-1]


def election(me: str, now: float = 0) -> Election:
    return Election(DIGEST, MEMBERS, "", me.partition("://")[2].partition(":")[0], now)


def says(**more: Any) -> dict[str, Any]:
    return State(wanted=True, **more)._asdict()


def everybody(me: str, **more: Any) -> dict[str, dict[str, Any]]:
    return {one: says(**more) for one in MEMBERS if one != me}


def step(me: str, answers: dict[str, Any], have: int = 0, now: float = 0) -> Step:
    return goes(election(me), answers, have, now)


def goes(node: Election, answers: dict[str, Any], have: int = 0, now: float = 0) -> Step:
    """The next step; a claim that nobody contests is followed by the way to the origin."""
    found = node.step(answers, have, now)
    return node.step(answers, have, now) if found.kind == "claim" else found


def test_all_nodes_agree_on_the_order_however_their_list_is_sorted() -> None:
    assert order(DIGEST, MEMBERS) == order(DIGEST, MEMBERS[::-1])
    assert sorted(order(DIGEST, MEMBERS)) == sorted(MEMBERS)


def test_digests_are_spread_over_the_nodes() -> None:
    firsts = Counter(order(f"{number:064x}", MEMBERS)[0] for number in range(1000))
    assert len(firsts) == 10
    assert max(firsts.values()) < 200


@given(st.text("0123456789abcdef", min_size=64, max_size=64), st.sets(st.integers(0, 9)))
def test_of_nodes_that_start_at_once_exactly_one_goes_to_the_origin(
    digest: str, dead: set[int]
) -> None:
    alive = [one for index, one in enumerate(MEMBERS) if index not in dead]
    going = []
    for me in alive:
        answers = {one: says(fetching=True) for one in alive if one != me}
        address = me.partition("://")[2].partition(":")[0]
        if Election(digest, MEMBERS, "", address, 0).step(answers, 0, 0).kind == "claim":
            going.append(me)
    assert len(going) == min(1, len(alive))


def test_a_node_of_which_everybody_else_is_dead_goes_at_once() -> None:
    assert step(LAST, {}).kind == "origin"


def test_a_node_that_does_not_want_the_digest_is_not_waited_for() -> None:
    answers = everybody(SECOND)
    answers[FIRST] = says()
    assert step(SECOND, answers).kind == "wait"
    answers[FIRST] = State()._asdict()
    assert step(SECOND, answers).kind == "origin"


def test_whoever_has_it_all_is_asked_before_the_origin_even_by_the_first() -> None:
    answers = everybody(FIRST)
    answers[LAST] = says(complete=True, have=10)
    assert step(FIRST, answers) == Step("pull", LAST)


def test_bytes_are_taken_from_who_has_the_most_and_serves() -> None:
    answers = everybody(LAST)
    answers[FIRST] = says(have=8, fetching=True, origin=True, busy=True)
    answers[SECOND] = says(have=4, fetching=True)
    answers[THIRD] = says(have=2, fetching=True)
    assert step(LAST, answers, have=1) == Step("pull", SECOND)
    assert step(LAST, answers, have=4).kind == "wait"


def test_the_first_follows_one_who_already_fetches_from_the_origin() -> None:
    answers = everybody(FIRST)
    answers[LAST] = says(fetching=True, origin=True)
    assert step(FIRST, answers).kind == "wait"
    answers[LAST] = says(fetching=True, origin=True, idle=GRACE + 1)
    assert step(FIRST, answers).kind == "origin"


def test_an_elected_node_that_does_not_begin_is_passed_over() -> None:
    node, answers = election(SECOND), everybody(SECOND)
    assert goes(node, answers, 0, 0).kind == "wait"
    assert goes(node, answers, 0, GRACE - 1).kind == "wait"
    assert goes(node, answers, 0, GRACE + 1).kind == "origin"


def test_an_elected_node_that_has_other_work_is_given_longer() -> None:
    node, answers = election(SECOND), everybody(SECOND)
    answers[FIRST] = says(working=True)
    node.step(answers, 0, 0)
    assert goes(node, answers, 0, GRACE + 1).kind == "wait"
    assert goes(node, answers, 0, BUSY_GRACE + 1).kind == "origin"


def test_an_elected_node_that_follows_somebody_dead_itself_is_given_longer() -> None:
    node, answers = election(SECOND), everybody(SECOND)
    answers[FIRST] = says(fetching=True)
    node.step(answers, 0, 0)
    assert goes(node, answers, 0, GRACE + 1).kind == "wait"
    answers[FIRST] = says(fetching=True, origin=True, idle=GRACE + 1)
    assert goes(node, answers, 0, GRACE + 1).kind == "origin", "it goes, and gets nothing"


def test_a_carrier_from_whom_nothing_comes_is_not_waited_for_for_ever() -> None:
    node, answers = election(LAST), everybody(LAST)
    answers[FIRST] = says(fetching=True, origin=True)
    assert goes(node, answers, 0, 0).kind == "wait"
    assert goes(node, answers, 0, PATIENCE - 1).kind == "wait"
    assert goes(node, answers, LEAST, PATIENCE).kind == "wait", "something came meanwhile"
    assert goes(node, answers, LEAST, PATIENCE * 2 - 1).kind == "wait"
    assert goes(node, answers, LEAST, PATIENCE * 2 + 1).kind == "origin"


def test_one_who_gives_a_byte_now_and_then_keeps_nobody_from_the_origin() -> None:
    node, have, now = election(LAST), 0, 0.0
    answers = everybody(LAST)
    while True:
        answers[FIRST] = says(have=have + 1, fetching=True, origin=True)
        if goes(node, answers, have, now).kind == "origin":
            break
        have, now = have + 1, now + 1
    assert now <= PATIENCE * 2


def test_of_two_claims_the_first_in_order_holds_and_waits_until_the_other_is_gone() -> None:
    first, second = election(FIRST), election(SECOND)
    nobody: dict[str, Any] = {}
    assert first.step(nobody, 0, 0).kind == second.step(nobody, 0, 0).kind == "claim"
    theirs = {SECOND: says(fetching=True, claim=True)}
    assert first.step(theirs, 0, 1).kind == "claim"
    assert second.step({FIRST: says(fetching=True, claim=True)}, 0, 1).kind == "wait"
    assert first.step({SECOND: says(fetching=True)}, 0, 2).kind == "origin"


def test_a_claim_gives_way_to_one_who_went_before_it_was_seen() -> None:
    first, second = election(FIRST), election(SECOND)
    assert second.step({}, 0, 0).kind == "claim"
    assert second.step({}, 0, 0.4).kind == "origin"
    assert first.step({}, 0, 0.5).kind == "claim"
    assert first.step({SECOND: says(fetching=True, origin=True)}, 0, 1).kind == "wait"


def test_a_claim_that_is_never_taken_back_holds_up_nobody_for_long() -> None:
    node = election(FIRST)
    answers = everybody(FIRST, fetching=True, claim=True)
    assert node.step({}, 0, 0).kind == "claim"
    assert node.step(answers, 0, CLAIMED - 0.1).kind == "claim"
    assert node.step(answers, 0, CLAIMED + 0.1).kind == "origin"
    assert step(LAST, everybody(LAST, fetching=True, claim=True)).kind == "wait"
    late = election(LAST)
    late.step({}, 0, 0)
    assert late.step(everybody(LAST, fetching=True, claim=True), 0, 1).kind == "wait"
    late.step(everybody(LAST, fetching=True, claim=True), 0, PATIENCE + 1)
    later = PATIENCE + CLAIMED + 2
    assert late.step(everybody(LAST, fetching=True, claim=True), 0, later).kind == "origin"


def test_one_who_has_more_than_the_carrier_waits_as_long_as_that_comes_along() -> None:
    node, now, behind = election(LAST), 0.0, 0
    answers = everybody(LAST)
    while now < PATIENCE * 10:
        answers[FIRST] = says(have=behind, fetching=True, origin=True)
        assert goes(node, answers, 10**9, now).kind == "wait"
        now, behind = now + 1, behind + LEAST
    while now < LONGEST + 2:
        answers[FIRST] = says(have=behind, fetching=True, origin=True)
        last = goes(node, answers, 10**9, now)
        now, behind = now + 1, behind + LEAST
    assert last.kind == "origin", "but not for ever"


def test_bytes_are_taken_after_a_long_wait_too() -> None:
    node, answers = election(LAST), everybody(LAST)
    for second in range(300):
        answers[FIRST] = says(have=second * LEAST, fetching=True, origin=True)
        kind = goes(node, answers, 200 * LEAST, second).kind
        assert kind == ("wait" if second <= 200 else "pull"), second
        if kind == "pull":
            break


def test_nodes_that_are_all_busy_for_ever_lead_to_the_origin() -> None:
    node = election(LAST)
    answers = everybody(LAST, complete=True, have=10, busy=True)
    assert goes(node, answers, 0, 0).kind == "wait"
    assert goes(node, answers, 0, PATIENCE + 1).kind == "origin"


def test_nobody_waits_longer_than_the_longest_grace_whatever_the_others_say() -> None:
    node, now = election(LAST), 0.0
    while goes(node, everybody(LAST), 0, now).kind == "wait":
        now += 0.5
    assert now <= BUSY_GRACE


def test_a_node_knows_itself_by_its_name_where_its_address_is_another() -> None:
    node = Election(DIGEST, MEMBERS, "edge-1", "192.168.7.7", 0)
    answers = {one: says(host=f"edge-{MEMBERS.index(one)}", fetching=True) for one in MEMBERS}
    answers[FIRST] = says(host="edge-1", fetching=True)
    answers[SECOND] = says(host="edge-2", fetching=True)
    assert goes(node, answers, 0, 0).kind == "origin"
    assert FIRST not in node.others


def test_of_a_large_site_only_the_first_are_asked() -> None:
    members = [f"http://10.0.{n // 250}.{n % 250}:1" for n in range(1000)]
    node = Election(DIGEST, members, "", "", 0)
    assert list(node.others) == order(DIGEST, members)[:LIMIT]


@settings(max_examples=40)
@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(State._fields), inner),
))  # fmt: skip
def test_whatever_a_node_says_is_a_state(document: Any) -> None:
    found = state_of(document)
    for name, default in State._field_defaults.items():
        assert isinstance(getattr(found, name), int | float if name == "idle" else type(default))
    assert step(LAST, {FIRST: document}).kind in ("pull", "wait", "origin", "claim")
