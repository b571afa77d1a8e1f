"""Containers as template values: the worker's container, field by field of its vocabulary.

Every value of a container is present, None where the field is absent, so that a template only
asks whether a name is set. Root file systems are read-only unless `user:` says otherwise; a
worker then gets a disk-backed `/tmp` of its own, since servers write scratch files there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from compiler.backends.kubernetes_images import Pull
from compiler.backends.kubernetes_scope import Scope
from compiler.model.layout import AUTHORITIES_FILE
from compiler.model.quantity import canonical_quantities
from compiler.model.server import Probe, Probes
from compiler.model.worker import ContainerPort, EnvironmentVariable, User, Worker

_ABSENT: dict[str, Any] = dict.fromkeys(
    (
        "restartPolicy", "command", "args", "env", "ports", "resources", "securityContext",
        "startupProbe", "readinessProbe", "livenessProbe", "volumeMounts",
    )
)  # fmt: skip

_ROOT_NEEDS = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "NET_BIND_SERVICE", "SETGID", "SETUID")
"""What an image that was made for root expects of root, and nothing that reaches the host."""

_AUTHORITY_VARIABLES = (
    "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
)  # fmt: skip
_DEFAULT_USER = User()
_INSIDE = ("localhost", "127.0.0.1", "::1", ".svc", ".cluster.local")


def container(name: str, image: Pull, policy: str, **given: Any) -> dict[str, Any]:
    """A container's values; what is not given is None."""
    return {
        "name": name,
        "image": image.reference,
        "imagePullPolicy": policy,
        **_ABSENT,
        **given,
    }


def worker_container(
    worker: Worker,
    image: Pull,
    scope: Scope,
    *,
    mounts: list[dict[str, Any]],
    probes: Probes,
    args: tuple[str, ...] = (),
    command: tuple[str, ...] = (),
    env: Iterable[EnvironmentVariable] = (),
    ports: Iterable[ContainerPort] = (),
) -> dict[str, Any]:
    """The worker's own container. `args`, `command` and `env` are the server flavour's.

    What the author wrote wins over what a flavour or the site adds.
    """
    return container(
        worker.name,
        image,
        worker.image_pull_policy,
        command=list(worker.command or command) or None,
        args=list(worker.args or args) or None,
        env=_env((*worker.env, *env), scope) or None,
        ports=_ports(ports, host_network=worker.host_network) or None,
        resources=_resources(worker),
        securityContext=_security(worker),
        startupProbe=probe(probes.startup),
        readinessProbe=probe(probes.readiness),
        livenessProbe=probe(probes.liveness),
        volumeMounts=mounts or None,
    )


def site_env(scope: Scope) -> dict[str, str]:
    """Proxy and certificate variables of a site, by name; the proxy's in both cases.

    The certificates replace an image's own, so the site's ConfigMap holds the whole bundle.
    """
    network = scope.network
    found: dict[str, str] = {}
    if network.proxy:
        without = ",".join((*_INSIDE, *network.no_proxy))
        for key in ("HTTP_PROXY", "HTTPS_PROXY"):
            found[key] = found[key.lower()] = network.proxy
        found["NO_PROXY"] = found["no_proxy"] = without
    if network.ca_config_map:
        found.update(dict.fromkeys(_AUTHORITY_VARIABLES, AUTHORITIES_FILE))
    return found


def probe(asked: Probe | None) -> dict[str, Any] | None:
    """A probe as Kubernetes writes it."""
    if asked is None:
        return None
    how = {"path": asked.path, "port": asked.port} if asked.path else {"port": asked.port}
    return {
        "httpGet" if asked.path else "tcpSocket": how,
        "periodSeconds": asked.period,
        "timeoutSeconds": asked.timeout,
        "failureThreshold": asked.failures,
    }


def _env(given: Iterable[EnvironmentVariable], scope: Scope) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for variable in given:
        if variable.name not in found:
            found[variable.name] = _variable(variable)
    for name, value in site_env(scope).items():
        found.setdefault(name, {"name": name, "value": value})
    return list(found.values())


def _variable(variable: EnvironmentVariable) -> dict[str, Any]:
    if not variable.secret:
        # The API server keeps no empty value, and a claim on one would never be met.
        return {"name": variable.name, **({"value": variable.value} if variable.value else {})}
    source = {"secretKeyRef": {"name": variable.secret, "key": variable.key}}
    return {"name": variable.name, "valueFrom": source}


def _ports(ports: Iterable[ContainerPort], *, host_network: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for port in ports:
        entry: dict[str, Any] = {"name": port.name, "containerPort": port.port}
        if host_network:
            # Stated, so that the scheduler keeps two users of one port apart.
            entry["hostPort"] = port.port
        entry["protocol"] = port.protocol
        found.append(entry)
    return found


def _resources(worker: Worker) -> dict[str, Any] | None:
    extended = _extended(worker)
    found = {
        "requests": {**canonical_quantities(worker.requests), **extended},
        "limits": {**canonical_quantities(worker.limits), **extended},
    }
    return {key: value for key, value in found.items() if value} or None


def _extended(worker: Worker) -> dict[str, str]:
    counts = Counter(device.resource for device in worker.devices if device.resource)
    found = {resource: str(count) for resource, count in counts.items()}
    accelerator = worker.accelerator
    if accelerator and accelerator.resource:
        found[accelerator.resource] = str(accelerator.count)
    return found


def _security(worker: Worker) -> dict[str, Any] | None:
    """None for the default user on a read-only root, which templates spell out."""
    if any(not device.resource for device in worker.devices):
        # The API refuses allowPrivilegeEscalation: false beside it.
        return {"privileged": True, **_identity(worker.user)}
    if worker.user == _DEFAULT_USER:
        return None
    dropped: dict[str, Any] = {"drop": ["ALL"]}
    if worker.user.uid == 0:
        dropped["add"] = list(_ROOT_NEEDS)
    return {
        **_identity(worker.user),
        "allowPrivilegeEscalation": False,
        "capabilities": dropped,
    }


def _identity(user: User) -> dict[str, Any]:
    return {
        "runAsNonRoot": user.uid != 0,
        "runAsUser": user.uid,
        "runAsGroup": user.gid,
        "readOnlyRootFilesystem": user.read_only_root,
    }
