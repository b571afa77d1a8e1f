"""The decision table of a group: one row, one step."""

from __future__ import annotations

import pytest

from sidecar.activation.records import LOOP_LIMIT, NOTHING, Record
from sidecar.resident.machine import Failure, Situation, Step, decide
from sidecar.resident.wanted import Wanted

NOW = 1000.0
HOT = Wanted(
    name="model.det", artifacts=(), identity="new", gate="g-new", update="hot", windows=(),
    required=True, told=True, asks=False,
)  # fmt: skip
SILENT = HOT._replace(told=False)
STAGE = HOT._replace(update="stage", told=False)
PAIR = HOT._replace(asks=True)

NONE = Situation()
OLD = Situation(active="r-old", active_identity="old")
STAGED = OLD._replace(staged=True)
NEW = Situation(active="r-new", active_identity="new", before="r-old", staged=True)
FIRST = Situation(active="r-new", active_identity="new", staged=True)

GOOD = Record(phase="idle", wanted="new", gate="g-new", target="r-new", proven="r-new",
              proven_gate="g-new")  # fmt: skip
WAS = Record(phase="idle", wanted="old", gate="g-old", target="r-old", proven="r-old",
             proven_gate="g-old")  # fmt: skip
BEGUN = Record(phase="activate", wanted="new", gate="g-new", origin="r-old", target="r-new",
               proven="r-old", proven_gate="g-old", begun=1)  # fmt: skip
TELLING = BEGUN._replace(phase="notify", begun=2)
PROVING = BEGUN._replace(phase="probation", begun=3)
BACK = BEGUN._replace(phase="rollback", origin="r-new", target="r-old", reason="LoadFailed",
                      detail="bad")  # fmt: skip

REFUSED = Failure("LoadFailed", "bad", NOW + 9)
OFFLINE = Failure("Offline", "no route", NOW + 9)
GONE = Failure("NotFound", "404", NOW + 300)
SHUT = Failure("WindowShut", "01:00-05:00", NOW + 60)
PAST = NOW - 1

