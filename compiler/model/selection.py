"""Whether a place of the spec takes in a site: one rule for jobs and for raw objects."""

from __future__ import annotations

from compiler.model.fleet import Site
from compiler.model.spec.worker import PlaceSpec


def selects(place: PlaceSpec, site: Site) -> bool:
    """All of the place's conditions hold at the site."""
    return (
        place.layer in (None, site.layer)
        and place.site in (None, site.name)
        and (place.host is None or any(host.name == place.host for host in site.hosts))
        and (place.where is None or place.where.matches(site.facts))
    )
