"""`edgewright status --write`: what sidecars reported, as the statuses of records in the clusters.

Writes nothing but those statuses, only where they differ, and never over another writer's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from compiler.model.codes import world as codes
from compiler.model.diagnostics import CompileError, Diagnostic
from compiler.model.record import dataclass

if TYPE_CHECKING:
    from compiler.adapters.cluster_status import Live, Make, Written
    from compiler.commands.status_clusters import Asked, Wishes
    from compiler.model.truth import Truth
    from compiler.model.wanted import Wanted

AT_ONCE = 8
"""Clusters written at a time."""


@dataclass(frozen=True, slots=True)
class Wrote:
    """What became of the records of each cluster, by target, and what stood in the way."""

    records: Mapping[str, Sequence[Written]]
    problems: Sequence[Diagnostic]
    dry_run: bool

    def lines(self) -> Iterator[str]:
        """One line for each cluster."""
        would = "would be " if self.dry_run else ""
        words = {
            "written": f"{would}written", "unchanged": "unchanged", "gone": "not in the cluster",
            "owned": "left to another writer", "refused": "refused",
        }  # fmt: skip
        for target, records in self.records.items():
            counts = Counter(str(one.outcome) for one in records)
            told = ", ".join(
                f"{counts[key]:,} {text}" for key, text in words.items() if counts[key]
            )
            yield f"statuses of {target}: {told or 'none to write'}"

    def facts(self) -> list[dict[str, Any]]:
        """For `--format json`: the counts, and each record that is not as it was."""
        return [
            {
                "target": target,
                "dryRun": self.dry_run,
                "counts": dict(sorted(Counter(str(one.outcome) for one in records).items())),
                "records": [
                    {"namespace": one.namespace, "name": one.name, "outcome": str(one.outcome),
                     "words": one.words or None}
                    for one in records if one.outcome != "unchanged"
                ],
            }
            for target, records in self.records.items()
        ]  # fmt: skip


def write(
    truths: Iterable[Truth], asked: Asked, wishes: Wishes, *, dry_run: bool, now: float
) -> Wrote:
    """Bring the statuses of the clusters that have answered up to date."""
    from compiler.adapters.cluster_status import writer

    problems = [_unasked(one) for one in asked.sources if one.unasked]
    problems += asked.problems
    work = _work(truths, asked, now)
    connections = {}
    for target, context in asked.contexts.items():
        # One after the other: reading a kubeconfig may run a program that asks a person to log in.
        try:
            connections[target] = writer(wishes.kubeconfig, context)
        except CompileError as error:
            problems += error.diagnostics
    with ThreadPoolExecutor(AT_ONCE) as crew:
        done = crew.map(
            lambda target: _written(connections[target], work.get(target, []), dry_run), connections
        )
        found = dict(zip(connections, done, strict=True))
    absent = _absent(asked)
    records = {t: (*records, *absent.get(t, ())) for t, (records, _) in found.items()}
    problems += [problem for _, more in found.values() for problem in more]
    problems += [problem for some in records.values() for problem in _told(some)]
    return Wrote(records, tuple(dict.fromkeys(problems)), dry_run)


def of_records(rows: Iterable[Wanted]) -> list[Wanted]:
    """The same rows without what is no record of a model, so that nothing else is asked for."""
    kept = [
        replace(
            row, engines=(),
            objects=tuple(one for one in row.objects if one.identity.kind == "InferenceModel"),
        )
        for row in rows
    ]  # fmt: skip
    return [row for row in kept if row.objects]


def _written(
    connection: Any, work: Sequence[tuple[Live, Make]], dry_run: bool
) -> tuple[Sequence[Written], Sequence[Diagnostic]]:
    from compiler.adapters.cluster_status import write_all

    try:
        return write_all(connection, work, dry_run=dry_run), ()
    except CompileError as error:
        return (), error.diagnostics


def _work(truths: Iterable[Truth], asked: Asked, now: float) -> dict[str, list[tuple[Live, Make]]]:
    """Every live record with what makes its status, by the cluster's target."""
    by_key = {
        (one.wish.cluster.target, one.wish.job, one.wish.site, one.wish.model): one
        for one in truths
    }
    found: dict[str, list[tuple[Live, Make]]] = {}
    for row in asked.rows:
        wanted = row.wanted
        for live in row.records:
            model = str((live.get("spec") or {}).get("model"))
            truth = by_key.get((wanted.cluster.target, wanted.job, wanted.site, model))
            if truth is not None and live.get("kind") == "InferenceModel":
                found.setdefault(wanted.cluster.target, []).append((live, _maker(truth, now)))
    return found


def _absent(asked: Asked) -> dict[str, list[Written]]:
    """The records that are not in their cluster, by its target."""
    from compiler.adapters.cluster_status import Outcome, Written

    found: dict[str, list[Written]] = {}
    for row in asked.rows:
        there = {one["metadata"]["name"] for one in row.records}
        for one in row.wanted.objects if not row.unseen else ():
            if one.identity.name not in there:
                gone = Written(one.identity.namespace, one.identity.name, Outcome.GONE)
                found.setdefault(row.wanted.cluster.target, []).append(gone)
    return found


def _maker(truth: Truth, now: float) -> Make:
    from compiler.model.record_status import differs, is_newer, status_of

    def make(live: Live) -> Mapping[str, Any] | None:
        wanted = status_of(truth, live, now)
        if wanted is None or is_newer(live, wanted) or not differs(live, wanted, now):
            return None
        return wanted

    return make


def _unasked(source: Any) -> Diagnostic:
    place = f"{source.cluster}/{source.site}" if source.site else source.cluster
    hint = f"Add --context NAME, or write `context:` at fleet.clusters.{source.cluster}."
    return Diagnostic(codes.CONTEXT, f"no status of cluster {place} is written", None, hint)


def _told(records: Iterable[Written]) -> Iterator[Diagnostic]:
    for one in records:
        where = f"{one.namespace}/{one.name}"
        if one.outcome == "owned":
            yield Diagnostic(codes.STATUS_OWNED, f"status of {where}: {one.words}", None, "")
        elif one.outcome == "refused":
            yield Diagnostic(codes.REFUSED, f"status of {where}: {one.words}", None, "")
