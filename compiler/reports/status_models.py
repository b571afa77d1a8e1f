"""The models of a fleet for a terminal and as JSON data: what is wanted beside what is told of it.

A fleet of thousands of sites fits a screen: sites are counted by cluster, ring and version, and
those with the same fault are one line. What nobody asked is said as such. Nothing here judges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from compiler.model.observed import Finding, Verdict
from compiler.model.readable import duration
from compiler.model.truth import Column, Mark, Truth
from compiler.reports.status import aligned, listed, why_words

SKEW = 300
"""Seconds by which a device's clock may be wrong before anybody is told."""
_TITLES = ("MODEL", "CLUSTER", "RING", "WANTED", "SITES")


def summary(truths: Sequence[Truth], *, every: bool) -> str:
    """Counts, then the models and sites where something is not as wanted; with `every`, all."""
    if not truths:
        return ""
    lines = [*_counts(truths), ""]
    shown = [one for one in truths if every or one.findings]
    if shown:
        several = len({one.wish.environment for one in truths}) > 1
        lines += [*_odd(shown, named=several, every=every), ""]
    return "\n".join(lines) + "\n"


def details(truth: Truth, waits: Mapping[tuple[str, str, str], str]) -> str:
    """Everything that is known of one model at one site.

    `waits` says what a rollout waits for, by environment, job and model.
    """
    wish = truth.wish
    cluster = wish.cluster.place.replace("/", " / ")
    lines = [
        f"{wish.site} {wish.job} / {wish.model}: {truth.verdict} ({wish.environment} / {cluster})"
    ]
    found = [("wanted", text) for text in _wanted_lines(truth, waits)]
    found += [("published", _told(truth.published, wish.model))]
    found += [("applied", _told(truth.applied, wish.model))]
    found += [("accepted", text) for text in _accepted_lines(truth)]
    found += [("running", text) for text in _running_lines(truth)]
    found += [("why", why_words(one.text, one.detail)) for one in truth.findings]
    before = ""
    for word, text in found:
        lines.append(f"  {word if word != before else '':<10} {text}")
        before = word
    return "\n".join(lines) + "\n"


def findings(truths: Iterable[Truth]) -> Iterator[tuple[str, Finding]]:
    """Every finding with its site."""
    for one in truths:
        yield from ((one.wish.site, finding) for finding in one.findings)


def as_dict(truth: Truth, now: float) -> dict[str, Any]:
    """One model at one site as JSON data."""
    wish = truth.wish
    return {
        "environment": wish.environment,
        "cluster": wish.cluster.name,
        "target": wish.cluster.target,
        "job": wish.job,
        "site": wish.site,
        "ring": wish.ring or None,
        "model": wish.model,
        "verdict": str(truth.verdict),
        "why": [
            {"verdict": str(one.verdict), "text": one.text, "detail": one.detail,
             "step": one.step or None}
            for one in truth.findings
        ],
        "wanted": {
            "version": wish.version or None,
            "variant": wish.variant or None,
            "digest": wish.digest or None,
            "because": wish.because or None,
            "hardware": wish.hardware or None,
        },
        **{name: _column(column, now) for name, column in truth.columns.items()},
        "hosts": [dict(one) for one in truth.said],
    }  # fmt: skip


def _column(one: Column, now: float) -> dict[str, Any]:
    return {
        "state": str(one.mark),
        "version": one.version or None,
        "words": one.words or None,
        "ageSeconds": max(0, int(now - one.at)) if one.at else None,
    }


# The fleet.


def _counts(truths: Sequence[Truth]) -> Iterator[str]:
    """One line for each model, cluster, ring and version."""
    groups: dict[tuple[str, ...], list[Truth]] = {}
    several = len({one.wish.environment for one in truths}) > 1
    rings = any(one.wish.ring for one in truths)
    for one in truths:
        wish = one.wish
        where = f"{wish.environment} / {wish.cluster.name}" if several else wish.cluster.name
        model = f"{wish.job} / {wish.model}"
        key = (where, model, wish.ring or "-", wish.version or "-")
        groups.setdefault(key, []).append(one)
    names = tuple(truths[0].columns)
    titles = [*_TITLES, *(name.upper() for name in names), "SILENT"]
    cells = [titles]
    for (where, model, ring, version), mine in sorted(groups.items()):
        counts = [_count([one.columns[name] for one in mine]) for name in names]
        silent = sum(one.running.mark in (Mark.OLD, Mark.NEVER) for one in mine)
        cells.append([model, where, ring, version, f"{len(mine):,}", *counts, f"{silent:,}"])
    if not rings:
        cells = [[cell for at, cell in enumerate(line) if at != 2] for line in cells]
    yield from aligned(cells)


