"""A row of the status: what is wanted beside what the cluster said, and one verdict.

The worst finding decides. What was not seen is never taken for absent, nor for well: it makes a
row unknown unless something worse is known. Pure functions; nothing here asks or prints.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import field
from typing import Any

from compiler.model import engines, health
from compiler.model.comparing import first_difference
from compiler.model.hashing import HASH_DIGITS
from compiler.model.manifest import Object
from compiler.model.observed import (
    Engine,
    EngineState,
    Finding,
    Live,
    Node,
    Pod,
    Question,
    Snapshot,
    Verdict,
    Workload,
)
from compiler.model.record import dataclass
from compiler.model.wanted import (
    NODES,
    PODS,
    ROOT,
    WORKLOADS,
    Wanted,
    hosts,
    instance,
    makes_pods,
    makes_sedna_pods,
    namespace_question,
    pod_questions,
    question,
    sedna_label,
    sidecar_revision,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row as it was found. `findings` are sorted, the worst first."""

    wanted: Wanted
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    engines: tuple[Engine, ...] = ()
    missing: tuple[str, ...] = ()
    older: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    workloads: tuple[Workload, ...] = ()
    nodes: tuple[Node, ...] = ()
    records: tuple[Live, ...] = ()
    dark: Mapping[str, str] = field(default_factory=dict)
    """Why pods (`running`) or nodes (`node`) were not seen; empty where they were."""


def judge(
    wanted: Wanted, seen: View, engine_view: View | None = None, sites: Collection[str] = ()
) -> Row:
    """The row for what is wanted.

    `engine_view` is the cluster that the engine runs on, where that is another; `sites` is how
    far the questions were narrowed.
    """
    return _Judge(wanted, seen, engine_view or seen, sites).row()


@dataclass(frozen=True, slots=True)
class View:
    """A snapshot with its objects by name, its pods by owner and its nodes by name."""

    snapshot: Snapshot
    objects: Mapping[tuple[str, str, str, str], Live] = field(default_factory=dict)
    stems: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    pods: Mapping[tuple[str, str, str], list[Pod]] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Snapshot) -> View:
        """Sort what a cluster said by what it is looked up by."""
        objects: dict[tuple[str, str, str, str], Live] = {}
        stems: dict[tuple[str, str, str], str] = {}
        pods: dict[tuple[str, str, str], list[Pod]] = {}
        nodes: dict[str, Node] = {}
        for asked, answer in snapshot.answers.items():
            for live in answer.items:
                metadata = live["metadata"]
                namespace, name = str(metadata.get("namespace") or ""), str(metadata["name"])
                if (asked.api_version, asked.kind) == PODS:
                    pod = health.pod(live)
                    for owner in _owners(metadata.get("labels") or {}):
                        pods.setdefault((namespace, *owner), []).append(pod)
                elif asked.kind == NODES.kind:
                    nodes[name] = health.node(live)
                else:
                    objects[asked.api_version, asked.kind, namespace, name] = live
                    if stem := _stem(name):
                        stems[asked.kind, namespace, stem] = name
        return cls(snapshot, objects, stems, pods, nodes)

    def problem(self, asked: Question) -> str:
        """Why a question has no answer; empty where it has one."""
        return self.snapshot.answer(asked).problem

    def live(self, one: Object) -> Live | None:
        """The live object of a compiled one."""
        identity = one.identity
        api_version = str(one.data["apiVersion"])
        return self.objects.get((api_version, identity.kind, identity.namespace, identity.name))

    def pods_of(self, one: Object) -> list[Pod]:
        """The pods that an object's controller made."""
        identity = one.identity
        if makes_sedna_pods(one.data):
            owner = (sedna_label(identity.kind), identity.name)
        else:
            owner = ("", instance(one.data))
        return sorted(self.pods.get((identity.namespace, *owner), ()), key=lambda pod: pod.name)


_HASHED = re.compile(rf"(.+)-[0-9a-f]{{{HASH_DIGITS}}}")
_INSTANCE = "app.kubernetes.io/instance"
_SEDNA = re.compile(r"[a-z]+\.sedna\.io/name")


def _stem(name: str) -> str:
    match = _HASHED.fullmatch(name)
    return match[1] if match else ""


