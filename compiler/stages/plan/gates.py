"""Holds versions against the gates of their models, and datasets against what they must be.

Part of `plan`: a version is judged wherever a site gets it, whatever named it, and each failure is
told once for all sites that share it. A gate that names a hardware profile is for the sites of that
profile. Numbers come from the spec and the lock; nothing is measured here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from compiler.model import metrics
from compiler.model.choice import Choice, misfit
from compiler.model.codes import gates as codes
from compiler.model.counted import imbalance
from compiler.model.declared import holds
from compiler.model.diagnostics import Diagnostics, Related, Span
from compiler.model.fleet import Site
from compiler.model.gating import Standing, Verdict, judge
from compiler.model.lock import LockedDataset
from compiler.model.metrics import Measurement
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.model.spec.artifacts import DatasetSpec, ModelSpec, NeedsSpec, RequirementsSpec
from compiler.model.spec.gates import GateSpec

Judged = tuple[GateSpec, Verdict, Standing]


@dataclass(slots=True)
class Gates:
    """Judges versions for one environment; what was judged once is remembered."""

    resolved: Resolved
    diagnostics: Diagnostics
    judged: dict[tuple[object, ...], tuple[Judged, ...]] = field(default_factory=dict)
    fitting: dict[int, str] = field(default_factory=dict)
    stood: dict[Standing, None] = field(default_factory=dict)
    """Every gate that was asked about, in that order, with what decided."""

    def check(self, choice: Choice, site: Site, before: str) -> None:
        """Report every gate that the version does not pass at a site; `before` may be empty."""
        model = self.resolved.view(site.name).models[choice.model]
        self._hardware(model, choice, site)
        if not model.gates:
            return
        key = (id(model), choice.version, choice.variant, before)
        if key not in self.judged:
            self.judged[key] = tuple(self._judge(model, choice, before))
        for gate, verdict, standing in self.judged[key]:
            if gate.profile in (None, site.profile.name):
                self.stood[standing] = None
                if not verdict.holds:
                    self._report(choice, gate, verdict, site)

    def _hardware(self, model: ModelSpec, choice: Choice, site: Site) -> None:
        version = model.versions[choice.version]
        variant = version.variants.get(choice.variant)
        needs = (variant.needs if variant else None) or version.needs
        why = misfit(needs, site)
        if not why or needs is None:
            return
        profile = self.resolved.spec.fleet.profiles[site.profile.name]
        self.diagnostics.add_at_site(
            codes.NEEDS_UNMET,
            f"{choice} {why}",
            site.name,
            site.span,
            needs.span,
            self._fitting(needs),
            Related.at(profile.span, f"{site.profile.name} is defined here"),
        )

    def _fitting(self, needs: NeedsSpec) -> str:
        """What would run it: the profiles of the environment's sites that meet the needs."""
        if id(needs) not in self.fitting:
            sites = self.resolved.sites.values()
            names = sorted({site.profile.name for site in sites if not misfit(needs, site)})
            self.fitting[id(needs)] = " or ".join(names)
        found = self.fitting[id(needs)]
        add = "add a variant for this hardware"
        return f"place the job where the profile is {found}, or {add}" if found else add

    def _judge(self, model: ModelSpec, choice: Choice, before: str) -> Iterator[Judged]:
        digests = metrics.digests(self.resolved.lock, self.resolved.environment)
        defined = metrics.defined(self.resolved.spec.metrics)

        def values(version: str, variant: str) -> tuple[Measurement, ...]:
            entry = model.versions[version]
            return metrics.measurements(entry, entry.variants.get(variant), digests)

        now = values(choice.version, choice.variant)
        old = values(before, choice.variant) if before in model.versions else None
        for gate in model.gates:
            verdict = judge(gate, now, old, defined)
            named = (self.resolved.environment, choice.model, choice.version, choice.variant)
            yield gate, verdict, Standing.of(*named, gate.metric, verdict)

    def _report(self, choice: Choice, gate: GateSpec, verdict: Verdict, site: Site) -> None:
        at = f" ({verdict.span})" if verdict.span else ""
        self.diagnostics.add_at_site(
            codes.GATE_FAILS,
            f"{choice} fails its gate on {gate.metric}: {verdict.why}{at}",
            site.name,
            site.span,
            gate.span,
            verdict.fits,
        )


def check_datasets(resolved: Resolved, diagnostics: Diagnostics) -> None:
    """Report every dataset that is not what its `require:` asks, in the versions that are used."""
    for name, dataset in resolved.base.datasets.items():
        if dataset.wrote("require"):
            for version in _used(resolved, name, dataset):
                _check_dataset(resolved, f"{name}:{version}", dataset.require, diagnostics)


def _used(resolved: Resolved, name: str, dataset: DatasetSpec) -> list[str]:
    """The versions that jobs name, and the newest, which is meant where none is named."""
    named = [
        reference.partition(":")[2]
        for view in resolved.all_views
        for job in view.jobs.values()
        for reference in (*getattr(job, "datasets", ()), getattr(job, "dataset", None))
        if isinstance(reference, str) and reference.partition(":")[0] == name
    ]
    newest = list(dataset.versions)[-1:]
    return list(dict.fromkeys([*(v for v in named if v in dataset.versions), *newest]))


def _check_dataset(
    resolved: Resolved, reference: str, wanted: RequirementsSpec, diagnostics: Diagnostics
) -> None:
    lock, environment = resolved.lock, resolved.environment
    entry = lock.dataset(environment, reference) if lock else None
    name, _, version = reference.partition(":")
    if entry is None or not holds(entry, resolved.base.datasets[name], version):
        why = (
            "the lock does not say what is in it"
            if entry is None
            else ("the lock counted it by another format, other classes or other splits")
        )
        diagnostics.add(
            codes.NOT_COUNTED,
            f"{reference} has requirements, and {why}",
            wanted.span,
            "run `edgewright lock`",
        )
        return
    at = lock.span(environment, "datasets", reference) if lock else None
    related = Related.at(at, "counted here")
    for attribute, message, hint in _unmet(wanted, entry):
        span: Span | None = wanted.span_of(attribute)
        text = f"{reference} {message}"
        diagnostics.add(codes.REQUIREMENT_FAILS, text, span, hint, related)


def _unmet(wanted: RequirementsSpec, entry: LockedDataset) -> Iterator[tuple[str, str, str]]:
    least = wanted.min_samples
    if least is not None and entry.samples < least:
        yield (
            "min_samples",
            f"has {entry.samples:,} samples, and minSamples is {least:,}",
            f"add {least - entry.samples:,} samples, or set minSamples: {entry.samples}",
        )
    most = wanted.max_imbalance
    if most is None:
        return
    ratio = imbalance(entry.classes)
    if ratio is None:
        yield "max_imbalance", "has no labels that were counted, so its balance is not known", ""
    elif ratio > float(most):
        rare, few = min(entry.classes.items(), key=lambda one: (one[1], one[0]))
        common, many = max(entry.classes.items(), key=lambda one: (one[1], one[0]))
        times = f"{ratio:.3g} times as many" if few else "and not one"
        yield (
            "max_imbalance",
            f"has {many:,} of {common} and {few:,} of {rare}, {times}; maxImbalance is {most:g}",
            f"add samples of {rare}",
        )
