"""A real control plane on loopback: etcd, API server and, where asked, scheduler and controllers.

Everything lies in one folder that the caller owns: certificates, tokens, logs and the store.
No node, engine or definition is there until somebody adds it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import trustme
from urllib3.exceptions import HTTPError

from tests.cluster.api import Api, RefusedError
from tests.cluster.build import binary
from tests.cluster.process import Server, await_true, free_port, listens

HOST = "127.0.0.1"
ADMINISTRATOR = "administrator"
FLUX, ARGO, KUBELET = "flux", "argo", "kubelet"
"""Users of the engines and of the node stand-in, so that an audit log tells them apart."""
NOBODY = "nobody"
"""A user whom no role names."""
_MASTERS = dict.fromkeys((ADMINISTRATOR, FLUX, ARGO, KUBELET), "system:masters")
_GROUPS = {**_MASTERS, NOBODY: "people"}
_AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [
        {"level": "Metadata", "users": [FLUX, ARGO]},
        {"level": "None"},
    ],
}
"""One line for each request of an engine, with verb, resource, address and answer."""


@dataclass(slots=True)
class ControlPlane:
    """A running control plane; `stop` ends every process that was started through it."""

    folder: Path
    url: str
    servers: list[Server] = field(default_factory=list)

    @property
    def authority(self) -> Path:
        """The certificate of the authority that signed the server's own."""
        return self.folder / "authority.pem"

    @property
    def store(self) -> Path:
        """The folder of etcd's data."""
        return self.folder / "store"

    def api(self, user: str = ADMINISTRATOR) -> Api:
        """A client of the server as one of its users."""
        return Api(self.url, _token(user), str(self.authority))

    def kubeconfig(self, user: str = ADMINISTRATOR) -> Path:
        """A kubeconfig file for one of the users, with one context named after the user."""
        path = self.folder / f"{user}.kubeconfig"
        cluster = {"server": self.url, "certificate-authority": str(self.authority)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": user,
            "clusters": [{"name": "tier", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": _token(user)}}],
            "contexts": [{"name": user, "context": {"cluster": "tier", "user": user}}],
        }
        path.write_text(json.dumps(config), encoding="utf-8")
        return path

    def start(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str] = {}
    ) -> Server:
        """Start a part that belongs to this control plane, and end it with it."""
        log = self.folder / "logs" / f"{len(self.servers):02}-{name}.log"
        server = Server(name, [str(binary(name)), *arguments], log, environment)
        self.servers.append(server)
        return server

    def start_scheduler(self) -> Server:
        """Start the scheduler; returns once it answers."""
        port = free_port()
        server = self.start("kube-scheduler", [*self._leaderless(port), *_swift()])
        server.ready(lambda: listens(port))
        return server

    def start_controllers(self, *, evict: bool = False) -> Server:
        """Start the controller manager; returns once it answers.

        The controller that finds nodes silent is left out: nodes here have no kubelet that could
        be. With `evict`, the one that takes pods off a tainted node is there.
        """
        port = free_port()
        absent = ["node-lifecycle-controller", *([] if evict else ["taint-eviction-controller"])]
        arguments = [
            *self._leaderless(port),
            *_swift(),
            f"--controllers=*,{','.join(f'-{one}' for one in absent)}",
            f"--service-account-private-key-file={self.folder / 'key.pem'}",
            "--concurrent-deployment-syncs=20",
            "--concurrent-replicaset-syncs=20",
        ]
        server = self.start("kube-controller-manager", arguments)
        server.ready(lambda: listens(port))
        return server

    def stop(self) -> None:
        """End every process, last started first."""
        for server in reversed(self.servers):
            server.stop()
        self.servers.clear()

    def _leaderless(self, port: int) -> list[str]:
        config = self.kubeconfig()
        return [
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            "--leader-elect=false",
            f"--bind-address={HOST}",
            f"--secure-port={port}",
            f"--cert-dir={self.folder}",
        ]


def start(folder: Path, store: Path | None = None, *, audit: bool = False) -> ControlPlane:
    """Start etcd and an API server in an empty folder; returns once the server is ready.

    `store` is a stopped etcd's data, copied before it is used. With `audit`, the requests of the
    engines are lines of JSON in `audit.log` of the folder.

    Raises:
        DeadError: one of them did not come up.
        UnbuildableError: a part cannot be built on this machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _certify(folder)
    lines = [f"{_token(user)},{user},{user},{group}" for user, group in _GROUPS.items()]
    (folder / "tokens.csv").write_text("\n".join(lines) + "\n")
    port = free_port()
    plane = ControlPlane(folder, f"https://{HOST}:{port}")
    if store is not None:
        shutil.copytree(store, plane.store)
    try:
        _start_server(plane, port, _start_store(plane), audit=audit)
    except BaseException:
        plane.stop()
        raise
    return plane


def define(api: Api, definitions: Iterable[Mapping[str, Any]]) -> None:
    """Apply CustomResourceDefinitions and wait until all of them are served."""
    given = list(definitions)
    for definition in given:
        api.apply(definition)
    for definition in given:
        name = definition["metadata"]["name"]
        await_true(partial(_established, api, definition), 60, f"{name} is established")


def _established(api: Api, definition: Mapping[str, Any]) -> bool:
    found = api.call("GET", api.path_of(definition))
    return any(
        condition["type"] == "Established" and condition["status"] == "True"
        for condition in found.get("status", {}).get("conditions") or ()
    )


def _start_store(plane: ControlPlane) -> str:
    client, peer = (f"http://{HOST}:{free_port()}" for _ in range(2))
    arguments = [
        f"--data-dir={plane.store}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--quota-backend-bytes=4294967296",
        "--log-level=warn",
    ]
    plane.start("etcd", arguments).ready(lambda: listens(int(client.rpartition(":")[2])))
    return client


def _start_server(plane: ControlPlane, port: int, store: str, *, audit: bool) -> None:
    folder = plane.folder
    arguments = [
        f"--etcd-servers={store}",
        f"--bind-address={HOST}",
        f"--advertise-address={HOST}",
        f"--secure-port={port}",
        f"--tls-cert-file={folder / 'server.pem'}",
        f"--tls-private-key-file={folder / 'key.pem'}",
        f"--service-account-key-file={folder / 'key.pem'}",
        f"--service-account-signing-key-file={folder / 'key.pem'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        # Every installer of clusters says so; what a namespace may run is up to PodSecurity.
        "--allow-privileged=true",
        "--service-cluster-ip-range=10.0.0.0/16",
        # Pods here use no token, and nodes have no kubelet that would lift a taint.
        "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
        # The tier asks faster than any fleet would; fairness among its few clients is no subject.
        "--enable-priority-and-fairness=false",
    ]
    if audit:
        policy = folder / "audit.json"
        policy.write_text(json.dumps(_AUDIT), encoding="utf-8")
        log = folder / "audit.log"
        arguments += [f"--audit-policy-file={policy}", f"--audit-log-path={log}"]
    server = plane.start("kube-apiserver", arguments)
    api = plane.api()

    def ready() -> bool:
        with suppress(RefusedError, HTTPError):
            return bool(api.call("GET", "/readyz") == "ok")
        return False

    server.ready(ready)


def _certify(folder: Path) -> None:
    authority = trustme.CA(key_type=trustme.KeyType.RSA)
    own = authority.issue_cert(HOST, "localhost", key_type=trustme.KeyType.RSA)
    authority.cert_pem.write_to_path(folder / "authority.pem")
    own.private_key_pem.write_to_path(folder / "key.pem")
    for blob in own.cert_chain_pems:
        blob.write_to_path(folder / "server.pem", append=True)


def _swift() -> list[str]:
    return ["--kube-api-qps=2000", "--kube-api-burst=4000"]


def _token(user: str) -> str:
    return f"the-{user}-of-this-tier"
