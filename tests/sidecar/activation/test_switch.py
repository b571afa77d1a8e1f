from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.activation import records, releases, switch
from sidecar.activation.records import NOTHING, Record
from sidecar.activation.releases import CURRENT, PREVIOUS
from sidecar.model.reasons import ReasonError
from tests.sidecar.activation.given import member, names, opened, shown, single, slot_of

GATE = {"gate": "g", "members": {}}


def proven(slot: switch.Slot, record: Record) -> Record:
    current = releases.pointed(slot.path, CURRENT)
    return record._replace(phase="idle", proven=current, proven_gate="g")


def test_a_switch_shows_the_new_bytes_through_one_link(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    one = member(layout, owner, "model/det", {"a.txt": b"1", "b/c.txt": b"1"})
    record = switch.activate(slot, (one,), GATE, NOTHING._replace(wanted="w"))
    assert shown(f"{slot.path}/current/model/det/") == {"a.txt": b"1", "b/c.txt": b"1"}
    assert record.phase == "activate"
    assert records.read(slot.path) == record


def test_a_single_file_is_linked_to_itself(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    switch.activate(slot, (single(layout, owner, "model/det", "net.onnx", b"1"),), GATE, NOTHING)
    assert Path(f"{slot.path}/current/model/det").read_bytes() == b"1"


def test_links_inside_the_store_are_relative_so_that_it_can_be_mounted_anywhere(
    tmp_path: Path,
) -> None:
    layout, owner = opened(tmp_path / "here")
    slot = slot_of(layout, owner)
    switch.activate(slot, (member(layout, owner, "model/det", {"a": b"1"}),), GATE, NOTHING)
    owner.leave()
    (tmp_path / "here").rename(tmp_path / "there")
    moved = slot.path.replace("/here/", "/there/")
    assert shown(f"{moved}/current/model/det/") == {"a": b"1"}


def test_only_a_proven_version_becomes_the_one_to_return_to(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    first, second, third = (
        member(layout, owner, "model/det", {"a": data}) for data in (b"1", b"2", b"3")
    )
    record = proven(slot, switch.activate(slot, (first,), GATE, NOTHING))
    good = releases.pointed(slot.path, CURRENT)
    record = switch.activate(slot, (second,), GATE, record)
    assert releases.pointed(slot.path, PREVIOUS) == good
    switch.activate(slot, (third,), GATE, record)
    assert releases.pointed(slot.path, PREVIOUS) == good


def test_a_rollback_shows_the_bytes_before(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    old, new = (member(layout, owner, "model/det", {"a": data}) for data in (b"old", b"new"))
    record = proven(slot, switch.activate(slot, (old,), GATE, NOTHING))
    record = switch.activate(slot, (new,), GATE, record)
    record = switch.go_back(slot, record._replace(reason="LoadFailed"))
    assert shown(f"{slot.path}/current/model/det/") == {"a": b"old"}
    assert record.phase == "rollback"
    assert record.origin == releases.release_id((new,))


def test_without_a_version_before_there_is_no_way_back(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    one = member(layout, owner, "model/det", {"a": b"1"})
    record = switch.activate(slot, (one,), GATE, NOTHING)
    with pytest.raises(ReasonError, match="UnableToRollBack"):
        switch.go_back(slot, record)
    assert shown(f"{slot.path}/current/model/det/") == {"a": b"1"}


def test_c6_a_release_without_its_document_is_told_by_its_links_and_mended(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    one = member(layout, owner, "model/det", {"a": b"1"})
    switch.activate(slot, (one,), GATE, NOTHING)
    found = releases.release_id((one,))
    Path(f"{slot.path}/releases/{found}/release.json").unlink()
    recovered = slot.release(CURRENT)
    assert recovered is not None
    assert (recovered.id, recovered.members[0].tree) == (found, one.tree)
    releases.build(owner, slot.path, (one,), GATE)
    assert releases.read(slot.path, found) == releases.Release(found, (one,), GATE)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"phase": 7}', b"\0" * 40])
def test_c6_a_broken_record_counts_as_none(tmp_path: Path, text: bytes) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    switch.activate(slot, (member(layout, owner, "model/det", {"a": b"1"}),), GATE, NOTHING)
    Path(f"{slot.path}/record.json").write_bytes(text)
    assert records.read(slot.path) == NOTHING


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    record = Record("notify", "w", "g", "from", "to", "p", "pg", 3, 1.5, 2.0, "Offline", "words")
    Path(slot_of(layout, owner).path).mkdir()
    records.write(owner, slot_of(layout, owner).path, record)
    assert records.read(slot_of(layout, owner).path) == record


def test_a_release_whose_trees_are_gone_is_not_active(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    one = single(layout, owner, "model/det", "net.onnx", b"1")
    switch.activate(slot, (one,), GATE, NOTHING)
    Path(layout.tree(one.tree)).rename(layout.tree("0" * 64))
    assert slot.release(CURRENT) is None


def test_c3_what_a_kill_left_of_a_link_is_in_nobodys_way(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    one, two = (member(layout, owner, "model/det", {"a": data}) for data in (b"1", b"2"))
    switch.activate(slot, (one,), GATE, NOTHING)
    for name in names(layout.store("staging")):
        for left in range(500):
            Path(f"{layout.staging(name)}/left-{left}").symlink_to("releases/x")
    switch.activate(slot, (two,), GATE, NOTHING)
    assert shown(f"{slot.path}/current/model/det/") == {"a": b"2"}


def test_a_members_label_does_not_make_another_release(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    one = member(layout, owner, "model/det", {"a": b"1"})
    assert releases.release_id((one,)) == releases.release_id((one._replace(version="2"),))
    assert releases.release_id((one,)) != releases.release_id((one._replace(number=2),))
