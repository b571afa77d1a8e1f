"""Writes the status of our own records, and nothing else that any cluster holds.

One request: a server-side apply of the status subresource, bound to the version of the object that
was read. Nothing is forced: fields of another writer stay his, and an object that changed meanwhile
is read again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import Any

from compiler.adapters.cluster import CONNECTIONS, Answer, Connection
from compiler.adapters.cluster_answers import conflicts, is_conflict
from compiler.adapters.cluster_config import read_settings, world
from compiler.adapters.cluster_faults import forbidden
from compiler.model.codes import world as codes
from compiler.model.definitions import API_VERSION
from compiler.model.record import dataclass

MANAGER = "edgewright-status"
_ATTEMPTS = 5
_GONE = 404

Live = Mapping[str, Any]
Make = Callable[[Live], Mapping[str, Any] | None]
"""The status that a live object should have; None: it is to stay as it is."""


class Outcome(StrEnum):
    """What became of one record."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    OWNED = "owned"
    """Another writer has fields of it with other values."""
    GONE = "gone"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Written:
    """One record, what became of it, and the server's words where it did not take it."""

    namespace: str
    name: str
    outcome: Outcome
    words: str = ""


class StatusWriter(Connection):
    """A cluster as one user, who may write the status of our records there."""

    def apply(self, live: Live, status: Mapping[str, Any], *, dry_run: bool) -> Answer:
        """Apply a status to the object as it was read.

        Raises:
            CompileError: the server cannot be asked, or the user may not.
        """
        metadata = live["metadata"]
        kind, namespace, name = str(live["kind"]), str(metadata["namespace"]), str(metadata["name"])
        body = {
            "apiVersion": API_VERSION,
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": namespace,
                "resourceVersion": metadata["resourceVersion"],
            },
            "status": status,
        }
        query = {"fieldManager": MANAGER, "fieldValidation": "Strict", "force": "false"}
        query |= {"dryRun": "All"} if dry_run else {}
        path = f"{self._path(API_VERSION, kind, namespace, name)}/status"
        answer = self._judged(self._send("PATCH", path, query, json.dumps(body).encode()))
        if answer.status == 403:
            lacking = forbidden(answer.message) or f"{self.name} does not let the status be written"
            raise world(codes.FORBIDDEN, lacking)
        return answer


def writer(kubeconfig: Path | None, context: str) -> StatusWriter:
    """A connection that may write statuses.

    Raises:
        CompileError: the kubeconfig, the context or its credentials cannot be used.
    """
    return StatusWriter(read_settings(kubeconfig, context or None))


def write_all(
    connection: StatusWriter, records: Iterable[tuple[Live, Make]], *, dry_run: bool
) -> Sequence[Written]:
    """Bring the statuses of some records up to date, several at a time.

    Raises:
        CompileError: the server cannot be asked, or the user may not; some may be written by then.
    """
    with ThreadPoolExecutor(CONNECTIONS) as crew:
        done = crew.map(lambda one: _write(connection, *one, dry_run=dry_run), records)
        return list(done)


def _write(connection: StatusWriter, live: Live, make: Make, *, dry_run: bool) -> Written:
    metadata = live["metadata"]
    namespace, name = str(metadata["namespace"]), str(metadata["name"])
    current: Live | None = live
    words = ""
    for _ in range(_ATTEMPTS):
        if current is None:
            return Written(namespace, name, Outcome.GONE)
        status = make(current)
        if status is None:
            return Written(namespace, name, Outcome.UNCHANGED)
        answer = connection.apply(current, status, dry_run=dry_run)
        if not answer.refused:
            return Written(namespace, name, Outcome.WRITTEN)
        words = answer.message
        if is_conflict(answer.status, answer.causes):
            owners = "; ".join(one.text for one in conflicts(answer.causes))
            return Written(namespace, name, Outcome.OWNED, owners)
        if answer.status not in (409, _GONE):
            break
        found = connection.get(API_VERSION, str(live["kind"]), name, namespace)
        current = {**found, "kind": live["kind"]} if found is not None else None
    return Written(namespace, name, Outcome.REFUSED, words)
