"""What fleets of several sizes cost a cluster, for each engine and unit, step by step.

Run it as `python tests/bench/fleet.py [SIZE ...] [--engine flux:shard]`; it
needs Go, and an hour for 2,000 sites on two cores. Each row is one step: first apply, nothing
new, the bump of a ring. Requests are counted and do not depend on the machine; processor seconds
and peak memory do a little, seconds on the clock very much. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.measuring import heading
from tests.cluster import control_plane, prepared, running, scale
from tests.cluster.argo import Agent
from tests.cluster.control_plane import ControlPlane
from tests.cluster.flux import Flux
from tests.cluster.running import ByArgo, ByFlux, Step
from tests.cluster.scale import Fleet

SIZES = (100, 300, 1000, 2000)
PATIENCE = 4 * 3600.0
CONCURRENT = 4
"""Kustomizations at once where Flux is installed without a word."""


def by_flux(plane: ControlPlane, fleet: Fleet, concurrent: int) -> Iterator[Step]:
    """The steps of a cluster by Flux."""
    flux = Flux.start(plane, concurrency=concurrent)
    try:
        cluster = ByFlux(plane, fleet, "hub", flux)
        yield cluster.first(PATIENCE)
        running.await_available(plane.api(), len(fleet.sites("hub")), PATIENCE)
        yield cluster.again(PATIENCE)
        yield cluster.commit(fleet.after, "bump", PATIENCE)
    finally:
        flux.stop()


def by_argo(plane: ControlPlane, fleet: Fleet, _: int) -> Iterator[Step]:
    """The steps of a cluster by Argo CD's engine; its queue is a loop of eight."""
    cluster = ByArgo(plane, fleet, "west", Agent.start(plane))
    yield cluster.first()
    running.await_available(plane.api(), len(fleet.sites("west")), PATIENCE)
    yield cluster.again()
    yield cluster.commit(fleet.after, "bump")


Life = Callable[[ControlPlane, Fleet, int], Iterator[Step]]
WAYS: dict[str, tuple[str, Life]] = {
    "flux:shard": ("hub", by_flux),
    "flux:site": ("hub", by_flux),
    "argocd:site": ("west", by_argo),
}


def run(way: str, sites: int, concurrent: int) -> None:
    """One fleet of one size in one way, a row for each step as soon as it is known."""
    cluster, life = WAYS[way]
    gitops = {"hub": scale.by_site() if way == "flux:site" else scale.by_shard(sites)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fleet = scale.fleet(folder / "fleet", sites, gitops, cluster=cluster)
        plane = control_plane.start(folder / "plane", prepared.store(), audit=True)
        try:
            running.prepare(plane, fleet, cluster)
            for step in life(plane, fleet, concurrent):
                print(running.row(way, sites, step), flush=True)
        finally:
            plane.stop()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--engine", choices=sorted(WAYS), action="append")
    parser.add_argument("--concurrent", type=int, default=CONCURRENT)
    given = parser.parse_args()
    print(heading())
    print(running.HEADING)
    for sites in given.sizes:
        for way in given.engine or WAYS:
            run(way, sites, given.concurrent)


if __name__ == "__main__":
    main()
