"""The kind `joint-inference`: an edge model first, hard examples to a cloud model.

Becomes one Cascade per live version of the pair: while a rollout is under way two versions live
side by side, each with its own cloud part, and every edge asks the cloud part of its own version.
The older one keeps its cloud part until the rollout is over, also when no edge is to have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pydantic import Field

from compiler.model.choice import Choice
from compiler.model.codes import plan as codes
from compiler.model.fleet import Site
from compiler.model.inputs import Artifact, Binding
from compiler.model.kind import Kind
from compiler.model.member import Delivery, Member
from compiler.model.names import name
from compiler.model.plan import Cascade, Node
from compiler.model.planning import Planning
from compiler.model.spec.base import SpecModel
from compiler.model.spec.job import HardExamplesSpec, RolloutSpec, ServiceSpec, UpdateSpec
from compiler.model.spec.names import ModelReference
from compiler.model.spec.worker import RoleWorkerSpec


class JointWorkersSpec(SpecModel):
    """The two workers of a joint inference."""

    edge: RoleWorkerSpec = Field(description="Answers what it can at the edge.")
    cloud: RoleWorkerSpec = Field(description="Answers the hard examples.")


class JointInferenceSpec(ServiceSpec):
    """Answer at the edge, and ask the cloud about hard examples."""

    model: ModelReference = Field(
        description="A model whose versions have the parts edge and cloud."
    )
    workers: JointWorkersSpec = Field(description="The workers by role.")
    hard_examples: HardExamplesSpec = Field(description="How hard examples are found.")
    update: UpdateSpec | None = Field(None, description="How a new version arrives.")
    rollout: RolloutSpec | None = Field(
        None, description="How a new version spreads over the sites."
    )


def plan(job: JointInferenceSpec, context: Planning) -> Iterator[Node]:
    """One Cascade per live version, its cloud part first, then the records of all parts."""
    cloud = _cloud_site(job, context)
    by_version: dict[str, list[tuple[Site, Choice]]] = {}
    for site in context.sites(job.workers.edge.place, job.place, span=job.workers.edge.span):
        choice = context.choose(job, job.model, site, job.span_of("model"))
        if choice is not None:
            by_version.setdefault(choice.version, []).append((site, choice))
    if cloud is None:
        return
    # An edge that is offline goes on asking the cloud part of the version that it has.
    left = context.left(job.model)
    if left and by_version:
        by_version.setdefault(left, [])
    for version, edges in sorted(by_version.items()):
        yield from _cascade(job, version, cloud, edges, context)


def _cloud_site(job: JointInferenceSpec, context: Planning) -> Site | None:
    found = context.sites(job.workers.cloud.place, job.place, span=job.workers.cloud.span)
    if len(found) > 1:
        names = ", ".join(site.name for site in found[:5])
        context.report(
            codes.NOT_ONE_PLACE,
            f"the cloud worker of jobs.{context.job} is placed on {len(found)} sites: {names}",
            job.workers.cloud.span_of("place"),
            "write place: {site: NAME}",
        )
    return found[0] if len(found) == 1 else None


def _cascade(
    job: JointInferenceSpec,
    version: str,
    cloud: Site,
    edges: list[tuple[Site, Choice]],
    context: Planning,
) -> Iterator[Node]:
    # With a rollout the name has the version from the start: a cloud part that edges still ask must
    # not become another object when a second version begins or the first one goes.
    rolled = job.rollout is not None
    own = name(context.job, version.replace(".", "-").lower()) if rolled else context.job
    made = _Parts(job, version, own, context)
    cloud_members = made.members("cloud", job.workers.cloud, cloud)
    edge_members = [m for site, _ in edges for m in made.members("edge", job.workers.edge, site)]
    if len(cloud_members) != 1 or (edges and not edge_members):
        return
    yield Cascade(
        job=context.job,
        name=own,
        backend=job.backend or "",
        model=job.model.partition(":")[0],
        version=version,
        cloud=cloud_members[0],
        edges=tuple(edge_members),
        hard_examples=context.hard_examples(job.hard_examples),
        span=job.span,
        fields=context.spans(job),
    )
    yield from made.records


class _Parts:
    """Makes the members of one version of the pair and remembers their records."""

    def __init__(
        self, job: JointInferenceSpec, version: str, cascade: str, context: Planning
    ) -> None:
        self.job = job
        self.version = version
        self.cascade = cascade
        self.context = context
        self.records: list[Node] = []

    def members(self, role: str, spec: RoleWorkerSpec, site: Site) -> list[Member]:
        here = self.context.at(site)
        job = here if isinstance(here, JointInferenceSpec) else self.job
        reference = self.context.part(job.model, self.version, role, site)
        choice = self.context.choose(job, reference, site, job.span_of("model"))
        bytes_ = self.context.bytes_of(choice, site) if choice else None
        if choice is None or bytes_ is None:
            return []
        self.context.check_server(spec, choice, site)
        replicas, per_host = self.context.replicas(spec, job)
        place_spec = spec.place or job.place
        found = []
        for place in self.context.places(site, per_host=per_host, host=place_spec.host or ""):
            worker = self.context.worker(role, spec, place)
            if worker is None:
                continue
            names = (*spec.code, *self.context.processing_code([choice], site.name))
            inputs = (Binding("model", bytes_), *self.context.code(names))
            delivery = self._delivery(job, site, inputs)
            member = Member(
                role=role,
                place=place,
                worker=self.context.with_processing(worker, [choice], site.name),
                inputs=inputs,
                replicas=replicas,
                expose=self.context.expose(spec, job),
                delivery=delivery,
            )
            found.append(member)
            record = self.context.record(
                role, choice, bytes_, place, worker, delivery, replicas.count
            )
            if role == "cloud":
                # Two live versions of the pair may share the cloud part's model and its site.
                host = (place.host,) if place.host else ()
                record = replace(record, name=name(self.cascade, choice.model, site.name, *host))
            self.records.append(record)
        return found

    def _delivery(
        self, job: JointInferenceSpec, site: Site, inputs: tuple[Binding, ...]
    ) -> Delivery:
        release = self.context.release(job.model, self.version)
        artifacts = [b.input for b in inputs if isinstance(b.input, Artifact)]
        if not artifacts or job.delivery == "native":
            return Delivery(mode="native", release=release, span=job.span_of("delivery"))
        update = job.update.how if job.update else "rolling"
        return self.context.delivery(site, artifacts, update, release=release)


KIND = Kind("joint-inference", JointInferenceSpec, plan)
