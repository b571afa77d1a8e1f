"""`check --server`: which compiled objects go before which cluster, and what is said of them.

Nothing is changed in any cluster, and what no cluster judged is never counted as accepted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from pathlib import Path
from typing import Any

from compiler.adapters.cluster import Connection, connect
from compiler.adapters.cluster_answers import Verdict
from compiler.adapters.cluster_dry_run import Item, Judgement, dry_run
from compiler.commands import common
from compiler.commands.clusters import context_of, several
from compiler.commands.server_choice import chosen_objects
from compiler.model.codes import world as codes
from compiler.model.diagnostics import CompileError, Diagnostic, Diagnostics, Severity
from compiler.model.fleet import Cluster
from compiler.model.manifest import Object, Tree, UnitRole
from compiler.model.record import dataclass
from compiler.stages.check.pods import templates

POLICY = 3
MANAGERS = {"flux": "kustomize-controller", "argocd": "argocd-controller"}
"""As whom the engines apply: what they own already is theirs to change or to remove."""
_HAND = "kubectl"
_ENGINES_OWN = (UnitRole.ROOT, UnitRole.APPS)
_AT_A_TIME = 4
_LACKING_SHOWN = 6
_SYSTEMS = {
    "argoproj.io": "Argo CD or Argo Workflows",
    "edgewright.io": "edgewright's definitions, which `crds: install` brings",
    "sedna.io": "Sedna",
    "serving.kserve.io": "KServe",
    "toolkit.fluxcd.io": "Flux",
    "trainer.kubeflow.org": "Kubeflow Trainer",
}

_OF_THE_CLUSTER = (codes.NEW_DEFINITION, codes.NO_NAMESPACE)
"""Findings that are the same for many objects and no fault of their lines in the spec."""

Progress = Callable[[int, int], None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Which clusters and objects; empty means all. `only` names sites and jobs."""

    kubeconfig: Path | None = None
    context: str = ""
    cluster: str = ""
    only: frozenset[str] = frozenset()
    stand_in: str = ""
    engine_context: str = ""


@dataclass(slots=True)
class _Court:
    """One server and everything that is to be judged by it. Without a context it is not asked."""

    cluster: Cluster
    place: str
    context: str | None
    objects: list[Object] = field(default_factory=list)
    beside: list[Object] = field(default_factory=list)
    """What this compile also brings there, though it is not to be judged."""
    clusters: dict[str, Cluster] = field(default_factory=dict)
    version: str = ""
    connection: Connection | None = None
    judgements: list[Judgement] = field(default_factory=list)
    lacking: dict[str, None] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """What JSON says of it."""
        judged = sum(one.judged for one in self.judgements)
        return {
            "cluster": self.place,
            "context": self.connection.context if self.connection else self.context or None,
            "server": self.connection.server if self.connection else None,
            "objects": len(self.objects),
            "judged": judged,
            "accepted": sum(_accepted(one) for one in self.judgements),
        }


def check_on_servers(
    tree: Tree,
    clusters: Mapping[str, Cluster],
    wishes: Wishes,
    diagnostics: Diagnostics,
    progress: Progress = None,
) -> list[dict[str, Any]]:
    """Record what the servers find, and tell for each of them how much it judged.

    Raises:
        UsageError: `wishes` name a cluster that is not there, leave nothing to judge, or name one
            context for several clusters.
    """
    courts = _courts(tree, clusters, wishes, diagnostics)
    _connect(courts, wishes, diagnostics)
    _ask(courts, wishes, diagnostics, progress)
    for court in courts:
        _versions(court, diagnostics)
        _collect(court, diagnostics, wishes)
        _permissions(court, diagnostics)
    return [court.as_dict() for court in courts]


def line(found: Mapping[str, Any]) -> str:
    """One server's result for a terminal."""
    where = f" (context {found['context']}, {found['server']})" if found["server"] else ""
    if not found["judged"]:
        return f"{found['cluster']}{where}: none of {found['objects']} objects was judged"
    left = found["objects"] - found["judged"]
    rest = f", {left} not judged" if left else ""
    return f"{found['cluster']}{where}: {found['accepted']} of {found['objects']} accepted{rest}"


