"""The fleet as written: clusters, hardware profiles, sites with their hosts and links.

References between them, defaults and inheritance are resolved by a later stage.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from compiler.model.codes import spec as codes
from compiler.model.fleet import KEEP_PREVIOUS
from compiler.model.spec.base import OneOrMany, SpecModel, fault
from compiler.model.spec.names import (
    Address,
    ClusterName,
    ClusterSecretName,
    ConfigMapName,
    ContextName,
    DestinationName,
    HostName,
    LabelKey,
    LabelValue,
    MinorVersion,
    Name,
    ProfileName,
    RegistryHost,
    ResourceName,
    SystemName,
    VariableName,
    Version,
    Word,
)
from compiler.model.spec.scalars import (
    AbsolutePath,
    BitRate,
    Branch,
    Count,
    FilePath,
    Line,
    Quantity,
    SiteVariable,
    Taint,
    Timezone,
    TreePath,
    Url,
    Window,
)


class CertificateAuthoritySpec(SpecModel):
    """An extra bundle of certificate authorities."""

    config_map: ConfigMapName = Field(description="The ConfigMap that holds the bundle.")


class NetworkSpec(SpecModel):
    """The way out of a site; the nearest of site, cluster and fleet wins."""

    proxy: Url | None = Field(
        None, description="The proxy for outgoing connections, without credentials."
    )
    no_proxy: tuple[Line, ...] = Field(
        (), description="Hosts and networks reached without the proxy."
    )
    ca: CertificateAuthoritySpec | None = Field(
        None, description="Certificate authorities to trust besides the image's own."
    )


class RegistrySpec(SpecModel):
    """How images of one registry are pulled."""

    secret: ClusterSecretName | None = Field(None, description="The pull Secret.")
    mirror: RegistryHost | None = Field(
        None, description="The host that images are pulled from instead."
    )


class GitopsSpec(SpecModel):
    """What applies the output on a cluster."""

    engine: Literal["argocd", "flux"] = Field(description="The engine that reconciles the cluster.")
    unit: Literal["site", "shard"] = Field(
        "site", description="What is applied as one: each site, or a shard of sites."
    )
    shards: Count | None = Field(None, description="The number of shards, where the unit is shard.")
    wait: bool = Field(
        True,
        description="With Flux: a unit is ready once what it applied is healthy; false: once it is "
        "applied, so that sites that are off hold up no other.",
    )

    @model_validator(mode="after")
    def _flux_waits(self) -> Self:
        if self.engine != "flux" and not self.wait:
            raise fault(
                codes.CONTRADICTION,
                "wait: false has a meaning only with engine: flux; Argo CD never waits for health",
            )
        return self

    @model_validator(mode="after")
    def _shards_need_unit(self) -> Self:
        if (self.unit == "shard") is (self.shards is None):
            raise fault(
                codes.CONTRADICTION,
                "unit: shard needs shards: NUMBER, and shards has a meaning only there",
            )
        return self


class RepositorySpec(SpecModel):
    """The Git repository that the engine reads."""

    url: Url = Field(description="The repository's address, without credentials.")
    branch: Branch = Field("main", description="The branch that the engine follows.")
    path: TreePath = Field(
        "generated", description="The directory of the output in the repository."
    )
    secret: ClusterSecretName | None = Field(
        None, description="The Secret that the engine reads the repository with."
    )


class DestinationSpec(SpecModel):
    """The name or address by which Argo CD knows the cluster."""

    name: DestinationName | None = Field(
        None, description="The cluster's name in Argo CD; with each: site it must hold {site}."
    )
    server: Url | None = Field(None, description="The address of the cluster's API server.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.name is None) is (self.server is None):
            raise fault(codes.EXCLUSIVE_KEYS, "destination is either {name: …} or {server: …}")
        return self


KubernetesVersions = Annotated[OneOrMany[MinorVersion], Field(min_length=1)]


class ClusterSpec(SpecModel):
    """A Kubernetes cluster, or with `each: site` one for each site that names it."""

    each: Literal["site"] | None = Field(
        None, description="site: each site is a cluster of its own."
    )
    gitops: GitopsSpec = Field(description="What applies the output.")
    repo: RepositorySpec = Field(description="Where the output is read from.")
    kubernetes: KubernetesVersions = Field(
        description="The Kubernetes version, or a list of those in use."
    )
    crds: Literal["install", "assume"] = Field(
        "assume", description="install: this spec installs our definitions; assume: they are there."
    )
    provides: dict[SystemName, Version] = Field(
        {}, description="Systems installed on the cluster, with their versions."
    )
    reporting: Literal["store", "kubernetes"] = Field(
        "store",
        description="Where status is written: to the report store only, or to the cluster as well.",
    )
    destination: DestinationSpec | None = Field(
        None, description="How Argo CD addresses the cluster."
    )
    context: ContextName | None = Field(
        None,
        description="The kubeconfig context, for commands that ask the cluster; with each: site "
        "it must hold {site}.",
    )
    timezone: Timezone | None = Field(
        None, description="The time zone of its sites, instead of the fleet's."
    )
    network: NetworkSpec | None = Field(
        None, description="The way out of its sites, instead of the fleet's."
    )

    @model_validator(mode="after")
    def _destination_of_each(self) -> Self:
        name = self.destination.name if self.destination else ""
        by_site = "{site}" in (name or "")
        if by_site and self.each is None:
            raise fault(codes.CONTRADICTION, "destination.name holds {site}, without each: site")
        if self.each and self.destination and self.gitops.engine == "argocd" and not by_site:
            raise fault(
                codes.CONTRADICTION,
                "destination is one cluster for all sites, but with each: site every site is one",
                'write destination: {name: "edge-{site}"}, as Argo CD names them, or leave it '
                "out where each site runs its own Argo CD",
            )
        return self

    @model_validator(mode="after")
    def _context_of_each(self) -> Self:
        by_site = "{site}" in (self.context or "")
        if by_site and self.each is None:
            raise fault(codes.CONTRADICTION, "context holds {site}, without each: site")
        if self.each and self.context and not by_site:
            raise fault(
                codes.CONTRADICTION,
                "context is one cluster for all sites, but with each: site every site is one",
                'write context: "edge-{site}", as the kubeconfig names them, or leave it out',
            )
        return self


class ProfileAcceleratorSpec(SpecModel):
    """The accelerators of a hardware class."""

    name: Word = Field(description="The name that models and workers ask for.")
    count: Count = Field(1, description="How many units each host has.")
    resource: ResourceName = Field(description="The extended resource that a device plugin offers.")
    runtime_class: Name | None = Field(
        None, description="The runtime class that exposes it to containers."
    )


class ProfileDeviceSpec(SpecModel):
    """How a device file is given to containers."""

    resource: ResourceName | None = Field(
        None, description="The extended resource that a device plugin offers for it."
    )


class ReservedSpec(SpecModel):
    """What a host keeps for itself."""

    cpu: Quantity | None = Field(None, description="CPU that workloads cannot have.")
    memory: Quantity | None = Field(None, description="Memory that workloads cannot have.")
    disk: Quantity | None = Field(
        None, description="Disk space that the store cannot have: the system, images, logs."
    )


class CacheSpec(SpecModel):
    """The artifact store of a host."""

    host_path: AbsolutePath | None = Field(
        None, description="The directory on the host; /var/lib/edgewright otherwise."
    )
    previous: int = Field(
        KEEP_PREVIOUS,
        ge=0,
        le=16,
        description="How many versions before the one that serves stay, to return to offline.",
    )


class ProfileSpec(SpecModel):
    """A hardware class: what each host of a site has."""

    arch: Literal["amd64", "arm64", "arm"] = Field(description="The processor architecture.")
    cpu: Quantity = Field(description="The number of CPU cores.")
    memory: Quantity = Field(description="The size of the memory.")
    disk: Quantity | None = Field(
        None, description="The size of the disk that holds the artifact store."
    )
    accelerator: ProfileAcceleratorSpec | None = Field(
        None, description="The accelerator, where there is one."
    )
    devices: dict[AbsolutePath, ProfileDeviceSpec] = Field({}, description="Device files by path.")
    reserved: ReservedSpec = Field(
        default_factory=ReservedSpec, description="What the host keeps for itself."
    )
    taints: tuple[Taint, ...] = Field(
        (), description="Taints of its nodes, which workloads tolerate."
    )
    cache: CacheSpec | None = Field(
        None, description="Where the artifact store lies, and how much of the past it keeps."
    )


class HostSpec(SpecModel):
    """One node of a site."""

    address: Address | None = Field(
        None, description="Its IP address or DNS name, where peers must reach it."
    )


class LinkSpec(SpecModel):
    """The site's connection to the stores."""

    rate: BitRate | None = Field(
        None, description="Its usual speed, for estimates of download times."
    )
    window: Window | None = Field(
        None, description="The time of day in which artifacts may be fetched."
    )


