"""Checks that every name in a spec points at something, and that nothing points in a circle.

Part of `resolve`. Only names are judged here: what fits on a site, and which backend takes a
job, is decided later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from compiler.model.codes import fleet as codes
from compiler.model.diagnostics import Code, Diagnostics, Span
from compiler.model.record import dataclass
from compiler.model.resolved import View
from compiler.model.spec.artifacts import (
    DatasetSpec,
    DatasetVersionSpec,
    MetricSpec,
    ModelSpec,
    VersionFields,
    VersionSpec,
)
from compiler.model.spec.data import GoldenSpec, LineageSpec
from compiler.model.spec.job import JobSpec, workers
from compiler.model.spec.sections import MovedSpec
from compiler.model.spec.spec import Spec
from compiler.model.spec.worker import PlaceSpec
from compiler.model.suggest import did_you_mean
from compiler.stages.resolve.where import places

PAIRED_KINDS = ("joint-inference",)
MODEL_FIELDS = ("model", "base", "initial_eval_model")
DATASET_FIELDS = ("dataset", "calibration")


def check_references(spec: Spec, view: View, diagnostics: Diagnostics) -> None:
    """Report every dangling name of one view of the spec."""
    checker = _Checker(spec, view, diagnostics)
    checker.models()
    checker.datasets()
    for job in view.jobs.values():
        checker.job(job)
    checker.project()


def check_history(spec: Spec, view: View, entry: History, diagnostics: Diagnostics) -> None:
    """Report every dangling name in what is to be recorded of a version."""
    _Checker(spec, view, diagnostics).history(entry)


def check_version(spec: Spec, view: View, entry: VersionFields, diagnostics: Diagnostics) -> None:
    """Report every dangling name of a version, or of a variant of one."""
    checker = _Checker(spec, view, diagnostics)
    if isinstance(entry, VersionSpec):
        checker.version(entry)
    else:
        checker.build(entry)


class History(Protocol):
    """What is known of how bytes came about: a version, a variant, or a record of one."""

    @property
    def metrics(self) -> tuple[MetricSpec, ...]:
        """The measured values."""
        ...

    @property
    def lineage(self) -> LineageSpec | None:
        """Where it comes from."""
        ...

    @property
    def golden(self) -> GoldenSpec | None:
        """A known input."""
        ...


@dataclass(slots=True)
class _Checker:
    spec: Spec
    view: View
    diagnostics: Diagnostics

    def models(self) -> None:
        for name, model in self.view.models.items():
            if model.target is not None and model.target not in model.versions:
                self._missing_version(name, model.target, model.versions, model.span_of("target"))
            elif model.target is not None and model.versions[model.target].yanked is not None:
                self._yanked(name, model.target, model, model.span_of("target"))
            for entry in model.versions.values():
                self.version(entry)
            self._processing(model)
        self._cycles()

    def datasets(self) -> None:
        for name, dataset in self.view.datasets.items():
            for version, entry in dataset.versions.items():
                self._store(entry.uri, entry.span_of("uri"))
                self._sources(f"{name}:{version}", entry)
            if dataset.private is not None and dataset.private.site is not None:
                site = dataset.private.site
                self._known("site", site, self.spec.fleet.sites, dataset.private.span_of("site"))
            for site in dataset.local.sites if dataset.local else ():
                span = dataset.local.span_of("sites", site) if dataset.local else None
                self._known("site", site, self.spec.fleet.sites, span)

    def _sources(self, name: str, entry: DatasetVersionSpec) -> None:
        lineage = entry.lineage
        for index, reference in enumerate(lineage.derived_from if lineage else ()):
            span = lineage.span_of("derived_from", index) if lineage else None
            self.dataset(reference, span)
            if name in self._behind(reference):
                self._add(codes.CYCLE, f"{name} is its own ancestor", span)

    def _behind(self, reference: str) -> set[str]:
        """The dataset that a reference means, and all that it is derived from."""
        found: set[str] = set()
        waiting = [reference]
        while waiting:
            name, _, version = waiting.pop().partition(":")
            versions = self.view.datasets[name].versions if name in self.view.datasets else {}
            version = version or next(reversed(versions), "")
            if version not in versions or f"{name}:{version}" in found:
                continue
            found.add(f"{name}:{version}")
            lineage = versions[version].lineage
            waiting += lineage.derived_from if lineage else ()
        return found

    def project(self) -> None:
        for store in self.spec.stores.values():
            if store.site is not None:
                self._known("site", store.site, self.spec.fleet.sites, store.span_of("site"))
        for code in self.spec.code.values():
            self._store(code.uri, code.span_of("uri"))
        if self.spec.reports is not None:
            self._store(self.spec.reports.uri, self.spec.reports.span_of("uri"))
        for patch in self.spec.patches:
            self._known("job", patch.job, self.spec.jobs, patch.span_of("job"))
        for entry in self.spec.objects:
            self._place(entry.place)
        for move in self.spec.moved:
            self._moved(move)

    def job(self, job: JobSpec) -> None:
        for _, place in places(job):
            self._place(place)
        for _, worker in workers(job):
            for index, code in enumerate(worker.code):
                self._known("code", code, self.spec.code, worker.span_of("code", index))
        self._job_models(job)
        self._job_datasets(job)
        results = getattr(job, "results", None)
        if results is not None:
            self._store(results.uri, results.span_of("uri"))
        mining = getattr(job, "hard_examples", None)
        if mining is not None and mining.code is not None:
            self._known("code", mining.code, self.spec.code, mining.span_of("code"))

    def _job_models(self, job: JobSpec) -> None:
        for index, reference in enumerate(getattr(job, "models", ())):
            self.model(reference, job.span_of("models", index), paired=False)
        for field in MODEL_FIELDS:
            reference = getattr(job, field, None)
            if isinstance(reference, str):
                paired = job.kind in PAIRED_KINDS and field == "model"
                self.model(reference, job.span_of(field), paired=paired)

    def _job_datasets(self, job: JobSpec) -> None:
        for field in DATASET_FIELDS:
            reference = getattr(job, field, None)
            if isinstance(reference, str):
                self.dataset(reference, job.span_of(field))
        for index, reference in enumerate(getattr(job, "datasets", ())):
            self.dataset(reference, job.span_of("datasets", index))

    def model(self, reference: str, span: Span | None, *, paired: bool | None) -> None:
        name, _, version = reference.partition(":")
        if not self._known("model", name, self.view.models, span):
            return
        model = self.view.models[name]
        wanted = version or model.target
        if wanted is None:
            if model.select is None:
                self._add(codes.NO_TARGET, f"model {name} has no target", span)
            return
        entry = model.versions.get(wanted)
        if entry is None:
            if version:
                self._missing_version(name, version, model.versions, span)
            return
        if version and entry.yanked is not None and paired is not None:
            # To come from a yanked version is history, and not to use it.
            self._yanked(name, version, model, span)
        if paired is not None and entry.pair is not paired:
            have = "is a pair" if entry.pair else "is a single model"
            want = "a pair with the parts edge and cloud" if paired else "a single model"
            self._add(
                codes.WRONG_MODEL_SHAPE,
                f"{name}:{wanted} {have}; {want} is needed here",
                span,
                "name one of its parts" if entry.pair else "define a model with two parts",
            )

    def dataset(self, reference: str, span: Span | None) -> None:
        name, _, version = reference.partition(":")
        if not self._known("dataset", name, self.view.datasets, span) or not version:
            return
        dataset: DatasetSpec = self.view.datasets[name]
        if version not in dataset.versions:
            self._missing_version(name, version, dataset.versions, span)

    def version(self, entry: VersionSpec) -> None:
        for part in ("edge", "cloud"):
            reference = getattr(entry, part)
            if reference is not None:
                self.model(reference, entry.span_of(part), paired=False)
        for build in (entry, *entry.variants.values()):
            self.build(build)

    def build(self, entry: VersionFields) -> None:
        if entry.uri is not None:
            self._store(entry.uri, entry.span_of("uri"))
        self._processing(entry)
        self.history(entry)

    def history(self, entry: History) -> None:
        golden = entry.golden
        if golden is not None:
            self._store(golden.input, golden.span_of("input"))
            self._store(golden.expect, golden.span_of("expect"))
        lineage = entry.lineage
        if lineage is not None and lineage.base is not None:
            self.model(lineage.base, lineage.span_of("base"), paired=None)
        for index, reference in enumerate(lineage.trained_on if lineage else ()):
            span = lineage.span_of("trained_on", index) if lineage else None
            self.dataset(reference, span)
        for metric in entry.metrics:
            if metric.dataset is not None:
                self.dataset(metric.dataset, metric.span_of("dataset"))
                self._split(metric.dataset, metric.split, metric.span_of("split"))
            if metric.profile is not None:
                profiles = self.spec.fleet.profiles
                self._known("profile", metric.profile, profiles, metric.span_of("profile"))

    def _processing(self, model: ModelSpec | VersionFields) -> None:
        for field in ("preprocess", "postprocess"):
            entry = getattr(model, field)
            if entry is not None:
                self._known("code", entry.code, self.spec.code, entry.span_of("code"))

    def _place(self, place: PlaceSpec) -> None:
        sites = self.spec.fleet.sites
        if place.site is not None:
            if not self._known("site", place.site, sites, place.span_of("site")):
                return
            layer = sites[place.site].layer
            if place.layer is not None and place.layer != layer:
                self._add(
                    codes.PLACE_CONTRADICTS,
                    f"site {place.site} is in layer {layer}, not {place.layer}",
                    place.span_of("layer"),
                    "remove layer",
                )
        if place.host is not None:
            self._host(place, place.host)

    def _host(self, place: PlaceSpec, host: str) -> None:
        names = [place.site] if place.site else list(self.spec.fleet.sites)
        hosts = [h for name in names for h in self.spec.fleet.sites[name].hosts]
        if host not in hosts:
            where = f"site {place.site}" if place.site else "any site"
            self._add(
                codes.UNKNOWN_HOST,
                f"{host} is not a host of {where}",
                place.span_of("host"),
                did_you_mean(host, hosts),
            )

    def _store(self, uri: str, span: Span | None) -> None:
        store, separator, rest = uri.partition(":")
        if separator and store != "host" and not rest.startswith("//"):
            self._known("store", store, self.spec.stores, span)

    def _split(self, reference: str, split: str | None, span: Span | None) -> None:
        dataset = self.view.datasets.get(reference.partition(":")[0])
        if dataset is None or split is None:
            return
        parts = list(dataset.splits.parts) if dataset.splits else []
        if split not in parts:
            there = f"it has: {', '.join(parts)}" if parts else "it declares no splits"
            name = reference.partition(":")[0]
            hint = did_you_mean(split, parts) or f"add it to datasets.{name}.splits.parts"
            message = f"dataset {name} has no split {split}; {there}"
            self._add(codes.FILE_MISSING, message, span, hint)

    def _moved(self, move: MovedSpec) -> None:
        for field, path in (("from_", move.from_), ("to", move.to)):
            known, name = self._named(path)
            message = hint = ""
            if known is None:
                message = f"{path} is no entry of jobs, models, datasets or fleet.sites"
                hint = "write SECTION.NAME, such as jobs.watch"
            elif field == "from_" and name in known:
                message = f"{path} is still defined, so it has not moved"
                hint = "remove the old entry, or delete the move"
            elif field == "to" and name not in known:
                message = f"{path} is not defined"
                hint = did_you_mean(name, sorted(known))
            if message:
                self._add(codes.MOVED_UNKNOWN, message, move.span_of(field), hint)

    def _named(self, path: str) -> tuple[Mapping[str, object] | None, str]:
        section, _, name = path.rpartition(".")
        sections: dict[str, Mapping[str, object]] = {
            "jobs": self.spec.jobs,
            "models": self.spec.models,
            "datasets": self.spec.datasets,
            "fleet.sites": self.spec.fleet.sites,
        }
        return sections.get(section), name

    def _cycles(self) -> None:
        for start, model in self.view.models.items():
            for version, entry in model.versions.items():
                here, seen = f"{start}:{version}", set[str]()
                current: str | None = _base(entry)
                while current is not None and current not in seen:
                    if current == here:
                        span = entry.lineage.span_of("base") if entry.lineage else entry.span
                        self._add(codes.CYCLE, f"{here} is its own ancestor", span)
                        break
                    seen.add(current)
                    name, _, older = current.partition(":")
                    found = self.view.models.get(name)
                    parent = found.versions.get(older) if found else None
                    current = _base(parent) if parent else None

    def _known(self, noun: str, name: str, known: Mapping[str, object], span: Span | None) -> bool:
        if name in known:
            return True
        names = sorted(known)
        listed = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
        there = f"there are: {listed}" if names else f"the spec defines no {noun}"
        self._add(
            codes.UNKNOWN_REFERENCE,
            f"{noun} {name} is not defined; {there}",
            span,
            did_you_mean(name, names),
        )
        return False

    def _missing_version(
        self, name: str, version: str, known: Iterable[str], span: Span | None
    ) -> None:
        names = list(known)
        self._add(
            codes.UNKNOWN_VERSION,
            f"{name} has no version {version}; it has: {', '.join(names) or 'none'}",
            span,
            did_you_mean(version, names),
        )

    def _yanked(self, name: str, version: str, model: ModelSpec, span: Span | None) -> None:
        others = [v for v, entry in model.versions.items() if entry.yanked is None]
        self._add(
            codes.YANKED_VERSION,
            f"{name}:{version} is yanked: {model.versions[version].yanked}",
            span,
            f"use {others[-1]}" if others else "",
        )

    def _add(self, code: Code, message: str, span: Span | None, hint: str = "") -> None:
        self.diagnostics.add(code, message, span, hint)


def _base(entry: VersionSpec) -> str | None:
    return entry.lineage.base if entry.lineage else None
