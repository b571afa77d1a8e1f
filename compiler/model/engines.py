"""What the objects of Flux and Argo CD say of the units that they reconcile.

Reads one live object and returns the engine's state, its revision and its own words. Decides
nothing about what was applied: whoever reads this also looks at the objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.model.health import cut
from compiler.model.observed import Engine, EngineState, Live

UNITS = {"Kustomization": "kustomize.toolkit.fluxcd.io/v1", "Application": "argoproj.io/v1alpha1"}
"""The kinds that stand for a unit, with their API version."""
SOURCES = ("GitRepository",)
NO_OPINION = ("AppProject",)
_WAITING = ("DependencyNotReady", "Progressing", "ProgressingWithRetry", "ArtifactFailed")
"""Reasons of Flux for something that it tries again by itself, and that another unit explains."""
_FAILED_SYNCS = ("Failed", "Error")
_DIGITS = 12


def engine(live: Live) -> Engine:
    """The state of a Kustomization, a GitRepository or an Application."""
    if live.get("kind") == "Application":
        return _application(live)
    if live.get("kind") in NO_OPINION:
        return _made(live, EngineState.READY)
    return _flux(live)


def step(found: Engine) -> str:
    """The command that makes the engine look again, or shows why it does not."""
    if found.kind == "Application":
        return f"argocd app get {found.namespace}/{found.name} --refresh"
    if found.kind == "GitRepository":
        return f"flux reconcile source git {found.name} -n {found.namespace}"
    if found.state is EngineState.SUSPENDED:
        return f"flux resume kustomization {found.name} -n {found.namespace}"
    return f"flux reconcile kustomization {found.name} -n {found.namespace} --with-source"


def install(group: str) -> str:
    """The command that brings the definitions of an API group; empty where no single one does."""
    return "flux install" if group.endswith(".toolkit.fluxcd.io") else ""


def short(revision: str) -> str:
    """A revision as people read it: the branch and the beginning of the commit."""
    branch, _, digest = revision.rpartition("sha1:")
    return f"{branch}{digest[:_DIGITS]}" if digest else revision


def _flux(live: Live) -> Engine:
    status, metadata = _of(live, "status"), _of(live, "metadata")
    conditions = [one for one in status.get("conditions") or () if isinstance(one, Mapping)]
    ready = next((one for one in conditions if one.get("type") == "Ready"), {})
    artifact = _of(status, "artifact")
    revision = str(status.get("lastAppliedRevision") or artifact.get("revision") or "")
    message = cut(f"{ready.get('reason') or ''}: {ready.get('message') or ''}".strip(": "))
    if _of(live, "spec").get("suspend"):
        return _made(live, EngineState.SUSPENDED, revision, "suspended by hand")
    if not ready:
        return _made(live, EngineState.PROGRESSING, revision, "no controller has taken it up yet")
    behind = int(status.get("observedGeneration") or 0) < int(metadata.get("generation") or 0)
    if behind or ready.get("status") == "Unknown":
        return _made(live, EngineState.PROGRESSING, revision, message)
    if ready.get("status") == "True":
        return _made(live, EngineState.READY, revision)
    waits = ready.get("reason") in _WAITING
    return _made(live, EngineState.PROGRESSING if waits else EngineState.FAILED, revision, message)


def _application(live: Live) -> Engine:
    status = _of(live, "status")
    sync, health = _of(status, "sync"), _of(status, "health")
    operation = _of(status, "operationState")
    revisions = sync.get("revisions") or [sync.get("revision") or ""]
    revision = str(revisions[0])[:_DIGITS]
    errors = [
        one
        for one in status.get("conditions") or ()
        if isinstance(one, Mapping) and str(one.get("type")).endswith("Error")
    ]
    if errors:
        said = cut(f"{errors[0].get('type')}: {errors[0].get('message') or ''}")
        return _made(live, EngineState.FAILED, revision, said)
    if operation.get("phase") in _FAILED_SYNCS:
        said = cut(f"sync {operation['phase']}: {operation.get('message') or ''}")
        return _made(live, EngineState.FAILED, revision, said)
    if not sync:
        return _made(live, EngineState.PROGRESSING, "", "no controller has taken it up yet")
    words = f"{sync.get('status') or 'Unknown'}, {health.get('status') or 'Unknown'}"
    return _made(live, _application_state(sync, health), revision, words)


def _application_state(sync: Mapping[str, Any], health: Mapping[str, Any]) -> EngineState:
    if health.get("status") in ("Degraded", "Missing"):
        return EngineState.FAILED
    if health.get("status") == "Suspended":
        return EngineState.SUSPENDED
    ready = sync.get("status") == "Synced" and health.get("status") == "Healthy"
    return EngineState.READY if ready else EngineState.PROGRESSING


def _made(live: Live, state: EngineState, revision: str = "", message: str = "") -> Engine:
    metadata = _of(live, "metadata")
    return Engine(
        kind=str(live.get("kind")),
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata.get("name") or ""),
        state=state,
        revision=short(revision),
        message=message,
    )


def _of(live: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = live.get(key)
    return found if isinstance(found, Mapping) else {}
