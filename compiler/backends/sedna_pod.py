"""The pod specification of a Sedna worker, as one value of its template.

Sedna's pod templates have no metadata: the API server drops labels and annotations there. The
specification is one value because a job holds it three times over and templates know no macro.
Security settings stand on the container and not on the pod, where they would also bind the
download that Sedna adds as an init container of its own. Emits no object.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from compiler.backends.sedna_image import Pull, pull
from compiler.model.backend import EmitContext
from compiler.model.fleet import Network, Site
from compiler.model.layout import AUTHORITIES, AUTHORITIES_FILE, VIEW
from compiler.model.manifest import Reference
from compiler.model.member import Member
from compiler.model.names import short_hash
from compiler.model.record import dataclass
from compiler.model.worker import ConfigFile, EnvironmentVariable, Volume, Worker

EDGE_ROLE = "node-role.kubernetes.io/edge"
HOSTNAME = "kubernetes.io/hostname"
SCRATCH = "/tmp"  # noqa: S108 - a path inside the container
SCRATCH_LIMIT = "1Gi"

_ROOT_NEEDS = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "NET_BIND_SERVICE", "SETGID", "SETUID")
_AUTHORITY_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")
_FOREIGN = re.compile(r"[^A-Za-z0-9._-]")
_INSIDE = ("localhost", "127.0.0.1", "::1", ".svc", ".cluster.local")


def pod(
    member: Member, context: EmitContext, *, host_network: bool, config: str = ""
) -> dict[str, Any]:
    """The `spec` of a member's pod template.

    `host_network` is true where Sedna forces it. `config` is the key of the draft that holds the
    worker's texts, needed where `texts(worker)` is not empty.
    """
    worker, site = member.worker, context.sites[member.place.site]
    network = context.networks.get(site.name) or site.network
    image = pull(worker.image, site.name, context)
    on_host = worker.host_network or host_network
    mounted = [*_mounted(worker, network), *_config(worker, config)]
    spec = {
        "nodeName": host(member, site),
        **_placement(member, site, context),
        "hostNetwork": on_host or None,
        "dnsPolicy": "ClusterFirstWithHostNet" if on_host else None,
        "runtimeClassName": worker.accelerator.runtime_class if worker.accelerator else None,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "imagePullSecrets": [{"name": image.secret}] if image.secret else None,
        "containers": [_container(worker, image, network, [m.mount for m in mounted])],
        "volumes": [m.volume for m in mounted] or None,
    }
    return _present(spec)


def host(member: Member, site: Site) -> str:
    """The node that a member runs on; empty where its site leaves a choice."""
    if member.place.host:
        return member.place.host
    return site.hosts[0].name if len(site.hosts) == 1 else ""


def texts(worker: Worker) -> dict[str, str]:
    """The data of a worker's ConfigMap: its files and its params, by key."""
    return {_key(file.path): file.content for file in _files(worker)}


@dataclass(frozen=True, slots=True)
class _Mount:
    volume: dict[str, Any]
    mount: dict[str, Any]