def status(diagnostics: Diagnostics) -> int:
    """The exit code: 1 where the spec must change, 3 for a policy's no, 6 for the world."""
    errors = {one.code for one in diagnostics.found if one.severity is Severity.ERROR}
    if not errors:
        return 0
    if errors & set(codes.JUDGED):
        return common.WRONG_SPEC
    return POLICY if codes.DENIED in errors else common.OUTSIDE_WORLD


def _courts(
    tree: Tree, clusters: Mapping[str, Cluster], wishes: Wishes, diagnostics: Diagnostics
) -> list[_Court]:
    objects = chosen_objects(tree, clusters, wishes.cluster, wishes.only)
    chosen = {target: clusters[target] for target in objects}
    others = several(chosen.values(), wishes.context)
    found: dict[str, _Court] = {}
    for target, cluster in chosen.items():
        where = cluster.place
        context = context_of(cluster, wishes.context, others=others)
        if isinstance(context, Diagnostic):
            diagnostics.extend([context])
        known = context if isinstance(context, str) else None
        court = found.setdefault(where, _Court(cluster, where, known))
        court.clusters[target] = cluster
        away = cluster.argocd_elsewhere
        court.objects += [o for o in objects[target] if not (away and _is_engines(o))]
        left = [o for o in objects[target] if away and _is_engines(o)]
        if left and wishes.engine_context:
            name = f"Argo CD of {where}"
            other = found.setdefault(name, _Court(cluster, name, wishes.engine_context))
            other.clusters[target] = cluster
            other.objects += left
        elif left:
            text = f"{where}: {len(left)} objects for Argo CD were not judged"
            hint = "Name its own cluster with --engine-context NAME."
            diagnostics.add(codes.ELSEWHERE, text, cluster.span, hint)
    _look_beside(tree, clusters, found)
    return list(found.values())


def _look_beside(tree: Tree, clusters: Mapping[str, Cluster], courts: Mapping[str, _Court]) -> None:
    """Note what else this compile brings to each cluster: a limit must not change an answer."""
    sent = {id(one) for court in courts.values() for one in court.objects}
    for directory in tree.directories.values():
        cluster = clusters[directory.unit.target]
        court = courts.get(cluster.place)
        away = cluster.argocd_elsewhere and directory.unit.role in _ENGINES_OWN
        if court is not None and not away:
            court.beside += [one for one in directory.objects if id(one) not in sent]


def _is_engines(one: Object) -> bool:
    return one.unit.role in _ENGINES_OWN


def _connect(courts: Sequence[_Court], wishes: Wishes, diagnostics: Diagnostics) -> None:
    """Connections one after the other: a credential plugin may ask the person for a login."""
    known: dict[str, Connection] = {}
    for court in courts:
        if court.context is None:
            continue
        try:
            if court.context not in known:
                known[court.context] = connect(wishes.kubeconfig, court.context or None)
            court.connection = known[court.context]
        except CompileError as error:
            diagnostics.extend(error.diagnostics)


def _ask(
    courts: Sequence[_Court], wishes: Wishes, diagnostics: Diagnostics, progress: Progress
) -> None:
    total = sum(len(court.objects) for court in courts)
    lock, done = threading.Lock(), 0

    def told() -> None:
        nonlocal done
        with lock:
            done += 1
            if progress is not None:
                progress(done, total)

    def ask(court: _Court) -> CompileError | None:
        if court.connection is None:
            return None
        try:
            court.version = court.connection.version()
            items = [_item(one, court.clusters[one.unit.target]) for one in court.objects]
            beside = [_item(one, court.cluster) for one in court.beside]
            court.judgements = dry_run(court.connection, items, wishes.stand_in, told, beside)
        except CompileError as error:
            return error
        return None

    with ThreadPoolExecutor(min(_AT_A_TIME, len(courts) or 1)) as pool:
        for error in pool.map(ask, courts):
            if error is not None:
                diagnostics.extend(error.diagnostics)


