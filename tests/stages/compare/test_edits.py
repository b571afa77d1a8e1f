"""Each edit of the table does what the table says, by the files alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.model.changes import Effect
from compiler.model.manifest import Tree
from tests.stages.compare.edits import EDITS, SPEC, Edit
from tests.stages.compare.fleets import FLEETS, compared


@pytest.fixture(scope="module")
def fleets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tree]:
    """Every fleet as it is before an edit, compiled once."""
    folder = tmp_path_factory.mktemp("fleets")
    return {name: fleet.tree(folder / name) for name, fleet in FLEETS.items()}


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name.replace(" ", "-"))
def test_an_edit_does_what_the_table_says(
    edit: Edit, fleets: dict[str, Tree], tmp_path: Path
) -> None:
    found = compared(fleets[edit.fleet], edit.after.tree(tmp_path / "after"), edit.moved)
    did = {(kind, row.effect) for row in found.rows for kind in row.kinds}
    assert did == edit.does, [(row.effect, row.summary, row.fields) for row in found.rows]


def test_an_outage_becomes_none_once_its_hint_is_followed(
    fleets: dict[str, Tree], tmp_path: Path
) -> None:
    bumped = {'    target: "1"': '    target: "2"'}
    sync = """  spread:
    kind: sync
    models: ["counter:2"]
    place: {where: {site: north-1}}
  twice:
"""
    staged = {"  twice:\n": sync}
    at_once = Edit("", "shop", {SPEC: bumped}, frozenset())
    first = Edit("", "shop", {SPEC: staged}, frozenset())
    then = Edit("", "shop", {SPEC: {**staged, **bumped}}, frozenset())
    without = compared(fleets["shop"], at_once.after.tree(tmp_path / "at-once"))
    between = first.after.tree(tmp_path / "first")
    after = compared(between, then.after.tree(tmp_path / "then"))
    outages = [row for row in without.rows if row.effect is Effect.OUTAGE]
    assert [row.hint.startswith("stage first") for row in outages] == [True]
    assert {row.effect for row in compared(fleets["shop"], between).rows} == {
        Effect.NEW,
        Effect.METADATA_ONLY,
    }
    assert Effect.OUTAGE not in {row.effect for row in after.rows}
    assert not any(place.site == "north-1" for cost in after.costs for place in cost.places)


def test_the_table_has_every_effect_and_no_edit_twice() -> None:
    assert len(EDITS) >= 60
    assert {effect for edit in EDITS for _, effect in edit.does} == set(Effect)
    assert len({edit.name for edit in EDITS}) == len(EDITS)
