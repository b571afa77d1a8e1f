"""One model at one site, as five witnesses tell it: the spec, Git, the cluster, the sidecar, a run.

Pure data, and the one verdict that follows from it. What nobody asked, and what nobody answered, is
a mark of its own: it is never taken for well, nor for absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from compiler.model.fleet import Cluster
from compiler.model.observed import Finding, Verdict
from compiler.model.record import dataclass


class Mark(StrEnum):
    """How what a witness tells stands to what is wanted."""

    SAME = "as wanted"
    OTHER = "another"
    REFUSED = "refused"
    ABSENT = "absent"
    OLD = "old"
    """It was told more than an hour ago."""
    NEVER = "never reported"
    UNASKED = "not asked"
    UNKNOWN = "not known"
    """It was asked, and there is no answer."""


@dataclass(frozen=True, slots=True)
class Column:
    """What one witness tells. `version` is empty where none is named, `at` the time or 0."""

    mark: Mark
    version: str = ""
    words: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One model that a job has at a site, as it is compiled.

    `delivery` says who brings the bytes; `files` are the texts of the row's files by their path
    below the output, and `record` is the path of its InferenceModel. `configs` are the revisions
    of its sidecars' configs by role, `workload` is what kubectl calls its pods. `known` are the
    versions of the model by digest, as the spec and the lock have them; `yanked` are those that
    are never to run, with the reason.
    """

    environment: str
    cluster: Cluster
    job: str
    role: str
    site: str
    ring: str
    model: str
    version: str
    variant: str
    digest: str
    because: str
    hardware: str
    delivery: str
    files: Mapping[str, str]
    record: str
    configs: Mapping[str, str]
    workload: str
    known: Mapping[str, str]
    yanked: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """A wish beside what is told of it; `findings` are sorted, the worst first.

    `said` is what each host's sidecar reported, as data.
    """

    wish: Wish
    published: Column
    applied: Column
    accepted: Column
    running: Column
    findings: tuple[Finding, ...] = ()
    said: tuple[Mapping[str, Any], ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst finding; unknown where nobody was asked that knows what runs."""
        if self.findings:
            return self.findings[0].verdict
        return Verdict.READY if self.running.mark is Mark.SAME else Verdict.UNKNOWN

    @property
    def columns(self) -> Mapping[str, Column]:
        """What is told, by the column's name and in order."""
        return {
            "published": self.published,
            "applied": self.applied,
            "accepted": self.accepted,
            "running": self.running,
        }
