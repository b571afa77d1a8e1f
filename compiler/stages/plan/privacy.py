"""Refuses what would take private bytes away from their site: a place, or an upload.

Part of `plan`. Where bytes are read or run is judged as they are placed; where jobs write what they
make is judged for every job, whether its kind compiles yet or not. Between hosts of a site private
bytes are not passed on either: the artifact says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import field

from compiler.model.ancestry import targets
from compiler.model.choice import Choice
from compiler.model.codes import plan as codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.fleet import Site
from compiler.model.keeping import Keeping, Kept
from compiler.model.lockable import model_references
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved, View
from compiler.model.selection import selects
from compiler.model.spec.job import JobSpec, workers

DATA = ("dataset", "calibration")
MADE_FROM = ("base",)


@dataclass(slots=True)
class Privacy:
    """Follows private data through one environment."""

    resolved: Resolved
    diagnostics: Diagnostics
    views: dict[int, Keeping] = field(default_factory=dict)

    def at(self, site: str) -> Keeping:
        """What must stay, as a site sees it."""
        return self._of(self.resolved.view(site))

    def reads(self, reference: str, site: Site, span: Span | None) -> bool:
        """Whether data may be read at a site; reported where it may not."""
        wrong = [kept for kept in self.at(site.name).dataset(reference) if kept.site != site.name]
        name = reference.partition(":")[0]
        for kept in wrong:
            self._misplaced(kept, f"dataset {name}", "read", site, span)
        return not wrong

    def runs(self, choice: Choice, site: Site, span: Span | None) -> None:
        """Report a version that must stay at another site; `span` is the line that names it."""
        kept = self.at(site.name).version(choice.model, choice.version, choice.variant)
        for one in kept:
            if one.site != site.name:
                self._misplaced(one, str(choice), "placed", site, span)

    def check_writes(self) -> None:
        """Report every job that would write private bytes, or what keeps them, to another place."""
        for view in self.resolved.all_views:
            for name, job in view.jobs.items():
                sites = self._sites(job, view) if type(job).writes else ()
                if sites:
                    self._job(name, job, self._of(view), sites)

    def _of(self, view: View) -> Keeping:
        if id(view) not in self.views:
            known = targets(view.models, self.resolved.lock, self.resolved.environment)
            self.views[id(view)] = Keeping(view.datasets, view.models, known)
        return self.views[id(view)]

    def _misplaced(self, kept: Kept, subject: str, how: str, site: Site, span: Span | None) -> None:
        fits = f"place the job at {kept.site}" if kept.site else "no one site may have all shares"
        self.diagnostics.add_at_site(
            codes.PRIVATE_DATA_LEAVES,
            f"{subject} {_promise(kept)} and would be {how}",
            site.name,
            site.span,
            span,
            fits,
            kept.chain,
        )

    def _sites(self, job: JobSpec, view: View) -> frozenset[str]:
        workers_ = (getattr(worker, "place", None) for _, worker in workers(job))
        written = [place for place in (job.place, *workers_) if place and place.model_fields_set]
        return frozenset(
            site.name
            for site in self.resolved.sites.values()
            if self.resolved.view(site.name) is view
            and any(selects(place, site) for place in written)
        )

    def _job(self, name: str, job: JobSpec, keeping: Keeping, sites: frozenset[str]) -> None:
        for attribute, holds in type(job).writes.items():
            written = getattr(job, attribute, None)
            if written is None:
                continue
            for kept in _followed(name, job, keeping, holds):
                if not kept.holds(written.uri, self.resolved.spec.stores, sites):
                    home = {kept.site} if kept.site else sites
                    self._leaves(name, kept, holds, written.uri, home, written.span_of("uri"))

    def _leaves(
        self,
        name: str,
        kept: Kept,
        holds: str,
        uri: str,
        home: Collection[str],
        span: Span | None,
    ) -> None:
        known = self.resolved.spec.stores.items()
        near = [f"to {one}:" for one, store in known if home == {store.site}]
        if not near and len(home) == 1:
            near = [f"to a store with site: {''.join(home)}"]
        self.diagnostics.add(
            codes.PRIVATE_DATA_LEAVES,
            f"jobs.{name} would write {holds} to {uri}, "
            f"away from {'its sites' if len(home) > 1 else ''.join(home)}",
            span,
            " or ".join(["write to host:/PATH", *near]),
            kept.chain,
        )


def _promise(kept: Kept) -> str:
    """Why it must stay, in words that follow its name."""
    return kept.why if len(kept.chain) < 2 else f"must stay at {kept.site or 'each of its sites'}"


def _followed(name: str, job: JobSpec, keeping: Keeping, holds: str) -> Iterator[Kept]:
    """What of a job's inputs keeps what it writes at a site, with the line that reads it."""
    for attribute, reference in _named(job, DATA):
        for kept in keeping.dataset(reference):
            if holds == "samples" or kept.models:
                yield kept.then(job.span_of(attribute), f"jobs.{name} reads {reference}")
    for reference in (*model_references(job), *(one for _, one in _named(job, MADE_FROM))):
        model, _, version = reference.partition(":")
        known = version or keeping.targets.get(model, "")
        for kept in keeping.version(model, known):
            attribute = "model" if getattr(job, "model", None) == reference else "base"
            yield kept.then(job.span_of(attribute), f"jobs.{name} starts from {reference}")


def _named(job: JobSpec, attributes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for attribute in attributes:
        reference = getattr(job, attribute, None)
        if isinstance(reference, str):
            yield attribute, reference
