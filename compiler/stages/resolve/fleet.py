"""Turns the fleet section into clusters and sites with every default applied.

Part of `resolve`. Checks what can only be seen of the fleet as a whole: dangling clusters and
profiles, hosts listed twice, versions that do not go together. Places and selects nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from compiler.model.codes import fleet as codes
from compiler.model.diagnostics import Code, Diagnostics, Related, Span
from compiler.model.fleet import (
    KEEP_PREVIOUS,
    Cluster,
    Gitops,
    Host,
    Network,
    Profile,
    Repository,
    Site,
)
from compiler.model.record import dataclass
from compiler.model.spec.fleet import ClusterSpec, FleetSpec, NetworkSpec, ProfileSpec, SiteSpec
from compiler.model.spec.spec import Spec
from compiler.model.suggest import did_you_mean
from compiler.model.timezones import timezones
from compiler.model.worker import Accelerator

KUBEEDGE_SUPPORTS = {"1.23": ("1.30", "1.31", "1.32")}
"""Kubernetes minors that a KubeEdge minor is tested against, oldest first."""

DEFAULT_CACHE = "/var/lib/edgewright"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an environment says about the fleet: its name, namespace, definitions, project."""

    project: str
    environment: str
    namespace: str
    crds: str = ""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Clusters by name (by `<cluster>/<site>` where each site is one), sites by name."""

    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    sites: Mapping[str, Site] = field(default_factory=dict)


def resolve_sites(spec: Spec, diagnostics: Diagnostics) -> dict[str, Site]:
    """Every site of the fleet, by name, in name order; sites with faults are left out."""
    builder = _Builder(spec, diagnostics)
    profiles = {name: profile(name, entry) for name, entry in spec.fleet.profiles.items()}
    sites = {}
    for name, entry in sorted(spec.fleet.sites.items()):
        site = builder.site(name, entry, profiles)
        if site is not None:
            sites[name] = site
    _hosts_once(sites.values(), diagnostics)
    return sites


def resolve_clusters(
    spec: Spec, settings: Settings, sites: Iterable[Site], diagnostics: Diagnostics
) -> dict[str, Cluster]:
    """Every cluster with a site here; one for each of its sites where `each: site`.

    A cluster none of whose sites belong to the environment holds nothing of it, so it neither
    gets the project's records nor installs definitions. Where there is no site at all, all stay.
    """
    clusters: dict[str, Cluster] = {}
    used = {site.cluster for site in sites}
    for name, entry in sorted(spec.fleet.clusters.items()):
        _versions(name, entry, diagnostics)
        _sharding(name, entry, diagnostics)
        if entry.each is None and used and name not in used:
            continue
        if entry.each is None:
            clusters[name] = _cluster(name, entry, settings, "")
            continue
        for site in sites:
            if site.cluster == name:
                clusters[f"{name}/{site.name}"] = _cluster(name, entry, settings, site.name)
    return clusters


def profile(name: str, entry: ProfileSpec) -> Profile:
    """A hardware class with its defaults."""
    accelerator = entry.accelerator
    return Profile(
        name=name,
        arch=entry.arch,
        cpu=entry.cpu,
        memory=entry.memory,
        disk=entry.disk or "",
        accelerator=Accelerator(
            accelerator.name,
            accelerator.count,
            accelerator.resource,
            accelerator.runtime_class or "",
        )
        if accelerator
        else None,
        devices={path: device.resource or "" for path, device in entry.devices.items()},
        reserved_cpu=entry.reserved.cpu or "0",
        reserved_memory=entry.reserved.memory or "0",
        reserved_disk=entry.reserved.disk or "0",
        taints=tuple(entry.taints),
        cache=(entry.cache.host_path if entry.cache else None) or DEFAULT_CACHE,
        previous=entry.cache.previous if entry.cache else KEEP_PREVIOUS,
        span=entry.span,
    )


def network(*nearest_first: NetworkSpec | None) -> Network:
    """The nearest network settings; they are not merged."""
    for entry in nearest_first:
        if entry is not None:
            return Network(
                entry.proxy or "",
                tuple(entry.no_proxy),
                entry.ca.config_map if entry.ca else "",
            )
    return Network()


@dataclass(slots=True)
class _Builder:
    spec: Spec
    diagnostics: Diagnostics
    told: set[tuple[str, Span | None]] = field(default_factory=set)

    def site(self, name: str, entry: SiteSpec, profiles: Mapping[str, Profile]) -> Site | None:
        fleet = self.spec.fleet
        cluster = fleet.clusters.get(entry.cluster)
        if cluster is None:
            self._unknown(
                codes.UNKNOWN_CLUSTER, name, "cluster", entry, entry.cluster, fleet.clusters
            )
        if entry.profile not in profiles:
            self._unknown(codes.UNKNOWN_PROFILE, name, "profile", entry, entry.profile, profiles)
        if cluster is None or entry.profile not in profiles:
            return None
        link = entry.link
        self._check_timezone(entry, cluster, fleet)
        return Site(
            name=name,
            cluster=entry.cluster,
            layer=entry.layer,
            profile=profiles[entry.profile],
            hosts=tuple(Host(host, h.address or "") for host, h in entry.hosts.items()),
            node_selector=entry.node_selector,
            labels=entry.labels,
            vars=entry.vars,
            timezone=entry.timezone or cluster.timezone or fleet.timezone or "",
            link_rate=(link.rate if link else None) or "",
            link_window=(link.window if link else None) or "",
            network=network(entry.network, cluster.network, fleet.network),
            facts={
                **entry.labels,
                "site": name,
                "profile": entry.profile,
                "layer": entry.layer,
                "cluster": entry.cluster,
            },
            span=entry.span,
        )

    def _check_timezone(self, entry: SiteSpec, *above: ClusterSpec | FleetSpec) -> None:
        said = next((one for one in (entry, *above) if one.timezone), None)
        if said is None or said.timezone is None or said.timezone in timezones():
            return
        span = said.span_of("timezone")
        if (said.timezone, span) not in self.told:
            self.told.add((said.timezone, span))
            self.diagnostics.add(
                codes.UNKNOWN_TIMEZONE,
                f"there is no time zone {said.timezone}",
                span,
                did_you_mean(said.timezone, sorted(timezones())),
            )

    def _unknown(
        self,
        code: Code,
        site: str,
        attribute: str,
        entry: SiteSpec,
        value: str,
        known: Iterable[str],
    ) -> None:
        names = sorted(known)
        listed = ", ".join(names[:8]) or "none is defined"
        self.diagnostics.add(
            code,
            f"{attribute} {value} of site {site} is not defined; there are: {listed}",
            entry.span_of(attribute),
            did_you_mean(value, names),
        )


def _cluster(name: str, entry: ClusterSpec, settings: Settings, site: str) -> Cluster:
    parts = (settings.project, settings.environment, name, site)
    filled = {"{environment}": settings.environment, "{project}": settings.project}
    repo = entry.repo
    return Cluster(
        name=name,
        target="/".join(part for part in parts if part),
        namespace=settings.namespace,
        gitops=Gitops(
            entry.gitops.engine, entry.gitops.unit, entry.gitops.shards or 0, entry.gitops.wait
        ),
        repository=Repository(
            repo.url, _fill(repo.branch, filled), _fill(repo.path, filled), repo.secret or ""
        ),
        kubernetes=tuple(entry.kubernetes),
        provides=dict(entry.provides),
        crds="install" if (settings.crds or entry.crds) == "install" else "assume",
        reporting=entry.reporting,
        destination=_destination(entry, site),
        context=_fill(entry.context or "", {**filled, "{site}": site}),
        each_site=entry.each is not None,
        site=site,
        span=entry.span,
    )


def _destination(entry: ClusterSpec, site: str) -> dict[str, str]:
    if entry.destination is None:
        return {}
    return {
        key: value
        for key, value in (
            ("name", _fill(entry.destination.name or "", {"{site}": site})),
            ("server", entry.destination.server),
        )
        if value
    }


def _fill(text: str, values: Mapping[str, str]) -> str:
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


def _versions(name: str, entry: ClusterSpec, diagnostics: Diagnostics) -> None:
    kubeedge = entry.provides.get("kubeedge", "")
    supported = KUBEEDGE_SUPPORTS.get(kubeedge)
    if supported is None:
        return
    for version in entry.kubernetes:
        if version not in supported:
            diagnostics.add(
                codes.KUBEEDGE_VERSIONS,
                f"KubeEdge {kubeedge} supports Kubernetes {supported[0]} to {supported[-1]}, "
                f"not {version}; keep {name} at {supported[-1]} until provides.kubeedge is raised",
                entry.span_of("kubernetes"),
            )


def _sharding(name: str, entry: ClusterSpec, diagnostics: Diagnostics) -> None:
    gitops = entry.gitops
    if gitops.unit == "shard" and entry.each is not None:
        diagnostics.add(
            codes.EACH_SITE_LAYER,
            f"unit: shard groups sites of one cluster, but {name} is one cluster per site",
            gitops.span_of("unit"),
            "use unit: site",
        )


def _hosts_once(sites: Iterable[Site], diagnostics: Diagnostics) -> None:
    seen: dict[tuple[str, str], tuple[str, Span | None]] = {}
    for site in sites:
        for host in site.hosts:
            first = seen.setdefault((site.cluster, host.name), (site.name, site.span))
            if first[0] == site.name:
                continue
            related = (Related(first[1], f"first listed by {first[0]}"),) if first[1] else ()
            diagnostics.add(
                codes.HOST_TWICE,
                f"host {host.name} belongs to {first[0]} and {site.name}",
                site.span,
                "remove it from one of them",
                related,
            )
