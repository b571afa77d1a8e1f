"""A pod's specification as template values, the same for every kind of workload.

Puts together what the other modules made; decides nothing about a worker itself. Every value is
present, None where the field is absent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from compiler.backends.kubernetes_images import Pull, mirrored, pull_secrets
from compiler.backends.kubernetes_place import placement
from compiler.backends.kubernetes_scope import Scope
from compiler.model.layout import OWNER
from compiler.model.worker import Worker

GRACE = 30


def pod(
    scope: Scope,
    *,
    containers: list[dict[str, Any]],
    init: list[dict[str, Any]],
    volumes: list[dict[str, Any]],
    pulls: Iterable[Pull],
    store: dict[str, Any] | None = None,
    workers: Iterable[Worker] = (),
    annotations: dict[str, str] | None = None,
    restart: str | None = None,
    account: str | None = None,
    spread: bool = False,
    grace: int = GRACE,
) -> dict[str, Any]:
    """The values `pod` of a workload's template. `workers` are those whose words reach the pod.

    fsGroup is the sidecar's: it opens Secrets and the shared emptyDirs to its user, and a worker
    of any user joins that group.
    """
    pulls = list(pulls)
    workers = list(workers)
    noted = dict(annotations or {})
    if source := mirrored(pulls):
        noted["edgewright.io/mirrored"] = source
    return {
        "annotations": noted or None,
        "restartPolicy": restart,
        "serviceAccountName": account,
        "hostNetwork": any(worker.host_network for worker in workers),
        "runtimeClassName": _runtime_class(workers),
        "terminationGracePeriodSeconds": grace,
        "imagePullSecrets": pull_secrets(pulls) or None,
        **placement(scope, spread=spread),
        "fsGroup": OWNER,
        "initContainers": init,
        "containers": containers,
        "store": store,
        "volumes": unique(volumes),
    }


def unique(volumes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Volumes by name, the first of each: the site's certificates are asked for by several."""
    found: dict[str, dict[str, Any]] = {}
    for volume in volumes:
        found.setdefault(volume["name"], volume)
    return list(found.values())


def _runtime_class(workers: Iterable[Worker]) -> str | None:
    for worker in workers:
        if worker.accelerator and worker.accelerator.runtime_class:
            return worker.accelerator.runtime_class
    return None