def _count(columns: Sequence[Column]) -> str:
    """How many are as wanted, or that nobody was asked."""
    told = [one for one in columns if one.mark is not Mark.UNASKED]
    if not told:
        return "not asked"
    if all(one.mark is Mark.UNKNOWN for one in told):
        return "not known"
    same = f"{sum(one.mark is Mark.SAME for one in told):,}"
    return same if len(told) == len(columns) else f"{same} of {len(told):,} asked"


def _odd(truths: Sequence[Truth], *, named: bool, every: bool) -> Iterator[str]:
    """One line for all sites with the same model and the same findings."""
    groups: dict[tuple[str, ...], list[tuple[Truth, Finding | None]]] = {}
    for one in truths:
        wish = one.wish
        model = f"{wish.job} / {wish.model}" + (f" ({wish.environment})" if named else "")
        for finding in one.findings or (None,):
            verdict = finding.verdict if finding else one.verdict
            text = finding.text if finding else f"wanted is {wish.version}, {wish.because}"
            alone = wish.site if every else ""
            key = (f"{99 - verdict.weight:02}", str(verdict), model, text, alone)
            groups.setdefault(key, []).append((one, finding))
    cells = [["VERDICT", "MODEL", "SITES", "WHY"]]
    for (_, word, model, text, _), mine in sorted(groups.items()):
        finding = mine[0][1]
        detail = finding.detail if len(mine) == 1 and finding else ""
        cells.append([word, model, listed([one.wish.site for one, _ in mine]),
                      why_words(text, detail)])  # fmt: skip
    yield from aligned(cells)


# One site.


def _wanted_lines(truth: Truth, waits: Mapping[tuple[str, str, str], str]) -> Iterator[str]:
    wish = truth.wish
    variant = f", variant {wish.variant}" if wish.variant else ""
    because = f", because {wish.because}" if wish.because else ""
    yield f"{wish.model}:{wish.version}{variant}{because}"
    if wish.hardware:
        yield f"hardware: {wish.hardware}"
    if wait := waits.get((wish.environment, wish.job, wish.model)):
        yield wait


def _told(column: Column, model: str) -> str:
    version = f"{model}:{column.version}" if column.version else ""
    if column.mark is Mark.SAME:
        return f"{version or 'as wanted'} ({column.words})" if column.words else version
    words = f": {column.words}" if column.words else ""
    if column.mark is Mark.OTHER and version:
        return f"{version}{words}"
    return f"{column.mark}{words}"


def _accepted_lines(truth: Truth) -> Iterator[str]:
    column = truth.accepted
    if not truth.said:
        yield _told(column, truth.wish.model)
        return
    for said in truth.said:
        when = f"{said['host']} said so {duration(said['ageSeconds'])} ago"
        yield f"{_accepted(said)}; {when}"
        if abs(said["clockAheadSeconds"]) > SKEW:
            yield f"its clock is {said['clockAheadSeconds']} s ahead of the store's"
        if said["reason"]:
            yield said["reason"]


def _accepted(said: Mapping[str, Any]) -> str:
    if said["revision"] == said["wantedRevision"]:
        return "the config that is compiled here"
    if said["rejected"]:
        return f"an earlier config, as the newest was refused: {said['rejected']}"
    if said["wantedRevision"]:
        return f"another config than the one compiled here ({said['revision'][:12]}…)"
    return "a config that is not compiled here"


def _running_lines(truth: Truth) -> Iterator[str]:
    model = truth.wish.model
    if not truth.said:
        yield _told(truth.running, model)
    for said in truth.said:
        running = f"{model}:{said['version']}" if said["version"] else f"no {model}"
        towards = f", on the way to {said['towards']}" if said["towards"] != said["version"] else ""
        why = f", since {said['why']}" if said["why"] else ""
        yield f"{running}{towards}: {said['state']}{why}"
    if truth.running.mark is Mark.OLD:
        yield f"as it was; {truth.running.words}"


# Rollouts.


def rollout_line(move: Mapping[str, Any]) -> str:
    """A rollout that is under way, on one line."""
    until = f" until {move['soaksUntil']}" if move["soaksUntil"] else ""
    return (
        f"{move['job']} / {move['model']} ({move['environment']}): {move['from']} -> {move['to']} "
        f"is at step {move['step']} of {move['last']}; {move['why']}{until}"
    )


def unknown(truths: Iterable[Truth]) -> bool:
    """Whether something was asked and did not answer."""
    return any(Mark.UNKNOWN in (c.mark for c in one.columns.values()) for one in truths)


def all_ready(truths: Iterable[Truth]) -> bool:
    """Whether nothing speaks against any of them."""
    return all(one.verdict in (Verdict.READY, Verdict.UNKNOWN) for one in truths)
