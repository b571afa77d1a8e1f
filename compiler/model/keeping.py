"""What must stay at a site, and why: private data, what is derived from it, models trained on it.

A dataset that is `private` or `local` stays. So does a version that is derived from one, and, where
`private: {models: true}` says so, a model that was trained on one and whatever is made from that.
`released:` in a lineage ends it, with a reason. Only names are followed, never bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace

from compiler.model.ancestry import ancestry
from compiler.model.diagnostics import Related, Span
from compiler.model.record import dataclass
from compiler.model.spec.artifacts import DatasetSpec, LocalDataSpec, ModelSpec
from compiler.model.spec.project import StoreSpec


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes that must stay at `site`; empty: each share at its own.

    `why` is the promise in words, `chain` its line and those that lead from it to the bytes.
    """

    site: str
    why: str
    models: bool
    chain: tuple[Related, ...]

    def then(self, span: Span | None, message: str) -> Kept:
        """What a further line makes of it."""
        return replace(self, chain=(*self.chain, *Related.at(span, message)))

    def holds(self, uri: str, stores: Mapping[str, StoreSpec], sites: frozenset[str]) -> bool:
        """Whether bytes that are written to a uri at these sites stay."""
        name = uri.partition(":")[0]
        store = stores.get(name)
        if name == "host":
            return True
        home = {self.site} if self.site else sites
        return store is not None and store.site is not None and home == {store.site}


@dataclass(slots=True)
class Keeping:
    """What must stay of the datasets and models that one group of sites sees."""

    datasets: Mapping[str, DatasetSpec]
    models: Mapping[str, ModelSpec]
    targets: Mapping[str, str]
    known: dict[str, tuple[Kept, ...]] = field(default_factory=dict)

    def dataset(self, reference: str) -> tuple[Kept, ...]:
        """Every promise that holds for a dataset; the newest version where none is named."""
        if reference not in self.known:
            self.known[reference] = ()  # ends a circle, which is reported where names are checked
            self.known[reference] = tuple(self._dataset(reference))
        return self.known[reference]

    def version(self, name: str, version: str, variant: str = "") -> tuple[Kept, ...]:
        """Every promise that holds for a version of a model."""
        key = f"models/{name}:{version}/{variant}"
        if key not in self.known:
            self.known[key] = tuple(self._version(name, version, variant))
        return self.known[key]

    def _dataset(self, reference: str) -> Iterator[Kept]:
        name, _, version = reference.partition(":")
        dataset = self.datasets.get(name)
        if dataset is None:
            return
        yield from _promised(name, dataset)
        newest = next(reversed(dataset.versions), "")
        entry = dataset.versions.get(version or newest)
        lineage = entry.lineage if entry else None
        if lineage is None or lineage.released is not None:
            return
        for index, source in enumerate(lineage.derived_from):
            span = lineage.span_of("derived_from", index)
            for kept in self.dataset(source):
                yield kept.then(span, f"{name}:{version or newest} is derived from {source}")

    def _version(self, name: str, version: str, variant: str) -> Iterator[Kept]:
        made = ""
        back: list[Related] = []
        for one in ancestry(self.models, self.targets, name, version, variant):
            if made:
                back = [*Related.at(one.span, f"{made} is made from {one.reference}"), *back]
            made, lineage = one.reference, one.lineage
            if lineage is not None and lineage.released is not None:
                return
            for index, source in enumerate(lineage.trained_on if lineage else ()):
                span = lineage.span_of("trained_on", index) if lineage else None
                for kept in self.dataset(source):
                    if kept.models:
                        found = kept.then(span, f"{made} was trained on {source}")
                        yield replace(found, chain=(*found.chain, *back))


def _promised(name: str, dataset: DatasetSpec) -> Iterator[Kept]:
    private, local = dataset.private, dataset.local
    models = private is not None and private.models
    if private is not None and private.site is not None:
        why = f"is private to {private.site}"
        yield Kept(private.site, why, models, Related.at(private.span, f"{name} {why}"))
    elif local is not None:
        why = "stays at each of its sites"
        yield Kept(_only_site(local), why, models, Related.at(local.span, f"{name} {why}"))


def _only_site(local: LocalDataSpec) -> str:
    return next(iter(local.sites)) if len(local.sites) == 1 else ""
