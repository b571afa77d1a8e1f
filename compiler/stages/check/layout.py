"""Whether pods that may choose among the hosts of a site all find one.

Lays them out beside what is bound to each host, largest first by each resource in turn; pods
that no order can place are said not to fit. The scheduler takes pods as they come, so a layout
that exists here need not be the one it finds. Knows no site, no profile and no message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.model.record import dataclass

Ports = frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Load:
    """What one pod takes of a host: thousandths by resource name, and ports."""

    requests: Mapping[str, int]
    ports: Ports = frozenset()


def left_over(
    loads: Sequence[Load], free: Mapping[str, int], bound: Sequence[Sequence[Load]]
) -> int | None:
    """The place in `loads` of a pod that finds no host in any order; None where all find one.

    `free` is what an empty host gives, `bound` has one entry for each host: what it has already.
    """
    left = None
    for resource in _resources(loads, free):
        sizes = [load.requests.get(resource, 0) for load in loads]
        order = sorted(range(len(loads)), key=sizes.__getitem__, reverse=True)
        left = _first_without(order, loads, free, bound)
        if left is None:
            return None
    return left


def _resources(loads: Sequence[Load], free: Mapping[str, int]) -> list[str]:
    asked = [name for name in free if any(load.requests.get(name) for load in loads)]
    return asked or [""]


def _first_without(
    order: Sequence[int],
    loads: Sequence[Load],
    free: Mapping[str, int],
    bound: Sequence[Sequence[Load]],
) -> int | None:
    rooms = [dict(free) for _ in bound]
    ports: list[set[tuple[str, int]]] = [set() for _ in bound]
    for number, held in enumerate(bound):
        for load in held:
            _take(load, rooms[number], ports[number])
    for place in order:
        load = loads[place]
        for room, taken in zip(rooms, ports, strict=True):
            if _has_room(load, room, taken):
                _take(load, room, taken)
                break
        else:
            return place
    return None


def _has_room(load: Load, room: Mapping[str, int], taken: set[tuple[str, int]]) -> bool:
    # A resource that the profile does not count, such as a device, is not counted here either.
    enough = all(amount <= room.get(name, amount) for name, amount in load.requests.items())
    return enough and taken.isdisjoint(load.ports)


def _take(load: Load, room: dict[str, int], taken: set[tuple[str, int]]) -> None:
    for name, amount in load.requests.items():
        if name in room:
            room[name] -= amount
    taken |= load.ports
