"""`/metrics`: the status, the counters and this process in Prometheus' text format 0.0.4.

Of states only the one that holds is a series, so that a node with thousands of artifacts stays
small. Details are for people and never a label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from sidecar import __version__
from sidecar.model.reasons import REASONS
from sidecar.model.status import ArtifactStatus, GroupStatus, Status
from sidecar.surface.counters import COUNTERS, Counters
from sidecar.surface.process import use
from sidecar.surface.state import state

TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
PREFIX: Final = "edgewright_sidecar_"

Labels = Mapping[str, str]
Sample = tuple[Labels, float]


class Family(NamedTuple):
    """One metric: its whole name, type, help and samples."""

    name: str
    type: str
    help: str
    samples: Iterable[Sample]


def text(status: Status | None, counters: Counters) -> str:
    """All of it. Without a status there are only the counters and the process."""
    families = [*_of_status(status), *_of_counters(counters), *_of_process()]
    return "".join(_family(one) for one in families)


def _family(family: Family) -> str:
    lines = [_sample(family.name, labels, value) for labels, value in family.samples]
    if not lines:
        return ""
    help_ = family.help.replace("\\", "\\\\").replace("\n", "\\n")
    head = f"# HELP {family.name} {help_}\n# TYPE {family.name} {family.type}\n"
    return head + "".join(lines)


def _sample(name: str, labels: Labels, value: float) -> str:
    inner = ",".join(f'{key}="{_escaped(said)}"' for key, said in labels.items())
    number = str(int(value)) if value == int(value) else repr(float(value))
    return f"{name}{{{inner}}} {number}\n" if inner else f"{name} {number}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _gauge(name: str, help_: str, samples: Iterable[Sample]) -> Family:
    return Family(PREFIX + name, "gauge", help_, samples)


def _one(name: str, help_: str, value: float) -> Family:
    return _gauge(name, help_, [({}, value)])


def _of_status(status: Status | None) -> list[Family]:
    if status is None:
        return []
    about = {
        "version": __version__,
        "tenant": status.tenant,
        "role": status.role,
        "site": status.site,
        "host": status.host,
        "revision": status.revision,
    }
    rejected: list[Sample] = [({"reason": status.rejected}, 1)] if status.rejected else []
    trouble: list[Sample] = [({"reason": status.reason}, 1)] if status.reason else []
    release: list[Sample] = [({"release": status.release}, status.release_ready)]
    return [
        _gauge("info", "What runs here; always 1.", [(about, 1)]),
        _one("started", "Whether every required artifact is in place.", status.started),
        _one("ready", "Whether every required artifact is good, or tried.", status.ready),
        _one("offline", "Whether no source answers.", status.offline),
        _gauge("config_rejected", "The newest config is not the one in use.", rejected),
        _gauge("trouble", "What hinders all groups.", trouble),
        _gauge("release_ready", "Whether this part of the joint model serves.",
               release if status.release else []),
        _one("store_bytes", "Bytes of the node's store.", status.store_bytes),
        _one("free_bytes", "Free bytes of the store's file system.", status.free_bytes),
        *_of_groups(status.groups),
        *_of_streams(status),
    ]  # fmt: skip


def _of_groups(groups: Iterable[GroupStatus]) -> list[Family]:
    groups = tuple(groups)
    pairs = [(group, one) for group in groups for one in group.artifacts]
    return [
        _gauge("group_state", "How a group of artifacts stands; always 1.",
               [({"group": one.name, "state": state(one)}, 1) for one in groups]),
        _gauge("group_phase", "What is done for a group; always 1.",
               [({"group": one.name, "phase": one.phase}, 1) for one in groups]),
        _gauge("group_reason", "Why a group waits, is blocked or was undone; always 1.",
               [(_reason(one), 1) for one in groups if one.reason]),
        _gauge("group_since_timestamp_seconds", "Since when the phase lasts.",
               [({"group": one.name}, one.since) for one in groups]),
        _gauge("group_attempts", "Tries since there was progress.",
               [({"group": one.name}, one.attempts) for one in groups]),
        _gauge("group_can_return", "Whether a version before can be returned to.",
               [({"group": one.name}, one.can_return) for one in groups]),
        _gauge("artifact_info", "Wanted and active digests; always 1.",
               [(_digests(one), 1) for _, one in pairs]),
        _gauge("artifact_current", "Whether the wanted digest is active.",
               [({"artifact": one.key}, one.active == one.wanted) for _, one in pairs]),
        _gauge("artifact_fetched_bytes", "Bytes that are there of what is fetched.",
               [({"artifact": one.key}, one.bytes) for _, one in pairs if one.bytes]),
        _gauge("artifact_size_bytes", "Bytes of the artifact as stored.",
               [({"artifact": one.key}, one.size) for _, one in pairs if one.size >= 0]),
    ]  # fmt: skip


def _reason(group: GroupStatus) -> Labels:
    kind = REASONS[group.reason].kind if group.reason in REASONS else "note"
    return {"group": group.name, "reason": group.reason, "kind": kind}


def _digests(one: ArtifactStatus) -> Labels:
    return {
        "artifact": one.key,
        "version": one.version,
        "wanted": one.wanted,
        "active": one.active,
    }


def _of_streams(status: Status) -> list[Family]:
    streams = [({"stream": one.name}, one) for one in status.streams]
    return [
        _gauge("outbox_waiting", "Files that wait to be sent.",
               [(labels, one.waiting) for labels, one in streams]),
        _gauge("outbox_waiting_bytes", "Bytes that wait to be sent.",
               [(labels, one.bytes) for labels, one in streams]),
        _gauge("outbox_held", "Files that are not taken from the worker, and why.",
               [({**labels, "reason": reason}, files)
                for labels, one in streams for reason, files in one.held]),
        _gauge("outbox_oldest_timestamp_seconds", "When the oldest waiting file was accepted.",
               [(labels, one.oldest) for labels, one in streams if one.oldest]),
        Family(PREFIX + "outbox_sent_total", "counter", "Files that were stored.",
               [(labels, one.sent) for labels, one in streams]),
        Family(PREFIX + "outbox_dropped_total", "counter", "Files that were dropped.",
               [(labels, one.dropped) for labels, one in streams]),
    ]  # fmt: skip


def _of_counters(counters: Counters) -> list[Family]:
    return [
        Family(
            f"{PREFIX}{name}_total",
            "counter",
            one.help,
            [
                ({one.label: label} if one.label else {}, value)
                for label, value in counters.values(name).items()
            ],
        )
        for name, one in COUNTERS.items()
    ]


def _of_process() -> list[Family]:
    used = use()
    return [
        Family("process_resident_memory_bytes", "gauge", "Resident memory.", [({}, used.resident)]),
        _one("private_memory_bytes", "Resident memory that is not of files.", used.private),
        Family("process_cpu_seconds_total", "counter", "Processor time.", [({}, used.processor)]),
        Family("process_open_fds", "gauge", "Open descriptors.", [({}, used.descriptors)]),
        Family("process_threads", "gauge", "Threads.", [({}, used.threads)]),
    ]
