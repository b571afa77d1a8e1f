"""C2 for the switch: every state that a power cut could leave shows one whole version.

Installation, update and way back of a bundle with a numbered view, each from a durable beginning.
In each state what a reader sees is checked, then the same step is done again as a process does it
that begins: by what the links and the record say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from sidecar.activation import records, releases, switch
from sidecar.activation.records import NOTHING
from sidecar.activation.releases import CURRENT, Member
from sidecar.activation.switch import Slot
from sidecar.disk import owner, store, tenants, trees
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from tests.sidecar.activation.given import TENANT, slot_of, tree
from tests.sidecar.support import crash
from tests.sidecar.support.invariants import problems
from tests.sidecar.support.volume import Change, Volume

GROUP = "bundle.watch"
SERVING = {"gate": "g", "members": {}}


class Step(NamedTuple):
    """What is durable before, what is done, and which versions may show until it is done."""

    name: str
    before: tuple[int, ...]
    shown: tuple[int, ...]
    end: int
    run: Callable[[Slot], None]


def pair(layout: Layout, own: Owner, number: int) -> tuple[Member, ...]:
    """The members of a version; their trees are made where they are missing."""
    text = f"{number}".encode()
    weights = tree(layout, own, {"weights": text, "a/labels": text})
    code = tree(layout, own, {"io.py": text})
    digests = [hashlib.sha256(part + text).hexdigest() for part in (b"m", b"c")]
    for digest, made in zip(digests, (weights, code), strict=True):
        if trees.known(layout, digest, "tar") is None:
            trees.remember(layout, own, digest, "tar", made)
    return (
        Member("model/det", text.decode(), "", digests[0], "tar", weights, "", "tfserving", "det",
               number, private=False),
        Member("code/io", text.decode(), "", digests[1], "tar", code, "", "flat", "io", 0,
               private=False),
    )  # fmt: skip


def forward(slot: Slot, number: int) -> None:
    """Switch, and note that it is good."""
    members = pair(slot.layout, slot.owner, number)
    record = records.read(slot.path)._replace(wanted=f"{number}")
    record = switch.activate(slot, members, SERVING, record)
    settled = record._replace(phase="idle", proven=releases.release_id(members))
    records.write(slot.owner, slot.path, settled)


def back(slot: Slot) -> None:
    """Go back, as after a version that the server refused; done already is fine."""
    record = records.read(slot.path)
    if record.phase != "blocked":
        record = switch.go_back(slot, record._replace(reason="LoadFailed"))
        records.write(slot.owner, slot.path, record._replace(phase="blocked"))
    switch.align(slot)


STEPS = (
    Step("install", (), (0, 1), 1, lambda slot: forward(slot, 1)),
    Step("update", (1,), (1, 2), 2, lambda slot: forward(slot, 2)),
    Step("back", (1, 2), (1, 2), 1, back),
)


def recorded(step: Step, folder: Path) -> tuple[Volume, list[Change]]:
    """Run a step once; the trees of all versions are there before."""
    layout = store.open_store(f"{folder}/store")
    lock = tenants.enter(layout, TENANT)
    assert lock is not None
    with owner.enter(layout) as own:
        pair(layout, own, 1)
        pair(layout, own, 2)
        for number in step.before:
            forward(slot_of(layout, own, GROUP), number)
    before = crash.snapshot(str(folder))
    with crash.recorded(str(folder)) as log, owner.enter(layout) as own:
        step.run(slot_of(layout, own, GROUP))
    lock.release()
    assert wrong(layout, {step.end}) == []
    return before, log


def wrong(layout: Layout, allowed: set[int]) -> list[str]:
    """What a reader could see that it must not."""
    try:
        return list(_wrong(layout, allowed))
    except FileNotFoundError as error:
        return [f"{str(error.filename)[-60:]} is missing"]


def _wrong(layout: Layout, allowed: set[int]) -> Iterator[str]:
    current = Path(layout.slot(TENANT, GROUP, CURRENT))
    if not current.is_symlink():
        if 0 not in allowed:
            yield "nothing is active"
        return
    seen = {
        int((current / path).read_text())
        for path in ("model/det/weights", "model/det/a/labels", "code/io/io.py")
    }
    if len(seen) != 1 or not seen <= allowed:
        yield f"versions {sorted(seen)} are active, allowed are {sorted(allowed)}"
    view = Path(layout.view(TENANT, "model", "det"))
    numbers = {int(one.name) for one in view.iterdir()} if view.is_dir() else set()
    if not seen <= numbers:
        yield f"{sorted(seen)} is active, the view shows {sorted(numbers)}"
    for number in numbers:
        if (view / f"{number}/weights").read_text() != str(number):
            yield f"number {number} shows another version"


def check(step: Step) -> crash.Check:
    """Nothing is wrong after the cut, and the step then ends as it should have."""

    def checked(path: str) -> list[str]:
        root = f"{path}/store"
        found = [*problems(root), *wrong(Layout(root), set(step.shown))]
        return found or again(step, root)

    return checked


def again(step: Step, root: str) -> list[str]:
    layout = store.open_store(root)
    with owner.enter(layout) as own:
        owner.sweep(layout)
        slot = slot_of(layout, own, GROUP)
        switch.align(slot)
        record = records.read(slot.path)
        if step.name != "back" and record == NOTHING and slot.release(CURRENT) is not None:
            return ["the record is gone, and something is active"]
        step.run(slot)
        switch.align(slot)
    return [f"done again: {one}" for one in (*problems(root), *wrong(layout, {step.end}))]


@pytest.mark.parametrize("torn", [False, True], ids=["journaled", "torn"])
@pytest.mark.parametrize("step", STEPS, ids=lambda one: one.name)
def test_c2_a_power_cut_during_a_switch_leaves_the_old_or_the_new_version(
    step: Step, torn: bool, tmp_path: Path, campaign: bool
) -> None:
    before, log = recorded(step, tmp_path)
    report = crash.enumerate_states(
        log, before, check(step), limit=4096 if campaign else 256,
        samples=640 if campaign else 32, torn_renames=torn,
    )  # fmt: skip
    print(f"{step.name}: {report}")
    assert report.problems == []
    assert report.states > 10


@pytest.mark.parametrize("missing", ["sync", "sync_directory"])
def test_sabotage_a_missing_sync_is_found(missing: str, tmp_path: Path) -> None:
    step = STEPS[1]
    before, log = recorded(step, tmp_path)
    short = crash.without(log, missing)
    assert len(short) < len(log)
    report = crash.enumerate_states(short, before, check(step), limit=64, enough=1)
    print(f"{step.name} without {missing}: {report}")
    assert report.problems
