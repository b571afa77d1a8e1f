"""Argo CD's objects for one cluster: what an admin applies once, and one Application per unit.

`root/` holds an Application that reconciles `apps/` and two AppProjects. The projects lie there
and not in `apps/`, because a fence that Git could widen by itself would be none: the first lets
the root create Applications and nothing else, the second lets the units touch their namespace,
with the kinds that the compiler emits and no Secret. Every unit names its project; none is in
`default`.

Reasons for what the templates hold:

* The sources name no tool. Every directory has a `kustomization.yaml`, which Argo CD detects,
  and an empty `kustomize: {}` would be normalised away and differ for ever. Only the root says
  `directory`, so that thousands of Applications need no kustomize build.
* Argo CD cannot wait from one Application to another, so a unit retries with backoff until its
  namespace and definitions are there (ten times within 17 minutes), and `inputs/<job>` and
  `jobs/<job>` are two sources of one Application, whose resources sync together: the inputs
  carry wave -1 (`sync.FIRST`) as an annotation of their own, visible in Git.
* Server-side apply needs the server-side diff, or defaulted fields stay OutOfSync for ever.
* Deletion happens through Git alone: the root has no finalizer, a unit that leaves `apps/` takes
  its objects along, in the background, because a device that is offline cannot confirm.
* `bootstrap` is never pruned and has no finalizer; its objects carry `sync.KEEP` as well.

Refuses nothing and renders nothing.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from compiler.model.fleet import ARGOCD_S_OWN
from compiler.model.manifest import Draft, UnitRole
from compiler.model.sync import GitopsContext, SyncUnit

NAMESPACE = "argocd"
"""Where Argo CD lives and looks for Applications."""

IN_CLUSTER = {"server": ARGOCD_S_OWN[0]}
FINALIZER = "resources-finalizer.argocd.argoproj.io/background"
DEFINITIONS = "apiextensions.k8s.io", "CustomResourceDefinition"

CORE_KINDS = (
    ("", "ConfigMap"), ("", "PersistentVolumeClaim"), ("", "Service"), ("", "ServiceAccount"),
    ("apps", "DaemonSet"), ("apps", "Deployment"), ("autoscaling", "HorizontalPodAutoscaler"),
    ("batch", "CronJob"), ("batch", "Job"), ("edgewright.io", "Dataset"),
    ("edgewright.io", "InferenceModel"), ("edgewright.io", "TrainingModel"),
    ("networking.k8s.io", "Ingress"), ("policy", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io", "Role"), ("rbac.authorization.k8s.io", "RoleBinding"),
)  # fmt: skip
"""(group, kind) of the namespaced objects that any cluster may get."""

SYSTEM_KINDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "argo-workflows": (
        ("argoproj.io", "CronWorkflow"), ("argoproj.io", "Workflow"),
        ("argoproj.io", "WorkflowTemplate"),
    ),
    "kserve": (("serving.kserve.io", "InferenceService"), ("serving.kserve.io", "ServingRuntime")),
    "sedna": (
        ("sedna.io", "Dataset"), ("sedna.io", "FederatedLearningJob"),
        ("sedna.io", "IncrementalLearningJob"), ("sedna.io", "JointInferenceService"),
        ("sedna.io", "LifelongLearningJob"), ("sedna.io", "Model"),
    ),
    "trainer": (
        ("trainer.kubeflow.org", "TrainJob"), ("trainer.kubeflow.org", "TrainingRuntime"),
    ),
}  # fmt: skip
"""(group, kind) of the objects that a cluster gets where it provides the system."""


def drafts(context: GitopsContext) -> Iterator[Draft]:
    """Every object of `root/` and `apps/` of one cluster whose engine is argocd."""
    yield _root(context)
    yield from _projects(context)
    yield from _applications(context)


def _root(context: GitopsContext) -> Draft:
    values = {
        "name": context.root_name,
        "namespace": NAMESPACE,
        "labels": context.labels(),
        "project": context.root_name,
        "source": _source(context, context.apps.path),
    }
    return Draft(context.root, context.origin(), "argocd/root.yaml.j2", values)


def _projects(context: GitopsContext) -> Iterator[Draft]:
    """The root's project and the units' project."""
    namespaces = sorted({context.cluster.namespace, *context.namespaces})
    destination = _destination(context)
    yield _project(
        context,
        context.root_name,
        description=f"Lets {context.name} keep its Applications, and nothing else",
        destinations=[{**IN_CLUSTER, "namespace": NAMESPACE}],
        cluster_kinds=[],
        namespaced_kinds=[{"group": "argoproj.io", "kind": "Application"}],
    )
    yield _project(
        context,
        context.name,
        description=f"Lets {context.name} keep its objects in its own namespace",
        destinations=[{**destination, "namespace": namespace} for namespace in namespaces],
        cluster_kinds=_cluster_kinds(context, namespaces),
        namespaced_kinds=_namespaced_kinds(context),
    )


def _project(context: GitopsContext, name: str, **values: Any) -> Draft:
    values |= {
        "name": name,
        "namespace": NAMESPACE,
        "labels": context.labels(),
        "repository": context.cluster.repository.url,
    }
    return Draft(context.root, context.origin(), "argocd/project.yaml.j2", values)


def _cluster_kinds(context: GitopsContext, namespaces: list[str]) -> list[dict[str, str]]:
    allowed = [{"group": "", "kind": "Namespace", "name": name} for name in namespaces]
    if context.cluster.crds == "install":
        group, kind = DEFINITIONS
        allowed.append({"group": group, "kind": kind, "name": "*.edgewright.io"})
    return allowed + _users_kinds(context)


def _namespaced_kinds(context: GitopsContext) -> list[dict[str, str]]:
    kinds = list(CORE_KINDS)
    for system in sorted(context.cluster.provides):
        kinds += SYSTEM_KINDS.get(system, ())
    known = [{"group": group, "kind": kind} for group, kind in kinds]
    return known + [kind for kind in _users_kinds(context) if kind not in known]


def _users_kinds(context: GitopsContext) -> list[dict[str, str]]:
    """Kinds of `objects:`. A kind has one scope, so its entry in the other list allows nothing."""
    return [{"group": group, "kind": kind} for group, kind in sorted(set(context.kinds))]


def _applications(context: GitopsContext) -> Iterator[Draft]:
    project = context.name
    destination = {**_destination(context), "namespace": context.cluster.namespace}
    for unit in context.units:
        sources = [_source(context, path) for path in unit.paths]
        values = {
            "name": unit.name,
            "namespace": NAMESPACE,
            "labels": context.labels(unit),
            "generate_paths": _generate_paths(unit),
            "finalizers": [FINALIZER] if unit.disposable else [],
            "project": project,
            "source": sources[0],
            "sources": sources if len(sources) > 1 else [],
            "destination": destination,
            "prune": unit.disposable,
        }
        site = unit.subject if unit.role is UnitRole.SITES else ""
        yield Draft(context.apps, context.origin(site), "argocd/application.yaml.j2", values)


def _source(context: GitopsContext, path: str) -> dict[str, str]:
    repository = context.cluster.repository
    return {
        "url": repository.url,
        "branch": repository.branch,
        "path": context.in_repository(path),
    }


def _destination(context: GitopsContext) -> dict[str, str]:
    """The cluster by name or server; without either, the one that Argo CD runs in."""
    destination = context.cluster.destination
    found = {key: destination[key] for key in ("name", "server") if destination.get(key)}
    return found or IN_CLUSTER


def _generate_paths(unit: SyncUnit) -> str:
    """The directories whose change refreshes the Application, relative to its own path."""
    start = unit.paths[0]
    included = [posixpath.relpath(path, start) for path in unit.includes]
    return ";".join([".", *included])
