"""Whether the disk of each host holds what its sidecars keep, and which way back is then left.

Works on the configs that are emitted. A profile without `disk` is not judged, nor is a size that
nobody states: what is known may still be too much. Equal hosts are judged once, and told once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from compiler.model.codes import gates as codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.figures import Figures
from compiler.model.fit import Sum, Tenant, disk, smallest
from compiler.model.fit_words import bytes_text, table
from compiler.model.fleet import Profile, Site
from compiler.model.record import dataclass
from compiler.model.returning import ways_back
from compiler.model.site_fit import disk_of
from compiler.model.tenants import Placed, Room, rooms
from compiler.stages.check.summary import Summary

_MI, _GI = 1024**2, 1024**3


def check_disks(
    summaries: Sequence[Summary],
    sites: Mapping[str, Site],
    figures: Mapping[str, Figures],
    diagnostics: Diagnostics,
) -> None:
    """Report every disk that is too small, and every way back that a rollout loses."""
    there: dict[str, list[Placed]] = {}
    for summary in summaries:
        for placed in summary.tenants:
            there.setdefault(placed.site, []).append(placed)
    judge = _Judge(figures, diagnostics)
    for name, tenants in sorted(there.items()):
        if name in sites:
            judge.site(sites[name], tenants)


@dataclass(slots=True)
class _Judge:
    figures: Mapping[str, Figures]
    diagnostics: Diagnostics
    sums: dict[tuple[object, ...], Sum] = field(default_factory=dict)
    said: dict[tuple[object, ...], tuple[str, str, tuple[str, ...]]] = field(default_factory=dict)

    def site(self, site: Site, there: Sequence[Placed]) -> None:
        for room in rooms(site, there):
            certain = self._sum(site.profile, room.certain)
            if certain.over:
                self._report(site, room.certain, certain)
            elif room.possible:
                self._possible(site, room)
        for placed in there:
            self._ways(site, placed)

    def _possible(self, site: Site, room: Room) -> None:
        """Judge what may land on a host: alone it must fit, all together it should."""
        for one in room.possible:
            alone = (*room.certain, one)
            if (found := self._sum(site.profile, alone)).over:
                self._report(site, alone, found)
                return
        together = (*room.certain, *room.possible)
        if (found := self._sum(site.profile, together)).over:
            self._crowded(site, together, found)

    def _sum(self, profile: Profile, tenants: tuple[Tenant, ...]) -> Sum:
        key = (profile.disk, profile.reserved_disk, frozenset(tenants))
        if key not in self.sums:
            self.sums[key] = disk(tenants, *disk_of(profile))
        return self.sums[key]

    def _report(self, site: Site, tenants: tuple[Tenant, ...], found: Sum) -> None:
        text, hint, table = self._words(site.profile, tenants, found)
        span = self._span(site)
        self.diagnostics.add_at_site(
            codes.DISK_TOO_SMALL, text, site.name, site.span, span, hint, table=table
        )

    def _crowded(self, site: Site, tenants: tuple[Tenant, ...], found: Sum) -> None:
        text, hint, table = self._words(site.profile, tenants, found)
        self.diagnostics.add_at_site(
            codes.DISK_CROWDED,
            f"if all of it lands on one host, {text}",
            site.name,
            site.span,
            self._span(site),
            f"name a host for some of the jobs, or write replicas: per-host; {hint}",
            table=table,
        )

    def _words(
        self, profile: Profile, tenants: tuple[Tenant, ...], found: Sum
    ) -> tuple[str, str, tuple[str, ...]]:
        key = (profile.name, tenants)
        if key not in self.said:
            least = "at least " if found.unknown else ""
            text = (
                f"a host of profile {profile.name} has to hold {least}{bytes_text(found.needed)}, "
                f"and its disk has {profile.disk}"
            )
            self.said[key] = text, _hint(profile, tenants, found), tuple(table(found))
        return self.said[key]

    def _span(self, site: Site) -> Span | None:
        found = (one.disk_span(site.profile.name) for one in self.figures.values())
        return next((span for span in found if span), site.profile.span)

    def _ways(self, site: Site, placed: Placed) -> None:
        """Report what a rollout that is under way takes away; a disk is reported by itself."""
        figures = self.figures.get(placed.environment)
        if figures is None:
            return
        for way in ways_back(placed, figures):
            around = figures.around(way.job, way.model, way.version)
            if not way.before or way.holds or around.left or not around.moving:
                continue
            self.diagnostics.add_at_site(
                codes.NO_WAY_BACK,
                f"{way.model}:{way.version} of jobs.{way.job} has no way back to "
                f"{way.model}:{way.before} without a network: {way.why}",
                site.name,
                site.span,
                figures.rollout_span(way.job, way.model),
                way.mend,
            )


def _hint(profile: Profile, tenants: tuple[Tenant, ...], found: Sum) -> str:
    ways = []
    reserved = disk_of(profile)[1]
    least = smallest(tenants, reserved)
    if least is not None:
        ways.append(f"on a disk of {_rounded(least)}")
    forgetful = tuple(replace(one, keep=0) for one in tenants)
    if found.of("before") and not disk(forgetful, found.size, reserved).over:
        ways.append("with cache: {previous: 0}, which gives up the way back")
    largest = max(
        (line for line in found.lines if line.what == "now"),
        key=lambda line: (line.size or 0, line.title),
        default=None,
    )
    said = f"it would fit {' or '.join(ways)}" if ways else "no disk would be large enough"
    if largest is None or not largest.size:
        return said
    return f"{said}; the largest artifact is {largest.title} with {bytes_text(largest.size)}"


def _rounded(size: int) -> str:
    """A size that is large enough, in a unit that a person would write."""
    if size < _GI:
        return f"{-(-size // _MI)}Mi"
    return f"{-(-size * 10 // _GI) / 10:g}Gi"
