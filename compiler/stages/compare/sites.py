"""What a change costs each site: bytes over its link, room on its disk, memory, the way back.

Everything but the size of disks is read from the sidecars' configs and the pod templates of both
outputs. What the images of a pod weigh is in neither and is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from compiler.model.changes import Cost, Effect, Place
from compiler.model.fit import Sum
from compiler.model.manifest import UnitRole
from compiler.model.ports import Output
from compiler.model.quantity import MILLI
from compiler.model.record import dataclass
from compiler.model.requests import requests
from compiler.model.transfer import openings
from compiler.stages.compare import delivery
from compiler.stages.compare.ground import Ground, Grounds, needed, way_back
from compiler.stages.compare.judge import Judge
from compiler.stages.compare.pairs import place_of, split
from compiler.stages.compare.pods import replicas, template_of
from compiler.stages.compare.rows import Change

_CONFIGS = "configmap-"
_WORKLOADS = ("deployment.apps-", "daemonset.apps-", "statefulset.apps-", "pod-")
_QUIET = (Effect.NO_OP, Effect.METADATA_ONLY)


@dataclass(frozen=True, slots=True)
class _Site:
    """One site's directory, and which of its files are to be read in both outputs."""

    directory: str
    name: str
    configs: bool
    workloads: bool

    def wants(self, path: str) -> bool:
        file = path.rpartition("/")[2]
        return (self.configs and file.startswith(_CONFIGS)) or (
            self.workloads and file.startswith(_WORKLOADS)
        )


def costs(
    old: Output, new: Output, changes: Iterable[Change], judge: Judge, grounds: Grounds
) -> tuple[Cost, ...]:
    """What the changes cost, the most bytes first; sites that it costs the same are together.

    `grounds` say how large the disks of sites are.
    """
    sites = {site.directory: site for site in _touched(changes)}
    if not sites:
        return ()
    sides = [_read(output, sites) for output in (old, new)]
    equal: dict[Cost, list[Place]] = {}
    known: dict[tuple[object, ...], Cost | None] = {}
    for directory, site in sites.items():
        parsed = [_parsed(side.get(directory, {}), site, judge) for side in sides]
        place = place_of(directory, site.name)
        ground = grounds.get((place.environment, place.site), Ground())
        # Equal objects of different sites are one, which the judge keeps.
        key = (ground, *(tuple(map(id, side)) for side in parsed))
        if key not in known:
            known[key] = _cost(ground, *parsed)
        cost = known[key]
        if cost is not None:
            equal.setdefault(cost, []).append(place)
    found = [replace(cost, places=tuple(sorted(places))) for cost, places in equal.items()]
    return tuple(sorted(found, key=lambda one: (-one.download, -len(one.places), one.places)))


def first_install(objects: Sequence[Mapping[str, Any]]) -> Cost:
    """What a site has to fetch and to hold that had nothing before."""
    return _cost(Ground(), (), objects) or Cost(places=())


def _touched(changes: Iterable[Change]) -> Iterator[_Site]:
    by_directory: dict[str, list[Change]] = {}
    for one in changes:
        if split(one.pair.directory)[1] == UnitRole.SITES and one.verdict.effect not in _QUIET:
            by_directory.setdefault(one.pair.directory, []).append(one)
    for directory, mine in by_directory.items():
        configs = any(one.judged.old_config or one.judged.new_config for one in mine)
        workloads = any(one.judged.pods for one in mine)
        if configs or workloads:
            yield _Site(directory, split(directory)[2], configs, workloads)


Texts = Mapping[str, bytes]


def _read(output: Output, sites: Mapping[str, _Site]) -> Mapping[str, Texts]:
    """The files that are wanted of each site, by directory."""
    wanted = []
    for path in output.files:
        site = sites.get(path.rpartition("/")[0])
        if site is not None and site.wants(path):
            wanted.append(path)
    found: dict[str, dict[str, bytes]] = {}
    for path, text in output.read(wanted).items():
        found.setdefault(path.rpartition("/")[0], {})[path] = text
    return found


def _parsed(texts: Texts, site: _Site, judge: Judge) -> Sequence[Mapping[str, Any]]:
    return [judge.parsed(text, site.name) for _, text in sorted(texts.items())]


def _cost(
    ground: Ground, old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> Cost | None:
    before = [config for config in map(delivery.config_of, old) if config]
    after = [config for config in map(delivery.config_of, new) if config]
    missing = delivery.fetched(before, after)
    download = sum(delivery.size_of(artifact) or 0 for artifact in missing.values())
    rate = next((config.rate for config in after if config.rate), 0)
    window = next((config.window for config in after if config.window), "")
    seconds = -(-download // rate) if rate and download else None
    memory = _memory(old), _memory(new)
    holds = needed(before, (), ground), needed(after, before, ground)
    disk = _known(holds[0]), _known(holds[1])
    back = way_back(before, after, holds[1]) if missing and before else None
    cost = Cost(
        places=(),
        artifacts=tuple(sorted(map(delivery.title, missing.values()))),
        download=download,
        unsized=sum(not delivery.size_of(artifact) for artifact in missing.values()),
        seconds=seconds,
        window=window if missing else "",
        nights=openings(seconds, window) if seconds and window else 0,
        disk_before=disk[0] if disk[0] != disk[1] else None,
        disk_after=disk[1] if disk[0] != disk[1] else None,
        memory_before=memory[0] if memory[0] != memory[1] else None,
        memory_after=memory[1] if memory[0] != memory[1] else None,
        disk_given=_given(holds[1]) if disk[0] != disk[1] else None,
        returns_offline=back.offline if back else None,
        returns_why=back.why if back else "",
    )
    return None if cost == Cost(places=()) else cost


def _known(found: Sum) -> int | None:
    """What a disk has to hold, less what stays free on it; None where a size is not known."""
    return None if found.unknown else found.needed - found.of("floor", "reserved")


def _given(found: Sum) -> int | None:
    """What a disk gives to the store and its outboxes."""
    return None if found.size is None else found.size - found.of("floor", "reserved")


def _memory(objects: Iterable[Mapping[str, Any]]) -> int:
    """Bytes that the pods of some workloads request together."""
    return sum(
        replicas(data.get("spec") or {})
        * requests(template_of(data).get("spec") or {}).get("memory", 0)
        // MILLI
        for data in objects
        if template_of(data)
    )
