"""The part of a compiled tree that a status is about, and the clusters that it is for.

Compiles the whole spec, or, where sites are named, only what lies at them and what they share.
Writes nothing and asks nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from compiler import pipeline
from compiler.backends.kubernetes import Need
from compiler.model.diagnostics import Diagnostics
from compiler.model.fleet import Cluster
from compiler.model.manifest import Directory, Tree, Unit, UnitRole
from compiler.model.record import dataclass
from compiler.stages.load import Sources
from compiler.workshop import Batch, Built, Front, Workshop, add_needs


@dataclass(frozen=True, slots=True)
class Compiled:
    """A tree, environment and cluster by the cluster's target, and what each tree is made of."""

    root: Path
    sources: Sources
    tree: Tree
    clusters: Mapping[str, tuple[str, Cluster]]
    fronts: tuple[Front, ...]
    sites: frozenset[str]
    jobs: frozenset[str]


def compiled(
    request: pipeline.Request, sites: Collection[str], diagnostics: Diagnostics
) -> Compiled:
    """What the spec wants. With a site that the spec lacks, the tree is empty.

    Raises:
        CompileError: the spec is wrong.
    """
    if not sites:
        prepared = pipeline.prepare(request, diagnostics)
        tree = pipeline.build_tree(prepared, diagnostics)
        return _compiled(request.root, prepared.sources, prepared.workshop, tree)
    resolution = pipeline.resolve_all(request, diagnostics)
    workshop = pipeline.plan_all(resolution, {}, diagnostics)
    empty = _compiled(request.root, resolution.sources, workshop, Tree({}))
    if not empty.sites.issuperset(sites):
        return empty
    return replace(empty, tree=part(workshop, sites, diagnostics))


def _compiled(root: Path, sources: Sources, workshop: Workshop, tree: Tree) -> Compiled:
    contexts = [front.context for front in workshop.fronts]
    clusters = {
        cluster.target: (context.environment, cluster)
        for context in contexts
        for cluster in context.clusters.values()
    }
    return Compiled(
        root=root,
        sources=sources,
        tree=tree,
        clusters=clusters,
        fronts=workshop.fronts,
        sites=frozenset(name for context in contexts for name in context.sites),
        jobs=frozenset(name for front in workshop.fronts for name in front.resolved.base.jobs),
    )


def part(workshop: Workshop, sites: Collection[str], diagnostics: Diagnostics) -> Tree:
    """The directories of some sites, of what they share, and of their clusters' engines.

    Raises:
        CompileError: what is built is wrong.
    """
    facts = workshop.facts
    found: dict[str, Directory] = {}
    needs: dict[str, Need] = {}

    def take(built: Built) -> None:
        found.update({directory.unit.path: directory for directory in built.directories})
        diagnostics.extend(built.diagnostics)
        add_needs(needs, built.needs)

    for batch in workshop.batches(sites):
        take(workshop.build(batch, facts))
    for number, front in enumerate(workshop.fronts):
        take(workshop.build(Batch(number, (), needs), facts))
        mine = [site for site in workshop.plan(number).sites if site in front.context.sites]
        there = {Unit(front.context.cluster_of(s).target, UnitRole.SITES, s) for s in mine}
        there |= {directory.unit for directory in found.values()}
        wanted = {front.context.cluster_of(s).target for s in sites if s in front.context.sites}
        for cluster in front.context.clusters.values():
            units = sorted(unit for unit in there if unit.target == cluster.target)
            if cluster.target in wanted and units:
                take(workshop.gitops(front, cluster, units, facts))
    diagnostics.raise_errors()
    return Tree(dict(sorted(found.items())))
