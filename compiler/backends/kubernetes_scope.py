"""Where a node's objects go and how they are labelled: the facts that all of its drafts share.

Reads the fleet; makes no object. Labels never hold a version or a digest: they are part of pod
templates and selectors, and a model change must not touch either.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from compiler.model.backend import EmitContext
from compiler.model.fleet import Cluster, Network, Registry, Site
from compiler.model.manifest import Draft, Naming, Origin, Reference, Unit
from compiler.model.member import Place
from compiler.model.names import is_label_value, name
from compiler.model.plan import Node
from compiler.model.record import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One node at one place. `labels` go on every object, `selector` finds the node's pods."""

    context: EmitContext
    cluster: Cluster
    site: Site
    place: Place
    name: str
    unit: Unit
    origin: Origin
    labels: Mapping[str, str]
    selector: Mapping[str, str]

    @property
    def network(self) -> Network:
        """The site's way out, nearest setting already chosen."""
        return self.context.networks.get(self.site.name) or self.site.network

    @property
    def registries(self) -> tuple[Registry, ...]:
        """How the site pulls images."""
        return self.context.registries.get(self.site.name, ())

    def draft(
        self,
        template: str,
        values: Mapping[str, Any],
        *,
        suffix: str = "",
        key: str = "",
        content: bool = False,
    ) -> Draft:
        """A draft of this node: `values` plus name, namespace and labels.

        `key` makes it a target of `reference`; it is the node's own, not the unit's.
        """
        own = {
            "name": name(self.name, suffix) if suffix else self.name,
            "namespace": self.context.namespace,
            "labels": self.labels,
            **values,
        }
        naming = Naming.CONTENT if content else Naming.FIXED
        known = f"{self.name}/{key}" if key else ""
        return Draft(self.unit, self.origin, f"kubernetes/{template}.yaml.j2", own, known, naming)

    def reference(self, key: str) -> Reference:
        """Stands for the final name of this node's draft with the key."""
        return Reference(f"{self.name}/{key}")


def scope(node: Node, place: Place, context: EmitContext, role: str = "") -> Scope:
    """The scope of a node at a place; `role` is that of the member."""
    site = context.sites[place.site]
    return Scope(
        context=context,
        cluster=context.cluster_of(place.site),
        site=site,
        place=place,
        name=node.name,
        unit=context.site_unit(place.site),
        origin=Origin(f"jobs.{node.job}", place.site, node.span),
        labels=labels(context, job=node.job, instance=node.name, role=role, site=place.site),
        selector={
            "app.kubernetes.io/name": label(node.job),
            "app.kubernetes.io/instance": node.name,
        },
    )


def labels(
    context: EmitContext, *, job: str = "", instance: str = "", role: str = "", site: str = ""
) -> dict[str, str]:
    """The labels of an object; a part that is empty has no label."""
    found = {"app.kubernetes.io/name": label(job)} if job else {}
    if instance:
        found["app.kubernetes.io/instance"] = label(instance)
    found["app.kubernetes.io/part-of"] = label(context.project)
    found["app.kubernetes.io/managed-by"] = "edgewright"
    found["edgewright.io/project"] = label(context.project)
    found["edgewright.io/environment"] = label(context.environment)
    for key, value in (("job", job), ("role", role), ("site", site)):
        if value:
            found[f"edgewright.io/{key}"] = label(value)
    return found


@lru_cache(maxsize=8192)
def label(text: str) -> str:
    """A text as a label's value; what cannot be one is cut and hashed like a name."""
    return text if is_label_value(text) else name(text)
