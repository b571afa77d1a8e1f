"""The back half of a compile in pieces that processes can share: draft, render, check.

A *front* is one environment after lowering. A *batch* is what one process works on at a time:
some sites, or everything that is not of a single site. The pieces are the same whether one
process does them or several, so the output cannot depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field
from importlib import import_module
from typing import Any

from compiler import backends
from compiler.backends import kubernetes
from compiler.backends.kubernetes import Need, need_of
from compiler.model.backend import Assignment, EmitContext
from compiler.model.definitions import crds
from compiler.model.diagnostics import Diagnostic, Diagnostics
from compiler.model.fleet import Cluster, Site
from compiler.model.manifest import Directory, Draft, Unit, UnitRole
from compiler.model.plan import Node
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.model.spec.sections import ObjectSpec
from compiler.model.sync import GitopsContext, shards, sync_units
from compiler.stages.check import CheckFacts, Summary, check
from compiler.stages.draft import (
    by_cluster,
    inputs_used,
    is_single_site,
    node_drafts,
    object_drafts,
)
from compiler.stages.render import render
from compiler.stages.render_directory import shard_directory
from compiler.stages.render_patches import PatchRule, kinds_by_subject
from compiler.stages.render_templates import Templates

SITES_PER_BATCH = 50


@dataclass(frozen=True, slots=True)
class Front:
    """One environment, ready to be drafted. `objects` are the user's own, parsed."""

    resolved: Resolved
    context: EmitContext
    assignments: tuple[Assignment, ...]
    objects: tuple[tuple[ObjectSpec, Sequence[Mapping[str, Any]]], ...] = ()
    patches: tuple[PatchRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Work for one process: a front by its number, and the sites, or none for the shared part."""

    front: int
    sites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Built:
    """What a batch became. `kinds` says which kinds of object each part of the spec has.

    `needs` is the pod security that each site of the batch asks for.
    """

    directories: tuple[Directory, ...]
    summaries: tuple[Summary, ...]
    diagnostics: tuple[Diagnostic, ...]
    kinds: Mapping[str, frozenset[str]]
    needs: Mapping[str, Need] = field(default_factory=dict)


@dataclass(slots=True)
class Workshop:
    """Every front with what they share: templates, definitions, the facts to check against."""

    fronts: tuple[Front, ...]
    templates: Templates
    definitions: tuple[Mapping[str, Any], ...] = ()
    kept_needs: Mapping[str, Need] = field(default_factory=dict)
    plans: dict[int, _Plan] = field(default_factory=dict)

    @property
    def facts(self) -> CheckFacts:
        """What objects are checked against, over all fronts."""
        clusters: dict[str, Cluster] = {}
        sites: dict[str, Site] = {}
        for front in self.fronts:
            clusters |= {cluster.target: cluster for cluster in front.context.clusters.values()}
            sites |= front.context.sites
        return CheckFacts(clusters=clusters, sites=sites, definitions=(*crds(), *self.definitions))

    def batches(self, only: Collection[str] = ()) -> list[Batch]:
        """The shared part of every front, then its sites in groups; `only` some sites."""
        found = [Batch(number) for number in range(len(self.fronts))]
        for number in range(len(self.fronts)):
            sites = [site for site in self.plan(number).sites if not only or site in only]
            found += [
                Batch(number, tuple(sites[start : start + SITES_PER_BATCH]))
                for start in range(0, len(sites), SITES_PER_BATCH)
            ]
        return found

    def plan(self, number: int) -> _Plan:
        """How the work of a front is divided; made once."""
        if number not in self.plans:
            self.plans[number] = _Plan.of(self.fronts[number])
        return self.plans[number]

    def build(self, batch: Batch, facts: CheckFacts) -> Built:
        """Draft, render and check one batch."""
        front = self.fronts[batch.front]
        plan = self.plan(batch.front)
        mine = [a for site in batch.sites for a in plan.by_site[site]]
        if batch.sites:
            drafts = list(node_drafts(mine, front.context, backends.backend))
        else:
            drafts = list(self._shared(front, plan))
        return self.finish(front, drafts, facts, mine or plan.shared)

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

    def _shared(self, front: Front, plan: _Plan) -> Iterator[Draft]:
        context = front.context
        for target, (cluster, nodes) in by_cluster(front.assignments, context).items():
            kept = self.kept_needs.get(target)
            if nodes or kept is not None:
                needs = [need_of(nodes)] if kept is None else [need_of(nodes), kept]
                yield from kubernetes.project_drafts(context, cluster, max(needs))
        yield from node_drafts(plan.shared, context, backends.backend)
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
        needs = _needs(assignments)
        return Built(tuple(directories), summaries, diagnostics.in_order(), kinds, needs)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which assignments belong to one site alone, and which to the shared part."""

    sites: list[str]
    by_site: Mapping[str, list[Assignment]]
    shared: list[Assignment]

    @classmethod
    def of(cls, front: Front) -> _Plan:
        single: dict[str, list[Assignment]] = {}
        shared = []
        touched: set[str] = set()
        for assignment in front.assignments:
            node = assignment.node
            if is_single_site(node):
                single.setdefault(node.places[0].site, []).append(assignment)
            else:
                shared.append(assignment)
                touched.update(place.site for place in node.places)
        if front.objects:
            touched.update(single)
        # A directory is rendered by one process: a site that the shared part also writes to
        # goes with it.
        for site in sorted(touched & single.keys()):
            shared += single.pop(site)
        return cls(sorted(single), single, shared)


def _needs(assignments: Sequence[Assignment]) -> dict[str, Need]:
    nodes: dict[str, list[Node]] = {}
    for assignment in assignments:
        for place in assignment.node.places:
            nodes.setdefault(place.site, []).append(assignment.node)
    return {site: need_of(found) for site, found in nodes.items()}


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
        inputs_of=inputs_used(front.assignments, context),
        diagnostics=diagnostics,
    )
    gitops = GitopsContext(
        project=context.project,
        environment=context.environment,
        cluster=cluster,
        units=found,
        kinds=_users_kinds(front),
        namespaces=_users_namespaces(front),
    )
    if hasattr(engine, "check"):
        engine.check(gitops, diagnostics)
    return list(engine.drafts(gitops))


def _users_namespaces(front: Front) -> tuple[str, ...]:
    found = {
        str((data.get("metadata") or {}).get("namespace") or front.context.namespace)
        for _, documents in front.objects
        for data in documents
    }
    return tuple(sorted(found | {front.context.namespace}))


def _users_kinds(front: Front) -> tuple[tuple[str, str], ...]:
    kinds = {
        (str(data.get("apiVersion", "")).rpartition("/")[0], str(data.get("kind", "")))
        for _, documents in front.objects
        for data in documents
    }
    return tuple(sorted(kinds))
