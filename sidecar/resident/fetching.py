"""What a group has to bring into the store: one task of the worker for each artifact.

It remembers how each went. When a try makes sense again is decided here, whether one is made is
not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sidecar.activation import forms, switch
from sidecar.disk import blobs, trees
from sidecar.disk.layout import Layout
from sidecar.model import tasks
from sidecar.model.config import Artifact
from sidecar.model.reasons import REASONS
from sidecar.model.tasks import Message
from sidecar.resident.machine import RECHECK, Failure
from sidecar.resident.means import Means, backoff

Changed = Callable[[], None]


class Transfer(NamedTuple):
    """How far an artifact is: `attempts` counts failures without any progress in between.

    `absent` is whether its bytes were not here either when it failed.
    """

    running: bool = False
    bytes: int = 0
    attempts: int = 0
    failure: Failure | None = None
    absent: bool = False


class Fetching:
    """The transfers of one group. `brought` are the keys of what was fetched, and so hashed."""

    def __init__(self, means: Means, artifacts: tuple[Artifact, ...]) -> None:
        self._means = means
        self._artifacts = artifacts
        self.transfers: dict[str, Transfer] = {}
        self.brought: set[str] = set()

    @property
    def running(self) -> bool:
        """Whether a task is under way."""
        return any(one.running for one in self.transfers.values())

    @property
    def attempts(self) -> int:
        """Failures of the artifact that has most of them."""
        return max((one.attempts for one in self.transfers.values()), default=0)

    def failure(self) -> Failure | None:
        """Why not all are here: what somebody has to change goes before what will pass."""
        found = [one.failure for one in self.transfers.values() if one.failure is not None]
        if not found:
            return None
        first = min(found, key=lambda one: REASONS[one.reason].kind != "blocked")
        return first._replace(due=min(one.due for one in found))

    def kept(self) -> bool:
        """Whether bytes and trees of all artifacts are known; what rotted is not."""
        layout = self._means.layout
        return all(blobs.has(layout, one.sha256) and _known(layout, one) for one in self._artifacts)

    def arrived(self) -> bool:
        """Whether bytes that could not be had are here now, by whatever way; they need no wait."""
        layout, found = self._means.layout, False
        for artifact in self._artifacts:
            transfer = self.transfers.get(artifact.key)
            if transfer and transfer.absent and blobs.has(layout, artifact.sha256):
                self.transfers[artifact.key] = transfer._replace(failure=None, absent=False)
                found = True
        return found

    def begin(self, now: float, *, first: bool, changed: Changed) -> None:
        """Ask for every artifact that is missing and whose time has come."""
        for artifact in self._artifacts:
            transfer = self.transfers.get(artifact.key, Transfer())
            later = transfer.failure is not None and now < transfer.failure.due
            if transfer.running or later:
                continue
            if self._is_here(artifact):
                self.transfers.pop(artifact.key, None)
                continue
            self.transfers[artifact.key] = transfer._replace(
                running=True, failure=None, absent=False
            )
            self._ask(artifact, first, changed)

    def _is_here(self, artifact: Artifact) -> bool:
        layout = self._means.layout
        staged = switch.staged_member(layout, artifact) is not None
        return staged and blobs.has(layout, artifact.sha256)

    def _ask(self, artifact: Artifact, first: bool, changed: Changed) -> None:
        def heard(message: Message) -> None:
            self._heard(artifact, message)
            if message.event in ("done", "failed"):
                changed()

        self._means.ask("bring", tasks.bring(artifact.key, first=first), heard)

    def _heard(self, artifact: Artifact, message: Message) -> None:
        transfer, body = self.transfers.get(artifact.key, Transfer()), message.body
        if message.event == "progress":
            done = int(body.get("bytes", 0))
            attempts = 0 if done > transfer.bytes else transfer.attempts
            transfer = transfer._replace(bytes=done, attempts=attempts)
        elif message.event == "note":
            self._means.note(**{**body, "artifact": artifact.key})
        elif message.event == "done":
            transfer = Transfer(bytes=transfer.bytes)
            self._done(artifact, body)
        elif message.event == "failed":
            absent = not blobs.has(self._means.layout, artifact.sha256)
            transfer = self._failed(transfer, body)._replace(absent=absent)
        self.transfers[artifact.key] = transfer

    def _done(self, artifact: Artifact, body: dict[str, Any]) -> None:
        source = str(body.get("source", ""))
        if source:
            self.brought.add(artifact.key)
        self._means.tally("fetched_bytes", body.get("bytes", 0), source.partition(":")[0])
        self._means.tally("resumed_bytes", body.get("resumed", 0), "")
        told = {key: body[key] for key in ("bytes", "resumed", "source") if body.get(key)}
        self._means.note(event="staged", artifact=artifact.key, **told)

    def _failed(self, transfer: Transfer, body: dict[str, Any]) -> Transfer:
        reason, attempts = str(body.get("reason")), transfer.attempts + 1
        if reason not in REASONS:
            reason = "WorkerDied"
        after = body.get("after")
        wait = backoff(attempts, float(after) if isinstance(after, int | float) else 0.0)
        if REASONS[reason].kind == "blocked":
            wait = max(wait, RECHECK)
        facts = body.get("facts")
        self._means.house.short_of(reason, facts if isinstance(facts, dict) else {})
        self._means.tally("failures", 1, reason)
        due = self._means.now() + wait
        failure = Failure(reason, str(body.get("detail", "")), due)
        return transfer._replace(running=False, attempts=attempts, failure=failure)


def _known(layout: Layout, artifact: Artifact) -> bool:
    return trees.known(layout, artifact.sha256, forms.form_of(artifact)) is not None
