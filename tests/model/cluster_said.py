"""A cluster that has exactly what is compiled, as answers to the questions of a status.

Nothing runs: live objects are the compiled ones with the status that controllers would write.
A test takes away or changes what it is about.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from compiler.commands.status_wanted import Compiled, compiled
from compiler.model.diagnostics import Diagnostics
from compiler.model.manifest import UnitRole
from compiler.model.observed import Answer, Question, Snapshot
from compiler.model.verdicts import Row, View, judge
from compiler.model.wanted import (
    NODES,
    WORKLOADS,
    Wanted,
    hosts,
    namespace_question,
    pod_questions,
    pod_template,
    question,
    questions,
    wanted_rows,
)
from compiler.pipeline import Request

TREES = Path(__file__).parents[1] / "golden" / "trees"
READY = [{"type": "Ready", "status": "True"}]
Live = dict[str, Any]
Change = Callable[[Live], Live | None]


@lru_cache
def case(name: str, *environments: str) -> Compiled:
    """The compiled spec of a golden case."""
    request = Request(root=TREES / name / "spec", environments=environments)
    return compiled(request, (), Diagnostics())


def rows(name: str, *environments: str) -> list[Wanted]:
    """The rows that a golden case wants."""
    found = case(name, *environments)
    return wanted_rows(found.tree, found.clusters)


def judged(
    wanted: Iterable[Wanted],
    change: Change = lambda live: live,
    problems: dict[str, str] | None = None,
    unserved: Iterable[str] = (),
) -> dict[tuple[str, str], Row]:
    """The rows by job and site, of clusters that have what `change` leaves of what is wanted.

    `problems` are by kind, and `unserved` kinds that no cluster has.
    """
    mine = list(wanted)
    found: dict[tuple[str, str], Row] = {}
    for target in dict.fromkeys(row.cluster.target for row in mine):
        here = [row for row in mine if row.cluster.target == target]
        view = View.of(Snapshot(_answers(here, change, problems or {}, set(unserved))))
        found |= {(row.job, row.site): judge(row, view) for row in here}
    return found


def without(kind: str, name: str = "") -> Change:
    """A change that takes away the objects of a kind, or the one whose name holds a text."""

    def change(live: Live) -> Live | None:
        gone = live["kind"] == kind and name in live["metadata"]["name"]
        return None if gone else live

    return change


def altered(kind: str, alter: Callable[[Live], object], name: str = "") -> Change:
    """A change that alters the objects of a kind."""

    def change(live: Live) -> Live:
        if live["kind"] == kind and name in live["metadata"]["name"]:
            alter(live)
        return live

    return change


def _answers(
    wanted: list[Wanted], change: Change, problems: dict[str, str], unserved: set[str]
) -> dict[Question, Answer]:
    items: dict[Question, list[Live]] = {}
    for live, asked in _everything(wanted):
        kept = change(live)
        if kept is not None:
            items.setdefault(asked, []).append(kept)
    return {
        asked: Answer(
            () if asked.kind in {*problems, *unserved} else tuple(items.get(asked, ())),
            problems.get(asked.kind, ""),
            asked.kind not in unserved,
        )
        for found in questions(wanted).values()
        for asked in found
    }


def _everything(wanted: list[Wanted]) -> Iterable[tuple[Live, Question]]:
    nodes: dict[str, Live] = {}
    for row in wanted:
        for one in {id(one): one for one in (*row.objects, *row.engines)}.values():
            live = copy.deepcopy(dict(one.data))
            live["status"] = _status(live)
            yield live, question(one)
            if live["kind"] in WORKLOADS:
                named = hosts(one.data) or ("a-node",)
                node: Live = {"kind": "Node", "metadata": {"name": named[0]}}
                nodes[named[0]] = {**node, "status": {"conditions": READY}}
                labels = pod_template(one.data)["metadata"]["labels"]
                metadata = {**live["metadata"], "name": f"{live['metadata']['name']}-x",
                            "labels": labels}  # fmt: skip
                pod: Live = {"kind": "Pod", "metadata": metadata, "spec": {"nodeName": named[0]}}
                for asked in pod_questions(one):
                    yield {**pod, "status": {"phase": "Running", "conditions": READY}}, asked
            if one.unit.role in (UnitRole.APPS, UnitRole.ROOT):
                home = one.identity.namespace
                yield {"kind": "Namespace", "metadata": {"name": home}}, namespace_question(home)
    yield from ((node, NODES) for node in nodes.values())


def _status(live: Live) -> Live:
    if live["kind"] == "Deployment":
        return {"updatedReplicas": 9, "availableReplicas": 9}
    if live["kind"] == "Application":
        return {"sync": {"status": "Synced", "revision": "0" * 40}, "health": {"status": "Healthy"}}
    return {"conditions": READY} if live["kind"] in ("Kustomization", "GitRepository") else {}
