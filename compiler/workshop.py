"""The back half of a compile in pieces that processes can share: draft, render, check.

A *front* is one environment after lowering. A *batch* is what one process works on at a time:
some sites, or everything that is not of a single site. The pieces are the same whether one
process does them or several, so the output cannot depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field, replace
from importlib import import_module
from typing import Any, Protocol

from compiler import backends
from compiler.backends import kubernetes
from compiler.backends.kubernetes import Need, need_of
from compiler.model.backend import Assignment, EmitContext
from compiler.model.definitions import crds
from compiler.model.diagnostics import Diagnostic, Diagnostics, Severity
from compiler.model.figures import Figures
from compiler.model.fleet import Cluster, Site
from compiler.model.manifest import Directory, Draft, Unit, UnitRole
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.model.spec.sections import ObjectSpec
from compiler.model.sync import GitopsContext, shards, sync_units
from compiler.stages.check.check import CheckFacts, Summary, check
from compiler.stages.check.policies import Holder, Tally, tallies
from compiler.stages.draft import (
    by_cluster,
    inputs_used,
    is_single_site,
    node_drafts,
    object_drafts,
    object_namespaces,
    touches_sites,
)
from compiler.stages.render.directory import shard_directory
from compiler.stages.render.patches import PatchRule, kinds_by_subject
from compiler.stages.render.render import render
from compiler.stages.render.templates import Templates

SITES_PER_BATCH = 50


class SitePlanner(Protocol):
    """Plans and lowers the nodes that belong to single sites of one environment."""

    def names(self) -> tuple[str, ...]:
        """The sites that have such nodes, in name order."""
        ...

    def at(self, sites: Sequence[str]) -> Planned:
        """The nodes of some sites."""
        ...


@dataclass(frozen=True, slots=True)
class Planned:
    """Nodes with their backends, and what was found while planning them."""

    assignments: tuple[Assignment, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Front:
    """One environment, ready to be drafted: `shared` is what is not of single sites' own jobs.

    `kept` are sites that an earlier run built and that are left out. `objects` are the user's
    own, parsed.
    """

    resolved: Resolved
    context: EmitContext
    planner: SitePlanner
    shared: tuple[Assignment, ...]
    kept: frozenset[str] = frozenset()
    objects: tuple[tuple[ObjectSpec, Sequence[Mapping[str, Any]]], ...] = ()
    patches: tuple[PatchRule, ...] = ()
    policies: Holder | None = None

    @property
    def assignments(self) -> tuple[Assignment, ...]:
        """Everything, planned for the purpose: for whoever explains the whole."""
        return (*self.shared, *self.planner.at(self.planner.names()).assignments)


@dataclass(frozen=True, slots=True)
class Batch:
    """Work for one process: a front by its number, and the sites, or none for the shared part.

    `needs` tells the shared part what pod security the sites of each cluster ask for.
    """

    front: int
    sites: tuple[str, ...] = ()
    needs: Mapping[str, Need] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Built:
    """What a batch became. `kinds` says which kinds of object each part of the spec has.

    `needs` is the pod security that the sites of each cluster ask for, by the cluster's target;
    `own` are the sites whose directory depends on no other site. `stopped` says that planning
    found errors, so that nothing was drafted.
    """

    directories: tuple[Directory, ...]
    summaries: tuple[Summary, ...]
    diagnostics: tuple[Diagnostic, ...]
    kinds: Mapping[str, frozenset[str]]
    needs: Mapping[str, Need] = field(default_factory=dict)
    own: Mapping[str, Need] = field(default_factory=dict)
    stopped: bool = False
    tallies: tuple[Tally, ...] = ()


@dataclass(slots=True)
class Workshop:
    """Every front with what they share: templates, definitions, the facts to check against."""

    fronts: tuple[Front, ...]
    templates: Templates
    definitions: tuple[Mapping[str, Any], ...] = ()
    plans: dict[int, _Plan] = field(default_factory=dict)

    def is_one_environments(self, site: str) -> bool:
        """Whether only one front has the site: its hosts then carry no other front's pods."""
        return sum(site in front.context.sites for front in self.fronts) == 1

    @property
    def facts(self) -> CheckFacts:
        """What objects are checked against, over all fronts."""
        clusters: dict[str, Cluster] = {}
        sites: dict[str, Site] = {}
        for front in self.fronts:
            clusters |= {cluster.target: cluster for cluster in front.context.clusters.values()}
            sites |= front.context.sites
        return CheckFacts(
            clusters=clusters,
            sites=sites,
            definitions=(*crds(), *self.definitions),
            figures={one.resolved.environment: Figures(one.resolved) for one in self.fronts},
        )

    def batches(self, only: Collection[str] = ()) -> list[Batch]:
        """The sites of every front in groups; `only` some sites."""
        found: list[Batch] = []
        for number in range(len(self.fronts)):
            sites = [site for site in self.plan(number).sites if not only or site in only]
            found += [
                Batch(number, tuple(sites[start : start + SITES_PER_BATCH]))
                for start in range(0, len(sites), SITES_PER_BATCH)
            ]
        return found

    def sites_of(self, jobs: Collection[str], diagnostics: Diagnostics) -> frozenset[str]:
        """The sites whose directories hold objects of some jobs.

        All sites are planned to know it, a fifteenth of what a compile of them takes; names that
        are no job's cost nothing.
        """
        found: set[str] = set()
        for front in self.fronts:
            if not front.resolved.base.jobs.keys() & set(jobs):
                continue
            planned = front.planner.at(front.planner.names())
            # What planning found once is not found again when the sites are built.
            diagnostics.extend(planned.diagnostics)
            for node in (one.node for one in (*front.shared, *planned.assignments)):
                if node.job in jobs and (is_single_site(node) or touches_sites(node)):
                    found.update(place.site for place in node.places)
        return frozenset(found)

    def shared_batches(self, needs: Mapping[str, Need]) -> list[Batch]:
        """The shared part of every front, once the sites' `needs` by target are known."""
        return [Batch(number, (), needs) for number in range(len(self.fronts))]

    def plan(self, number: int) -> _Plan:
        """How the work of a front is divided; made once."""
        if number not in self.plans:
            self.plans[number] = _Plan.of(self.fronts[number])
        return self.plans[number]

    def build(self, batch: Batch, facts: CheckFacts) -> Built:
        """Plan, draft, render and check one batch."""
        front = self.fronts[batch.front]
        plan = self.plan(batch.front)
        sites = batch.sites or plan.touched
        planned = front.planner.at(sites)
        if any(one.severity is Severity.ERROR for one in planned.diagnostics):
            return Built((), (), planned.diagnostics, {}, stopped=True)
        mine = [*planned.assignments, *(a for site in sites for a in plan.by_site.get(site, ()))]
        if batch.sites:
            drafts = list(node_drafts(mine, front.context, backends.backend))
        else:
            mine += plan.shared
            drafts = list(self._shared(front, mine, batch.needs))
        built = self.finish(front, drafts, facts, mine)
        return replace(
            built,
            diagnostics=(*planned.diagnostics, *built.diagnostics),
            needs=needs_of(mine, front.context),
            own=_own(planned.assignments, plan),
        )

    def gitops(
        self, front: Front, cluster: Cluster, units: Sequence[Unit], facts: CheckFacts
    ) -> Built:
        """What a cluster's engine reconciles, for the units of the cluster that hold objects."""
        diagnostics = Diagnostics()
        drafts = _engine_drafts(front, cluster, units, diagnostics)
        extra: list[Directory] = []
        if cluster.gitops.unit == "shard":
            sites = [unit.name for unit in units if unit.role is UnitRole.SITES]
            extra = [shard_directory(u, names) for u, names in shards(cluster, sites).items()]
        built = self.finish(front, drafts, facts, ())
        return Built(
            (*built.directories, *extra),
            built.summaries,
            (*diagnostics.in_order(), *built.diagnostics),
            {},
        )

    def _shared(
        self, front: Front, assignments: Sequence[Assignment], needs: Mapping[str, Need]
    ) -> Iterator[Draft]:
        context = front.context
        for target, (cluster, nodes) in by_cluster(assignments, context).items():
            told = needs.get(target)
            if nodes or told is not None:
                found = [need_of(nodes)] if told is None else [need_of(nodes), told]
                yield from kubernetes.project_drafts(context, cluster, max(found))
        yield from node_drafts(assignments, context, backends.backend)
        yield from object_drafts(front.objects, context)

    def finish(
        self,
        front: Front,
        drafts: list[Draft],
        facts: CheckFacts,
        assignments: Sequence[Assignment],
    ) -> Built:
        """Render and check drafts; every draft of every batch passes here."""
        diagnostics = Diagnostics()
        for assignment in assignments:
            backend = backends.backend(assignment.backend)
            diagnostics.extend(backend.problems(assignment.node, front.context))
        directories = render(
            drafts,
            self.templates,
            diagnostics,
            namespace=front.context.namespace,
            patches=front.patches,
        )
        summaries = check(directories, facts)
        kinds = kinds_by_subject(directories) if front.patches else {}
        counted: tuple[Tally, ...] = ()
        if front.policies is not None:
            front.policies.hold(directories, front.resolved.sites, diagnostics)
            counted = tallies(directories) if front.policies.counts else ()
        found = diagnostics.in_order()
        return Built(tuple(directories), summaries, found, kinds, tallies=counted)

    def hold_across(self, counted: Sequence[Tally], diagnostics: Diagnostics) -> None:
        """Hold the policies that see more than one directory."""
        for front in self.fronts:
            if front.policies is not None:
                clusters = {one.target: one for one in front.context.clusters.values()}
                front.policies.hold_across(counted, clusters, front.resolved.sites, diagnostics)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which sites are built by themselves, and what is built with the shared part.

    `by_site` are shared assignments whose objects all lie at one site; `touched` are the sites
    whose directory the shared part also writes to, so that they are built with it.
    """

    sites: tuple[str, ...]
    by_site: Mapping[str, list[Assignment]]
    shared: list[Assignment]
    touched: tuple[str, ...]

    @classmethod
    def of(cls, front: Front) -> _Plan:
        """Divide the work of a front."""
        by_site: dict[str, list[Assignment]] = {}
        shared = []
        touched: set[str] = set()
        for assignment in front.shared:
            node = assignment.node
            if is_single_site(node):
                by_site.setdefault(node.places[0].site, []).append(assignment)
            else:
                shared.append(assignment)
            if touches_sites(node):
                touched.update(place.site for place in node.places)
        names = {*front.planner.names(), *by_site}
        if front.objects:
            touched |= names
        # Whether a site has a part in a shared job can depend on other sites, which are in no
        # key: such a site is always built.
        sites = sorted(names - touched - (front.kept - by_site.keys()))
        return cls(tuple(sites), by_site, shared, tuple(sorted(names & touched)))

    def leaves_out(self, site: str) -> bool:
        """Whether a site that was kept is really not built."""
        return site not in self.touched and site not in self.sites

    def stands_alone(self, site: str) -> bool:
        """Whether a site's directory depends on nothing but the site and what all share."""
        return site not in self.by_site and site not in self.touched


