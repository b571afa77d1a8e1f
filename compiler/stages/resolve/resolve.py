"""One environment of a spec: who is there, what differs on some sites, what every name means.

Applies the environment's choice of sites and the overrides, resolves the fleet, and checks
names across the whole spec. Chooses no backend and makes no nodes; the spec that it gets has
the environment's `set:` merged in already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from compiler.model.codes import fleet as codes
from compiler.model.codes import spec as spec_codes
from compiler.model.diagnostics import Diagnostics, Related, Span
from compiler.model.fleet import Site
from compiler.model.lock import Lock
from compiler.model.marks import Map
from compiler.model.merge import overlay
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved, View
from compiler.model.spec.sections import OverrideSpec
from compiler.model.spec.spec import Spec
from compiler.model.suggest import did_you_mean
from compiler.stages.resolve.fleet import Settings, resolve_clusters, resolve_sites
from compiler.stages.resolve.references import check_references
from compiler.stages.resolve.where import check_where

OVERRIDABLE = ("models", "datasets", "jobs")
Fragment = Callable[[str, str, Any], Any]
"""(section, name, merged mapping) -> the typed entry, or None after reporting its faults."""


def resolve(
    spec: Spec,
    data: Mapping[str, Any],
    environment: str,
    lock: Lock | None,
    fragment: Fragment,
    diagnostics: Diagnostics,
) -> Resolved:
    """Resolve one environment; `data` is the mapping that `spec` was validated from."""
    settings = _settings(spec, environment)
    everywhere = resolve_sites(spec, diagnostics)
    sites = _sites_of(spec, environment, everywhere)
    clusters = resolve_clusters(spec, settings, sites.values(), diagnostics)
    base = View(spec.models, spec.datasets, spec.jobs)
    views = _Overrides(spec, data, base, fragment, diagnostics).views(sites)
    check_where(spec, everywhere, sites, environment, diagnostics)
    resolved = Resolved(
        environment=environment,
        namespace=settings.namespace,
        spec=spec,
        lock=lock,
        clusters=clusters,
        sites=sites,
        base=base,
        views=views,
    )
    for view in resolved.all_views:
        check_references(spec, view, diagnostics)
    return resolved


def check_environments(environments: Sequence[Resolved], diagnostics: Diagnostics) -> None:
    """Report sites and definitions that two environments would own on one cluster."""
    owners: dict[tuple[str, str, str], str] = {}
    overlaps: dict[tuple[str, str, str], list[str]] = {}
    installers: dict[str, str] = {}
    for resolved in environments:
        for site in resolved.sites.values():
            key = (site.cluster, resolved.namespace, site.name)
            first = owners.setdefault(key, resolved.environment)
            if first != resolved.environment:
                overlaps.setdefault((first, resolved.environment, resolved.namespace), []).append(
                    site.name
                )
        _installed_once(resolved, installers, diagnostics)
    _namespaces(environments, {(first, second) for first, second, _ in overlaps}, diagnostics)
    for (first, second, namespace), sites in overlaps.items():
        _overlap(environments, first, second, namespace, sites, diagnostics)


def environment_names(spec: Spec) -> tuple[str, ...]:
    """The environments there are; one called `default` where the spec names none."""
    return tuple(spec.environments) or ("default",)


def _settings(spec: Spec, environment: str) -> Settings:
    entry = spec.environments.get(environment)
    return Settings(
        project=spec.project.name,
        environment=environment,
        namespace=(entry.namespace if entry else None)
        or spec.project.namespace
        or spec.project.name,
        crds=(entry.crds if entry else None) or "",
    )


def _sites_of(spec: Spec, environment: str, everywhere: Mapping[str, Site]) -> dict[str, Site]:
    entry = spec.environments.get(environment)
    if entry is None or entry.where is None:
        return dict(everywhere)
    where = entry.where
    return {name: site for name, site in everywhere.items() if where.matches(site.facts)}


@dataclass(slots=True)
class _Overrides:
    spec: Spec
    data: Mapping[str, Any]
    base: View
    fragment: Fragment
    diagnostics: Diagnostics
    made: dict[tuple[int, ...], View] = field(default_factory=dict)

    def views(self, sites: Mapping[str, Site]) -> dict[str, View]:
        overrides = self.spec.overrides
        if not overrides:
            return {}
        for override in overrides:
            self._check_sections(override)
        views = {}
        for name, site in sites.items():
            matching = tuple(i for i, o in enumerate(overrides) if o.where.matches(site.facts))
            if matching:
                views[name] = self._view(matching)
        return views

    def _view(self, matching: tuple[int, ...]) -> View:
        if matching not in self.made:
            self.made[matching] = self._make([self.spec.overrides[i] for i in matching])
        return self.made[matching]

    def _make(self, overrides: Sequence[OverrideSpec]) -> View:
        sections: dict[str, dict[str, Any]] = {
            "models": dict(self.base.models),
            "datasets": dict(self.base.datasets),
            "jobs": dict(self.base.jobs),
        }
        raw: dict[tuple[str, str], Any] = {}
        overridden: dict[str, Span | None] = {}
        for override, section, name, change in _changes(overrides):
            if name not in sections[section]:
                continue
            overridden[f"{section}.{name}"] = override.span
            if isinstance(change, Map):
                before = raw.get((section, name), self.data[section][name])
                raw[section, name] = overlay(before, change)
            elif change is None:
                del sections[section][name]
                raw.pop((section, name), None)
        for (section, name), merged in raw.items():
            made = self.fragment(section, name, merged)
            if made is not None:
                sections[section][name] = made
        return View(sections["models"], sections["datasets"], sections["jobs"], overridden)

    def _check_sections(self, override: OverrideSpec) -> None:
        for section, entries in override.set.items():
            if section not in OVERRIDABLE:
                self.diagnostics.add(
                    codes.OVERRIDE_SECTION,
                    f"an override cannot set {section}; it can set {', '.join(OVERRIDABLE)}",
                    _key_span(override, section),
                    did_you_mean(section, OVERRIDABLE),
                )
                continue
            self._check_shape(override, section, entries)
            known = self.data.get(section) or {}
            for name, _ in _entries(section, entries):
                if name not in known:
                    self.diagnostics.add(
                        codes.OVERRIDE_UNKNOWN,
                        f"{section}.{name} is not defined, so there is nothing to override",
                        _key_span(override, section, name),
                        did_you_mean(name, known),
                    )

    def _check_shape(self, override: OverrideSpec, section: str, entries: Any) -> None:
        wrong: list[tuple[str, ...]] = [(section,)] if not isinstance(entries, dict) else []
        for name, change in _entries(section, entries):
            if change is not None and not isinstance(change, Map):
                wrong.append((section, name))
        for path in wrong:
            self.diagnostics.add(
                spec_codes.WRONG_TYPE,
                f"the override sets {'.'.join(path)} to something that is no mapping of its keys",
                override.span_of("set", *path),
                "write the keys that differ, as {KEY: VALUE}; null removes an entry on these sites",
            )


def _changes(overrides: Sequence[OverrideSpec]) -> Iterator[tuple[OverrideSpec, str, str, Any]]:
    for override in overrides:
        for section, entries in override.set.items():
            for name, change in _entries(section, entries):
                yield override, section, name, change


def _key_span(override: OverrideSpec, *path: str) -> Span | None:
    # The key is what is misspelt, and in block style its value stands on another line.
    if override.marks is None:
        return None
    marks = override.marks.child("set")
    for step in path[:-1]:
        marks = marks.child(step)
    return marks.key_span(path[-1])


def _entries(section: str, entries: Any) -> list[tuple[str, Any]]:
    if section not in OVERRIDABLE or not isinstance(entries, dict):
        return []
    return list(entries.items())


def _namespaces(
    environments: Sequence[Resolved], told: Collection[tuple[str, str]], diagnostics: Diagnostics
) -> None:
    """Report environments that would both own one namespace of a cluster."""
    owners: dict[tuple[str, str], str] = {}
    for resolved in environments:
        keys = [
            key for key, cluster in resolved.clusters.items()
            if cluster.each_site or any(s.cluster == key for s in resolved.sites.values())
        ]  # fmt: skip
        for key in keys:
            first = owners.setdefault((key, resolved.namespace), resolved.environment)
            second = resolved.environment
            entry = resolved.spec.environments.get(second)
            if first != second and (first, second) not in told:
                diagnostics.add(
                    codes.ENVIRONMENTS_OVERLAP,
                    f"environments {first} and {second} both own namespace {resolved.namespace} "
                    f"of cluster {key}",
                    entry.span if entry else None,
                    f"give one of them another, such as namespace: {resolved.namespace}-{second}",
                )


def _installed_once(
    resolved: Resolved, installers: dict[str, str], diagnostics: Diagnostics
) -> None:
    for key, cluster in resolved.clusters.items():
        if cluster.crds != "install":
            continue
        first = installers.setdefault(key, resolved.environment)
        if first != resolved.environment:
            diagnostics.add(
                codes.CRDS_TWICE,
                f"environments {first} and {resolved.environment} both install the definitions "
                f"on cluster {cluster.name}",
                cluster.span,
                f"set crds: assume on environment {resolved.environment}",
            )


def _overlap(
    environments: Sequence[Resolved],
    first: str,
    second: str,
    namespace: str,
    sites: list[str],
    diagnostics: Diagnostics,
) -> None:
    spec = environments[0].spec
    entry = spec.environments.get(second)
    other = spec.environments.get(first)
    span = entry.span if entry else None
    more = f" and {len(sites) - 1} more" if len(sites) > 1 else ""
    related = (Related(other.span, f"environment {first}"),) if other and other.span else ()
    diagnostics.add(
        codes.ENVIRONMENTS_OVERLAP,
        f"{sites[0]}{more} {'are' if more else 'is'} in environments {first} and {second}; their "
        f"objects in namespace {namespace} would have two owners",
        span,
        "give one of them another namespace, or make their where disjoint",
        related,
    )
