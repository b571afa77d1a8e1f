"""Options that the whole suite shares."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the flags that lengthen campaigns and rewrite golden trees."""
    parser.addoption("--campaign", action="store_true", help="run the long campaigns at full count")
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden trees")


@pytest.fixture(scope="session")
def campaign(request: pytest.FixtureRequest) -> bool:
    """Whether the long campaigns run at full count."""
    return bool(request.config.getoption("--campaign"))
