"""Each edit of the table does what the table says, by the files alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.model.manifest import Tree
from tests.stages.compare.edits import EDITS, Edit
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


def test_the_table_has_every_effect_but_those_of_other_tests() -> None:
    assert len(EDITS) >= 60
    assert len({edit.name for edit in EDITS}) == len(EDITS)
