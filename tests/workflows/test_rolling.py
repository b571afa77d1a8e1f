"""States of rollouts in the text of a lock: one block changes, in its place, and no other byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.model import lock as locks
from compiler.model.diagnostics import Diagnostics
from compiler.model.lock import LockedRollout
from compiler.model.source import parse
from compiler.pipeline import Request
from compiler.workflows import rolling
from tests.commands.test_promote import shops

STATE = LockedRollout.model_validate({"from": "1", "to": "2", "step": 1})


def read(text: str) -> locks.Lock:
    diagnostics = Diagnostics()
    (document,) = parse("edgewright.lock", text, diagnostics)
    found = locks.read(document.data, document.data.marks, diagnostics)
    assert not diagnostics.in_order()
    return found


@pytest.mark.parametrize("name", ["a/detector", "watch/a", "watch/z", "zz/detector"])
def test_a_new_block_stands_where_a_lock_made_anew_has_it(tmp_path: Path, name: str) -> None:
    shops(tmp_path)
    diagnostics = Diagnostics()
    opened = rolling.open_spec(Request(root=tmp_path / "specs"), diagnostics)
    for environment in ("a", "default", "z"):
        change = rolling.changed(opened, {(environment, name): STATE}, (), (), diagnostics)
        ((_, text),) = change.texts.items()
        assert text == locks.dump(read(text))
        assert read(text).rollout(environment, *name.split("/")) == STATE
