"""What only the whole of a cluster shows: duplicates, dangling references, empty selections, fit.

Works on summaries alone and reports everything, also what the directories found, so that the
same fault at many sites is one diagnostic however the work was split.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from compiler.model.codes import check as codes
from compiler.model.diagnostics import Diagnostics, Related, Span
from compiler.model.fleet import Cluster, Site
from compiler.model.manifest import Identity
from compiler.model.record import dataclass
from compiler.stages.check.fit import check_fit
from compiler.stages.check.schemas import version_refusal
from compiler.stages.check.summary import Labels, Pods, Reference, Selection, Summary
from compiler.stages.check.words import Wrong, did_you_mean, path_text

_FOREIGN_PODS = ("sedna.io/", "serving.kserve.io/", "jobset.sigs.k8s.io/", "batch.kubernetes.io/",
                 "workflows.argoproj.io/", "trainer.kubeflow.org/")  # fmt: skip
"""Labels that controllers put on pods which are in no output of ours."""

_HINTS = 50
_NAMES_COMPARED = 1000
_ALWAYS_THERE = {("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")}


@dataclass(frozen=True, slots=True)
class Report:
    """A fault at a place (a generated file, or a host), on the line it came from."""

    place: str
    span: Span | None
    wrong: Wrong
    related: tuple[Related, ...] = ()


def report(
    summaries: Sequence[Summary],
    clusters: Mapping[str, Cluster],
    sites: Mapping[str, Site],
    assumed: frozenset[Identity],
    diagnostics: Diagnostics,
) -> None:
    """Judge every cluster and record all faults; equal faults become one diagnostic."""
    reports = [
        Report(one.place(f.object), one.origins[f.object].span, f.wrong)
        for one in summaries
        for f in one.findings
    ]
    reports.extend(_versions(clusters))
    for group in _physical(summaries, clusters).values():
        here = _sites_of(group, clusters, sites)
        reports.extend(_cluster(group, assumed | _given(here, group)))
        reports.extend(_fit(group, here, clusters))
    for one in reports:
        wrong = one.wrong
        diagnostics.add_at_place(
            wrong.code, wrong.text, one.place, one.span, wrong.hint, one.related
        )


def _versions(clusters: Mapping[str, Cluster]) -> Iterator[Report]:
    for target, cluster in sorted(clusters.items()):
        refusal = version_refusal(cluster.kubernetes)
        if refusal is not None:
            text = f"cluster {cluster.name}: {refusal.text}"
            yield Report(target, cluster.span, Wrong(refusal.code, text, refusal.hint))


def _physical(
    summaries: Sequence[Summary], clusters: Mapping[str, Cluster]
) -> dict[tuple[str, str], list[Summary]]:
    """Summaries by the cluster that they are applied to; environments may share one."""
    groups: dict[tuple[str, str], list[Summary]] = defaultdict(list)
    for summary in sorted(summaries, key=lambda one: one.unit):
        cluster = clusters.get(summary.unit.target)
        key = (cluster.name, cluster.site) if cluster else (summary.unit.target, "")
        groups[key].append(summary)
    return groups


def _sites_of(
    group: Sequence[Summary], clusters: Mapping[str, Cluster], sites: Mapping[str, Site]
) -> list[Site]:
    cluster = clusters.get(group[0].unit.target)
    if cluster is None:
        return []
    return [
        site
        for _, site in sorted(sites.items())
        if site.cluster == cluster.name and (not cluster.site or site.name == cluster.site)
    ]


def _given(sites: Sequence[Site], group: Sequence[Summary]) -> frozenset[Identity]:
    """The ConfigMaps with extra certificates, which the fleet says are in the cluster."""
    names = {site.network.ca_config_map for site in sites} - {""}
    if not names:
        return frozenset()
    spaces = {identity.namespace for one in group for identity in one.identities}
    return frozenset(Identity("", "ConfigMap", space, name) for space in spaces for name in names)


def _cluster(group: Sequence[Summary], assumed: frozenset[Identity]) -> Iterator[Report]:
    owners: dict[Identity, tuple[Summary, int]] = {}
    for one in group:
        for number, identity in enumerate(one.identities):
            if not identity.name:
                continue
            first = owners.setdefault(identity, (one, number))
            if first != (one, number):
                yield _duplicate(one, number, *first)
    services = {key: ports for one in group for key, ports in (one.services or {}).items()}
    hints = _Hints(owners)
    for one in group:
        for reference in one.references:
            yield from _reference(one, reference, owners, hints, services, assumed)
    yield from _selections(group)


def _fit(
    group: Sequence[Summary], sites: Sequence[Site], clusters: Mapping[str, Cluster]
) -> Iterator[Report]:
    most = {(s.namespace, s.kind, s.name): s.most for one in group for s in one.scales}
    cluster = clusters.get(group[0].unit.target)
    kubeedge = cluster is not None and cluster.kubeedge
    for summary, number, place, wrong in check_fit(group, sites, most, kubeedge=kubeedge):
        yield Report(place, summary.origins[number].span, wrong)


def _duplicate(one: Summary, number: int, first: Summary, first_number: int) -> Report:
    origin, before = one.origins[number], first.origins[first_number]
    text = (
        f"{one.identities[number]} is made by {origin.subject} and by {before.subject} "
        f"({first.place(first_number)})"
    )
    related = (Related(before.span, "first made here"),) if before.span else ()
    wrong = Wrong(codes.DUPLICATE_OBJECT, text, "Rename one of the two.")
    return Report(one.place(number), origin.span, wrong, related)


def _reference(
    one: Summary,
    reference: Reference,
    owners: Mapping[Identity, object],
    hints: _Hints,
    services: Mapping[tuple[str, str], tuple[str | int, ...]],
    assumed: frozenset[Identity],
) -> Iterator[Report]:
    if (reference.kind, reference.name) in _ALWAYS_THERE:
        return
    namespace = "" if reference.kind.startswith("Cluster") else reference.namespace
    target = Identity(reference.group, reference.kind, namespace, reference.name)
    code = codes.DANGLING_RAW if one.raw[reference.object] else codes.DANGLING
    span, place = one.origins[reference.object].span, one.place(reference.object)
    if target not in owners and target not in assumed:
        where = f" in namespace {namespace}" if namespace else ""
        wanted = f"{path_text(reference.path)} names {reference.kind} {reference.name!r}"
        text = f"{wanted}, which this cluster does not have{where}"
        yield Report(place, span, Wrong(code, text, hints.near(target)))
    elif reference.port and (target.namespace, target.name) in services:
        ports = services[(target.namespace, target.name)]
        if reference.port not in ports:
            wanted = f"{path_text(reference.path)}: Service {reference.name!r}"
            offered = ", ".join(str(port) for port in ports)
            text = f"{wanted} has no port {reference.port}; it offers {offered}"
            yield Report(place, span, Wrong(code, text))


class _Hints:
    """Near names for the first missing targets; more would cost minutes and help nobody."""

    def __init__(self, owners: Iterable[Identity]) -> None:
        self._owners = owners
        self._by_kind: dict[tuple[str, str], list[Identity]] = {}
        self._made: dict[Identity, str] = {}

    def near(self, target: Identity) -> str:
        """What to do about a missing target, or nothing."""
        if target not in self._made:
            self._made[target] = self._make(target) if len(self._made) < _HINTS else ""
        return self._made[target]

    def _make(self, target: Identity) -> str:
        if not self._by_kind:
            for one in self._owners:
                self._by_kind.setdefault((one.group, one.kind), []).append(one)
        known = self._by_kind.get((target.group, target.kind), [])
        same = [one.name for one in known if one.namespace == target.namespace]
        hint = did_you_mean(target.name, same[:_NAMES_COMPARED])
        elsewhere = any(one.name == target.name for one in known)
        return hint or ("There is one in another namespace." if elsewhere else "")


def _selections(group: Sequence[Summary]) -> Iterator[Report]:
    wanted = [(one, selection) for one in group for selection in one.selections]
    if not wanted:
        return
    index = _index(group, wanted)
    for one, selection in wanted:
        if one.raw[selection.object] or _foreign(selection.labels):
            continue
        for text in _selection(selection, _selected(selection, index)):
            number = selection.object
            wrong = Wrong(codes.SELECTS_NOTHING, text)
            yield Report(one.place(number), one.origins[number].span, wrong)


def _foreign(labels: Labels) -> bool:
    return any(key.startswith(_FOREIGN_PODS) for key, _ in labels)


PodIndex = dict[tuple[str, str, str], list[Pods]]


def _index(group: Sequence[Summary], wanted: Sequence[tuple[Summary, Selection]]) -> PodIndex:
    """Pods by namespace and label, of those labels that something selects."""
    keys = {(s.namespace, k, v) for _, s in wanted for k, v in s.labels}
    index: PodIndex = defaultdict(list)
    for one in group:
        for pods in one.pods:
            for key, value in pods.labels:
                if (pods.namespace, key, value) in keys:
                    index[(pods.namespace, key, value)].append(pods)
    return index


def _selected(selection: Selection, index: PodIndex) -> list[Pods]:
    lists = [index.get((selection.namespace, k, v), []) for k, v in selection.labels]
    rarest = min(lists, key=len, default=[])
    wanted = set(selection.labels)
    return [pods for pods in rarest if wanted <= set(pods.labels)]


def _selection(selection: Selection, pods: Sequence[Pods]) -> Iterator[str]:
    if not pods:
        labels = ", ".join(f"{key}={value}" for key, value in selection.labels)
        yield f"spec.selector selects no pod of namespace {selection.namespace}: {labels}"
        return
    offered = {port for one in pods for port in one.ports}
    for path, port in selection.ports:
        if port not in offered:
            has = ", ".join(sorted(str(p) for p in offered)) or "none"
            wants = f"{path_text(path)} is {port}"
            yield f"{wants}, and no selected pod has such a port; they have {has}"
