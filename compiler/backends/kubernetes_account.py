"""The one use of the cluster's API from inside a pod: status reports of `reporting: kubernetes`.

No pod mounts a token by default. Where the cluster says so, the sidecar alone gets a projected
token of an account that may write the status of our records and nothing else. KubeEdge's edge
nodes have no way to the API and get none: `status --write` fills the status of their records.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compiler.backends.kubernetes_scope import Scope, labels
from compiler.model.backend import EmitContext
from compiler.model.fleet import Cluster
from compiler.model.manifest import Draft, Origin, Unit
from compiler.model.names import name
from compiler.model.sync import KEEP

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path, no token
TOKEN_SECONDS = 3607
"""An hour; Kubernetes warns about the round number, which old clients asked for."""

_VOLUME: dict[str, Any] = {
    "name": "token",
    "projected": {
        "sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_SECONDS}},
            {
                "configMap": {
                    "name": "kube-root-ca.crt",
                    "items": [{"key": "ca.crt", "path": "ca.crt"}],
                }
            },
            {
                "downwardAPI": {
                    "items": [
                        {"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}
                    ]
                }
            },
        ]
    },
}
_MOUNT = {"name": "token", "mountPath": TOKEN_PATH, "readOnly": True}


def account(scope: Scope) -> str | None:
    """The service account of a pod whose sidecar reports to the cluster, or None."""
    cut_off = scope.cluster.kubeedge and scope.place.layer == "edge"
    if scope.cluster.reporting != "kubernetes" or cut_off:
        return None
    return account_name(scope.context)


def token() -> tuple[dict[str, Any], dict[str, Any]]:
    """The projected token's volume and its mount."""
    return _VOLUME, _MOUNT


def account_name(context: EmitContext) -> str:
    """The name of the account, its role and its binding."""
    return name(context.project, "sidecar")


def drafts(context: EmitContext, cluster: Cluster, unit: Unit, origin: Origin) -> Iterator[Draft]:
    """ServiceAccount, Role and RoleBinding, where the cluster wants reports."""
    if cluster.reporting != "kubernetes":
        return
    values = {
        "name": account_name(context),
        "namespace": context.namespace,
        "labels": labels(context),
        "annotations": KEEP,
    }
    for template in ("serviceaccount", "role", "rolebinding"):
        yield Draft(unit, origin, f"kubernetes/{template}.yaml.j2", values)
