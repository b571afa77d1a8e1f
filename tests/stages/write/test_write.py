"""Writing whole directories: what changes, what stays, what is nobody's, what is refused."""

from __future__ import annotations

import hashlib
import os
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from compiler.model.cache import Known
from compiler.model.diagnostics import CompileError, Diagnostics
from compiler.model.ledger import LEDGER_FILE
from compiler.model.manifest import Unit, UnitRole
from compiler.stages.write.disk import fingerprint, list_directory
from compiler.stages.write.write import WriteOptions, begin, stage, stale, write
from tests.stages.write.trees import (
    TARGET,
    content,
    directory,
    expected,
    options,
    put,
    read_body,
    site,
    tree,
)

A = site("a", {"watch": "1", "count": "1"})
B = site("b", {"watch": "1", "count": "1"})
A_CHANGED = site("a", {"watch": "2", "count": "1"})


def codes_of(fault: pytest.ExceptionInfo[CompileError]) -> list[str]:
    return [item.code.id for item in fault.value.diagnostics]


def place(out: Path, item_path: str, name: str) -> Path:
    return out / item_path / name


def live(out: Path, name: str = "a") -> Path:
    return out / TARGET / "sites" / name


def test_a_tree_is_written_into_a_fresh_place_and_nothing_else_is_left(tmp_path: Path) -> None:
    out = tmp_path / "generated"
    changes = put(out, A, B)
    assert content(out) == expected(A, B)
    assert changes.added == (A.unit.path, B.unit.path)
    assert (changes.added_objects, changes.written_files) == (4, 8)
    assert [path.name for path in tmp_path.iterdir() if path != out] == [".edgewright"]


def test_an_unchanged_directory_is_not_touched_and_an_unchanged_file_keeps_its_inode(
    tmp_path: Path,
) -> None:
    put(tmp_path / "g", A, B)
    before = {path: path.stat() for path in (tmp_path / "g").rglob("*")}
    changes = put(tmp_path / "g", A_CHANGED, B)
    assert changes.changed == (A.unit.path,)
    assert changes.unchanged == (B.unit.path,)
    assert (changes.changed_objects, changes.linked_files) == (1, 2)
    assert content(tmp_path / "g") == expected(A_CHANGED, B)
    same = live(tmp_path / "g") / "deployment-a-count.yaml"
    assert same.stat().st_ino == before[same].st_ino
    assert live(tmp_path / "g", "b").stat() == before[live(tmp_path / "g", "b")]


def test_writing_the_same_tree_again_changes_nothing(tmp_path: Path) -> None:
    put(tmp_path / "g", A, B)
    changes = put(tmp_path / "g", A, B)
    assert not changes.any
    assert changes.unchanged == (A.unit.path, B.unit.path)


def test_a_file_that_is_no_longer_generated_goes_and_foreign_things_stay(tmp_path: Path) -> None:
    out = tmp_path / "g"
    put(out, A)
    (live(out) / "README.md").write_text("mine")
    (live(out) / "notes").mkdir()
    (live(out) / "notes" / "deep.txt").write_text("mine too")
    (live(out) / "link").symlink_to("README.md")
    number = (live(out) / "README.md").stat().st_ino
    put(out, site("a", {"watch": "2"}), allow_deletes=1)
    assert (live(out) / "README.md").read_text() == "mine"
    assert (live(out) / "README.md").stat().st_ino == number
    assert (live(out) / "notes" / "deep.txt").read_text() == "mine too"
    assert (live(out) / "link").readlink() == Path("README.md")
    assert not (live(out) / "deployment-a-count.yaml").exists()


def test_a_directory_that_is_no_longer_generated_goes_with_its_empty_parents(
    tmp_path: Path,
) -> None:
    out = tmp_path / "g"
    other = site("far", {"watch": "1"}, "shop/prod/west")
    put(out, A, other)
    changes = put(out, A, allow_deletes=1)
    assert changes.removed == (other.unit.path,)
    assert changes.deleted_objects == 1
    assert content(out) == expected(A)
    assert not (out / "shop/prod/west").exists()


