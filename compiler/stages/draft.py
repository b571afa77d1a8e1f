"""From assignments to drafts: asks each backend for its objects and adds what users wrote.

Also builds what emitting gets to know (`EmitContext`). Renders nothing and judges no object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from compiler import servers
from compiler.model.backend import Assignment, Backend, EmitContext, SidecarSettings
from compiler.model.fleet import Cluster, Registry, Site
from compiler.model.manifest import Draft, Origin, Unit, UnitRole
from compiler.model.plan import Distribution, Loop, Node, Record, Run, Schedule, Service
from compiler.model.resolved import Resolved
from compiler.model.selection import selects
from compiler.model.spec.sections import ObjectSpec
from compiler.model.stores import locate, store_location

BackendOf = Callable[[str], Backend]
BY_SITE = ("{site}", "{host}", "{site.vars.")
SINGLE_SITE: tuple[type[Node], ...] = (Service, Run, Schedule, Distribution, Record)
"""Nodes that put objects into their own site's directory and nowhere else."""


def emit_context(resolved: Resolved) -> EmitContext:
    """Everything that a backend may know besides the node, for one environment."""
    spec = resolved.spec
    sidecar = spec.sidecar
    reports = spec.reports
    stores = {name: store_location(name, store) for name, store in spec.stores.items()}
    registries = tuple(
        Registry(host, entry.secret or "", entry.mirror or "")
        for host, entry in sorted(spec.fleet.registries.items())
    )
    return EmitContext(
        project=resolved.project,
        environment=resolved.environment,
        namespace=resolved.namespace,
        clusters=resolved.clusters,
        sites=resolved.sites,
        sidecar=SidecarSettings(
            image=sidecar.image if sidecar else "",
            contract=sidecar.contract if sidecar else 1,
            requests=dict(sidecar.resources.requests) if sidecar else {},
            limits=dict(sidecar.resources.limits) if sidecar else {},
        ),
        reports=locate(spec.stores, reports.uri) if reports else None,
        stores=stores,
        networks={name: site.network for name, site in resolved.sites.items()},
        registries=dict.fromkeys(resolved.sites, registries),
        images=_images(resolved),
        servers=servers.BY_NAME,
    )


def node_drafts(
    assignments: Iterable[Assignment], context: EmitContext, backend_of: BackendOf
) -> Iterator[Draft]:
    """The objects of every assignment, in order."""
    for assignment in assignments:
        yield from backend_of(assignment.backend).emit(assignment.node, context)


def is_single_site(node: Node) -> bool:
    """Whether all objects of a node lie in the directory of its one site."""
    return isinstance(node, SINGLE_SITE) and len({place.site for place in node.places}) == 1


def touches_sites(node: Node) -> bool:
    """Whether a node of several parts also writes into its sites' directories: a loop does."""
    return isinstance(node, Loop)


def by_cluster(
    assignments: Iterable[Assignment], context: EmitContext
) -> dict[str, tuple[Cluster, list[Node]]]:
    """The nodes that land on each cluster, by the cluster's target; every cluster is there."""
    found: dict[str, tuple[Cluster, list[Node]]] = {
        cluster.target: (cluster, []) for cluster in context.clusters.values()
    }
    for assignment in assignments:
        sites = dict.fromkeys(place.site for place in assignment.node.places)
        for target in dict.fromkeys(context.cluster_of(site).target for site in sites):
            found[target][1].append(assignment.node)
    return found


def inputs_used(assignments: Iterable[Assignment], context: EmitContext) -> dict[Unit, set[str]]:
    """The jobs whose `inputs/` a site's directory may refer to."""
    found: dict[Unit, set[str]] = {}
    for assignment in assignments:
        if not touches_sites(assignment.node):
            continue
        for site in dict.fromkeys(place.site for place in assignment.node.places):
            found.setdefault(context.site_unit(site), set()).add(assignment.node.job)
    return found


def object_drafts(
    entries: Sequence[tuple[ObjectSpec, Sequence[Mapping[str, Any]]]],
    context: EmitContext,
) -> Iterator[Draft]:
    """Raw objects: once for each cluster of their place, or for each site where they name it."""
    for index, (entry, documents) in enumerate(entries):
        sites = [site for site in context.sites.values() if selects(entry.place, site)]
        for data in documents:
            marks = getattr(data, "marks", None)
            origin = Origin(f"objects.{index}", span=marks.span if marks else entry.span)
            if _mentions(data, BY_SITE):
                for site in sites:
                    unit = context.site_unit(site.name)
                    filled = _filled(data, context, site)
                    yield Draft(unit, Origin(origin.subject, site.name, origin.span), raw=filled)
                continue
            clusters = {c.target: c for c in (context.cluster_of(site.name) for site in sites)}
            for cluster in clusters.values():
                unit = Unit(cluster.target, UnitRole.BASE)
                yield Draft(unit, origin, raw=_filled(data, context, None))


def object_namespaces(
    entries: Sequence[tuple[ObjectSpec, Sequence[Mapping[str, Any]]]],
    context: EmitContext,
    cluster: Cluster,
) -> frozenset[str]:
    """The namespaces of the raw objects that land on a cluster, as `object_drafts` fills them."""
    found: set[str] = set()
    for entry, documents in entries:
        sites = [
            site
            for site in context.sites.values()
            if context.cluster_of(site.name).target == cluster.target and selects(entry.place, site)
        ]
        for data in documents:
            namespace = (data.get("metadata") or {}).get("namespace")
            here = sites if _mentions(namespace, BY_SITE) else sites[:1]
            found.update(str(_filled(namespace, context, site)) for site in here if namespace)
    return frozenset(found)


def _images(resolved: Resolved) -> dict[str, str]:
    if resolved.lock is None:
        return {}
    found = {}
    for reference in resolved.lock.of(resolved.environment, "images"):
        entry = resolved.lock.image(resolved.environment, reference)
        if entry is not None and "@" not in reference:
            found[reference] = f"{_without_tag(reference)}@{entry.digest}"
    return found


def _without_tag(reference: str) -> str:
    head, separator, last = reference.rpartition("/")
    return f"{head}{separator}{last.partition(':')[0]}"


def _mentions(value: Any, placeholders: Sequence[str]) -> bool:
    if isinstance(value, Mapping):
        return any(
            _mentions(k, placeholders) or _mentions(v, placeholders) for k, v in value.items()
        )
    if isinstance(value, list):
        return any(_mentions(entry, placeholders) for entry in value)
    return isinstance(value, str) and any(p in value for p in placeholders)


def _filled(value: Any, context: EmitContext, site: Site | None) -> Any:
    if isinstance(value, Mapping):
        return {k: _filled(v, context, site) for k, v in value.items()}
    if isinstance(value, list):
        return [_filled(entry, context, site) for entry in value]
    if not isinstance(value, str) or "{" not in value:
        return value
    texts = {"{project}": context.project, "{environment}": context.environment}
    if site is not None:
        texts["{site}"] = site.name
        texts["{host}"] = site.hosts[0].name if len(site.hosts) == 1 else ""
        texts.update({f"{{site.vars.{key}}}": text for key, text in site.vars.items()})
    for placeholder, text in texts.items():
        value = value.replace(placeholder, text)
    return value
