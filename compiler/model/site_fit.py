"""Disk, memory and ways back of one site, from the objects that it has in an output.

For whoever explains a site or compares two outputs of it: the same sums as those of the gates, and
no verdict. Before and after are two calls, with the objects of either output.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from compiler.model.contract import held
from compiler.model.figures import Figures
from compiler.model.fit import Sum, disk
from compiler.model.fleet import Profile, Site
from compiler.model.loading import Worker
from compiler.model.quantity import MILLI, parse_quantity
from compiler.model.record import dataclass
from compiler.model.requests import requests, worker_memory
from compiler.model.returning import WayBack, ways_back
from compiler.model.tenants import Placed, placed, rooms

JOB, ROLE = "edgewright.io/job", "edgewright.io/role"
"""Labels of pods that say whose they are."""


@dataclass(frozen=True, slots=True)
class HostFit:
    """The disk of one host, with everything on it that may be there; the name may be empty."""

    host: str
    disk: Sum


@dataclass(frozen=True, slots=True)
class SiteFit:
    """What a site has to hold: the disk of each host, the memory of its workers, its ways back.

    `given` is the memory that one host gives to pods, in bytes. Workers that load no model are
    among `workers` with what they request.
    """

    hosts: tuple[HostFit, ...]
    workers: tuple[Worker, ...]
    given: int
    ways: tuple[WayBack, ...]

    @property
    def memory(self) -> int:
        """Bytes that all workers of the site take at most, while versions are loaded."""
        return sum(worker.takes for worker in self.workers)

    @property
    def fits(self) -> bool | None:
        """Whether every disk holds what it has to; None where that is not known."""
        found = [host.disk.fits for host in self.hosts]
        return False if False in found else None if None in found else True


def site_fit(
    site: Site, objects: Iterable[Mapping[str, Any]], figures: Figures | None = None
) -> SiteFit:
    """The sums of a site; without `figures` nothing is known of versions before and to come."""
    found = list(objects)
    configs = [document for data in found if (document := held(data)) is not None]
    there = [placed(document, figures) for document in configs]
    size, reserved = disk_of(site.profile)
    hosts = tuple(
        HostFit(room.host, disk((*room.certain, *room.possible), size, reserved))
        for room in rooms(site, there)
    )
    fits = not any(host.disk.over for host in hosts)
    ways = [way for one in there for way in ways_back(one, figures, fits=fits)]
    memory = parse_quantity(site.profile.memory) - parse_quantity(site.profile.reserved_memory)
    workers = tuple(worker for data in found for worker in _workers(data, there))
    return SiteFit(hosts, workers, memory // MILLI, tuple(dict.fromkeys(ways)))


def disk_of(profile: Profile) -> tuple[int | None, int]:
    """The bytes of a profile's disk, None where it says none, and those that are reserved."""
    size = parse_quantity(profile.disk) // MILLI if profile.disk else None
    return size, parse_quantity(profile.reserved_disk) // MILLI


def worker(
    labels: Mapping[str, str], asked: int, limit: int, there: Sequence[Placed]
) -> tuple[Placed | None, Worker]:
    """The worker of pods with these labels, and the config whose models it loads.

    `asked` is what the worker requests and `limit` what it may take, in bytes. Where two versions
    of a pair are served, their workers are alike, and the one that needs more stands for both.
    """
    job, role = labels.get(JOB, ""), labels.get(ROLE, "")
    found = [
        (one, Worker(one.tenant.name, one.models, one.hot, asked, limit))
        for one in there
        if (one.job, one.role) == (job, role) and one.models
    ]
    if found:
        return max(found, key=lambda both: both[1].peak)
    name = job if role in ("", "worker") else f"{job}.{role}"
    return None, Worker(name, (), hot=False, request=asked, limit=limit)


def _workers(data: Mapping[str, Any], there: Sequence[Placed]) -> Iterable[Worker]:
    template = (data.get("spec") or {}).get("template") or {}
    spec = template.get("spec") if isinstance(template, Mapping) else None
    if not isinstance(spec, Mapping) or not spec.get("containers"):
        return
    labels = (template.get("metadata") or {}).get("labels") or {}
    asked, limit = worker_memory(spec)
    whole = requests(spec).get("memory", 0)
    one = worker(labels, asked // MILLI, limit // MILLI, there)[1]
    count = (data.get("spec") or {}).get("replicas", 1)
    yield Worker(
        one.name, one.models, one.hot, one.request, one.limit,
        (whole - asked) // MILLI, count if isinstance(count, int) else 1,
    )  # fmt: skip