class SiteSpec(SpecModel):
    """A place where work runs."""

    cluster: ClusterName = Field(description="The cluster that the site belongs to.")
    layer: Literal["cloud", "edge"] = Field(
        description="Whether it is in the cloud or at the edge."
    )
    profile: ProfileName = Field(description="The hardware class of its hosts.")
    hosts: dict[HostName, HostSpec] = Field({}, description="Its nodes by name.")
    node_selector: dict[LabelKey, LabelValue] = Field(
        {}, description="Node labels that pick its nodes, where they are not named."
    )
    labels: dict[LabelKey, LabelValue] = Field({}, description="Labels that `where` selects by.")
    vars: dict[VariableName, SiteVariable] = Field(
        {}, description="The site's own values, for {site.vars.NAME}."
    )
    link: LinkSpec | None = Field(None, description="Its connection to the stores.")
    timezone: Timezone | None = Field(
        None, description="Its time zone, instead of the cluster's or fleet's."
    )
    network: NetworkSpec | None = Field(
        None, description="Its way out, instead of the cluster's or fleet's."
    )


class FleetSpec(SpecModel):
    """All places where work runs, and how they are reached."""

    timezone: Timezone | None = Field(
        None, description="The time zone of windows, where a cluster or site has none of its own."
    )
    network: NetworkSpec | None = Field(
        None, description="The way out of every site that has none of its own."
    )
    registries: dict[RegistryHost, RegistrySpec] = Field(
        {}, description="Image registries by host."
    )
    clusters: dict[Name, ClusterSpec] = Field({}, description="Clusters by name.")
    profiles: dict[Name, ProfileSpec] = Field({}, description="Hardware classes by name.")
    sites: dict[Name, SiteSpec] = Field({}, description="Sites by name.")
    sites_from: FilePath | None = Field(
        None,
        description="A CSV file with more sites, relative to this file: the columns name, cluster, "
        "layer and profile, and where wanted hosts (NAME or NAME=ADDRESS, separated by ;), "
        "timezone, link.rate, link.window, labels.KEY and vars.NAME.",
    )