ROWS = {
    "nothing yet, so fetch": (HOT, NONE, NOTHING, "fetch", ""),
    "a fetch under way": (HOT, NONE._replace(busy="fetch"), NOTHING, "work", ""),
    "offline waits": (HOT, NONE._replace(lack=OFFLINE), NOTHING, "wait", "Offline"),
    "its time has come": (HOT, NONE._replace(lack=OFFLINE._replace(due=PAST)), NOTHING, "fetch",
                          ""),
    "n9 not found blocks, what is active stays": (HOT, OLD._replace(lack=GONE), WAS, "block",
                                                  "NotFound"),
    "a first install waits for no window": (HOT, NONE._replace(staged=True, shut=SHUT), NOTHING,
                                            "activate", ""),
    "a first install asks the other part": (PAIR, NONE._replace(staged=True, shut=SHUT), NOTHING,
                                            "ask", ""),
    "an update waits for its window": (HOT, STAGED._replace(shut=SHUT), WAS, "wait", "WindowShut"),
    "an update in its window": (HOT, STAGED, WAS, "activate", ""),
    "a return ignores window and pair": (PAIR, STAGED._replace(shut=SHUT, served=True), WAS,
                                         "activate", ""),
    "the other part is asked": (PAIR, STAGED, WAS, "ask", ""),
    "the window comes before the question": (PAIR, STAGED._replace(shut=SHUT), WAS, "wait",
                                             "WindowShut"),
    "the other part agrees": (PAIR, STAGED._replace(agreed=True), WAS, "activate", ""),
    "only staged": (STAGE, NONE._replace(staged=True), NOTHING, "hold", ""),
    "killed before the switch": (HOT, STAGED, BEGUN, "activate", ""),
    "killed after the switch": (HOT, NEW, BEGUN, "notify", ""),
    "killed after the switch, nobody to tell": (SILENT, NEW, BEGUN, "settle", ""),
    "told": (HOT, NEW._replace(done="notify"), TELLING, "probation", ""),
    "telling": (HOT, NEW._replace(busy="notify"), TELLING, "work", ""),
    "killed while telling": (HOT, NEW, TELLING, "notify", ""),
    "killed in probation": (HOT, NEW, PROVING, "probation", ""),
    "served": (HOT, NEW._replace(done="probation"), PROVING, "settle", ""),
    "a1 the server refuses": (HOT, NEW._replace(fault=REFUSED), TELLING, "rollback", "LoadFailed"),
    "a2 the probe fails": (HOT, NEW._replace(fault=REFUSED._replace(reason="ProbeFailed")), PROVING,
                           "rollback", "ProbeFailed"),
    "a3 a first install stays": (HOT, FIRST._replace(fault=REFUSED), TELLING, "wait", "LoadFailed"),
    "a3 and is tried again": (HOT, FIRST._replace(fault=REFUSED._replace(due=PAST)), TELLING,
                              "notify", ""),
    "a3 the one before failed here too": (HOT, NEW._replace(fault=REFUSED, before_barred=True),
                                          TELLING, "wait", "LoadFailed"),
    "an unreachable sample is no failure of the model": (HOT, NEW._replace(fault=OFFLINE), PROVING,
                                                         "wait", "Offline"),
    "it is only asked for again": (HOT, NEW._replace(fault=OFFLINE._replace(due=PAST)), PROVING,
                                   "probation", ""),
    "a refused command blocks": (HOT, NEW._replace(fault=GONE._replace(reason="HookRefused")),
                                 TELLING, "block", "HookRefused"),
    "killed before the way back": (HOT, NEW, BACK, "rollback", "LoadFailed"),
    "back, the server is told": (HOT, STAGED, BACK, "restore", "LoadFailed"),
    "back and serving": (HOT, STAGED._replace(done="restore"), BACK, "restored", "LoadFailed"),
    "a3 the one before is bad": (HOT, STAGED._replace(fault=REFUSED._replace(
        reason="UnableToRollBack")), BACK, "block", "UnableToRollBack"),
    "a mended version needs no way back": (HOT._replace(identity="newer"), STAGED._replace(
        fault=REFUSED._replace(reason="UnableToRollBack")), BACK, "activate", ""),
    "a5 a newer config overtakes probation": (HOT._replace(identity="newer", gate="g"), NEW,
                                              PROVING, "activate", ""),
    "a5 a newer config overtakes the switch": (HOT._replace(identity="newer"), STAGED, BEGUN,
                                               "activate", ""),
    "a5 the newest is not there yet": (HOT._replace(identity="newer"), NEW._replace(staged=False),
                                       PROVING, "fetch", ""),
    "failed here": (HOT, STAGED._replace(barred=REFUSED), WAS, "block", "LoadFailed"),
    "all is well": (HOT, NEW, GOOD, "rest", ""),
    "i4 stored bytes rotted": (HOT, NEW._replace(rotten=True), GOOD, "mend", ""),
    "i4 they are on their way": (HOT, NEW._replace(rotten=True, busy="fetch"), GOOD, "rest", ""),
    "i4 no source has them now": (HOT, NEW._replace(rotten=True, lack=OFFLINE), GOOD, "rest", ""),
    "c6 the record is gone": (HOT, NEW, NOTHING, "notify", ""),
    "c6 the record is gone, nobody to tell": (SILENT, NEW, NOTHING, "settle", ""),
    "another server image": (HOT._replace(gate="other"), NEW, GOOD, "notify", ""),
    "only the labels changed": (HOT, NEW, GOOD._replace(wanted="other"), "settle", ""),
    "a revert of what failed": (HOT._replace(identity="old", gate="g-old"),
                                STAGED, BACK._replace(phase="blocked", proven="r-old",
                                                      proven_gate="g-old"), "settle", ""),
    "c8 begun too often": (HOT, STAGED, BEGUN._replace(begun=LOOP_LIMIT + 1), "block", "StateLoop"),
    "c8 and begun too often while telling": (HOT, NEW, GOOD._replace(
        proven="", begun=LOOP_LIMIT + 1), "block", "StateLoop"),
    "c8 or killed too often while telling": (HOT, NEW, TELLING._replace(begun=LOOP_LIMIT + 1),
                                             "block", "StateLoop"),
    "a new config ends the loop": (HOT._replace(identity="newer"), STAGED, BEGUN._replace(
        begun=LOOP_LIMIT + 1), "activate", ""),
    "broken trees are brought again": (HOT, NONE, GOOD, "fetch", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_the_table(name: str) -> None:
    wanted, seen, record, kind, reason = ROWS[name]
    step = decide(wanted, seen, record, NOW)
    assert (step.kind, step.reason) == (kind, reason)


def test_what_waits_says_until_when() -> None:
    assert decide(HOT, NONE._replace(lack=OFFLINE), NOTHING, NOW) == Step(
        "wait", "Offline", "no route", NOW + 9
    )


def test_every_step_of_every_row_is_decided_alike_twice() -> None:
    for wanted, seen, record, _, _ in ROWS.values():
        assert decide(wanted, seen, record, NOW) == decide(wanted, seen, record, NOW)
