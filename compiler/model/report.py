"""What a sidecar reported of one tenant on one host, read from the object that it stored.

Keys that this release does not know are ignored. A device's clock is not trusted: where the store
says when the object came, that is the time of the report, and every time within it moves along.
Judges nothing: whether a site is ready is decided elsewhere.
"""

from __future__ import annotations

import json
from calendar import timegm
from collections.abc import Mapping
from time import strptime
from typing import Any, Final

from compiler.model.record import dataclass

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a report; one with every artifact that a config may have stays below."""

STATES: Final = ("GOOD", "STAGED", "TRIAL", "PENDING", "BLOCKED", "REFUSED")
"""From best to worst."""

_LONGEST_WORDS: Final = 512


class ReportError(ValueError):
    """An object is no report; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedArtifact:
    """One artifact: `wanted` and `active` are digests, `serves` the version that is active.

    `since` is when the phase began, in seconds since the epoch.
    """

    kind: str
    name: str
    version: str
    wanted: str
    active: str = ""
    serves: str = ""
    required: bool = True
    state: str = "PENDING"
    phase: str = ""
    since: float = 0.0
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report. `time` is when it was made, in seconds since the epoch.

    `ahead` is how many seconds the device's clock was ahead of the store's when it came, or 0
    where the store did not say when.
    """

    object: str
    time: float
    ahead: float
    project: str
    environment: str
    cluster: str
    namespace: str
    site: str
    host: str
    job: str
    role: str
    tenant: str
    revision: str
    state: str
    started: bool
    ready: bool
    rejected: str = ""
    reason: str = ""
    detail: str = ""
    release: str = ""
    release_ready: bool = False
    artifacts: tuple[ReportedArtifact, ...] = ()


def read(name: str, data: bytes, came: float | None = None) -> Report:
    """The report in an object; `came` is when it was stored, by the store's clock.

    Raises:
        ReportError: it is none that this release can read.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ReportError("it is not JSON") from error
    if not isinstance(document, dict):
        raise ReportError("it is not a JSON object")
    if document.get("report") != 1:
        raise ReportError(f"it is of version {document.get('report')!r}; this release reads 1")
    made = _time(document, "time")
    ahead = made - came if came is not None else 0.0
    entries = document.get("artifacts")
    if not isinstance(entries, list):
        raise ReportError("artifacts is no list")
    release = document.get("release")
    known = release if isinstance(release, dict) else {}
    return Report(
        object=name,
        time=made - ahead,
        ahead=ahead,
        **{key: _text(document, key) for key in _NAMES},
        **{key: _text(document, key, optional=True) for key in ("rejected", "reason", "detail")},
        state=_state(document),
        started=document.get("started") is True,
        ready=document.get("ready") is True,
        release=_text(known, "digest", optional=True),
        release_ready=known.get("ready") is True,
        artifacts=tuple(_artifact(entry, ahead) for entry in entries),
    )


_NAMES: Final = (
    "project", "environment", "cluster", "namespace", "site", "host", "job", "role", "tenant",
    "revision",
)  # fmt: skip


def _artifact(entry: Any, ahead: float) -> ReportedArtifact:
    if not isinstance(entry, dict):
        raise ReportError("an artifact is no JSON object")
    optional = ("active", "serves", "phase", "reason", "detail")
    return ReportedArtifact(
        **{key: _text(entry, key) for key in ("kind", "name", "version", "wanted")},
        **{key: _text(entry, key, optional=True) for key in optional},
        required=entry.get("required") is not False,
        state=_state(entry),
        since=_time(entry, "since") - ahead,
    )


def _text(document: Mapping[str, Any], key: str, *, optional: bool = False) -> str:
    value = document.get(key, "" if optional else None)
    if not isinstance(value, str):
        raise ReportError(f"{key} is {'no text' if key in document else 'missing'}")
    cut = value[:_LONGEST_WORDS]
    return cut if cut.isprintable() else "".join(c if c.isprintable() else " " for c in cut)


def _state(document: Mapping[str, Any]) -> str:
    """The state; a word that a newer sidecar may have counts as on the way."""
    value = _text(document, "state")
    return value if value in STATES else "PENDING"


def _time(document: Mapping[str, Any], key: str) -> float:
    text = _text(document, key)
    try:
        return float(timegm(strptime(text, "%Y-%m-%dT%H:%M:%SZ")))
    except ValueError:
        raise ReportError(f"{key} is {text!r}, not a time such as 2026-05-04T03:02:01Z") from None