def _placement(member: Member, site: Site, context: EmitContext) -> dict[str, Any]:
    edge = member.place.layer == "edge"
    terms: list[dict[str, Any]] = []
    if context.cluster_of(site.name).kubeedge:
        terms.append({"key": EDGE_ROLE, "operator": "Exists" if edge else "DoesNotExist"})
    if site.hosts and not host(member, site):
        names = [one.name for one in site.hosts]
        terms.append({"key": HOSTNAME, "operator": "In", "values": names})
    required = {"nodeSelectorTerms": [{"matchExpressions": terms}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    return {
        "nodeSelector": dict(site.node_selector),
        "affinity": affinity if terms else None,
        "tolerations": list(_tolerations(site, edge=edge)),
    }


def _tolerations(site: Site, *, edge: bool) -> Iterator[dict[str, str]]:
    for taint in site.profile.taints:
        key_value, _, effect = taint.rpartition(":")
        key, equals, value = key_value.partition("=")
        match = {"operator": "Equal", "value": value} if equals else {"operator": "Exists"}
        yield {"key": key, **match, "effect": effect}
    # Without these the control plane evicts after 300 s what an offline node keeps running.
    for state in ("not-ready", "unreachable") if edge else ():
        key = f"node.kubernetes.io/{state}"
        yield {"key": key, "operator": "Exists", "effect": "NoExecute"}


def _container(
    worker: Worker, image: Pull, network: Network, mounts: list[dict[str, Any]]
) -> dict[str, Any]:
    ports = [
        {"name": port.name, "containerPort": port.port, "protocol": port.protocol}
        for port in worker.ports
    ]
    return _present(
        {
            "name": worker.name,
            "image": image.reference,
            "imagePullPolicy": worker.image_pull_policy,
            "command": list(worker.command),
            "args": list(worker.args),
            "env": _env(worker.env, network),
            "ports": ports,
            "resources": _resources(worker),
            "securityContext": _security(worker),
            "volumeMounts": mounts,
        }
    )


def _env(given: Iterable[EnvironmentVariable], network: Network) -> list[dict[str, Any]]:
    found = {variable.name: _variable(variable) for variable in given}
    for key, value in _site_env(network).items():
        found.setdefault(key, {"name": key, "value": value})
    return list(found.values())


def _variable(variable: EnvironmentVariable) -> dict[str, Any]:
    if not variable.secret:
        return {"name": variable.name, "value": variable.value or ""}
    source = {"secretKeyRef": {"name": variable.secret, "key": variable.key}}
    return {"name": variable.name, "valueFrom": source}


def _site_env(network: Network) -> dict[str, str]:
    found: dict[str, str] = {}
    if network.proxy:
        for key in ("HTTP_PROXY", "HTTPS_PROXY"):
            found[key] = found[key.lower()] = network.proxy
        found["NO_PROXY"] = found["no_proxy"] = ",".join((*_INSIDE, *network.no_proxy))
    if network.ca_config_map:
        found.update(dict.fromkeys(_AUTHORITY_VARIABLES, AUTHORITIES_FILE))
    return found


def _resources(worker: Worker) -> dict[str, Any]:
    counts = Counter(device.resource for device in worker.devices if device.resource)
    extended = {resource: str(count) for resource, count in counts.items()}
    if worker.accelerator and worker.accelerator.resource:
        extended[worker.accelerator.resource] = str(worker.accelerator.count)
    return _present(
        {"requests": {**worker.requests, **extended}, "limits": {**worker.limits, **extended}}
    )


def _security(worker: Worker) -> dict[str, Any]:
    user = worker.user
    identity = {
        "runAsNonRoot": user.uid != 0,
        "runAsUser": user.uid,
        "runAsGroup": user.gid,
        "readOnlyRootFilesystem": user.read_only_root,
    }
    if any(not device.resource for device in worker.devices):
        return {"privileged": True, **identity}
    capabilities: dict[str, Any] = {"drop": ["ALL"]}
    if user.uid == 0:
        capabilities["add"] = list(_ROOT_NEEDS)
    return {**identity, "allowPrivilegeEscalation": False, "capabilities": capabilities}


def _mounted(worker: Worker, network: Network) -> Iterator[_Mount]:
    for index, volume in enumerate(worker.volumes):
        yield _mount(f"volume-{index}", volume.path, _source(volume), read_only=volume.read_only)
    for index, device in enumerate(d for d in worker.devices if not d.resource):
        source = {"hostPath": {"path": device.path, "type": "CharDevice"}}
        yield _mount(f"device-{index}", device.path, source)
    taken = {posixpath.normpath(volume.path) for volume in worker.volumes}
    if worker.user.read_only_root and SCRATCH not in taken:
        yield _mount("scratch", SCRATCH, {"emptyDir": {"sizeLimit": SCRATCH_LIMIT}})
    if network.ca_config_map:
        source = {"configMap": {"name": network.ca_config_map}}
        yield _mount("ca", AUTHORITIES, source, read_only=True)


def _source(volume: Volume) -> dict[str, Any]:
    if volume.kind == "memory":
        return {"emptyDir": {"medium": "Memory", "sizeLimit": volume.size}}
    kind = "DirectoryOrCreate" if volume.create else "Directory"
    return {"hostPath": {"path": volume.source, "type": kind}}


def _mount(key: str, path: str, source: dict[str, Any], *, read_only: bool = False) -> _Mount:
    mount: dict[str, Any] = {"name": key, "mountPath": path}
    if read_only:
        mount["readOnly"] = True
    return _Mount({"name": key, **source}, mount)


def _config(worker: Worker, config: str) -> Iterator[_Mount]:
    """One volume per directory of the worker's texts: a mounted file would never be updated."""
    directories: dict[str, list[dict[str, str]]] = {}
    for file in _files(worker):
        directory, base = posixpath.split(posixpath.normpath(file.path))
        directories.setdefault(directory, []).append({"key": _key(file.path), "path": base})
    for index, (directory, items) in enumerate(directories.items()):
        source = {"configMap": {"name": Reference(config), "items": items}}
        yield _mount(f"files-{index}", directory, source, read_only=True)


def _files(worker: Worker) -> tuple[ConfigFile, ...]:
    if not worker.params:
        return worker.files
    text = json.dumps(worker.params, indent=2, ensure_ascii=False) + "\n"
    return (*worker.files, ConfigFile(f"{VIEW}/params.json", text))


def _key(path: str) -> str:
    """A key of a ConfigMap: the file's own name behind a hash that keeps two of them apart."""
    return f"{short_hash(path)}-{_FOREIGN.sub('_', posixpath.basename(path))}"


def _present(values: dict[str, Any]) -> dict[str, Any]:
    """Without what is absent or empty."""
    return {key: value for key, value in values.items() if value not in (None, "", [], {})}
