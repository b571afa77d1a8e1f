"""What planning gives a job kind: sites, workers, artifacts; the one door between the two.

A protocol: the plan stage implements it, a kind calls it. Everything it returns is resolved
(no placeholder, no default left to apply); what cannot be resolved has been reported and comes
back as None or is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from compiler.model.choice import Choice
from compiler.model.diagnostics import Code, Span
from compiler.model.fleet import Site
from compiler.model.inputs import Artifact, Binding, HostData, Location
from compiler.model.member import Delivery, Expose, Place, Release, Replicas
from compiler.model.plan import HardExamples, Record, Share
from compiler.model.server import Server
from compiler.model.spec.job import HardExamplesSpec, JobSpec
from compiler.model.spec.worker import PlaceSpec, WorkerSpec
from compiler.model.worker import Worker


class Planning(Protocol):
    """One job's view of the fleet."""

    job: str
    project: str
    namespace: str

    def sites(self, *places: PlaceSpec | None, span: Span | None = None) -> tuple[Site, ...]:
        """The sites of this environment that the first place given selects, in name order."""
        ...

    def at(self, site: Site) -> JobSpec | None:
        """The job as this site sees it, overrides applied; None where they remove it."""
        ...

    def places(self, site: Site, *, per_host: bool, host: str = "") -> tuple[Place, ...]:
        """One place, or one for each host."""
        ...

    def replicas(self, worker: WorkerSpec, job: JobSpec) -> tuple[Replicas, bool]:
        """How many pods, and whether one for each host."""
        ...

    def expose(self, worker: WorkerSpec, job: JobSpec) -> Expose:
        """How the worker is reached."""
        ...

    def worker(self, role: str, spec: WorkerSpec, place: Place) -> Worker | None:
        """The worker with every default applied and every placeholder replaced."""
        ...

    def server(self, worker: WorkerSpec) -> Server:
        """The server flavour that the worker names; `custom` where it names none."""
        ...

    def check_server(self, worker: WorkerSpec, choice: Choice, site: Site) -> None:
        """Report a server flavour that does not load the framework of what was chosen."""
        ...

    def choose(self, job: JobSpec, reference: str, site: Site, span: Span | None) -> Choice | None:
        """Which version and variant of a model the site gets; the one function that decides."""
        ...

    def left(self, reference: str) -> str:
        """The version that a rollout moves away from, until it is over; empty where there is none.

        Sites may still have it although none is to get it any more.
        """
        ...

    def part(self, reference: str, version: str, role: str, site: Site) -> str:
        """The reference `NAME:VERSION` of the edge or cloud part of a joint model's version."""
        ...

    def release(self, reference: str, version: str) -> Release:
        """The release of a joint model's version: one digest over the bytes of both parts."""
        ...

    def bytes_of(self, choice: Choice, site: Site) -> Artifact | HostData | None:
        """The bytes behind a choice."""
        ...

    def code(self, names: Iterable[str]) -> tuple[Binding, ...]:
        """Code artifacts by name."""
        ...

    def processing_code(self, choices: Iterable[Choice], site: str) -> tuple[str, ...]:
        """The names of the code that runs before and after models at a site."""
        ...

    def with_processing(self, worker: Worker, choices: Iterable[Choice], site: str) -> Worker:
        """The worker, told in its parameters what runs before and after its models."""
        ...

    def share(self, reference: str, place: Place, span: Span | None) -> Share | None:
        """A dataset, or the site's own share of it."""
        ...

    def location(self, uri: str, place: Place) -> Location:
        """Where a `uri` points, for a place."""
        ...

    def check_delivery(self, site: Site) -> None:
        """Report what the spec lacks for the sidecar to bring anything to a site."""
        ...

    def delivery(
        self, site: Site, artifacts: Iterable[Artifact], update: str, **changes: Any
    ) -> Delivery:
        """What the sidecar brings and how it activates it at a site."""
        ...

    def record(
        self,
        role: str,
        choice: Choice,
        found: Artifact | HostData,
        place: Place,
        worker: Worker,
        delivery: Delivery,
        replicas: int,
    ) -> Record:
        """The InferenceModel of one job, model and site."""
        ...

    def hard_examples(self, spec: HardExamplesSpec | None) -> HardExamples | None:
        """How hard examples are told from easy ones; an unknown algorithm is reported."""
        ...

    def spans(self, spec: JobSpec, *names: str) -> dict[str, Span]:
        """The spans of the fields that the author wrote, by their names in the spec."""
        ...

    def report(self, code: Code, message: str, span: Span | None, hint: str = "") -> None:
        """Report a fault of the author's."""
        ...
