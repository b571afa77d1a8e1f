"""What one job's kind may ask of the fleet: the implementation of `compiler.model.planning`.

Part of `plan`. Reports the author's faults and leaves out what they make impossible.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import field
from typing import Any

from compiler import servers
from compiler.model.choice import Choice, levels, said
from compiler.model.codes import fleet as fleet_codes
from compiler.model.codes import plan as codes
from compiler.model.contract import emits
from compiler.model.contract_parts import bytes_per_second
from compiler.model.diagnostics import Code, Diagnostics, Related, Span
from compiler.model.fleet import Site
from compiler.model.hard_examples import ALGORITHMS
from compiler.model.inputs import Artifact, Binding, HostData, Location
from compiler.model.member import Delivery, Expose, Place, Release, Replicas
from compiler.model.plan import HardExamples, Record, Share
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.model.selection import selects
from compiler.model.server import Server
from compiler.model.spec.fleet import SiteSpec
from compiler.model.spec.job import HardExamplesSpec, JobSpec
from compiler.model.spec.worker import PlaceSpec, WorkerSpec
from compiler.model.suggest import did_you_mean
from compiler.model.transfer import deadline
from compiler.model.worker import Worker
from compiler.stages.plan.inputs import Chooser
from compiler.stages.plan.processing import processing, with_processing
from compiler.stages.plan.records import inference_model
from compiler.stages.plan.shares import share_of
from compiler.stages.plan.worker import WorkerBuilder

NO_PLACE = PlaceSpec.model_construct()  # validating would build the schema on import


@dataclass(slots=True)
class JobPlanning:
    """What one job's kind may ask; see `compiler.model.planning`."""

    job: str
    spec: JobSpec
    resolved: Resolved
    builder: WorkerBuilder
    chooser: Chooser
    diagnostics: Diagnostics
    only: Collection[str] | None = None
    views: dict[int, JobSpec | None] = field(default_factory=dict)
    found_spans: dict[tuple[int, tuple[str, ...]], tuple[JobSpec, dict[str, Span]]] = field(
        default_factory=dict
    )

    @property
    def project(self) -> str:
        """The project's name."""
        return self.resolved.project

    @property
    def namespace(self) -> str:
        """The environment's namespace."""
        return self.resolved.namespace

    def sites(self, *places: PlaceSpec | None, span: Span | None = None) -> tuple[Site, ...]:
        """The sites that the first place given selects, in name order; none is an error."""
        place = next((p for p in places if p is not None and p != NO_PLACE), None)
        if place is None:
            self.report(
                codes.NO_PLACE,
                f"jobs.{self.job} does not say where it runs",
                span or self.spec.span,
                "add place: {layer: edge} or place: {site: NAME}",
            )
            return ()
        there = self.resolved.sites
        if self.only:
            return tuple(there[name] for name in self.only if selects(place, there[name]))
        found = tuple(site for site in there.values() if selects(place, site))
        if not found and place.where is None:
            self._empty(place)
        return found if self.only is None else ()

    def at(self, site: Site) -> JobSpec | None:
        """The job as this site sees it; None where an override removes it."""
        return self.resolved.view(site.name).jobs.get(self.job)

    def places(self, site: Site, *, per_host: bool, host: str = "") -> tuple[Place, ...]:
        """One place, or one for each host of the site."""
        hosts = [h.name for h in site.hosts] if per_host else [host]
        if per_host and not hosts:
            self.diagnostics.add_at_site(
                fleet_codes.UNKNOWN_HOST,
                "replicas: per-host finds no host",
                site.name,
                site.span,
                self.spec.span_of("replicas"),
                "list the hosts of every site where this worker runs",
            )
        return tuple(Place(site.cluster, site.name, site.layer, name) for name in hosts)

    def replicas(self, worker: WorkerSpec, job: JobSpec) -> tuple[Replicas, bool]:
        """How many pods, and whether one for each host; the role's word before the job's."""
        spec = getattr(worker, "replicas", None) or getattr(job, "replicas", None)
        if spec is None:
            return Replicas(), False
        if spec.per_host:
            return Replicas(), True
        if spec.count is not None:
            return Replicas(count=spec.count), False
        low, high = spec.min or 1, spec.max or 1
        return Replicas(count=low, minimum=low, maximum=high, cpu=spec.cpu or 80), False

    def expose(self, worker: WorkerSpec, job: JobSpec) -> Expose:
        """How the worker is reached; the role's word before the job's."""
        spec = getattr(worker, "expose", None) or getattr(job, "expose", None)
        if spec is None:
            return Expose()
        if spec.ingress is not None:
            tls = spec.ingress.tls
            return Expose(
                "ingress",
                ingress_host=spec.ingress.host,
                ingress_class=spec.ingress.class_ or "",
                tls_secret=tls.secret if tls else "",
            )
        ports = list(worker.ports or [port.name for port in self.server(worker).ports])
        node_ports = {ports[0]: spec.node.port} if spec.node is not None and ports else {}
        return Expose(spec.how, node_ports=node_ports)

    def worker(self, role: str, spec: WorkerSpec, place: Place) -> Worker | None:
        """The worker with every default applied and every placeholder replaced."""
        return self.builder.build(role, spec, place, self.resolved.sites[place.site])

    def server(self, worker: WorkerSpec) -> Server:
        """The server flavour that the worker names; `custom` where it names none."""
        return servers.server(worker.server or "")

    def check_server(self, worker: WorkerSpec, choice: Choice, site: Site) -> None:
        """Report a server flavour that does not load the framework of what was chosen."""
        server = self.server(worker)
        model = self.resolved.view(site.name).models[choice.model]
        found = said(levels(model, choice.version, choice.variant), "framework")
        if found is None or server.accepts(found[0]):
            return
        framework, level = found
        span = level.span_of("framework")
        self.diagnostics.add(
            codes.FRAMEWORK_MISMATCH,
            f"{server.name} does not load {framework}, the framework of {choice}; "
            f"it loads {', '.join(sorted(server.frameworks))}",
            worker.span_of("server"),
            "choose another server, or convert the model",
            Related.at(span, f"{framework} is said here"),
        )

    def choose(self, job: JobSpec, reference: str, site: Site, span: Span | None) -> Choice | None:
        """Which version and variant of a model the site gets."""
        return self.chooser.choose(self.job, job, reference, site, span)

    def left(self, reference: str) -> str:
        """The version that a rollout moves away from, until it is over."""
        return self.chooser.left(self.job, reference.partition(":")[0])

    def part(self, reference: str, version: str, role: str, site: Site) -> str:
        """The reference `NAME:VERSION` of the edge or cloud part of a joint model's version."""
        models = self.resolved.view(site.name).models
        entry = models[reference.partition(":")[0]].versions[version]
        found = entry.edge if role == "edge" else entry.cloud
        return found or ""

    def release(self, reference: str, version: str) -> Release:
        """The release of a joint model's version: one digest over the bytes of both parts."""
        return self.chooser.release(reference.partition(":")[0], version)

    def bytes_of(self, choice: Choice, site: Site) -> Artifact | HostData | None:
        """The bytes behind a choice."""
        return self.chooser.bytes_of(choice, site)

    def code(self, names: Iterable[str]) -> tuple[Binding, ...]:
        """Code artifacts, each under its own name."""
        found = [self.chooser.code(name) for name in dict.fromkeys(names)]
        return tuple(Binding("code", entry) for entry in found if entry is not None)

    def processing_code(self, choices: Iterable[Choice], site: str) -> tuple[str, ...]:
        """The names of the code that runs before and after models at a site."""
        steps = [one for choice in choices for one in processing(self.resolved, choice, site)]
        return tuple(spec.code for _, spec in steps)

    def with_processing(self, worker: Worker, choices: Iterable[Choice], site: str) -> Worker:
        """The worker, told in its parameters what runs before and after its models."""
        return with_processing(worker, self.resolved, choices, site, self.diagnostics)

    def share(self, reference: str, place: Place, span: Span | None) -> Share | None:
        """A dataset, or the site's own share of it."""
        return share_of(self.resolved, self.chooser, reference, place, span, self.diagnostics)

    def location(self, uri: str, place: Place) -> Location:
        """Where a uri points, for a place."""
        texts = {
            "{site}": place.site,
            "{host}": place.host,
            "{project}": self.resolved.project,
            "{environment}": self.resolved.environment,
        }
        for placeholder, value in texts.items():
            uri = uri.replace(placeholder, value)
        variables = self.resolved.sites[place.site].vars
        texts |= {f"{{site.vars.{name}}}": value for name, value in variables.items()}
        return self.chooser.location(uri).at(texts)

    def check_delivery(self, site: Site) -> None:
        """Report what the spec lacks for the sidecar to bring anything to a site."""
        sidecar = self.resolved.spec.sidecar
        if sidecar is not None:
            emits(sidecar.contract, self.diagnostics, sidecar.span_of("contract"))
        else:
            self.report(
                codes.NO_SIDECAR,
                f"jobs.{self.job} needs the sidecar, and the spec names no sidecar image",
                self.spec.span,
                "add sidecar: {image: REGISTRY/edgewright-sidecar:1, contract: 1}",
            )
        if site.link_window and not site.timezone:
            self.diagnostics.add_at_site(
                fleet_codes.NO_TIMEZONE,
                "a window has no time zone",
                site.name,
                site.span,
                None,
                "add timezone: to the fleet, such as timezone: Europe/Vienna",
            )

    def delivery(
        self, site: Site, artifacts: Iterable[Artifact], update: str, **changes: Any
    ) -> Delivery:
        """What the sidecar brings and how it activates it at a site."""
        self.check_delivery(site)
        brought = tuple(artifacts)
        return Delivery(
            update="hot" if update == "hot" else "rolling",
            artifacts=brought,
            window=site.link_window,
            timezone=site.timezone,
            rate=site.link_rate,
            progress_deadline=deadline(
                sum(artifact.size or 0 for artifact in brought),
                bytes_per_second(site.link_rate) if site.link_rate else 0,
                site.link_window,
                waits=update != "hot",
            ),
            span=self.spec.span_of("update") if self.spec.wrote("backend") else self.spec.span,
            **changes,
        )

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
        return inference_model(
            self.resolved, self.job, role, choice, found, place, worker, delivery, replicas
        )

    def hard_examples(self, spec: HardExamplesSpec | None) -> HardExamples | None:
        """How hard examples are told from easy ones; an unknown algorithm is reported."""
        if spec is None:
            return None
        if spec.algorithm is not None and spec.algorithm not in ALGORITHMS:
            self.report(
                codes.UNKNOWN_ALGORITHM,
                f"{spec.algorithm} is no known hard example algorithm; there are: "
                f"{', '.join(ALGORITHMS)}",
                spec.span_of("algorithm"),
                did_you_mean(spec.algorithm, ALGORITHMS) or "bring your own with code: and entry:",
            )
        params = {key: str(getattr(value, "text", value)) for key, value in spec.params.items()}
        return HardExamples(
            algorithm=spec.algorithm or "",
            params=params,
            code=spec.code or "",
            entry=spec.entry or "",
            span=spec.span,
        )

    def spans(self, spec: JobSpec, *names: str) -> dict[str, Span]:
        """The spans of the fields that the author wrote, by their names in the spec.

        Sites that no override touches share one spec, and so one mapping: not to be changed.
        """
        known = self.found_spans.get((id(spec), names))
        if known is not None:
            return known[1]
        found: dict[str, Span] = {}
        for attribute in names or type(spec).model_fields:
            span = spec.span_of(attribute) if spec.wrote(attribute) else None
            if span is not None:
                found[_key(spec, attribute)] = span
        # The spec is kept beside its spans: while it lives, no other can have its id.
        self.found_spans[id(spec), names] = (spec, found)
        return found

    def report(self, code: Code, message: str, span: Span | None, hint: str = "") -> None:
        """Report a fault of the author's."""
        self.diagnostics.add(code, message, span, hint)

    def _empty(self, place: PlaceSpec) -> None:
        words = [f"{key}: {value}" for key, value in (("layer", place.layer), ("site", place.site))
                 if value]  # fmt: skip
        written = f"jobs.{self.job}: place {{{', '.join(words)}}}"
        fleet = self.resolved.spec.fleet.sites
        if any(_covers(place, name, site) for name, site in fleet.items()):
            here = f"environment {self.resolved.environment}"
            self.report(fleet_codes.WHERE_NOTHING_HERE, f"{written} selects no site of {here}",
                        place.span)  # fmt: skip
            return
        layers = ", ".join(sorted({site.layer for site in fleet.values()}))
        self.report(
            fleet_codes.WHERE_SELECTS_NOTHING,
            f"{written} selects 0 of {len(fleet)} sites; their layer is {layers or 'not given'}",
            place.span,
            "choose another place, or add the site to the fleet",
        )


def _covers(place: PlaceSpec, name: str, site: SiteSpec) -> bool:
    return (
        place.layer in (None, site.layer)
        and place.site in (None, name)
        and (place.host is None or place.host in site.hosts)
    )


def _key(spec: JobSpec, attribute: str) -> str:
    alias = type(spec).model_fields[attribute].alias
    return alias or attribute
