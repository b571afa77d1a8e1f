from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.activation import links
from sidecar.model.reasons import ReasonError
from tests.sidecar.activation.given import names


def test_a_link_is_made_once_and_replaced_in_one_step(tmp_path: Path) -> None:
    base = tmp_path / "view"
    base.mkdir()
    links.place(str(base), {"models/det": "/a"})
    before = (base / "models/det").lstat().st_ino
    links.place(str(base), {"models/det": "/a"})
    assert (base / "models/det").lstat().st_ino == before
    links.place(str(base), {"models/det": "/b"})
    assert str((base / "models/det").readlink()) == "/b"
    assert names(base / "models") == ["det"]


def test_what_is_not_ours_is_never_replaced(tmp_path: Path) -> None:
    base = tmp_path / "view"
    (base / "models").mkdir(parents=True)
    (base / "models/det").write_text("somebody's")
    with pytest.raises(ReasonError, match="ViewClash"):
        links.place(str(base), {"models/det": "/a"})
    links.drop(str(base), "models/det")
    assert (base / "models/det").read_text() == "somebody's"


def test_c3_a_killed_try_is_swept(tmp_path: Path) -> None:
    base = tmp_path / "view"
    (base / "models").mkdir(parents=True)
    (base / "models/.edgewright-0123").symlink_to("/a")
    (base / ".edgewright-0123").symlink_to("/a")
    (base / "models/.edgewright-file").write_text("somebody's")
    links.sweep(str(base))
    links.place(str(base), {"models/det": "/a"})
    assert names(base / "models") == [".edgewright-file", "det"]
    assert names(base) == ["models"]