def add_needs(found: dict[str, Need], more: Mapping[str, Need]) -> None:
    """Raise the needs of each cluster to those of more sites."""
    for target, need in more.items():
        found[target] = max(need, found.get(target, need))


def needs_of(assignments: Sequence[Assignment], context: EmitContext) -> dict[str, Need]:
    """What pod security the nodes of some assignments ask of each cluster, by its target."""
    found: dict[str, Need] = {}
    for assignment in assignments:
        need = need_of([assignment.node])
        for place in assignment.node.places:
            target = context.cluster_of(place.site).target
            found[target] = max(need, found.get(target, need))
    return found


def _own(assignments: Sequence[Assignment], plan: _Plan) -> dict[str, Need]:
    found: dict[str, Need] = {}
    for assignment in assignments:
        site = assignment.node.places[0].site
        if plan.stands_alone(site):
            need = need_of([assignment.node])
            found[site] = max(need, found.get(site, need))
    return found


def _engine_drafts(
    front: Front,
    cluster: Cluster,
    units: Sequence[Unit],
    diagnostics: Diagnostics,
) -> list[Draft]:
    context = front.context
    engine = import_module(f"compiler.backends.{cluster.gitops.engine}")
    found = sync_units(
        cluster,
        context.project,
        context.environment,
        units,
        inputs_of=inputs_used(front.shared, context),
        diagnostics=diagnostics,
    )
    gitops = GitopsContext(
        project=context.project,
        environment=context.environment,
        cluster=cluster,
        units=found,
        kinds=_users_kinds(front),
        namespaces=tuple(sorted(object_namespaces(front.objects, context, cluster))),
    )
    if hasattr(engine, "check"):
        engine.check(gitops, diagnostics)
    return list(engine.drafts(gitops))


def _users_kinds(front: Front) -> tuple[tuple[str, str], ...]:
    kinds = {
        (str(data.get("apiVersion", "")).rpartition("/")[0], str(data.get("kind", "")))
        for _, documents in front.objects
        for data in documents
    }
    return tuple(sorted(kinds))
