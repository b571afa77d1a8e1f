"""Whether the work of a cluster fits its hosts: processors, memory, accelerators, devices, ports.

Adds up what the pods bound to a host request and compares it with what its profile leaves after
`reserved`. A site with several hosts and unbound pods is one pool in which each pod must also
find a host, beside what is bound there; a site without hosts has no sum. Whether a model's bytes
fit is not known here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from compiler.model.codes import check as codes
from compiler.model.fleet import Profile, Site
from compiler.model.quantity import MILLI, format_memory, format_quantity, parse_quantity
from compiler.model.record import dataclass
from compiler.stages.check_layout import Load, left_over
from compiler.stages.check_summary import Pods, Summary
from compiler.stages.check_words import Wrong, path_text

_PLAIN = {"cpu", "memory", "ephemeral-storage"}
Job = tuple[Summary, Pods, int]
"""Pods, the summary they are from, and how many of them."""


@dataclass(slots=True)
class Room:
    """A host, or the pool of a site: its site, the number of its hosts, the work in it."""

    name: str
    site: Site
    hosts: int
    work: list[Job] = field(default_factory=list)


def check_fit(
    summaries: Sequence[Summary], sites: Sequence[Site], most: Mapping[tuple[str, str, str], int]
) -> Iterator[tuple[Summary, int, str, Wrong]]:
    """Every overload of one cluster: the object that adds most, its place in words, the fault.

    `most` is the number of replicas that an autoscaler may reach by (namespace, kind, name).
    """
    rooms = {room.name: room for room in _rooms(summaries, sites, most)}
    for room in rooms.values():
        faults = list(_each_alone(room))
        if room.hosts:
            faults += _together(room)
        if room.hosts == 1:
            faults += _ports(room)
        elif room.hosts and not faults:
            faults += _apart(room, rooms)
        yield from faults


def allocatable(profile: Profile) -> dict[str, int]:
    """What a host of the profile gives to pods, in thousandths by resource name."""
    room = {
        "cpu": parse_quantity(profile.cpu) - parse_quantity(profile.reserved_cpu or "0"),
        "memory": parse_quantity(profile.memory) - parse_quantity(profile.reserved_memory or "0"),
    }
    if profile.disk:
        room["ephemeral-storage"] = parse_quantity(profile.disk)
    if profile.accelerator is not None and profile.accelerator.resource:
        room[profile.accelerator.resource] = profile.accelerator.count * MILLI
    return room


def _rooms(
    summaries: Sequence[Summary], sites: Sequence[Site], most: Mapping[tuple[str, str, str], int]
) -> list[Room]:
    by_site = {site.name: Room(site.name, site, len(site.hosts)) for site in sites}
    by_host = {
        host.name: Room(f"{site.name}/{host.name}", site, 1)
        for site in sites
        for host in site.hosts
    }
    for summary in summaries:
        for pods in summary.pods:
            count = _count(summary, pods, most)
            for room in _where(summary, pods, by_site, by_host):
                room.work.append((summary, pods, count))
    return [room for room in [*by_host.values(), *by_site.values()] if room.work]


def _where(
    summary: Summary, pods: Pods, by_site: Mapping[str, Room], by_host: Mapping[str, Room]
) -> list[Room]:
    if pods.node in by_host:
        return [by_host[pods.node]]
    room = by_site.get(summary.origins[pods.object].site)
    if room is None:
        return []
    hosts = [by_host[host.name] for host in room.site.hosts]
    return hosts if pods.daemon or len(hosts) == 1 else [room]


def _count(summary: Summary, pods: Pods, most: Mapping[tuple[str, str, str], int]) -> int:
    identity = summary.identities[pods.object]
    return max(pods.count, most.get((pods.namespace, identity.kind, identity.name), 0))


def _each_alone(room: Room) -> Iterator[tuple[Summary, int, str, Wrong]]:
    profile = room.site.profile
    free = allocatable(profile)
    devices = set(profile.devices.values())
    for summary, pods, _ in room.work:
        for name, amount in pods.requests.items():
            if name in free and amount > free[name] and room.hosts != 1:
                wants = f"{path_text(pods.path)}: one pod requests {name} {_words(name, amount)}"
                gives = f"a host of profile {profile.name} gives {_words(name, free[name])}"
                text = f"{wants}; {gives}"
                yield summary, pods.object, room.name, Wrong(codes.DOES_NOT_FIT, text)
            elif amount and name not in _PLAIN | free.keys() | devices:
                yield summary, pods.object, room.name, _not_offered(pods, name, profile, free)


def _not_offered(pods: Pods, name: str, profile: Profile, free: Mapping[str, int]) -> Wrong:
    offered = sorted({*free, *profile.devices.values()} - _PLAIN)
    has = ", ".join(offered) if offered else "none besides cpu and memory"
    text = (
        f"{path_text(pods.path)}: the pod requests {name}, which profile {profile.name} "
        "does not offer"
    )
    return Wrong(codes.NOT_OFFERED, text, f"Resources of {profile.name}: {has}.")


def _together(room: Room) -> Iterator[tuple[Summary, int, str, Wrong]]:
    profile = room.site.profile
    for name, one_host in allocatable(profile).items():
        shares = _shares(room.work, name)
        total, free = sum(amount for _, _, amount in shares), one_host * room.hosts
        if total <= free:
            continue
        shares.sort(key=lambda share: (-share[2], share[0].origins[share[1].object].subject))
        listed = ", ".join(
            f"{summary.origins[pods.object].subject} {_words(name, amount)}"
            for summary, pods, amount in shares[:6]
        )
        more = f" and {len(shares) - 6} more" if len(shares) > 6 else ""
        hosts = "the host gives" if room.hosts == 1 else f"its {room.hosts} hosts give"
        text = (
            f"the pods here request {name} {_words(name, total)} together, and {hosts} "
            f"{_words(name, free)} (profile {profile.name}): {listed}{more}"
        )
        summary, pods, _ = shares[0]
        yield summary, pods.object, room.name, Wrong(codes.DOES_NOT_FIT, text)


def _apart(room: Room, rooms: Mapping[str, Room]) -> Iterator[tuple[Summary, int, str, Wrong]]:
    """A pod of a pool that finds no host, although the hosts together have room for it."""
    profile = room.site.profile
    names = [f"{room.site.name}/{host.name}" for host in room.site.hosts]
    held = [_loads(rooms[name].work) if name in rooms else [] for name in names]
    loads, free = _loads(room.work), allocatable(profile)
    bound = [[load for _, _, load in there] for there in held]
    left = left_over([load for _, _, load in loads], free, bound)
    if left is None:
        return
    summary, pods, load = loads[left]
    portless = [Load(load.requests) for _, _, load in loads]
    port = left_over(portless, free, [[Load(load.requests) for load in there] for there in bound])
    takes = (
        [f"port {number}/{protocol}" for protocol, number in sorted(load.ports)]
        if port is None
        else [f"{name} {_words(name, amount)}" for name, amount in load.requests.items()]
    )
    text = (
        f"{path_text(pods.path)}: one pod takes {', '.join(takes)}, and beside the other pods here "
        f"none of the {room.hosts} hosts has that left (profile {profile.name})"
    )
    code = codes.HOST_PORT if port is None else codes.DOES_NOT_FIT
    yield summary, pods.object, room.name, Wrong(code, text)


def _loads(work: Sequence[Job]) -> list[tuple[Summary, Pods, Load]]:
    """One entry for each pod; of phases that follow each other, the one that takes most."""
    found: list[tuple[Summary, Pods, Load]] = []
    phased: dict[tuple[int, int], tuple[Summary, Pods, Load]] = {}
    for summary, pods, count in work:
        load = Load(pods.requests, frozenset(pods.host_ports))
        if not pods.phase:
            found += [(summary, pods, load)] * count
            continue
        key = (id(summary), pods.object)
        phased[key] = max(
            (phased.get(key, (summary, pods, load)), (summary, pods, load)),
            key=lambda one: sum(one[2].requests.values()),
        )
    return [*found, *phased.values()]


def _shares(work: Sequence[Job], name: str) -> list[tuple[Summary, Pods, int]]:
    """What each object adds; of phases that follow each other only the largest counts."""
    found: list[tuple[Summary, Pods, int]] = []
    phased: dict[tuple[int, int], tuple[Summary, Pods, int]] = {}
    for summary, pods, count in work:
        share = (summary, pods, pods.requests.get(name, 0) * count)
        if not pods.phase:
            found.append(share)
            continue
        key = (id(summary), pods.object)
        if key not in phased or phased[key][2] < share[2]:
            phased[key] = share
    return [share for share in [*found, *phased.values()] if share[2]]


def _ports(room: Room) -> Iterator[tuple[Summary, int, str, Wrong]]:
    owners: dict[tuple[str, int], list[tuple[Summary, Pods]]] = defaultdict(list)
    for summary, pods, count in room.work:
        for port in set(pods.host_ports):
            owners[port].extend([(summary, pods)] * max(1, count))
    for (protocol, number), users in sorted(owners.items(), key=lambda item: item[0]):
        first = users[0]
        others = [user for user in users[1:] if not _never_together(first, user)]
        if others:
            text = f"port {number}/{protocol} of the host is taken twice: {_users(first, others)}"
            summary, pods = others[0]
            yield summary, pods.object, room.name, Wrong(codes.HOST_PORT, text)


def _never_together(one: tuple[Summary, Pods], other: tuple[Summary, Pods]) -> bool:
    same = one[0] is other[0] and one[1].object == other[1].object
    return bool(same and one[1].phase and other[1].phase)


def _users(first: tuple[Summary, Pods], others: Sequence[tuple[Summary, Pods]]) -> str:
    subjects = [summary.origins[pods.object].subject for summary, pods in (first, *others)]
    distinct = list(dict.fromkeys(subjects))
    return f"by {len(subjects)} pods of {distinct[0]}" if len(distinct) == 1 else (
        "by " + " and ".join(distinct))  # fmt: skip


def _words(name: str, amount: int) -> str:
    if name in {"memory", "ephemeral-storage"}:
        return format_memory(amount)
    return format_quantity(amount)
