"""The budget of deletions: what counts, what is only a move, what the message says."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from compiler.model.cache import Known
from compiler.model.diagnostics import CompileError, Diagnostic
from compiler.model.ledger import LEDGER_FILE
from compiler.model.manifest import Directory, Unit, UnitRole
from tests.stages.write.trees import TARGET, body, content, directory, expected, put, site

JOBS = {"watch": "1", "count": "1"}


def fleet(*names: str, jobs: dict[str, str] | None = None) -> list[Directory]:
    return [site(name, jobs or JOBS) for name in names]


def refusal(out: Path, *directories: Directory, **changes: Any) -> Diagnostic:
    """The finding that refuses a write which changed nothing."""
    before = content(out)
    with pytest.raises(CompileError) as fault:
        put(out, *directories, **changes)
    assert content(out) == before
    assert [item.code.id for item in fault.value.diagnostics] == ["E6004"]
    return fault.value.diagnostics[0]


NAMES = [f"s{number:02}" for number in range(30)]


def test_up_to_twenty_objects_may_go_and_one_more_needs_the_number(tmp_path: Path) -> None:
    out = tmp_path / "g"
    put(out, *fleet(*NAMES))
    fewer = [site(name, {"watch": "1"}) for name in NAMES[:20]]
    rest = [site(name, JOBS) for name in NAMES[20:]]
    put(out, *fewer, *rest)
    put(out, *fleet(*NAMES))
    fewer = [site(name, {"watch": "1"}) for name in NAMES[:21]]
    rest = [site(name, JOBS) for name in NAMES[21:]]
    found = refusal(out, *fewer, *rest)
    assert found.message.startswith("21 objects would be deleted: shop/prod: 21 of job count (")
    assert "and 18 more" in found.message
    assert "--allow-deletes 21" in found.hint
    assert len(found.related) == 21
    refusal(out, *fewer, *rest, allow_deletes=20)
    changes = put(out, *fewer, *rest, allow_deletes=21)
    assert changes.deleted_objects == 21
    assert content(out) == expected(*fewer, *rest)


def test_all_objects_of_a_site_need_the_number_however_few(tmp_path: Path) -> None:
    out = tmp_path / "g"
    put(out, *fleet("a", "b"))
    found = refusal(out, *fleet("a"))
    assert "all 2 of site b" in found.message
    put(out, *fleet("a"), allow_deletes=2)


def test_all_objects_of_a_job_need_the_number_and_are_told_from_the_rest(tmp_path: Path) -> None:
    out = tmp_path / "g"
    put(out, *fleet("a", "b"))
    left = [site(name, {"count": "1"}) for name in ("a", "b")]
    found = refusal(out, *left)
    assert "all 2 of job watch" in found.message
    put(out, left[0], site("b", JOBS))
    refusal(out, *left)
    put(out, *left, allow_deletes=1)


def test_a_job_that_stays_in_another_environment_is_gone_from_this_one(tmp_path: Path) -> None:
    out = tmp_path / "g"
    put(out, site("a", JOBS), site("a", JOBS, "shop/dev/hub"))
    found = refusal(out, site("a", {"count": "1"}), site("a", JOBS, "shop/dev/hub"))
    assert "shop/prod: all 1 of job watch" in found.message


def test_a_moved_job_counts_only_what_has_no_heir(tmp_path: Path) -> None:
    out = tmp_path / "g"
    put(out, *fleet("a", "b"))
    renamed = [site(name, {"look": "1", "count": "1"}) for name in ("a", "b")]
    refusal(out, *renamed)
    refusal(out, *renamed, moved=(("jobs.other", "jobs.look"),))
    changes = put(out, *renamed, moved=(("jobs.watch", "jobs.look"),))
    assert (changes.deleted_objects, changes.moved_objects, changes.added_objects) == (0, 2, 0)
    assert content(out) == expected(*renamed)


@pytest.mark.parametrize("spelt", ["sites.", "fleet.sites."])
def test_a_moved_site_is_no_deletion(tmp_path: Path, spelt: str) -> None:
    out = tmp_path / "g"
    put(out, *fleet("a", "b"))
    refusal(out, *fleet("a", "c"))
    changes = put(out, *fleet("a", "c"), moved=((f"{spelt}b", f"{spelt}c"),))
    assert (changes.deleted_objects, changes.moved_objects) == (0, 2)


def test_an_object_that_changes_its_directory_in_one_cluster_is_no_deletion(
    tmp_path: Path,
) -> None:
    out = tmp_path / "g"
    objects = {"deployment-x.yaml": body("jobs.watch", "", "x", "1")}
    put(out, directory(Unit(TARGET, UnitRole.BASE), objects), site("a", {"count": "1"}))
    there = directory(Unit(TARGET, UnitRole.JOBS, "watch"), objects)
    changes = put(out, there, site("a", {"count": "1"}))
    assert (changes.deleted_objects, changes.moved_objects) == (0, 1)
    other = directory(Unit("shop/prod/west", UnitRole.JOBS, "watch"), objects)
    refused = refusal(out, other, site("a", {"count": "1"}), allow_deletes=0)
    assert refused.message.startswith("1 object would be deleted, 0 allowed: ")


def test_a_new_name_from_new_content_is_no_deletion(tmp_path: Path) -> None:
    out = tmp_path / "g"

    def configs(digest: str) -> list[Directory]:
        return [
            directory(
                Unit(TARGET, UnitRole.SITES, name),
                {
                    f"configmap-{name}-{digest}.yaml": body(
                        "jobs.watch", name, f"{name}-{digest}", digest, "ConfigMap"
                    )
                },
            )
            for name in NAMES
        ]

    put(out, *configs("0123abcd"))
    changes = put(out, *configs("4567cdef"))
    assert (changes.deleted_objects, changes.moved_objects) == (0, 30)


def test_settled_directories_count_as_what_stays(tmp_path: Path) -> None:
    out = tmp_path / "g"
    both = [site("a", JOBS), site("b", JOBS)]
    changes = put(out, *both)
    known = {
        item.unit.path: Known(
            hashlib.sha256(item.files[LEDGER_FILE]).hexdigest(),
            changes.fingerprints[item.unit.path],
        )
        for item in both
    }
    left = site("a", {"watch": "1"})
    assert put(out, left, both[1], known=known).deleted_objects == 1
    assert content(out) == expected(left, both[1])
