"""A spec after resolution, for one environment: who is there, and what each name stands for.

Pure data. `Resolved` still speaks the spec's language of jobs; turning jobs into nodes is
planning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from compiler.model.diagnostics import Span
from compiler.model.fleet import Cluster, Site
from compiler.model.lock import Lock
from compiler.model.record import dataclass
from compiler.model.spec.artifacts import DatasetSpec, ModelSpec
from compiler.model.spec.job import JobSpec
from compiler.model.spec.spec import Spec


@dataclass(frozen=True, slots=True)
class View:
    """Models, datasets and jobs as one group of sites sees them, overrides applied.

    `overridden` names what an override changed here (`models.NAME`, `jobs.NAME`) with the line
    of the override.
    """

    models: Mapping[str, ModelSpec]
    datasets: Mapping[str, DatasetSpec]
    jobs: Mapping[str, JobSpec]
    overridden: Mapping[str, Span | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """One environment of a spec.

    `clusters` is keyed by cluster name, by `<cluster>/<site>` where each site is a cluster.
    `sites` holds only the environment's own. `views` maps a site to its view where an override
    matches it; every other site sees `base`.
    """

    environment: str
    namespace: str
    spec: Spec
    lock: Lock | None
    clusters: Mapping[str, Cluster]
    sites: Mapping[str, Site]
    base: View
    views: Mapping[str, View] = field(default_factory=dict)

    @property
    def project(self) -> str:
        """The project's name."""
        return self.spec.project.name

    @property
    def all_views(self) -> tuple[View, ...]:
        """What sites without an override see, then every other view once."""
        views = {id(view): view for view in self.views.values()}
        return (self.base, *views.values())

    def view(self, site: str) -> View:
        """Return what a site sees."""
        return self.views.get(site, self.base)

    def pins(self, site: str, model: str) -> bool:
        """Whether an override names the version of a model at a site, so that no rollout does."""
        here, base = self.view(site).models.get(model), self.base.models.get(model)
        if here is None or here is base or here.target is None:
            return False
        return base is None or here.span_of("target") != base.span_of("target")

    def cluster_of(self, site: Site) -> Cluster:
        """Return the cluster that a site's objects are applied to."""
        return self.clusters.get(f"{site.cluster}/{site.name}") or self.clusters[site.cluster]
