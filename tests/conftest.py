"""Options that the whole suite shares."""

from __future__ import annotations

import os

import pytest

from tests.sidecar.support.s3 import s3

__all__ = ["s3"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the flags that lengthen campaigns and rewrite golden trees."""
    parser.addoption("--campaign", action="store_true", help="run the long campaigns at full count")
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden trees")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that skipped something where everything is said to be installed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", ()) if reporter else ()
    if skipped and os.environ.get("EDGEWRIGHT_SKIP_NOTHING") and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def campaign(request: pytest.FixtureRequest) -> bool:
    """Whether the long campaigns run at full count."""
    return bool(request.config.getoption("--campaign"))


@pytest.fixture(scope="session")
def update(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are rewritten; never where CI runs, which would approve anything."""
    wanted = bool(request.config.getoption("--update-golden"))
    if wanted and os.environ.get("CI"):
        pytest.exit("--update-golden is refused where CI is set", returncode=4)
    return wanted
