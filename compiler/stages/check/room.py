"""The hosts of a cluster as rooms: what each one gives, which pods are in it, what these take.

A site with several hosts is a room too, for the pods that may choose among them. Judges
nothing; what runs on a host that is in no output is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from compiler.model.fleet import Profile, Site
from compiler.model.quantity import MILLI, format_memory, format_quantity, parse_quantity
from compiler.model.record import dataclass
from compiler.stages.check.admission import Node, admits, named, node_of
from compiler.stages.check.layout import Load
from compiler.stages.check.summary import Pods, Summary
from compiler.stages.check.words import Wrong

PODS = "pods"
"""The name under which a node counts pods, as if each requested one of it."""
MOST_PODS = 110
"""Pods that a kubelet takes unless it is told otherwise, which no profile says."""

Job = tuple[Summary, Pods, int]
"""Pods, the summary they are from, and how many of them."""
Fault = tuple[Summary, int, str, Wrong]
"""The object to blame, its place in the summary, where it is, and what is wrong."""


@dataclass(slots=True)
class Room:
    """A host, or the pool of a site: its site, the number of its hosts, the work in it."""

    name: str
    site: Site
    hosts: int
    work: list[Job] = field(default_factory=list)

    @property
    def free(self) -> dict[str, int]:
        """What each of its hosts gives."""
        return allocatable(self.site.profile)

    @property
    def of_hosts(self) -> list[str]:
        """The names of the rooms that its hosts are by themselves."""
        return [_host_room(self.site, host.name) for host in self.site.hosts]


def allocatable(profile: Profile) -> dict[str, int]:
    """What a host of the profile gives to pods, in thousandths by resource name."""
    room = {
        "cpu": parse_quantity(profile.cpu) - parse_quantity(profile.reserved_cpu or "0"),
        "memory": parse_quantity(profile.memory) - parse_quantity(profile.reserved_memory or "0"),
        PODS: MOST_PODS * MILLI,
    }
    if profile.disk:
        room["ephemeral-storage"] = parse_quantity(profile.disk) - parse_quantity(
            profile.reserved_disk or "0"
        )
    if profile.accelerator is not None and profile.accelerator.resource:
        room[profile.accelerator.resource] = profile.accelerator.count * MILLI
    return room


def rooms_of(
    summaries: Sequence[Summary],
    sites: Sequence[Site],
    most: Mapping[tuple[str, str, str], int],
    *,
    kubeedge: bool,
) -> list[Room]:
    """Every room of a cluster that has work, hosts before pools."""
    by_site = {site.name: Room(site.name, site, len(site.hosts)) for site in sites}
    by_host = {
        host.name: Room(_host_room(site, host.name), site, 1)
        for site in sites
        for host in site.hosts
    }
    nodes = {name: node_of(room.site, name, kubeedge=kubeedge) for name, room in by_host.items()}
    for summary in summaries:
        for pods in summary.pods:
            job = (summary, pods, _count(summary, pods, most))
            for room in _where(summary, pods, by_site, by_host, nodes):
                room.work.append(job)
    return [room for room in [*by_host.values(), *by_site.values()] if room.work]


def load(pods: Pods) -> Load:
    """What one of the pods takes of a host."""
    return Load({**pods.requests, PODS: MILLI}, frozenset(pods.host_ports))


def loads(work: Sequence[Job]) -> list[tuple[Summary, Pods, Load]]:
    """One entry for each pod; of phases that follow each other, the one that takes most."""
    found: list[tuple[Summary, Pods, Load]] = []
    phased: dict[tuple[int, int], tuple[Summary, Pods, Load]] = {}
    for summary, pods, count in work:
        one = (summary, pods, load(pods))
        if not pods.phase:
            found += [one] * count
            continue
        key = (id(summary), pods.object)
        phased[key] = max(
            (phased.get(key, one), one), key=lambda each: sum(each[2].requests.values())
        )
    return [*found, *phased.values()]


def shares(work: Sequence[Job], name: str) -> list[tuple[Summary, Pods, int]]:
    """What each object adds; of phases that follow each other only the largest counts."""
    found: list[tuple[Summary, Pods, int]] = []
    phased: dict[tuple[int, int], tuple[Summary, Pods, int]] = {}
    for summary, pods, count in work:
        each = MILLI if name == PODS else pods.requests.get(name, 0)
        share = (summary, pods, each * count)
        if not pods.phase:
            found.append(share)
            continue
        key = (id(summary), pods.object)
        if key not in phased or phased[key][2] < share[2]:
            phased[key] = share
    return [share for share in [*found, *phased.values()] if share[2]]


def words(name: str, amount: int) -> str:
    """An amount of a resource as an author would write it."""
    if name in {"memory", "ephemeral-storage"}:
        return format_memory(amount)
    return format_quantity(amount)


def takes(one: Load) -> str:
    """What a pod takes, in words; that it is one pod is not said."""
    amounts = sorted(one.requests.items())
    return ", ".join(f"{name} {words(name, amount)}" for name, amount in amounts if name != PODS)


def ports(one: Load) -> str:
    """The ports that a pod takes, in words."""
    return ", ".join(f"port {number}/{protocol}" for protocol, number in sorted(one.ports))


def _where(
    summary: Summary,
    pods: Pods,
    by_site: Mapping[str, Room],
    by_host: Mapping[str, Room],
    nodes: Mapping[str, Node],
) -> list[Room]:
    if pods.node in by_host:
        return [by_host[pods.node]]
    if pods.daemon:
        # Whatever site its directory is of: the controller asks the nodes, not us.
        meant = named(pods.nodes)
        names = by_host if meant is None else sorted(meant & by_host.keys())
        return [by_host[name] for name in names if admits(nodes[name], pods.nodes)]
    room = by_site.get(summary.origins[pods.object].site)
    if room is None:
        return []
    hosts = [by_host[host.name] for host in room.site.hosts]
    return hosts if len(hosts) == 1 else [room]


def _count(summary: Summary, pods: Pods, most: Mapping[tuple[str, str, str], int]) -> int:
    identity = summary.identities[pods.object]
    return max(pods.count, most.get((pods.namespace, identity.kind, identity.name), 0))


def _host_room(site: Site, host: str) -> str:
    return f"{site.name}/{host}"
