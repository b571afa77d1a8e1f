"""A dataset as a place sees it: immutable bytes, or the share that the site keeps to itself.

Part of `plan`. Private bytes never leave their site: `privacy` reports a use anywhere else.
"""

from __future__ import annotations

from compiler.model.codes import plan as codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.inputs import Artifact, HostData
from compiler.model.member import Place
from compiler.model.plan import Share
from compiler.model.resolved import Resolved
from compiler.model.spec.artifacts import DatasetSpec
from compiler.stages.plan.inputs import Chooser


def share_of(
    resolved: Resolved,
    chooser: Chooser,
    reference: str,
    place: Place,
    span: Span | None,
    diagnostics: Diagnostics,
) -> Share | None:
    """The dataset at a place, or None where a fault was reported."""
    name, _, version = reference.partition(":")
    dataset = resolved.view(place.site).datasets.get(name)
    if dataset is None:
        return None
    privacy, site = chooser.privacy, resolved.sites[place.site]
    own = dataset.local is not None and (dataset.private is None or dataset.private.site is None)
    if not own and not privacy.reads(reference, site, span):
        return None
    private = bool(privacy.at(place.site).dataset(reference))
    found = (
        _local(resolved, name, dataset, place, span, diagnostics)
        if dataset.local
        else _version(chooser, name, version, dataset, private)
    )
    if found is None:
        return None
    splits = dataset.splits
    return Share(
        name=name,
        input=found,
        format=dataset.format,
        host=place.host,
        split=dict(splits.parts) if splits else {},
        seed=splits.seed if splits else None,
    )


def _local(
    resolved: Resolved,
    name: str,
    dataset: DatasetSpec,
    place: Place,
    span: Span | None,
    diagnostics: Diagnostics,
) -> HostData | None:
    local = dataset.local
    if local is None:
        return None
    site = resolved.sites[place.site]
    path = local.sites.get(place.site) if local.sites else local.path
    if path is None or (local.where is not None and not local.where.matches(site.facts)):
        has = ", ".join(local.sites) or "the sites that its `where` selects"
        diagnostics.add(
            codes.NO_SHARE,
            f"dataset {name} has no data at site {place.site}; it has data at {has}",
            span,
            f"add {place.site} to datasets.{name}.local",
        )
        return None
    filled = path.replace("{site}", place.site).replace("{host}", place.host)
    return HostData("dataset", name, filled, dataset.format, span=local.span)


def _version(
    chooser: Chooser, name: str, version: str, dataset: DatasetSpec, private: bool
) -> Artifact | HostData | None:
    wanted = version or list(dataset.versions)[-1]
    entry = dataset.versions[wanted]
    span = entry.span_of("uri")
    if entry.uri.startswith("host:"):
        return HostData(
            "dataset", name, entry.uri.removeprefix("host:"), dataset.format, wanted, span
        )
    return chooser.artifact(
        "dataset", f"datasets/{name}:{wanted}", name, wanted, entry.uri, entry.sha256, span,
        unpack=entry.unpack or "", private=private,
    )  # fmt: skip
