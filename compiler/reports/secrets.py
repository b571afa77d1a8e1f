"""Every Secret that a compiled tree refers to: name, keys, who uses it, what a rotation costs.

Reads names only; no value of a Secret is in a tree or ever asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from compiler.model.manifest import Object, Tree
from compiler.model.record import dataclass

STORE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
TLS_KEYS = ("tls.crt", "tls.key")
PULL_KEYS = (".dockerconfigjson",)


@dataclass(frozen=True, slots=True, order=True)
class SecretUse:
    """One Secret of one cluster. `restart` says that a rotation needs the pods restarted."""

    cluster: str
    namespace: str
    name: str
    keys: tuple[str, ...]
    users: tuple[str, ...]
    restart: bool

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON data."""
        return {
            "cluster": self.cluster,
            "namespace": self.namespace,
            "name": self.name,
            "keys": list(self.keys),
            "users": list(self.users),
            "restart": self.restart,
        }


def secrets_of(tree: Tree) -> list[SecretUse]:
    """One row for each Secret of each cluster, sorted."""
    found: dict[tuple[str, str, str], tuple[set[str], set[str], list[bool]]] = {}
    for directory in tree.directories.values():
        cluster = directory.unit.target
        for one in directory.objects:
            for name, keys, restart in _uses(one):
                key = (cluster, one.identity.namespace, name)
                entry = found.setdefault(key, (set(), set(), []))
                entry[0].update(keys)
                entry[1].add(one.origin.subject)
                entry[2].append(restart)
    return sorted(
        SecretUse(*key, tuple(sorted(keys)), tuple(sorted(users)), any(restarts))
        for key, (keys, users, restarts) in found.items()
    )


def table(rows: list[SecretUse]) -> str:
    """The rows as text, one cluster after the other."""
    if not rows:
        return "no Secret is needed"
    lines = []
    cluster = None
    for row in rows:
        if row.cluster != cluster:
            cluster = row.cluster
            lines.append(f"{cluster}:")
        keys = ", ".join(row.keys) or "as its user wants"
        after = "rotation restarts pods" if row.restart else "rotation is picked up by itself"
        lines.append(
            f"  {row.namespace}/{row.name}  keys: {keys}; for {', '.join(row.users)}; {after}"
        )
    return "\n".join(lines)


def _uses(one: Object) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    kind, spec = one.identity.kind, one.data.get("spec")
    if kind == "ServiceAccount":
        for entry in one.data.get("imagePullSecrets") or ():
            yield entry["name"], PULL_KEYS, False
    if not isinstance(spec, Mapping):
        return
    if kind == "Ingress":
        for entry in spec.get("tls") or ():
            if "secretName" in entry:
                yield entry["secretName"], TLS_KEYS, False
    if kind == "GitRepository" and "secretRef" in spec:
        yield spec["secretRef"]["name"], (), False
    yield from _walk(spec)


def _walk(value: Any) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    if isinstance(value, list):
        for entry in value:
            yield from _walk(entry)
    elif isinstance(value, Mapping):
        yield from _pod(value)
        reference = value.get("secretKeyRef")
        if isinstance(reference, Mapping) and "name" in reference:
            # A variable is read once, when its container starts.
            yield reference["name"], (reference["key"],), True
        for entry in value.values():
            yield from _walk(entry)


def _pod(value: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    if "containers" not in value:
        return
    for entry in value.get("imagePullSecrets") or ():
        yield entry["name"], PULL_KEYS, False
    for volume in value.get("volumes") or ():
        yield from _volume(volume)


def _volume(volume: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    secret = volume.get("secret")
    if isinstance(secret, Mapping) and "secretName" in secret:
        keys = tuple(item["key"] for item in secret.get("items") or ())
        yield secret["secretName"], keys or STORE_KEYS, False
