"""Where each version of each model runs, as planning says: by environment, model, version and job.

Asks no cluster: a site that has not fetched the commit yet may still run what was before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from compiler import pipeline
from compiler.model.choice import Choice
from compiler.model.diagnostics import CompileError, Diagnostics
from compiler.model.inputs import Artifact, HostData
from compiler.model.lockable import model_references
from compiler.model.member import Member
from compiler.model.plan import Record
from compiler.model.record import dataclass
from compiler.stages.plan.inputs import Chooser
from compiler.workflows.reasons import models_of, reason_of
from compiler.workshop import Front

Use = tuple[str, str, str, str, str]
"""Environment, model, version, job and site."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """Every use with the reason for it. `stopped` says why nobody knows them."""

    uses: Mapping[Use, str]
    stopped: CompileError | None = None

    def of(self, model: str, version: str) -> list[tuple[Use, str]]:
        """The uses of a version."""
        return [(use, why) for use, why in self.uses.items() if use[1:3] == (model, version)]

    def sites(self, model: str, version: str) -> list[str]:
        """The sites at which a version runs, in any environment and job."""
        return sorted({use[4] for use, _ in self.of(model, version)})


def deployed(request: pipeline.Request) -> Deployed:
    """Plan every site; where that fails, the answer says why."""
    diagnostics = Diagnostics()
    try:
        workshop = pipeline.plan_all(pipeline.resolve_all(request, diagnostics), {}, diagnostics)
        for front in workshop.fronts:
            diagnostics.extend(front.planner.at(front.planner.names()).diagnostics)
        diagnostics.raise_errors()
    except CompileError as error:
        return Deployed({}, error)
    return deployed_of(workshop.fronts)


def deployed_of(fronts: Iterable[Front], site: str = "") -> Deployed:
    """The same of what is planned already; with a `site`, of that one alone."""
    uses: dict[Use, str] = {}
    for front in fronts:
        chooser = Chooser(front.resolved, Diagnostics())
        for one in front.assignments:
            if not isinstance(one.node, Record):
                for member in one.node.members:
                    if site in ("", member.place.site):
                        uses |= _uses(front, chooser, one.node.job, member)
    return Deployed(dict(sorted(uses.items())))


def _uses(front: Front, chooser: Chooser, job: str, member: Member) -> Mapping[Use, str]:
    """What one member runs: the parts that it holds, and the pair that they belong to."""
    environment, site = front.context.environment, member.place.site
    found: dict[Use, str] = {}
    for held in models_of(member):
        why = reason_of(front, chooser, job, front.context.sites[site], held).version
        found[environment, held.name, held.version, job, site] = why
        for pair in _choices(front, chooser, job, site):
            if _has_part(front, site, pair, held):
                found[environment, pair.model, pair.version, job, site] = pair.reason
    return found


def _choices(front: Front, chooser: Chooser, job: str, site: str) -> Iterator[Choice]:
    view, here = front.resolved.view(site), front.context.sites[site]
    spec = view.jobs.get(job)
    for reference in model_references(spec) if spec is not None else ():
        choice = chooser.choose(job, spec, reference, here, None) if spec is not None else None
        if choice is not None:
            yield choice


def _has_part(front: Front, site: str, pair: Choice, held: Artifact | HostData) -> bool:
    entry = front.resolved.view(site).models[pair.model].versions[pair.version]
    names = (held.name, f"{held.name}:{held.version}")
    return entry.pair and (entry.edge in names or entry.cloud in names)
