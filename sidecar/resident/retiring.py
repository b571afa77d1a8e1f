"""Groups that the config lists no longer: the server is told, readers get their grace, all goes.

An artifact that moved to another group is not unloaded, and its old slot stays until the new group
has switched, so that its worker is never without it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from threading import Event

from sidecar.activation import links, records, views
from sidecar.activation.releases import CURRENT
from sidecar.disk import failure, fsops, removal
from sidecar.model.config import Artifact
from sidecar.model.reasons import ReasonError
from sidecar.resident import telling
from sidecar.resident.groups import Group
from sidecar.resident.jobs import Job
from sidecar.resident.means import Means, backoff

RETIRED = "retired"
UNLOAD_TRIES = 5


class Retiring:
    """One group on its way out."""

    def __init__(self, means: Means, name: str, groups: Sequence[Group]) -> None:
        self.name = name
        self.due = means.now()
        self.gone = False
        self._means = means
        self._slot = means.slot(name)
        self._groups = groups
        self._job: Job | None = None
        self._tries = 0
        self._began = means.now()

    @property
    def occupied(self) -> bool:
        """Whether the server is being told."""
        return self._job is not None

    def stop(self) -> None:
        """Let go of a job under way."""
        if self._job is not None:
            self._job.stop.set()

    def step(self, now: float) -> None:
        """Do what there is to do."""
        try:
            with failure.told(self._slot.path):
                self.due = self._moved(now)
        except (ReasonError, OSError) as fault:
            self._means.note(event="failed", group=self.name, detail=str(fault))
            self.due = now + backoff(9)

    def _moved(self, now: float) -> float:
        record = records.read(self._slot.path)
        if record.phase != RETIRED:
            return self._unload(now)
        grace = float(self._means.config.limits.grace)
        waited = max(self._means.wall() - record.since, now - self._began)
        if waited < grace:
            return now + min(grace - waited, 60.0)
        if not self._replaced():
            return now + 10.0
        self._remove()
        return 0.0

    def _unload(self, now: float) -> float:
        """Tell the server, as often as makes sense; a server that begins anew will not load it."""
        if self._job is not None:
            return 0.0
        release = self._slot.release(CURRENT)
        told = telling.remembered(release.serving) if release else ()
        lost = tuple(one for one in told if self._lost(one.key))
        if not lost or self._tries >= UNLOAD_TRIES:
            self._retire(lost)
            return now
        self._tries += 1
        server = self._means.config.server

        def work(stop: Event) -> None:
            telling.unload(lost, server, stop)

        def ended(fault: ReasonError | None) -> None:
            self._job = None
            if fault is None:
                self._tries = UNLOAD_TRIES
            else:
                self._means.note(event="failed", group=self.name, reason=fault.code,
                                 detail=fault.detail)  # fmt: skip
            self.due = self._means.now() + (0.0 if fault is None else backoff(self._tries))

        self._job = Job(work, ended, self._means.post)
        return 0.0

    def _retire(self, lost: tuple[telling.Told, ...]) -> None:
        base = self._means.base
        shown = {links.below(one.link) for one in self._means.config.artifacts if one.link}
        for one in lost:
            path = one.path.removeprefix(f"{base}/")
            if path != one.path and path not in shown:
                links.drop(base, path)
        bundle = self.name.removeprefix("bundle.")
        if bundle != self.name:
            links.drop(base, f"{links.BUNDLES}/{bundle}")
        record = records.read(self._slot.path)
        records.write(
            self._slot.owner, self._slot.path,
            record._replace(phase=RETIRED, proven="", since=self._means.wall()),
        )  # fmt: skip
        self._means.note(event="retired", group=self.name)

    def _replaced(self) -> bool:
        """Whether what moved to other groups is active there."""
        release = self._slot.release(CURRENT)
        keys = {one.key for one in release.members} if release else set()
        return all(
            group.active is not None
            for group in self._groups
            if any(artifact.key in keys for artifact in group.wanted.artifacts)
        )

    def _remove(self) -> None:
        release = self._slot.release(CURRENT)
        for member in release.members if release else ():
            if self._lost(member.key):
                views.remove(self._slot.owner, self._slot.view(member))
        place = self._slot.owner.scratch()
        fsops.rename(self._slot.path, place)
        fsops.sync_directory(os.path.dirname(self._slot.path))
        removal.remove(place)
        self.gone = True
        self._means.note(event="removed", group=self.name)

    def _lost(self, key: str) -> bool:
        artifact: Artifact | None = self._means.config.artifact(key)
        return artifact is None


def retiring(means: Means, groups: Sequence[Group]) -> list[Retiring]:
    """All groups on disk that are not wanted."""
    wanted = {group.wanted.name for group in groups}
    slots = means.layout.tenant(means.tenant, "slots")
    try:
        names = sorted(os.listdir(slots))
    except OSError:
        return []
    return [Retiring(means, name, groups) for name in names if name not in wanted]
