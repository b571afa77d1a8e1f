from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.activation import releases, switch, views
from sidecar.activation.records import NOTHING, Record
from sidecar.activation.releases import CURRENT
from sidecar.model.reasons import ReasonError
from tests.sidecar.activation.given import member, names, opened, shown, single, slot_of

GATE = {"gate": "g", "members": {}}
SETTINGS = b'name: "det"\noutput [{ label_filename: "labels.txt" }]\n'


def settled(slot: switch.Slot, record: Record) -> Record:
    return record._replace(phase="idle", proven=releases.pointed(slot.path, CURRENT))


def test_a_single_file_is_called_model_with_its_ending(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    one = single(layout, owner, "model/det", "net-1.3.onnx", b"1", view="ovms", number=3)
    switch.activate(slot, (one,), GATE, NOTHING)
    assert shown(slot.view(one)) == {"3/model.onnx": b"1"}
    shown_file = Path(f"{slot.view(one)}/3/model.onnx").stat()
    assert shown_file.st_ino == Path(layout.blob(one.digest)).stat().st_ino


def test_a_tree_is_shown_below_its_number(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    files = {"saved_model.pb": b"m", "variables/v.data": b"v"}
    one = member(layout, owner, "model/det", files, view="tfserving", number=7)
    switch.activate(slot, (one,), GATE, NOTHING)
    assert shown(slot.view(one)) == {"7/saved_model.pb": b"m", "7/variables/v.data": b"v"}


def test_a_tree_with_one_number_of_its_own_is_laid_out_from_inside_of_it(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    files = {
        "1/model.onnx": b"m", "1/sub/x": b"x", "config.pbtxt": SETTINGS, "labels.txt": b"l",
    }  # fmt: skip
    one = member(layout, owner, "model/det", files, view="triton", number=4)
    switch.activate(slot, (one,), GATE, NOTHING)
    assert shown(slot.view(one)) == {
        "4/model.onnx": b"m", "4/sub/x": b"x", "config.pbtxt": SETTINGS, "labels.txt": b"l",
    }  # fmt: skip


def test_a_number_beside_other_files_is_nothing_special(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    files = {"1/model.onnx": b"m", "readme.md": b"r"}
    one = member(layout, owner, "model/det", files, view="ovms", number=2)
    switch.activate(slot, (one,), GATE, NOTHING)
    assert set(shown(slot.view(one))) == {"2/1/model.onnx", "2/readme.md"}


def test_what_triton_wants_above_the_numbers_follows_the_version(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    with_labels = member(
        layout, owner, "model/det",
        {"model.onnx": b"1", "config.pbtxt": SETTINGS, "labels.txt": b"l"},
        view="triton", number=1,
    )  # fmt: skip
    without = member(
        layout, owner, "model/det", {"model.onnx": b"2", "config.pbtxt": b'name: "det"\n'},
        view="triton", number=2,
    )  # fmt: skip
    record = settled(slot, switch.activate(slot, (with_labels,), GATE, NOTHING))
    assert "labels.txt" in names(slot.view(with_labels))
    record = settled(slot, switch.activate(slot, (without,), GATE, record))
    assert names(slot.view(without)) == ["1", "2", "config.pbtxt"]
    switch.go_back(slot, record)
    assert names(slot.view(without)) == ["1", "config.pbtxt", "labels.txt"]


def test_the_version_before_stays_beside_the_new_one_until_its_grace_is_over(
    tmp_path: Path,
) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    one, two = (
        single(layout, owner, "model/det", "m.onnx", data, view="ovms", number=number)
        for number, data in ((1, b"1"), (2, b"2"))
    )
    record = settled(slot, switch.activate(slot, (one,), GATE, NOTHING))
    switch.activate(slot, (two,), GATE, record)
    assert views.numbers(slot.view(two)) == [1, 2]
    switch.expire(slot)
    assert views.numbers(slot.view(two)) == [2]


def test_a_rollback_takes_the_higher_number_away_at_once(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    one, two = (
        single(layout, owner, "model/det", "m.onnx", data, view="ovms", number=number)
        for number, data in ((1, b"1"), (2, b"2"))
    )
    record = settled(slot, switch.activate(slot, (one,), GATE, NOTHING))
    record = switch.activate(slot, (two,), GATE, record)
    switch.go_back(slot, record)
    assert shown(slot.view(two)) == {"1/model.onnx": b"1"}


def test_an_interrupted_switch_leaves_no_number_beyond_the_active_one(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    one, two = (
        single(layout, owner, "model/det", "m.onnx", data, view="ovms", number=number)
        for number, data in ((1, b"1"), (2, b"2"))
    )
    switch.activate(slot, (one,), GATE, NOTHING)
    views.publish(layout, owner, slot.view(two), two)
    switch.align(slot)
    assert views.numbers(slot.view(two)) == [1]


def test_other_bytes_under_the_active_number_are_a_clash(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    one, two = (
        single(layout, owner, "model/det", "m.onnx", data, view="ovms", number=1)
        for data in (b"1", b"2")
    )
    switch.activate(slot, (one,), GATE, NOTHING)
    with pytest.raises(ReasonError, match="ViewClash"):
        switch.activate(slot, (two,), GATE, NOTHING)
    assert shown(slot.view(one)) == {"1/model.onnx": b"1"}


def test_a_leftover_of_other_bytes_under_a_number_makes_way(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    one, failed, mended = (
        single(layout, owner, "model/det", "m.onnx", data, view="ovms", number=number)
        for number, data in ((1, b"1"), (2, b"2"), (2, b"3"))
    )
    switch.activate(slot, (one,), GATE, NOTHING)
    views.publish(layout, owner, slot.view(failed), failed)
    switch.activate(slot, (mended,), GATE, NOTHING)
    assert shown(slot.view(mended))["2/model.onnx"] == b"3"


def test_the_view_of_a_private_artifact_is_closed_to_others(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    slot = slot_of(layout, owner)
    one = member(layout, owner, "model/det", {"m": b"1"}, view="tfserving", number=1, private=True)
    switch.activate(slot, (one,), GATE, NOTHING)
    assert Path(f"{slot.view(one)}/1").stat().st_mode & 0o007 == 0
    assert Path(f"{slot.view(one)}/1/m").stat().st_mode & 0o777 == 0o440