def _owners(labels: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in labels.items():
        if key == _INSTANCE:
            yield "", str(value)
        elif _SEDNA.fullmatch(key):
            yield key, str(value)


@dataclass(frozen=True, slots=True)
class _Judge:
    wanted: Wanted
    seen: View
    engine_view: View
    sites: Collection[str]

    def row(self) -> Row:
        root = self.wanted.job == ROOT
        view = self.engine_view if root else self.seen
        found: list[Finding] = []
        lists: dict[str, list[str]] = {"missing": [], "older": [], "unseen": []}
        for one in self.wanted.objects:
            for word, finding in self._applied(one, view):
                lists[word].append(f"{one.identity.kind} {one.identity.name}")
                found.append(finding)
        engine_objects = self.wanted.objects if root else self.wanted.engines
        told = [self._engine(one) for one in engine_objects]
        found += [finding for one in told for finding in self._engine_findings(one, root=root)]
        if not root:
            found += [finding for one in engine_objects for finding in self._unit(one)]
        workloads: list[tuple[Object, Workload]] = []
        nodes: dict[str, Node] = {}
        running = [
            finding for one in self.wanted.objects for finding in self._running(one, workloads)
        ]
        # A node that is not there explains the pods that found no place, so it comes before them.
        if not self.seen.problem(NODES):
            for one, workload in workloads:
                found += self._places(workload, hosts(one.data), nodes)
        found += running
        found += self._records()
        found.sort(key=lambda one: -one.verdict.weight)
        verdict = found[0].verdict if found else Verdict.READY
        return Row(
            wanted=self.wanted,
            verdict=verdict,
            findings=tuple(dict.fromkeys(found)),
            engines=tuple(told),
            missing=tuple(lists["missing"]),
            older=tuple(lists["older"]),
            unseen=tuple(lists["unseen"]),
            workloads=tuple(workload for _, workload in workloads),
            nodes=tuple(nodes.values()),
            records=tuple(self._live_records()),
            dark=self._dark(),
        )

    # Applied.

    def _applied(self, one: Object, view: View) -> Iterator[tuple[str, Finding]]:
        asked, identity = question(one, self.sites), one.identity
        answer = view.snapshot.answer(asked)
        if not answer.served and self._is_elsewhere(one):
            return
        if answer.problem:
            step = f"kubectl -n {identity.namespace} auth can-i --list"
            yield "unseen", Finding(Verdict.UNKNOWN, f"not seen: {answer.problem}", "", step)
            return
        live = view.live(one)
        if live is None:
            yield self._absent(one, view, served=answer.served)
        elif path := first_difference(one.data, live):
            text = _difference(one, live, path)
            detail = f"{identity.kind} {identity.name}"
            yield "older", Finding(Verdict.OLDER, text, detail, self._again())

    def _absent(self, one: Object, view: View, *, served: bool) -> tuple[str, Finding]:
        kind, name, namespace = one.identity.kind, one.identity.name, one.identity.namespace
        if not served:
            text = f"{kind} is not served: its definition is not installed"
            if one.identity.group == _OURS and self.wanted.cluster.crds == "assume":
                text += ", and this spec leaves that to another (`crds: assume`)"
            return "missing", Finding(Verdict.MISSING, text, name, self._install(one))
        before = view.stems.get((kind, namespace, _stem(name)))
        if before is not None:
            # The name holds the content: another content is another object.
            text = f"another {kind} is there, of other content"
            return "older", Finding(Verdict.OLDER, text, f"{before}, not {name}", self._again())
        return "missing", Finding(
            Verdict.MISSING, f"{kind} is missing", f"{kind} {name}", self._again()
        )

    def _again(self) -> str:
        """What to do where the live objects are not those that are compiled."""
        own = self.wanted.objects if self.wanted.job == ROOT else self.wanted.engines
        for one in own:
            asked = self.engine_view.snapshot.answer(question(one, self.sites))
            lacking = not asked.served or self._is_homeless(one)
            if lacking and not self._is_elsewhere(one):
                return self._install(one)
        told = [self._engine(one) for one in self.wanted.engines]
        if self.wanted.job == ROOT or any(one.state is EngineState.MISSING for one in told):
            return self._apply("root")
        return engines.step(told[0]) if told else ""

    def _install(self, one: Object) -> str:
        """What to do where the definition of an object's kind is not installed."""
        if one.identity.group == _OURS:
            # Where this spec assumes the definitions, its bootstrap/ has none.
            return self._apply("bootstrap") if self.wanted.cluster.crds == "install" else ""
        return engines.install(one.identity.group)

    def _apply(self, unit: str) -> str:
        path = self.wanted.cluster.repository.path.strip("/")
        return f"kubectl apply -k {path}/{self.wanted.cluster.target}/{unit}"

    def _is_homeless(self, one: Object) -> bool:
        """Whether the namespace of an engine's object is known not to exist."""
        asked = namespace_question(one.identity.namespace)
        answer = self.engine_view.snapshot.answer(asked)
        return not answer.problem and not answer.items

    def _is_elsewhere(self, one: Object) -> bool:
        """Whether Argo CD's objects lie on a cluster that was not asked."""
        return self.wanted.cluster.argocd_elsewhere and one.data["apiVersion"] == _ARGOCD

    # The engine.

    def _engine(self, one: Object) -> Engine:
        identity = one.identity
        answer = self.engine_view.snapshot.answer(question(one, self.sites))
        live = self.engine_view.live(one)
        if live is not None:
            return engines.engine(live)
        state, message = EngineState.MISSING, "not there"
        if answer.problem:
            state, message = EngineState.UNKNOWN, answer.problem
        elif not answer.served:
            message = "its definition is not installed"
            if self._is_elsewhere(one):
                state, message = EngineState.ELSEWHERE, "Argo CD runs on another cluster"
        return Engine(identity.kind, identity.namespace, identity.name, state, "", message)

    def _unit(self, one: Object) -> Iterator[Finding]:
        """What is wrong with the engine's object of a unit: nothing new comes through it."""
        view = self.engine_view
        answer = view.snapshot.answer(question(one, self.sites))
        if answer.problem or (not answer.served and self._is_elsewhere(one)):
            return
        live = view.live(one)
        if live is None:
            yield self._absent(one, view, served=answer.served)[1]
        elif path := first_difference(one.data, live):
            kind, name = one.identity.kind, one.identity.name
            step = self._apply("root")
            yield Finding(Verdict.OLDER, f"{kind} is another ({path})", f"{kind} {name}", step)

    def _engine_findings(self, told: Engine, *, root: bool) -> Iterator[Finding]:
        reason, _, rest = told.message.partition(": ")
        detail = f"{told.kind} {told.name}" + (f": {rest}" if rest else "")
        text = f"{told.kind}: {reason}"
        if told.state is EngineState.FAILED:
            yield Finding(Verdict.DEGRADED, text, detail, engines.step(told))
        elif told.state is EngineState.PROGRESSING:
            yield Finding(Verdict.PROGRESSING, text, detail, engines.step(told))
        elif told.state is EngineState.SUSPENDED:
            yield Finding(Verdict.DEGRADED, text, detail, engines.step(told))
        elif told.state is EngineState.ELSEWHERE and root:
            text = "not seen: Argo CD runs on another cluster; name it with --engine-context"
            yield Finding(Verdict.UNKNOWN, text)

    # Running.

    def _running(self, one: Object, workloads: list[tuple[Object, Workload]]) -> Iterator[Finding]:
        live = self.seen.live(one)
        if live is None or not makes_pods(one):
            return
        problems = [self.seen.problem(asked) for asked in pod_questions(one, self.sites)]
        yield from (Finding(Verdict.UNKNOWN, f"not seen: {text}") for text in problems if text)
        labels = one.data["metadata"].get("labels") or {}
        role = str(labels.get("edgewright.io/role") or "")
        found = health.workload(live, role, self.seen.pods_of(one))
        workloads.append((one, found))
        yield from health.workload_findings(live, found)

    def _dark(self) -> dict[str, str]:
        makers = [one for one in self.wanted.objects if makes_pods(one)]
        asked = [
            each
            for one in makers
            for each in (question(one, self.sites), *pod_questions(one, self.sites))
        ]
        found = {
            "running": next(filter(None, map(self.seen.problem, asked)), ""),
            "node": self.seen.problem(NODES) if makers else "",
        }
        return {part: problem for part, problem in found.items() if problem}

    def _places(
        self, found: Workload, named: tuple[str, ...], nodes: dict[str, Node]
    ) -> Iterator[Finding]:
        """What the nodes of a workload say: those of its pods, and those it is bound to."""
        settled = found.kind not in ("Deployment", "DaemonSet") or health.is_settled(found)
        mine = [pod.node for pod in found.pods if pod.node and pod.phase in ("Pending", "Running")]
        if not settled:
            mine += named
        for name in dict.fromkeys(mine):
            node = self.seen.nodes.get(name)
            step = f"kubectl describe node {name}"
            if node is None:
                text = "a host of the site is no node of the cluster"
                yield Finding(Verdict.DEGRADED, text, f"node {name}", "kubectl get nodes")
                continue
            nodes[name] = node
            if not node.ready:
                since = f" since {node.since}" if node.since else ""
                yield Finding(Verdict.OFFLINE, "its node is not ready", f"{name}{since}", step)

    # Records.

    def _live_records(self) -> Iterator[Live]:
        for one in self.wanted.objects:
            if one.identity.group == _OURS:
                live = self.seen.live(one)
                if live is not None:
                    yield live

    def _records(self) -> Iterator[Finding]:
        for live in self._live_records():
            if found := health.record_finding(live):
                yield found
        jobs = [one for one in self.wanted.objects if makes_sedna_pods(one.data)]
        for job in map(self.seen.live, jobs):
            if job is not None and (found := health.sedna_finding(job)):
                yield found


_OURS = "edgewright.io"
_ARGOCD = "argoproj.io/v1alpha1"
_TEMPLATE = "spec.template."


def _difference(one: Object, live: Live, path: str) -> str:
    """The difference in words that hold for every site with the same one."""
    kind = one.identity.kind
    if kind == "InferenceModel":
        wanted, found = one.data["spec"], live.get("spec") or {}
        if wanted.get("version") != found.get("version"):
            told = f"{found.get('version')}, not {wanted.get('version')}"
            return f"{wanted.get('model')} is at version {told}"
    if sidecar_revision(one.data):
        return "the sidecar's config is another"
    if path.startswith(_TEMPLATE) and kind in WORKLOADS:
        return f"the pod template of the {kind} is another ({path.removeprefix(_TEMPLATE)})"
    return f"{kind} is another ({path})"
