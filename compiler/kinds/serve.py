"""The kind `serve`: one or many models behind a long-running server.

Becomes one Service per site (per host where `replicas: per-host`), and one record per model.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from compiler.model.choice import Choice
from compiler.model.codes import plan as codes
from compiler.model.fleet import Site
from compiler.model.inputs import Artifact, Binding, HostData
from compiler.model.kind import Kind
from compiler.model.member import Delivery, Member
from compiler.model.names import name
from compiler.model.plan import Node, Service
from compiler.model.planning import Planning
from compiler.model.spec.base import OneOrMany
from compiler.model.spec.job import LoadTestSpec, RolloutSpec, ServiceSpec, UpdateSpec
from compiler.model.spec.names import ModelReference
from compiler.model.spec.worker import WorkerSpec


class ServeSpec(ServiceSpec):
    """Serve models."""

    models: OneOrMany[ModelReference] = Field(
        description="The models, one or several.", min_length=1
    )
    worker: WorkerSpec = Field(description="The model server.")
    update: UpdateSpec | None = Field(
        None, description="How a new version arrives; hot where the server has a load hook."
    )
    rollout: RolloutSpec | None = Field(
        None, description="How a new version spreads over the sites."
    )
    load_test: LoadTestSpec | None = Field(None, description="A load test with gates.")


Found = list[tuple[Choice, Artifact | HostData]]


def plan(job: ServeSpec, context: Planning) -> Iterator[Node]:
    """One Service per place, followed by the records of its models."""
    for site in context.sites(job.place):
        here = context.at(site)
        if isinstance(here, ServeSpec):
            yield from _at_site(here, site, context)


def _at_site(job: ServeSpec, site: Site, context: Planning) -> Iterator[Node]:
    found = _models(job, site, context)
    if len(found) < len(job.models):
        return
    replicas, per_host = context.replicas(job.worker, job)
    update = _update(job, context)
    for place in context.places(site, per_host=per_host, host=job.place.host or ""):
        worker = context.worker("worker", job.worker, place)
        if worker is None:
            continue
        choices = [choice for choice, _ in found]
        code = context.code((*job.worker.code, *context.processing_code(choices, site.name)))
        inputs = (*(Binding("model", bytes_) for _, bytes_ in found), *code)
        delivery = _delivery(job, site, inputs, update, context)
        host = (place.host,) if per_host else ()
        yield Service(
            job=context.job,
            name=name(context.job, site.name, *host),
            backend=job.backend or "",
            member=Member(
                role="worker",
                place=place,
                worker=context.with_processing(worker, choices, site.name),
                inputs=inputs,
                replicas=replicas,
                expose=context.expose(job.worker, job),
                delivery=delivery,
            ),
            load_test=job.load_test.model_dump(mode="json") if job.load_test else {},
            span=job.span,
            fields=context.spans(job),
        )
        for choice, bytes_ in found:
            yield context.record("worker", choice, bytes_, place, worker, delivery, replicas.count)


def _models(job: ServeSpec, site: Site, context: Planning) -> Found:
    found: Found = []
    for index, reference in enumerate(job.models):
        span = job.span_of("models", index)
        choice = context.choose(job, reference, site, span)
        bytes_ = context.bytes_of(choice, site) if choice else None
        if choice is not None and bytes_ is not None:
            context.check_server(job.worker, choice, site)
            found.append((choice, bytes_))
    return found


def _update(job: ServeSpec, context: Planning) -> str:
    server = context.server(job.worker)
    if job.update is None:
        return server.default_update
    if job.update.poll is not None:
        context.report(
            codes.POLL_MEANS_NOTHING,
            "poll is how often a learning loop's worker looks for a new model; "
            "here the sidecar tells the server",
            job.span_of("update"),
            "write update: hot",
        )
    if job.update.how == "hot" and not server.can_hot:
        context.report(
            codes.HOT_IMPOSSIBLE,
            f"{server.name} cannot load a new model while it runs",
            job.span_of("update"),
            "use update: rolling, or a server with a load hook such as triton or ovms",
        )
        return "rolling"  # so that no backend reports the same fault again
    return job.update.how


def _delivery(
    job: ServeSpec, site: Site, inputs: tuple[Binding, ...], update: str, context: Planning
) -> Delivery:
    artifacts = [b.input for b in inputs if isinstance(b.input, Artifact)]
    if not artifacts or job.delivery == "native":
        return Delivery(mode="native", update="rolling", span=job.span_of("delivery"))
    return context.delivery(site, artifacts, update)


KIND = Kind("serve", ServeSpec, plan, by_site=True)
