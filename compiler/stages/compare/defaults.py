"""What an API server makes of two pod templates before it compares them: defaults filled in.

A field that is written as its default, an empty list and `1024Mi` for `1Gi` start no pod anew.
Knows pods and what holds them; other objects are compared as they are written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.model.quantity import is_quantity, parse_quantity

_POD: Mapping[str, Any] = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
    "enableServiceLinks": True,
    "securityContext": {},
}
_CONTAINER: Mapping[str, Any] = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "resources": {},
}
_PROBE: Mapping[str, Any] = {
    "timeoutSeconds": 1,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}
_BELOW: Mapping[str, Mapping[str, Any]] = {
    "startupProbe": _PROBE,
    "readinessProbe": _PROBE,
    "livenessProbe": _PROBE,
    "httpGet": {"scheme": "HTTP", "path": "/"},
    "ports": {"protocol": "TCP"},
    "configMap": {"defaultMode": 420},
    "secret": {"defaultMode": 420},
    "projected": {"defaultMode": 420},
    "downwardAPI": {"defaultMode": 420},
    "hostPath": {"type": ""},
    "fieldRef": {"apiVersion": "v1"},
    "containers": _CONTAINER,
    "initContainers": _CONTAINER,
}
"""The key that holds a mapping, or a list of them, to what each of them gets."""
_QUANTITIES = ("requests", "limits")
_FREE = ("labels", "annotations", "nodeSelector", "matchLabels")
"""Mappings whose keys are the author's own."""
_FALSE = ("hostNetwork", "hostPID", "hostIPC", "readOnly", "stdin", "stdinOnce", "tty", "optional")
"""Switches that are the same when off and when absent."""


def filled(template: Mapping[str, Any]) -> dict[str, Any]:
    """A pod template as the API server stores it, as far as it matters whether two differ."""
    metadata = _value(template.get("metadata") or {}, "metadata")
    metadata.pop("creationTimestamp", None)
    spec = _value({**_POD, **_given(template.get("spec") or {})}, "spec")
    if "serviceAccount" in spec:
        spec.setdefault("serviceAccountName", spec.pop("serviceAccount"))
    return {"metadata": metadata, "spec": spec}


def _value(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        return _mapping(value, key)
    if isinstance(value, list | tuple):
        return [_value(item, key) for item in value]
    return value


def _mapping(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    if key in _FREE:
        return dict(value)
    if key in _QUANTITIES:
        return {name: _quantity(amount) for name, amount in value.items()}
    found = {**_BELOW.get(key, {}), **_given(value)}
    if key in ("containers", "initContainers"):
        found.setdefault("imagePullPolicy", _pull_policy(str(found.get("image", ""))))
        _requests(found)
    if key == "ports" and "hostPort" not in found:
        found.pop("hostIP", None)
    return {name: _value(below, name) for name, below in found.items()}


def _given(value: Mapping[str, Any]) -> dict[str, Any]:
    """What is really there: the API server drops what is null or empty."""
    return {
        name: below
        for name, below in value.items()
        if below not in (None, "", []) and not (below is False and name in _FALSE)
    }


def _quantity(amount: Any) -> Any:
    text = str(amount)
    return parse_quantity(text) if is_quantity(text) else amount


def _requests(container: dict[str, Any]) -> None:
    """A limit without a request is one."""
    resources = container.get("resources")
    if isinstance(resources, Mapping) and resources.get("limits"):
        requests = {**resources["limits"], **(resources.get("requests") or {})}
        container["resources"] = {**resources, "requests": requests}


def _pull_policy(image: str) -> str:
    if "@" in image:
        return "IfNotPresent"
    tag = image.rpartition("/")[2].partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"
