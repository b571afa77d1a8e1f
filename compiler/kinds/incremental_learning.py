"""The kind `incremental-learning`: collect, train, evaluate, gate, hand over, repeat.

Becomes one Loop per site: its data, its models and its three workers stay on one host.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from compiler.model.choice import Choice
from compiler.model.codes import plan as codes
from compiler.model.diagnostics import Span
from compiler.model.fleet import Site
from compiler.model.inputs import Artifact, Binding, HostData, Slot
from compiler.model.kind import Kind
from compiler.model.member import Delivery, Member, Place
from compiler.model.names import name
from compiler.model.plan import Gate, Loop, Node, Share, Trigger
from compiler.model.planning import Planning
from compiler.model.spec.amounts import duration_seconds
from compiler.model.spec.base import SpecModel
from compiler.model.spec.data import SplitsSpec
from compiler.model.spec.gates import GateSpec
from compiler.model.spec.job import (
    HardExamplesSpec,
    LoopWorkersSpec,
    ResultsSpec,
    ServiceSpec,
    TriggerSpec,
    UpdateSpec,
)
from compiler.model.spec.names import DatasetReference, ModelReference, Word
from compiler.model.spec.scalars import SiteUri


class DeploySlotSpec(SpecModel):
    """The mutable place that the loop writes and inference reads."""

    uri: SiteUri = Field(description="The place, in a store or on the host.")
    format: Word | None = Field(None, description="The file format of the model there.")


class IncrementalLearningSpec(ServiceSpec):
    """Improve a model with new samples, round after round."""

    writes: ClassVar = {"results": "samples", "deploy": "a model"}

    model: ModelReference = Field(description="The model that the loop starts from and improves.")
    dataset: DatasetReference = Field(description="The dataset that grows.")
    splits: SplitsSpec | None = Field(
        None, description="The division of samples, instead of the dataset's."
    )
    workers: LoopWorkersSpec = Field(description="The workers by role.")
    trigger: TriggerSpec = Field(description="When the next round runs.")
    gate: GateSpec = Field(description="What a new model must fulfil to be deployed.")
    hard_examples: HardExamplesSpec | None = Field(None, description="How hard examples are found.")
    initial_eval_model: ModelReference | None = Field(
        None, description="The model that the first round is compared with."
    )
    deploy: DeploySlotSpec | None = Field(
        None, description="The place that the loop writes and inference reads."
    )
    update: UpdateSpec | None = Field(None, description="How inference gets the new model.")
    results: ResultsSpec = Field(description="Where rounds are stored.")


ROLES = ("train", "evaluate", "infer")
DEFAULT_PERIOD = 60


def plan(job: IncrementalLearningSpec, context: Planning) -> Iterator[Node]:
    """One Loop per site, followed by the record of the model that it starts from."""
    place = job.place if job.place.model_fields_set else job.workers.train.place
    for site in context.sites(place):
        here = context.at(site)
        if isinstance(here, IncrementalLearningSpec):
            yield from _at_site(here, site, context)


def _at_site(job: IncrementalLearningSpec, site: Site, context: Planning) -> Iterator[Node]:
    place = _place(job, site, context)
    choice = context.choose(job, job.model, site, job.span_of("model"))
    if choice is not None:
        context.check_server(job.workers.infer, choice, site)
    initial = context.bytes_of(choice, site) if choice else None
    share = context.share(job.dataset, place, job.span_of("dataset")) if place else None
    if place is None or choice is None or initial is None or share is None:
        return
    base_name = name(context.job, site.name)
    deploy = _slot(job, base_name, place, context)
    if deploy is None:
        return
    delivery = _delivery(job, site, initial, context)
    members = {
        role: _member(job, role, place, (choice, initial), delivery, context) for role in ROLES
    }
    train, evaluate, infer = (members[role] for role in ROLES)
    if train is None or evaluate is None or infer is None:
        return
    yield Loop(
        job=context.job,
        name=base_name,
        backend=job.backend or "",
        mode="single-task",
        dataset=_share(job, share),
        train=train,
        evaluate=evaluate,
        infer=infer,
        trigger=_trigger(job),
        gate=_gate(job.gate),
        results=context.location(job.results.uri, place),
        initial=initial,
        initial_evaluation=_evaluation(job, site, context),
        deploy=deploy,
        hot_poll=_poll(job),
        hard_examples=context.hard_examples(job.hard_examples),
        span=job.span,
        fields=context.spans(job),
    )
    yield context.record("infer", choice, initial, place, infer.worker, delivery, 1)


def _place(job: IncrementalLearningSpec, site: Site, context: Planning) -> Place | None:
    host = job.place.host or (site.hosts[0].name if len(site.hosts) == 1 else "")
    if not host and len(site.hosts) > 1:
        context.report(
            codes.SEVERAL_HOSTS,
            f"site {site.name} has {len(site.hosts)} hosts, and a loop keeps its data on one",
            job.span_of("place"),
            f"add host: {site.hosts[0].name} to place, or another of its hosts",
        )
        return None
    return Place(site.cluster, site.name, site.layer, host)


def _member(
    job: IncrementalLearningSpec,
    role: str,
    place: Place,
    chosen: tuple[Choice, Artifact | HostData],
    delivery: Delivery,
    context: Planning,
) -> Member | None:
    spec = getattr(job.workers, role)
    choice, initial = chosen
    worker = context.worker(role, spec, place)
    if worker is None:
        return None
    replicas, _ = context.replicas(spec, job)
    names = (*spec.code, *context.processing_code([choice], place.site))
    return Member(
        role=role,
        place=place,
        worker=context.with_processing(worker, [choice], place.site),
        inputs=(Binding("model", initial), *context.code(names)),
        replicas=replicas,
        expose=context.expose(spec, job),
        delivery=delivery,
    )


def _delivery(
    job: IncrementalLearningSpec, site: Site, initial: Artifact | HostData, context: Planning
) -> Delivery:
    if isinstance(initial, HostData) or job.delivery == "native":
        return Delivery(mode="native", update=job.update.how if job.update else "rolling")
    return context.delivery(site, [initial], job.update.how if job.update else "rolling")


def _share(job: IncrementalLearningSpec, share: Share) -> Share:
    if job.splits is None:
        return share
    seed = share.seed if job.splits.seed is None else job.splits.seed
    return Share(
        name=share.name,
        input=share.input,
        format=share.format,
        host=share.host,
        split=dict(job.splits.parts),
        seed=seed,
    )


def _trigger(job: IncrementalLearningSpec) -> Trigger:
    every = job.trigger.every
    return Trigger(
        new_samples=job.trigger.new_samples or 0,
        every=int(duration_seconds(every)) if every else DEFAULT_PERIOD,
        window=job.trigger.window or "",
        span=job.trigger.span,
    )


def _gate(spec: GateSpec) -> Gate:
    return Gate(
        metric=spec.metric,
        comparison=spec.bound,
        value=spec.threshold.number,
        unit=spec.threshold.unit,
        dataset=spec.dataset or "",
        split=spec.split or "",
        profile=spec.profile or "",
        span=spec.span,
    )


def _evaluation(
    job: IncrementalLearningSpec, site: Site, context: Planning
) -> Artifact | HostData | None:
    if job.initial_eval_model is None:
        return None
    span: Span | None = job.span_of("initial_eval_model")
    choice: Choice | None = context.choose(job, job.initial_eval_model, site, span)
    return context.bytes_of(choice, site) if choice else None


def _slot(
    job: IncrementalLearningSpec, writer: str, place: Place, context: Planning
) -> Slot | None:
    if job.deploy is None:
        context.report(
            codes.NO_SLOT,
            f"jobs.{context.job} does not say where the loop puts a model that passed its gate",
            job.span,
            "add deploy: {uri: host:/PATH, format: FORMAT}",
        )
        return None
    location = context.location(job.deploy.uri, place)
    return Slot("deploy", location, writer, job.deploy.format or "", job.deploy.span)


def _poll(job: IncrementalLearningSpec) -> int:
    if job.update is None or job.update.how != "hot":
        return 0
    return int(duration_seconds(job.update.poll)) if job.update.poll else DEFAULT_PERIOD


KIND = Kind("incremental-learning", IncrementalLearningSpec, plan)
