"""Which version a site can return to by itself, and what stands in the way of it."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.model.returning import WayBack, ways_back
from compiler.model.tenants import placed
from tests.model.test_figures import ON, config, figures


def way(document: dict[str, Any], rollout: str, *, fits: bool = True) -> WayBack:
    found = figures(rollout)
    (only,) = ways_back(placed(document, found), found, fits=fits)
    return only


def test_a_site_returns_to_what_a_rollout_left() -> None:
    found = way(config("shop", "m", "2", "e"), ON)
    assert (found.job, found.model, found.version, found.before) == ("watch", "m", "2", "1")
    assert found.holds


def test_a_site_returns_to_what_it_had_before_a_rollout_that_is_over() -> None:
    over = "default.rollouts.watch/m: {from: '2', to: '2', step: 0, was: '1'}\n"
    assert way(config("shop", "m", "2", "e"), over).holds


def test_where_nobody_knows_the_version_before_nothing_is_promised() -> None:
    found = way(config("shop", "m", "2", "e"), "")
    assert (found.before, found.why, found.holds) == ("", "", False)


def test_a_store_that_keeps_nothing_and_a_disk_that_is_too_small_are_in_the_way() -> None:
    document = config("shop", "m", "2", "e")
    assert way(document, ON, fits=False).why == "its disk does not hold both"
    document["store"] = {"keepPrevious": 0}
    found = way(document, ON)
    assert found.why == "its profile keeps no version before the one that serves"
    assert not found.holds


@pytest.mark.parametrize(
    ("role", "state", "why"),
    [
        ("edge", "{from: '8', to: '9', step: 0}", ""),
        ("edge", "{from: '9', to: '9', step: 1, was: '8'}",
         "the cloud part of pair:8 is served no more"),
        ("cloud", "{from: '9', to: '9', step: 1, was: '8'}", ""),
    ],
)  # fmt: skip
def test_an_edge_returns_while_the_cloud_part_of_the_version_before_is_served(
    role: str, state: str, why: str
) -> None:
    document = config("shop", "lite" if role == "edge" else "big", "2", "b")
    document["tenant"]["role"] = role
    document["release"] = {"model": "pair", "version": "9"}
    found = way(document, f"default.rollouts.watch/pair: {state}\n")
    assert (found.model, found.before, found.why) == ("pair", "8", why)