def test_a_directory_that_goes_keeps_foreign_files_and_says_so(tmp_path: Path) -> None:
    out = tmp_path / "g"
    put(out, A, B)
    (live(out, "b") / "README.md").write_text("mine")
    found = Diagnostics()
    changes = write(tree(A), out, options(allow_deletes=2), found)
    assert changes.removed == (B.unit.path,)
    assert content(live(out, "b")) == {"README.md": b"mine"}
    assert [(d.code.id, "README.md" in d.message) for d in found.found] == [("N6010", True)]


def test_nothing_outside_the_roots_of_the_tree_is_deleted(tmp_path: Path) -> None:
    out = tmp_path / "g"
    staging = site("a", {"watch": "1"}, "shop/staging/hub")
    foreign = site("a", {"watch": "1"}, "other/prod/hub")
    put(out, staging)
    put(out, foreign)
    put(out, A)
    assert content(out) == expected(staging, foreign, A)


def test_a_partial_tree_deletes_no_absent_directory(tmp_path: Path) -> None:
    out = tmp_path / "g"
    put(out, A, B)
    changes = put(out, A_CHANGED, partial=True)
    assert changes.removed == ()
    assert content(out) == expected(A_CHANGED, B)


def test_a_hand_edited_file_is_an_error_that_names_it_and_nothing_is_changed(
    tmp_path: Path,
) -> None:
    out = tmp_path / "g"
    put(out, A, B)
    edited = live(out) / "deployment-a-watch.yaml"
    edited.write_text("edited")
    before = content(out)
    with pytest.raises(CompileError) as fault:
        put(out, A_CHANGED, site("b", {"watch": "9", "count": "9"}))
    assert codes_of(fault) == ["E6002"]
    finding = fault.value.diagnostics[0]
    assert finding.span is not None
    assert finding.span.file == str(edited)
    assert f"--overwrite {edited}" in finding.hint
    assert content(out) == before


def test_a_hand_edit_is_seen_although_the_output_did_not_change(tmp_path: Path) -> None:
    put(tmp_path / "g", A)
    (live(tmp_path / "g") / "deployment-a-watch.yaml").write_text("edited")
    with pytest.raises(CompileError) as fault:
        put(tmp_path / "g", A)
    assert codes_of(fault) == ["E6002"]


def test_a_hand_edit_that_equals_the_new_output_is_accepted(tmp_path: Path) -> None:
    out = tmp_path / "g"
    put(out, A)
    name = "deployment-a-watch.yaml"
    (live(out) / name).write_bytes(A_CHANGED.files[name])
    put(out, A_CHANGED)
    assert content(out) == expected(A_CHANGED)


def test_overwrite_gives_up_exactly_the_edits_below_its_path(tmp_path: Path) -> None:
    out = tmp_path / "g"
    put(out, A, B)
    (live(out) / "deployment-a-watch.yaml").write_text("edited")
    (live(out, "b") / "deployment-b-watch.yaml").write_text("edited")
    with pytest.raises(CompileError) as fault:
        put(out, A, B, overwrite=(live(out),))
    assert ["b-watch" in str(d.span) for d in fault.value.diagnostics] == [True]
    put(out, A, B, overwrite=(live(out), live(out, "b") / "deployment-b-watch.yaml"))
    assert content(out) == expected(A, B)


def test_a_hand_edited_file_that_would_be_deleted_is_an_error(tmp_path: Path) -> None:
    out = tmp_path / "g"
    put(out, A, B)
    (live(out, "b") / "deployment-b-watch.yaml").write_text("edited")
    with pytest.raises(CompileError) as fault:
        put(out, A, allow_deletes=9)
    assert codes_of(fault) == ["E6002"]


def test_a_generated_file_that_was_deleted_by_hand_comes_back(tmp_path: Path) -> None:
    put(tmp_path / "g", A)
    (live(tmp_path / "g") / "deployment-a-watch.yaml").unlink()
    put(tmp_path / "g", A)
    assert content(tmp_path / "g") == expected(A)


def test_a_foreign_file_in_the_way_is_an_error_until_overwrite_covers_it(tmp_path: Path) -> None:
    out = tmp_path / "g"
    live(out).mkdir(parents=True)
    (live(out) / "deployment-a-watch.yaml").write_text("mine")
    with pytest.raises(CompileError) as fault:
        put(out, A)
    assert codes_of(fault) == ["E6003"]
    put(out, A, overwrite=(out,))
    assert content(out) == expected(A)


