"""What the sidecars of some sites reported, read from the stores that `reports:` names.

Asks each store once, whatever the number of environments, and no cluster. A store that does not
answer takes its own environments with it and no other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from compiler.model.diagnostics import CompileError, Diagnostics, Span
from compiler.model.inputs import Location
from compiler.model.record import dataclass
from compiler.model.report import Report
from compiler.model.stores import locate
from compiler.stages.gather import gather

if TYPE_CHECKING:
    from compiler.model.ports import Stores
    from compiler.workshop import Front

NO_REPORTS = "the spec has no `reports:`, so sidecars tell nobody"


@dataclass(frozen=True, slots=True)
class Heard:
    """Reports by environment. `silent` says why there are none, `failed` where a store is mute."""

    reports: Mapping[str, Sequence[Report]]
    silent: Mapping[str, str]
    failed: Collection[str]


def heard(
    fronts: Sequence[Front],
    sites: Mapping[str, Collection[str]],
    stores: Stores,
    diagnostics: Diagnostics,
) -> Heard:
    """The reports of some sites of each environment; what hinders goes to `diagnostics`."""
    places: dict[Location, list[Front]] = {}
    spans: dict[Location, Span | None] = {}
    silent: dict[str, str] = {}
    for front in fronts:
        name, spec = front.context.environment, front.resolved.spec
        if spec.reports is None:
            silent[name] = NO_REPORTS
        elif sites.get(name):
            at = locate(spec.stores, spec.reports.uri)
            places.setdefault(at, []).append(front)
            spans.setdefault(at, spec.reports.span_of("uri"))
    reports: dict[str, list[Report]] = {}
    failed = set()
    for at, those in places.items():
        wanted = {site for front in those for site in sites[front.context.environment]}
        try:
            found = gather(stores, at, wanted, spans[at], diagnostics)
        except CompileError as error:
            diagnostics.extend(error.diagnostics)
            for front in those:
                silent[front.context.environment] = error.diagnostics[0].message
                failed.add(front.context.environment)
            continue
        for front in those:
            mine = (front.resolved.project, front.context.environment)
            reports[mine[1]] = [one for one in found if (one.project, one.environment) == mine]
    return Heard(reports, silent, failed)
