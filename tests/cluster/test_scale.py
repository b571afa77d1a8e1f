"""What a fleet costs its clusters is in proportion to what changes, whatever the engine.

The fleet is `specs/thousand-stores`: `hub` by Flux and by shard, `west` by Argo CD's engine and
by site, both on one control plane with a node for each site. It has a few dozen sites unless
`--campaign` asks for all of them. No figure of time is asserted; docs/engines-at-scale.md
has them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster import control_plane, prepared, running, scale
from tests.cluster.api import Api
from tests.cluster.argo import Agent
from tests.cluster.flux import Flux
from tests.cluster.running import ByArgo, ByFlux, Step
from tests.cluster.scale import Fleet

SITES, RING = 28, 5
CLUSTERS = ("hub", "west")
ALL = 1980
"""Sites of the spec's table in the environment that has rings."""


@pytest.fixture(scope="module")
def wide(campaign: bool) -> tuple[int, int | None, float]:
    """Sites, sites of the ring where it is not what the table has, and patience in seconds."""
    return (ALL, None, 7200.0) if campaign else (SITES, RING, 240.0)


@pytest.fixture(scope="module")
def fleet(wide: tuple[int, int | None, float], tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Both compiled states of the fleet."""
    return scale.fleet(tmp_path_factory.mktemp("fleet"), wide[0], ring=wide[1])


@pytest.fixture(scope="module")
def plane(
    fleet: Fleet, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[control_plane.ControlPlane]:
    """One control plane that has every node of both clusters."""
    running_plane = control_plane.start(
        tmp_path_factory.mktemp("plane"), prepared.store(), audit=True
    )
    try:
        running.prepare(running_plane, fleet, *CLUSTERS)
        yield running_plane
    finally:
        running_plane.stop()


@pytest.fixture(scope="module")
def by_flux(plane: control_plane.ControlPlane, fleet: Fleet) -> Iterator[ByFlux]:
    """The cluster that Flux applies, with as many workers as an installation has."""
    flux = Flux.start(plane, concurrency=4)
    try:
        yield ByFlux(plane, fleet, "hub", flux)
    finally:
        flux.stop()


@pytest.fixture(scope="module")
def flux_steps(
    by_flux: ByFlux, fleet: Fleet, wide: tuple[int, int | None, float]
) -> dict[str, Step]:
    """The life of the cluster by Flux: first apply, nothing new, the bump of the ring."""
    patience = wide[2]
    found = {"first": _told("flux", by_flux, by_flux.first(patience))}
    running.await_available(by_flux.plane.api(), len(fleet.sites("hub")), patience)
    found["again"] = _told("flux", by_flux, by_flux.again(patience))
    found["bump"] = _told("flux", by_flux, by_flux.commit(fleet.after, "bump", patience))
    return found


@pytest.fixture(scope="module")
def argo_steps(
    plane: control_plane.ControlPlane, fleet: Fleet, wide: tuple[int, int | None, float]
) -> dict[str, Step]:
    """The same life of the cluster by Argo CD's engine, beside the other."""
    agent = Agent.start(plane)
    by_argo = ByArgo(plane, fleet, "west", agent)
    there = running.available(plane.api())
    found = {"first": _told("argo", by_argo, by_argo.first())}
    running.await_available(plane.api(), there + len(fleet.sites("west")), wide[2])
    found["again"] = _told("argo", by_argo, by_argo.again())
    found["bump"] = _told("argo", by_argo, by_argo.commit(fleet.after, "bump"))
    return found


def _told(name: str, engine: ByFlux | ByArgo, step: Step) -> Step:
    """A step, after it was printed: a campaign that breaks has told what it measured."""
    row = running.row(name, len(engine.fleet.sites(engine.cluster)), step)
    print(f"\n{running.HEADING}\n{row}", flush=True)
    return step


def _steps(request: pytest.FixtureRequest, engine: str) -> dict[str, Step]:
    found: dict[str, Step] = request.getfixturevalue(f"{engine}_steps")
    return found


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_the_compiler_changes_what_the_ring_says_and_nothing_else(
    fleet: Fleet, cluster: str
) -> None:
    ring = fleet.sites(cluster, scale.RING)
    assert 0 < len(ring) < len(fleet.sites(cluster))
    assert fleet.differing(cluster) == fleet.bumped(cluster)


@pytest.mark.parametrize("engine", ["flux", "argo"])
def test_nothing_is_written_where_nothing_changed(
    request: pytest.FixtureRequest, engine: str
) -> None:
    again = _steps(request, engine)["again"]
    assert again.requests["dry runs"], "the engine did look"
    assert again.persisted == frozenset()
    assert again.requests["writes"] == 0


@pytest.mark.parametrize(("engine", "cluster"), [("flux", "hub"), ("argo", "west")])
def test_a_bump_writes_two_objects_for_each_site_of_the_ring(
    request: pytest.FixtureRequest, fleet: Fleet, engine: str, cluster: str
) -> None:
    bump = _steps(request, engine)["bump"]
    assert bump.persisted == fleet.bumped(cluster)
    assert bump.requests["writes"] == len(bump.persisted)
    sites, kept = len(fleet.sites(cluster, scale.RING)), cluster == "hub"
    assert len(bump.persisted) == 2 * sites + kept
    assert not [one for one in bump.persisted if one[1] in ("Deployment", "ReplicaSet", "Pod")]


@pytest.mark.parametrize(("engine", "cluster"), [("flux", "hub"), ("argo", "west")])
def test_an_engine_tries_every_object_whenever_it_looks(
    request: pytest.FixtureRequest, fleet: Fleet, engine: str, cluster: str
) -> None:
    objects = len(fleet.before.files(cluster))
    for step in ("again", "bump"):
        tried = _steps(request, engine)[step].requests["dry runs"]
        assert objects <= tried, "what is cheap would be a figure of something else"


@pytest.mark.usefixtures("flux_steps", "argo_steps")
def test_every_site_is_available_on_its_own_node(
    plane: control_plane.ControlPlane, wide: tuple[int, int | None, float], fleet: Fleet
) -> None:
    api = plane.api()
    assert running.available(api) == wide[0]
    assert running.misplaced(api, fleet) == []


@pytest.mark.usefixtures("flux_steps")
def test_a_hand_s_edit_is_seen_and_only_that_is_undone(
    by_flux: ByFlux, fleet: Fleet, wide: tuple[int, int | None, float]
) -> None:
    """Without this, an empty set of persisted changes could come from a blind comparison."""
    api: Api = by_flux.plane.api()
    edited = sorted(one for one in fleet.bumped("hub") if one[1] == "ConfigMap")[0]
    live = api.get(edited[0], edited[1], edited[3], edited[2])
    api.merge({"apiVersion": edited[0], "kind": edited[1], **live}, {"data": {"config.json": "{}"}})
    assert by_flux.again(wide[2]).persisted == {edited}
    assert api.get(edited[0], edited[1], edited[3], edited[2])["data"] == live["data"]
