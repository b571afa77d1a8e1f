"""What `doctor` looks at on a node without the network, each check by itself.

A check yields findings and never raises; it changes nothing. What to do comes from the table of
reasons wherever a reason fits, so that it is said once.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, Literal, NamedTuple

from sidecar.contract import accept, envelope
from sidecar.disk import space, store
from sidecar.disk.layout import Layout
from sidecar.model import windows
from sidecar.model.config import Config, Store
from sidecar.model.reasons import REASONS, ReasonError

Level = Literal["fine", "note", "bad"]

MEMORY: Final = 96 << 20
"""Bytes that the sidecar's container needs, as the compiler requests them."""

COLLECTOR: Final = 25
"""Percent that must stay free where the kubelet's image collector begins at 20."""

_DAY: Final = 86_400
_LINES: Final = 400
_UNFIT: Final = {
    "overlay": "the container's own layer, which goes with the container",
    "tmpfs": "memory, which goes with the pod",
    "nfs": "a network file system, whose locks and renames cannot be relied on",
    "nfs4": "a network file system, whose locks and renames cannot be relied on",
    "cifs": "a network file system, whose locks and renames cannot be relied on",
}


class Finding(NamedTuple):
    """One thing that was looked at: what is so, and what to do where it is not fine.

    `code` is that of the reason behind it, where one is; by it the same failure is told once.
    """

    level: Level
    topic: str
    words: str
    advice: str = ""
    code: str = ""


def of_reason(topic: str, fault: ReasonError) -> Finding:
    """A finding for something that ended for a reason."""
    level: Level = "note" if fault.reason.kind in ("wait", "note") else "bad"
    words = f"{fault.code}: {fault.reason.meaning}" + (f" ({fault.detail})" if fault.detail else "")
    return Finding(level, topic, words, fault.reason.advice, fault.code)


def mounted(path: str) -> Iterator[Finding]:
    """The config's file, and whether changes of it can arrive."""
    try:
        with open(path, "rb") as file:
            text = file.read(accept.MAX_BYTES + 1)
    except OSError as fault:
        yield Finding(
            "bad", "config", f"{path}: {fault.strerror}", "See that the ConfigMap is there."
        )
        return
    try:
        found = accept.read(text)
        yield Finding("fine", "config", f"revision {found.revision[:12]} is valid")
    except ReasonError as fault:
        yield of_reason("config", fault)
    folder = os.path.dirname(path)
    if not os.path.islink(f"{folder}/..data"):
        words = f"{folder} is no ConfigMap volume, or was mounted with subPath"
        yield Finding(
            "note", "config", words, "Mount the whole directory, or changes never arrive."
        )


def stored(config: Config) -> Iterator[Finding]:
    """The store: its owner, its file system, its format."""
    root = config.limits.root
    advice = REASONS["StoreUnusable"].advice
    try:
        about = os.stat(root)
        store.look(root)
    except ReasonError as fault:
        yield of_reason("store", fault)
        return
    except OSError as fault:
        words = f"{root}: {fault.strerror}"
        yield Finding("bad", "store", words, advice, "StoreUnusable")
        return
    if about.st_uid != os.geteuid():
        words = f"{root} belongs to user {about.st_uid}, the sidecar is {os.geteuid()}"
        advice_ = f"On the node: chown -R 65532:65532 {root}"
        yield Finding("bad", "store", words, advice_, "StoreUnusable")
    kind, options = _mount(root)
    if kind in _UNFIT:
        yield Finding("bad", "store", f"{root} is on {kind}: {_UNFIT[kind]}", advice)
    if os.statvfs(root).f_flag & os.ST_RDONLY:
        words = f"{root} is read-only"
        yield Finding("bad", "store", words, REASONS["StoreReadOnly"].advice, "StoreReadOnly")
    if "noexec" in options and any(one.kind == "code" for one in config.artifacts):
        words = f"{root} is mounted noexec and the config has code"
        yield Finding(
            "note", "store", words, "Let the worker start scripts through their interpreter."
        )
    yield Finding("fine", "store", f"{root} on {kind or 'a file system'} is there")


def room(config: Config) -> Iterator[Finding]:
    """Space and inodes against the floors and against what is still to come."""
    limits = config.limits
    try:
        about = os.statvfs(limits.root)
        left = space.room(Layout(limits.root), limits)
    except OSError:
        return  # `stored` says it
    free, total = about.f_bavail * about.f_frsize, about.f_blocks * about.f_frsize
    floor = space.floor(limits, total)
    words = f"{_size(free)} free of {_size(total)}, {_size(floor)} of them stay free"
    advice = REASONS["DiskFull"].advice
    missing = [one for one in config.artifacts if not os.path.exists(_blob(config, one.sha256))]
    need = sum(max(one.size, 0) + max(one.unpacked, 0) for one in missing)
    if need > left.bytes:
        words += f"; {_size(need)} are still to come"
        yield Finding("bad", "space", words, advice, "DiskFull")
    elif left.bytes <= 0:
        yield Finding("bad", "space", words, advice, "DiskFull")
    else:
        yield Finding("fine", "space", words)
    if about.f_files and not about.f_favail:
        yield Finding("bad", "space", "no inode is left", advice, "DiskFull")
    if limits.min_free_percent < COLLECTOR:
        words = f"minFreePercent is {limits.min_free_percent}"
        yield Finding("note", "space", words, "Below 25 a kubelet may delete images to make room.")


