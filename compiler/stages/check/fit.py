"""Whether the work of a cluster fits its hosts: processors, memory, accelerators, ports, pods.

Adds up what the pods bound to a host request and compares it with what its profile leaves after
`reserved`; where that fits, an update that starts a pod before it ends one has to fit too. A
site with several hosts and unbound pods is one pool in which each pod must also find a host,
beside what is bound there; a site without hosts has no sum. What runs on a host that is in
no output is not known here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from compiler.model.codes import check as codes
from compiler.model.fleet import Profile, Site
from compiler.stages.check import rolls
from compiler.stages.check.layout import Load, left_over
from compiler.stages.check.loading import loaded
from compiler.stages.check.room import (
    MOST_PODS,
    PODS,
    Fault,
    Room,
    loads,
    ports,
    rooms_of,
    shares,
    takes,
    words,
)
from compiler.stages.check.summary import Pods, Summary
from compiler.stages.check.words import Wrong, path_text

_PLAIN = {"cpu", "memory", "ephemeral-storage", PODS}
_MORE_PODS = f"A kubelet takes {MOST_PODS} pods unless it is told otherwise."


def check_fit(
    summaries: Sequence[Summary],
    sites: Sequence[Site],
    most: Mapping[tuple[str, str, str], int],
    *,
    kubeedge: bool,
) -> Iterator[Fault]:
    """Every overload of one cluster: the object that adds most, its place in words, the fault.

    `most` is the number of replicas that an autoscaler may reach by (namespace, kind, name);
    `kubeedge` tells whether edge nodes carry the labels that KubeEdge gives them.
    """
    found = rooms_of(summaries, sites, most, kubeedge=kubeedge)
    rooms = {room.name: room for room in found}
    for room in found:
        faults = list(_each_alone(room))
        if room.hosts:
            faults += _together(room)
        if room.hosts == 1:
            faults += _ports(room)
        elif room.hosts and not faults:
            faults += _apart(room, rooms)
        if room.hosts and not faults:
            faults += loaded(room)
        if room.hosts and not faults:
            alone = room.hosts == 1
            faults += rolls.on_a_host(room) if alone else rolls.in_a_pool(room, rooms)
        yield from faults


def _each_alone(room: Room) -> Iterator[Fault]:
    profile = room.site.profile
    free = room.free
    devices = set(profile.devices.values())
    for summary, pods, _ in room.work:
        for name, amount in pods.requests.items():
            if name in free and amount > free[name] and room.hosts != 1:
                wants = f"{path_text(pods.path)}: one pod requests {name} {words(name, amount)}"
                gives = f"a host of profile {profile.name} gives {words(name, free[name])}"
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


def _together(room: Room) -> Iterator[Fault]:
    for name, one_host in room.free.items():
        users = shares(room.work, name)
        total, free = sum(amount for _, _, amount in users), one_host * room.hosts
        if total <= free:
            continue
        users.sort(key=lambda share: (-share[2], share[0].origins[share[1].object].subject))
        listed = ", ".join(
            f"{summary.origins[pods.object].subject} {words(name, amount)}"
            for summary, pods, amount in users[:6]
        )
        more = f" and {len(users) - 6} more" if len(users) > 6 else ""
        one = room.hosts == 1
        if name == PODS:
            hosts = "the host takes" if one else f"its {room.hosts} hosts take"
            text = f"{words(name, total)} pods are placed here"
        else:
            hosts = "the host gives" if one else f"its {room.hosts} hosts give"
            text = f"the pods here request {name} {words(name, total)} together"
        text += f", and {hosts} {words(name, free)} (profile {room.site.profile.name})"
        summary, pods, _ = users[0]
        hint = _MORE_PODS if name == PODS else ""
        wrong = Wrong(codes.DOES_NOT_FIT, f"{text}: {listed}{more}", hint)
        yield summary, pods.object, room.name, wrong


def _apart(room: Room, rooms: Mapping[str, Room]) -> Iterator[Fault]:
    """A pod of a pool that finds no host, although the hosts together have room for it."""
    held = [rooms[name].work if name in rooms else [] for name in room.of_hosts]
    bound = [[one for _, _, one in loads(work)] for work in held]
    loose, free = loads(room.work), room.free
    left = left_over([one for _, _, one in loose], free, bound)
    if left is None:
        return
    summary, pods, lost = loose[left]
    portless = [Load(one.requests) for _, _, one in loose]
    port = left_over(portless, free, [[Load(one.requests) for one in there] for there in bound])
    wants = ports(lost) if port is None else takes(lost)
    text = (
        f"{path_text(pods.path)}: one pod takes {wants}, and beside the other pods here none of "
        f"the {room.hosts} hosts has that left (profile {room.site.profile.name})"
    )
    code = codes.HOST_PORT if port is None else codes.DOES_NOT_FIT
    yield summary, pods.object, room.name, Wrong(code, text)


def _ports(room: Room) -> Iterator[Fault]:
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
