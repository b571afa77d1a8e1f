"""Checks every selection of sites: keys that exist, values that exist, at least one site.

Part of `resolve`. A selection that matches nothing in the whole fleet is an error that lists
the values there are; nothing in one environment only is a note.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compiler.model.codes import fleet as codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.fleet import Site
from compiler.model.record import dataclass
from compiler.model.spec.job import JobSpec
from compiler.model.spec.spec import Spec
from compiler.model.spec.where import Condition, Where
from compiler.model.spec.worker import PlaceSpec
from compiler.model.suggest import did_you_mean, nearest

OWN_KEYS = ("site", "profile", "layer", "cluster")


@dataclass(frozen=True, slots=True)
class Selection:
    """One place in the spec that selects sites, with its whole condition."""

    subject: str
    where: Where
    layer: str | None = None
    site: str | None = None
    everywhere: bool = False
    """It speaks of the whole fleet, so that nothing in one environment is nothing unusual."""


def check_where(
    spec: Spec,
    everywhere: Mapping[str, Site],
    here: Mapping[str, Site],
    environment: str,
    diagnostics: Diagnostics,
) -> None:
    """Report every selection of the jobs, and the conditions of all others, that cannot match."""
    known = _values(everywhere)
    for selection in selections(spec):
        if not _conditions(selection, known, everywhere, diagnostics):
            continue
        matching = [s for s in everywhere.values() if _matches(selection, s)]
        if not matching:
            _nothing(selection, everywhere, diagnostics)
        elif not selection.everywhere and not any(site.name in here for site in matching):
            diagnostics.add(
                codes.WHERE_NOTHING_HERE,
                f"{selection.subject} selects no site of environment {environment}",
                selection.where.span,
            )


def places(job: JobSpec) -> Iterator[tuple[str, PlaceSpec]]:
    """The job's own place and each role's, with the path that wrote it."""
    yield "place", job.place
    workers = getattr(job, "workers", None)
    for role in type(workers).model_fields if workers is not None else ():
        place = getattr(workers, role).place
        if place is not None:
            yield f"workers.{role}.place", place


def selections(spec: Spec) -> Iterator[Selection]:
    """Every selection of sites that the spec makes."""
    for name, job in spec.jobs.items():
        for path, place in places(job):
            if place.where is not None:
                yield Selection(f"jobs.{name}.{path}", place.where, place.layer, place.site)
        rollout = getattr(job, "rollout", None)
        for index, step in enumerate(rollout.steps if rollout else ()):
            if step.where is not None:
                yield Selection(f"jobs.{name}.rollout.steps.{index}", step.where)
    yield from _whole(spec)
    for index, entry in enumerate(spec.objects):
        if entry.place.where is not None:
            yield Selection(f"objects.{index}.place", entry.place.where, entry.place.layer)


def _whole(spec: Spec) -> Iterator[Selection]:
    for index, override in enumerate(spec.overrides):
        yield Selection(f"overrides.{index}", override.where, everywhere=True)
    for name, environment in spec.environments.items():
        if environment.where is not None:
            yield Selection(f"environments.{name}", environment.where, everywhere=True)


def _matches(selection: Selection, site: Site) -> bool:
    return (
        selection.where.matches(site.facts)
        and selection.layer in (None, site.layer)
        and selection.site in (None, site.name)
    )


def _values(sites: Mapping[str, Site]) -> dict[str, set[str]]:
    known: dict[str, set[str]] = {}
    for site in sites.values():
        for key, value in site.facts.items():
            known.setdefault(key, set()).add(value)
    return known


def _conditions(
    selection: Selection,
    known: Mapping[str, set[str]],
    everywhere: Mapping[str, Site],
    diagnostics: Diagnostics,
) -> bool:
    sound = True
    for index, group in enumerate(selection.where.alternatives):
        alternatives = len(selection.where.alternatives) > 1
        for condition in group:
            path = (index, condition.key) if alternatives else (condition.key,)
            span = selection.where.span_at(*path)
            sound &= _condition(condition, known, span, len(everywhere), diagnostics)
    return sound


def _condition(
    condition: Condition,
    known: Mapping[str, set[str]],
    span: Span | None,
    total: int,
    diagnostics: Diagnostics,
) -> bool:
    if condition.key not in known:
        labels = sorted(set(known) - set(OWN_KEYS))
        listed = ", ".join([*labels, *OWN_KEYS])
        diagnostics.add(
            codes.WHERE_UNKNOWN_KEY,
            f"no site has the label {condition.key}; there are: {listed}",
            span,
            did_you_mean(condition.key, [*labels, *OWN_KEYS]),
        )
        return False
    missing = [value for value in condition.values if value not in known[condition.key]]
    if not missing or (condition.negated and len(missing) < len(condition.values)):
        return True
    there = sorted(known[condition.key])
    shown = ", ".join(f"{condition.key}: {value}" for value in missing)
    near = nearest(missing[0], there)
    diagnostics.add(
        codes.WHERE_SELECTS_NOTHING,
        f"where: {{{shown}}} {'excludes' if condition.negated else 'selects'} 0 of {total} sites; "
        f"{condition.key} is {_listed(there)}",
        span,
        f"Did you mean {near}?" if near else did_you_mean(missing[0], there),
    )
    return False


def _listed(values: list[str]) -> str:
    shown = values[:8]
    if len(values) > len(shown):
        return ", ".join(shown) + f" or one of {len(values) - len(shown)} more"
    return " or ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _nothing(
    selection: Selection, everywhere: Mapping[str, Site], diagnostics: Diagnostics
) -> None:
    also = f" and layer: {selection.layer}" if selection.layer else ""
    diagnostics.add(
        codes.WHERE_SELECTS_NOTHING,
        f"{selection.subject}: where{also} selects 0 of {len(everywhere)} sites: each value "
        "exists, but no site has them together",
        selection.where.span,
        "loosen a condition, or write a list of alternatives",
    )