def clock(config: Config) -> Iterator[Finding]:
    """The clock, and the time zones of every window."""
    now = time.time()
    if now < windows.UNSET:
        yield Finding(
            "bad", "clock", "it shows a year before 2026", REASONS["ClockUnsynced"].advice
        )
    with suppress(OSError):
        ahead = os.stat(f"{config.limits.root}/store").st_mtime - now
        if ahead > _DAY:
            words = f"the store was changed {ahead / _DAY:.0f} days in the future by this clock"
            yield Finding("bad", "clock", words, REASONS["ClockSkew"].advice)
    spans = [("of the site", config.network.windows)]
    spans += [
        (f"of {one.key}", (one.activation.window,))
        for one in config.artifacts
        if one.activation.window
    ]
    told = set()
    for whose, listed in spans:
        if listed and listed not in told:
            told.add(listed)
            yield _window(whose, listed, now)


def _window(whose: str, listed: tuple[Any, ...], now: float) -> Finding:
    try:
        found = windows.verdict(listed, now)
    except ReasonError as fault:
        return of_reason("clock", fault)
    state = "open" if found.open else "shut"
    then = f" for {found.change / 3600:.1f} more hours" if found.change else ""
    return Finding("fine", "clock", f"the window {whose} is {state}{then}")


def credentials(config: Config) -> Iterator[Finding]:
    """Whether every directory of keys is complete. Values are looked at and never shown."""
    for one in config.stores:
        if one.credentials:
            yield from _keys(one)


def _keys(one: Store) -> Iterator[Finding]:
    folder = one.credentials
    if not os.path.isdir(folder):
        words = f"{one.name}: {folder} is not there"
        yield Finding("bad", "credentials", words, REASONS["CredentialsMissing"].advice)
        return
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    if not os.path.exists(f"{folder}/{names[0]}") and os.path.exists(f"{folder}/config"):
        yield Finding("note", "credentials", f"{one.name}: the AWS files of {folder} need boto3")
        return
    wrong = [f"{name} {fault}" for name in names if (fault := _value_fault(f"{folder}/{name}"))]
    if wrong:
        words = f"{one.name}: in {folder} {', '.join(wrong)}"
        yield Finding("bad", "credentials", words, REASONS["CredentialsMissing"].advice)
    else:
        yield Finding("fine", "credentials", f"{one.name}: {folder} is complete")


def _value_fault(path: str) -> str:
    try:
        with open(path, "rb") as file:
            value = file.read(16_384).strip()
    except OSError as fault:
        return f"cannot be read ({fault.strerror})"
    if not value:
        return "is empty"
    return "" if re.fullmatch(rb"[!-~]+", value) else "holds something that is no key"


def trust(path: str = envelope.ROOTS) -> Iterator[Finding]:
    """The node's keys for signed configs, where it has some."""
    try:
        with open(path, "rb") as file:
            found = envelope.roots(file.read(envelope.MAX_BYTES + 1))
    except FileNotFoundError:
        return
    except OSError as fault:
        yield Finding("bad", "trust", f"{path}: {fault.strerror}")
        return
    except ReasonError as fault:
        yield of_reason("trust", fault)
        return
    words = f"configs need {found.threshold} of {len(found.keys)} signatures"
    yield Finding("fine", "trust", words)


def memory() -> Iterator[Finding]:
    """The container's limit."""
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError), open(path, encoding="ascii") as file:
            limit = int(file.read())
            if limit < MEMORY:
                words = f"the limit is {limit >> 20} MiB"
                yield Finding("bad", "memory", words, REASONS["WorkerDied"].advice)
            return


def journal(config: Config, now: float) -> Iterator[Finding]:
    """The reasons of the last day, the most frequent first."""
    counts: dict[str, int] = {}
    last: dict[str, str] = {}
    path = Layout(config.limits.root).tenant(config.tenant.directory, "journal.ndjson")
    for event in _events(f"{path}.1"), _events(path):
        for one in event:
            code = one.get("reason", "")
            if code in REASONS and now - one.get("time", 0) < _DAY:
                counts[code] = counts.get(code, 0) + 1
                last[code] = str(one.get("detail", ""))
    for code in sorted(counts, key=lambda code: -counts[code])[:5]:
        reason = REASONS[code]
        words = f"{code} {counts[code]} times within a day: {reason.meaning}"
        words += f" ({last[code]})" if last[code] else ""
        yield Finding("note", "journal", words, reason.advice, code)


def _events(path: str) -> list[dict[str, Any]]:
    try:
        with open(path, "rb") as file:
            lines = file.read().splitlines()[-_LINES:]
    except OSError:
        return []
    found = []
    for line in lines:
        with suppress(ValueError):
            value = json.loads(line)
            if isinstance(value, dict):
                found.append(value)
    return found


def _blob(config: Config, digest: str) -> str:
    return Layout(config.limits.root).blob(digest)


def _mount(path: str) -> tuple[str, str]:
    """Type and options of the mount that a path is on."""
    best, found = "", ("", "")
    with (
        suppress(OSError),
        open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file,
    ):
        for line in file:
            fields, _, rest = line.partition(" - ")
            point, options = fields.split()[4:6]
            if f"{path}/".startswith(point.rstrip("/") + "/") and len(point) >= len(best):
                best, found = point, (rest.split()[0], options)
    return found


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