def _item(one: Object, cluster: Cluster) -> Item:
    identity = one.identity
    by_hand = one.unit.role is UnitRole.ROOT
    return Item(
        api_version=str(one.data.get("apiVersion", "")),
        kind=identity.kind,
        namespace=identity.namespace,
        name=identity.name,
        text=one.text,
        data=one.data,
        manager=_HAND if by_hand else MANAGERS[cluster.gitops.engine],
        pods=tuple(_templates(one)),
    )


def _templates(one: Object) -> Iterator[Mapping[str, Any]]:
    """The pod templates of an object that is no pod itself, as written."""
    identity = one.identity
    for template in templates(identity.group, identity.kind, one.data):
        found: Any = one.data
        for step in template.path[:-1]:
            found = found[step]
        if found is not one.data:
            yield found


def _accepted(judgement: Judgement) -> bool:
    errors = any(one.code.severity is Severity.ERROR for one in judgement.verdicts)
    return judgement.judged and not errors


def _add(diagnostics: Diagnostics, verdict: Verdict, one: Object, court: _Court) -> None:
    """Record a finding about an object; equal ones about many become one, as offline."""
    by_object = verdict.code not in _OF_THE_CLUSTER
    span = one.origin.span if by_object else court.cluster.span
    where = f"{one.unit.path}/{one.file}" if by_object else court.place
    diagnostics.add_at_place(verdict.code, verdict.text, where, span, verdict.hint)


def _versions(court: _Court, diagnostics: Diagnostics) -> None:
    for cluster in court.clusters.values():
        declared = ", ".join(cluster.kubernetes)
        if court.version and court.version not in cluster.kubernetes and not _engines_only(court):
            text = f"{court.place} runs Kubernetes {court.version}, and the spec says {declared}"
            diagnostics.add(codes.OTHER_VERSION, text, cluster.span)


def _engines_only(court: _Court) -> bool:
    """Whether this is a cluster of Argo CD, of which the spec says nothing."""
    return all(_is_engines(one) for one in court.objects)


def _collect(court: _Court, diagnostics: Diagnostics, wishes: Wishes) -> None:
    for one, judgement in zip(court.objects, court.judgements, strict=False):
        if judgement.no_namespace:
            stand_in = "" if judgement.no_stand_in else wishes.stand_in
            verdict = _homeless(court, one.identity.namespace, stand_in)
            if judgement.no_stand_in:
                text = f"{verdict.text}, for the stand-in {wishes.stand_in} does not exist either"
                verdict = Verdict(verdict.code, text, "Let --stand-in name one that exists.")
            _add(diagnostics, verdict, one, court)
        if judgement.unserved:
            _add(diagnostics, _unserved(one, court), one, court)
        for verdict in judgement.verdicts:
            if verdict.code is codes.FORBIDDEN:
                court.lacking[verdict.text] = None
            else:
                _add(diagnostics, verdict, one, court)


def _permissions(court: _Court, diagnostics: Diagnostics) -> None:
    """All permissions that are lacking, in one finding: who grants them wants to see them all."""
    lacking = list(court.lacking)
    if lacking:
        left = len(lacking) - _LACKING_SHOWN
        text = "; ".join(lacking[:_LACKING_SHOWN]) + (f"; and {left} more" if left > 0 else "")
        diagnostics.add(codes.FORBIDDEN, f"{court.place}: {text}", court.cluster.span)


def _homeless(court: _Court, namespace: str, stand_in: str) -> Verdict:
    how = f"judged as if in {stand_in}" if stand_in else "only the fields of an object were judged"
    text = f"namespace {namespace} does not exist yet: {how}"
    if any(one.identity.kind == "Namespace" and one.identity.name == namespace
           for one in (*court.objects, *court.beside)):  # fmt: skip
        return Verdict(codes.NO_NAMESPACE, text, "Apply bootstrap/ of the cluster first.")
    return Verdict(codes.NO_NAMESPACE, text, "Nothing that is judged here makes it.")


def _unserved(one: Object, court: _Court) -> Verdict:
    identity = one.identity
    system = next((name for end, name in _SYSTEMS.items() if identity.group.endswith(end)), "")
    text = f"{court.place} does not serve {identity.kind} of {one.data['apiVersion']}"
    return Verdict(codes.NO_DEFINITION, text, f"The kind belongs to {system}." if system else "")