def test_files_that_equal_the_output_are_adopted_when_their_ledger_is_lost(tmp_path: Path) -> None:
    put(tmp_path / "g", A)
    (live(tmp_path / "g") / LEDGER_FILE).unlink()
    put(tmp_path / "g", A)
    assert content(tmp_path / "g") == expected(A)


@pytest.mark.parametrize("where", ["shop", "shop/prod/hub", "shop/prod/hub/sites/a"])
def test_output_is_never_written_through_a_link(tmp_path: Path, where: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("mine")
    link = tmp_path / "g" / where
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    with pytest.raises(CompileError) as fault:
        put(tmp_path / "g", A)
    assert "E6007" in codes_of(fault)
    assert content(outside) == {"precious": b"mine"}


def test_a_file_at_the_place_of_a_folder_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "g" / "shop").mkdir(parents=True)
    (tmp_path / "g" / "shop" / "prod").write_text("mine")
    with pytest.raises(CompileError) as fault:
        put(tmp_path / "g", A)
    assert set(codes_of(fault)) == {"E6007"}
    with pytest.raises(CompileError) as fault:
        put(tmp_path / "g" / "shop" / "prod", A)
    assert codes_of(fault) == ["E6007"]


def test_an_output_folder_that_is_itself_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "g").symlink_to("real")
    put(tmp_path / "g", A)
    assert content(tmp_path / "real") == expected(A)
    for allowed in (live(tmp_path / "g"), tmp_path / "g", tmp_path / "real"):
        (live(tmp_path / "g") / "deployment-a-watch.yaml").write_text("edited")
        put(tmp_path / "g", A, overwrite=(allowed,))
        assert content(tmp_path / "real") == expected(A)


def test_a_refusal_of_the_system_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    put(tmp_path / "g", A)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, hard))
    try:
        with pytest.raises(CompileError) as fault:
            put(tmp_path / "g", A_CHANGED)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert codes_of(fault) == ["E6008"]
    assert content(tmp_path / "g") == expected(A)


def test_an_empty_output_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "g", A)
    with pytest.raises(CompileError) as fault:
        put(tmp_path / "g", roots=("shop/prod",), allow_deletes=999)
    assert codes_of(fault) == ["E6005"]
    with pytest.raises(CompileError) as fault:
        put(tmp_path / "g", site("a", {"w": "1"}, "shop/dev/x"), roots=("shop/prod", "shop/dev"))
    assert "E6005" in codes_of(fault)
    assert content(tmp_path / "g") == expected(A)


def test_a_second_run_stops_and_names_the_first(tmp_path: Path) -> None:
    out = tmp_path / "g"
    with begin(out, options(roots=("shop/prod",)), Diagnostics()):
        with pytest.raises(CompileError) as fault:
            put(out, A)
        assert codes_of(fault) == ["E6001"]
        assert f"process {os.getpid()}" in fault.value.diagnostics[0].message
    put(out, A)


def test_an_immutable_field_is_an_error_at_the_line_of_the_spec(tmp_path: Path) -> None:
    def judge(old: object, new: object) -> list[tuple[str, str]]:
        return [("spec.text", "it never may")] if old != new else []

    put(tmp_path / "g", A)
    with pytest.raises(CompileError) as fault:
        put(tmp_path / "g", A_CHANGED, parse=read_body, immutable=judge)
    assert codes_of(fault) == ["E6006"]
    finding = fault.value.diagnostics[0]
    assert str(finding.span) == "specs/jobs.yaml:3:5"
    assert "spec.text" in finding.message
    put(tmp_path / "g", A, parse=read_body, immutable=judge)


def test_a_settled_directory_is_known_by_its_fingerprint_without_reading(tmp_path: Path) -> None:
    out = tmp_path / "g"
    changes = put(out, A, B)
    known = {
        item.unit.path: Known(
            hashlib.sha256(item.files[LEDGER_FILE]).hexdigest(),
            changes.fingerprints[item.unit.path],
        )
        for item in (A, B)
    }
    for path, mark in changes.fingerprints.items():
        listing = list_directory(str(out / path))
        assert listing is not None
        assert mark == fingerprint(listing)
    opened = options(roots=("shop/prod",), known=known)
    (live(out, "b") / "deployment-b-watch.yaml").write_text("an edit of another size")
    with begin(out, opened, Diagnostics()) as session:
        assert session.is_settled(A.unit.path, A.files[LEDGER_FILE])
        assert not session.is_settled(A.unit.path, A_CHANGED.files[LEDGER_FILE])
        assert not session.is_settled(B.unit.path, B.files[LEDGER_FILE])
    with pytest.raises(CompileError) as fault:
        put(out, A, B, known=known)
    assert codes_of(fault) == ["E6002"]


