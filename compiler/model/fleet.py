"""The fleet after resolution: clusters, sites and hosts with every default applied.

Pure data. `Site.facts` is what `where` matches on; nothing here selects or places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from compiler.model.diagnostics import Span
from compiler.model.record import dataclass
from compiler.model.worker import Accelerator

Layer = Literal["cloud", "edge"]
KEEP_PREVIOUS = 1
"""Versions before the one that serves that a store keeps where a profile does not say."""
ARGOCD_S_OWN = ("https://kubernetes.default.svc", "in-cluster")
"""Address and name by which Argo CD calls the cluster that it runs on."""


@dataclass(frozen=True, slots=True)
class Repository:
    """The Git repository that a cluster's engine reads. `secret` is a name, never a value."""

    url: str
    branch: str
    path: str
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Gitops:
    """Who applies the output: `engine` is argocd or flux, `unit` what is applied as one.

    Without `wait` Flux calls a unit ready once it is applied, healthy or not.
    """

    engine: Literal["argocd", "flux"]
    unit: Literal["site", "shard"] = "site"
    shards: int = 0
    wait: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One cluster of one environment. With `each_site`, one per site and `site` names it.

    `kubernetes` lists every minor version in use, `provides` maps an installed system
    (`kubeedge`, `sedna`, `kserve`, `argo-workflows`, `trainer`) to its version.
    `target` is the directory of its output below the output folder.
    """

    name: str
    target: str
    namespace: str
    gitops: Gitops
    repository: Repository
    kubernetes: tuple[str, ...]
    provides: Mapping[str, str] = field(default_factory=dict)
    crds: Literal["install", "assume"] = "assume"
    reporting: str = "store"
    destination: Mapping[str, str] = field(default_factory=dict)
    context: str = ""
    each_site: bool = False
    site: str = ""
    span: Span | None = field(default=None, compare=False)

    @property
    def kubeedge(self) -> bool:
        """True where KubeEdge joins the edge nodes, so that node roles tell cloud from edge."""
        return "kubeedge" in self.provides

    @property
    def place(self) -> str:
        """What messages call it: its name, with the site where each site is a cluster."""
        return f"{self.name}/{self.site}" if self.site else self.name

    @property
    def names(self) -> frozenset[str]:
        """What a command line may call it."""
        return frozenset((self.name, self.place))

    @property
    def argocd_elsewhere(self) -> bool:
        """Whether Argo CD runs on another cluster than the one that it applies to."""
        named = {one for one in self.destination.values() if one}
        return self.gitops.engine == "argocd" and bool(named - set(ARGOCD_S_OWN))


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A hardware class. Quantities are Kubernetes text; `devices` maps a path to its resource.

    `taints` are `key=value:Effect` or `key:Effect`. `cache` is the host directory of the
    artifact store, `previous` how many versions before the one that serves stay in it.
    """

    name: str
    arch: str
    cpu: str
    memory: str
    disk: str = ""
    accelerator: Accelerator | None = None
    devices: Mapping[str, str] = field(default_factory=dict)
    reserved_cpu: str = "0"
    reserved_memory: str = "0"
    reserved_disk: str = "0"
    taints: tuple[str, ...] = ()
    cache: str = "/var/lib/edgewright"
    previous: int = KEEP_PREVIOUS
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Host:
    """One node of a site: `name` is its node name, `address` an IP or DNS name, or empty."""

    name: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Registry:
    """How a site pulls images of one registry host: pull `secret` by name, `mirror` host."""

    host: str
    secret: str = ""
    mirror: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """The way out of a site: proxy URL without credentials, exceptions, extra CA bundle."""

    proxy: str = ""
    no_proxy: tuple[str, ...] = ()
    ca_config_map: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One place where work runs, on one cluster.

    `facts` are labels plus site, profile, layer and cluster; `link_rate` is text such as
    `20Mbit/s`, `link_window` is `HH:MM-HH:MM`.
    """

    name: str
    cluster: str
    layer: Layer
    profile: Profile
    hosts: tuple[Host, ...] = ()
    node_selector: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    vars: Mapping[str, str] = field(default_factory=dict)
    timezone: str = ""
    link_rate: str = ""
    link_window: str = ""
    network: Network = Network()
    facts: Mapping[str, str] = field(default_factory=dict)
    span: Span | None = field(default=None, compare=False)
