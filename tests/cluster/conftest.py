"""Fixtures of the cluster tier: a control plane for each module, with or without its machinery."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.cluster import control_plane, prepared
from tests.cluster.api import Api
from tests.cluster.build import GET_GO
from tests.cluster.control_plane import ControlPlane


@pytest.fixture(scope="session", autouse=True)
def _go() -> None:
    """Skip the tier where its servers cannot be built; CI has to have them."""
    if shutil.which("go") is None:
        if os.environ.get("CI"):
            pytest.fail(GET_GO)
        pytest.skip(GET_GO)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of the module's own, with the definitions of every kind that we emit."""
    running = control_plane.start(tmp_path_factory.mktemp("plane"), prepared.store())
    yield running
    running.stop()


@pytest.fixture
def api(plane: ControlPlane) -> Api:
    """The administrator's client of the module's control plane."""
    return plane.api()
