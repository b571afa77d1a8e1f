"""Asks clusters what there is: one list for each kind, page by page, several at a time.

Only reads. A question that fails keeps the reason beside the answers to the others; a cluster
that cannot be reached fails all of its questions at once and is not asked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from compiler.adapters.cluster import CONNECTIONS, Connection, connect
from compiler.model.diagnostics import CompileError, Diagnostic
from compiler.model.observed import Answer, Question, Snapshot
from compiler.model.record import dataclass

CLUSTERS = 8
"""Clusters asked at a time."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a cluster said, how the connection is called, and what could not be asked."""

    snapshot: Snapshot
    name: str = ""
    problems: tuple[Diagnostic, ...] = ()


def ask_all(
    wishes: Mapping[str, tuple[str, Iterable[Question]]], kubeconfig: Path | None
) -> dict[str, Asked]:
    """Ask every cluster. `wishes` has a context and the questions by any name of the cluster."""
    contexts = dict.fromkeys(context for context, _ in wishes.values())
    # One after the other: reading a kubeconfig may run a program that asks a person to log in.
    connections = {context: _connected(kubeconfig, context) for context in contexts}
    with ThreadPoolExecutor(CLUSTERS) as crew:
        asked = crew.map(lambda wish: ask(connections[wish[0]], wish[1]), wishes.values())
        return dict(zip(wishes, asked, strict=True))


def ask(connection: Connection | CompileError, questions: Iterable[Question]) -> Asked:
    """Ask one cluster, or say for every question why it cannot be asked."""
    questions = list(questions)
    try:
        if isinstance(connection, CompileError):
            raise connection
        # The first request settles whether the cluster can be asked at all.
        connection.served("v1", "Pod")
    except CompileError as error:
        return Asked(_silent(questions, error), "", error.diagnostics)
    with ThreadPoolExecutor(CONNECTIONS) as crew:
        answers = list(crew.map(lambda one: _answer(connection, one), questions))
    problems = [
        found
        for asked, (_, found) in zip(questions, answers, strict=True)
        if found is not None and not asked.by_the_way
    ]
    snapshot = Snapshot(dict(zip(questions, (one for one, _ in answers), strict=True)))
    return Asked(snapshot, connection.name, tuple(dict.fromkeys(problems)))


def _connected(kubeconfig: Path | None, context: str) -> Connection | CompileError:
    try:
        return connect(kubeconfig, context or None)
    except CompileError as error:
        return error


def _answer(connection: Connection, asked: Question) -> tuple[Answer, Diagnostic | None]:
    try:
        if connection.served(asked.api_version, asked.kind) is None:
            return Answer(served=False), None
        listed = connection.list(asked.api_version, asked.kind, asked.namespace, asked.selector)
        # The items of a list do not repeat what kind they are.
        head = {"apiVersion": asked.api_version, "kind": asked.kind}
        return Answer(tuple({**head, **item} for item in listed)), None
    except CompileError as error:
        return Answer(problem=error.diagnostics[0].message), error.diagnostics[0]


def _silent(questions: Iterable[Question], error: CompileError) -> Snapshot:
    problem = error.diagnostics[0].message
    return Snapshot(dict.fromkeys(questions, Answer(problem=problem)))