def test_fingerprints_after_a_change_are_those_of_the_disk(tmp_path: Path) -> None:
    out = tmp_path / "g"
    put(out, A)
    (live(out) / "README.md").write_text("mine")
    (live(out) / "notes").mkdir()
    for next_one in (A_CHANGED, A_CHANGED, A):
        changes = put(out, next_one)
        listing = list_directory(str(live(out)))
        assert listing is not None
        assert changes.fingerprints == {A.unit.path: fingerprint(listing)}


def test_staging_may_happen_in_any_order_before_the_finish(tmp_path: Path) -> None:
    out = tmp_path / "g"
    with begin(out, options(roots=("shop/prod",)), Diagnostics()) as session:
        staged = [stage(item, session.area) for item in (B, A)]
        assert not live(out).exists()
        session.finish(staged, (), Diagnostics())
    assert content(out) == expected(A, B)


def test_a_session_that_never_finishes_leaves_the_output_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "g"
    put(out, A)
    (live(out) / "README.md").write_text("mine")
    before = content(out)
    with begin(out, options(roots=("shop/prod",)), Diagnostics()) as session:
        stage(A_CHANGED, session.area)
    assert content(out) == before


def test_a_name_that_is_no_plain_file_name_is_never_written(tmp_path: Path) -> None:
    bad = replace(A, files={**A.files, "../escape.yaml": b"x"})
    with pytest.raises(ValueError, match="plain file name"):
        put(tmp_path / "g", bad)
    assert content(tmp_path / "g") == {}


def test_a_forged_ledger_cannot_delete_outside_its_directory(tmp_path: Path) -> None:
    out = tmp_path / "g"
    put(out, A, B)
    precious = out / "precious.yaml"
    precious.write_text("mine")
    ledger = live(out) / LEDGER_FILE
    ledger.write_bytes(ledger.read_bytes() + b"0" * 64 + b" - ../../../../../precious.yaml\n")
    put(out, A_CHANGED, B)
    assert precious.read_text() == "mine"


def test_stale_names_every_missing_changed_and_extra_file(tmp_path: Path) -> None:
    out = tmp_path / "g"
    assert {item.kind.value for item in stale(tree(A), out)} == {"missing"}
    put(out, A, B)
    (live(out) / "README.md").write_text("mine")
    assert stale(tree(A, B), out) == []
    (live(out, "b") / "kustomization.yaml").unlink()
    found = {str(item) for item in stale(tree(site("a", {"watch": "2"})), out)}
    base = f"{TARGET}/sites"
    assert found == {
        f"changed: {base}/a/.edgewright.ledger",
        f"extra: {base}/a/deployment-a-count.yaml",
        f"changed: {base}/a/deployment-a-watch.yaml",
        f"changed: {base}/a/kustomization.yaml",
        f"extra: {base}/b/.edgewright.ledger",
        f"extra: {base}/b/deployment-b-count.yaml",
        f"extra: {base}/b/deployment-b-watch.yaml",
    }
    assert [str(item) for item in stale(tree(B), out, partial=True)] == [
        f"missing: {base}/b/kustomization.yaml"
    ]


def test_an_old_directory_without_files_of_ours_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "g"
    (out / "shop/prod/mine").mkdir(parents=True)
    (out / "shop/prod/mine/deploy.yaml").write_text("mine")
    put(out, A)
    assert (out / "shop/prod/mine/deploy.yaml").read_text() == "mine"


def test_units_of_every_role_are_written(tmp_path: Path) -> None:
    units = [
        directory(
            Unit(TARGET, role, "x" if role in {"inputs", "jobs", "sites", "shards"} else ""), {}
        )
        for role in UnitRole
    ]
    put(tmp_path / "g", *units)
    assert content(tmp_path / "g") == expected(*units)
    assert isinstance(options(), WriteOptions)
