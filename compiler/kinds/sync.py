"""The kind `sync`: keep artifacts identical on a set of sites, before or without a worker.

Becomes one Distribution per site. It starts no worker and serves no model, so it makes no record.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from pydantic import Field, model_validator

from compiler.model.codes import spec as codes
from compiler.model.fleet import Site
from compiler.model.inputs import Binding
from compiler.model.kind import Kind
from compiler.model.names import name
from compiler.model.plan import Distribution, Node
from compiler.model.planning import Planning
from compiler.model.spec.base import OneOrMany, fault
from compiler.model.spec.job import JobSpec
from compiler.model.spec.names import CodeName, DatasetReference, ModelReference
from compiler.model.spec.scalars import Flag


class SyncSpec(JobSpec):
    """Keep artifacts on sites."""

    models: OneOrMany[ModelReference] = Field((), description="The models.")
    datasets: OneOrMany[DatasetReference] = Field((), description="The datasets.")
    code: OneOrMany[CodeName] = Field((), description="The code artifacts.")
    peers: Flag = Field(False, description="Whether hosts of a site fetch from one another.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.models or self.datasets or self.code):
            raise fault(codes.ONE_KEY_NEEDED, "a sync job needs models, datasets or code")
        return self


def plan(job: SyncSpec, context: Planning) -> Iterator[Node]:
    """One Distribution per site."""
    for site in context.sites(job.place):
        here = context.at(site)
        if isinstance(here, SyncSpec):
            yield from _at_site(here, site, context)


def _at_site(job: SyncSpec, site: Site, context: Planning) -> Iterator[Node]:
    if job.delivery == "native":
        context.report(
            codes.CONTRADICTION,
            f"jobs.{context.job}: only the sidecar does what a sync job says, not native delivery",
            job.span_of("delivery"),
            "remove delivery",
        )
        return
    (place,) = context.places(site, per_host=False, host=job.place.host or "")
    artifacts = [*_models(job, site, context), *context.code(job.code)]
    for index, reference in enumerate(job.datasets):
        share = context.share(reference, place, job.span_of("datasets", index))
        if share is not None:
            artifacts.append(Binding("dataset", share.input))
    if len(artifacts) < len(job.models) + len(job.code) + len(job.datasets):
        return
    context.check_delivery(site)
    yield Distribution(
        job=context.job,
        name=name(context.job, site.name),
        backend=job.backend or "",
        place=place,
        artifacts=tuple(artifacts),
        peers=job.peers,
        span=job.span,
        fields=context.spans(job),
    )


def _models(job: SyncSpec, site: Site, context: Planning) -> Iterator[Binding]:
    for index, reference in enumerate(job.models):
        choice = context.choose(job, reference, site, job.span_of("models", index))
        found = context.bytes_of(choice, site) if choice else None
        if found is not None:
            yield Binding("model", found)


KIND = Kind("sync", SyncSpec, plan, by_site=True)
