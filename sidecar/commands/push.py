"""`push`: stores what a Run left in its outbox, or a file of an operator at a URL, and ends."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from threading import Event

from sidecar.contract import accept
from sidecar.disk import hashing, locks, owner, store, tenants
from sidecar.model.config import ANONYMOUS, Config, Store
from sidecar.transfer import upload
from sidecar.transfer.context import Context
from sidecar.worker.bench import Bench
from sidecar.worker.drain import Drain, Work, is_completed

_REFUSED = 1
_USAGE = 2
_LOCK_PATIENCE = 15.0


def main(flags: dict[str, str], words: list[str]) -> int:
    """Send, and tell how that ended.

    Raises:
        ReasonError: why not all is stored.
    """
    try:
        patience = seconds(flags.get("patience", "300"))
    except ValueError as fault:
        print(f"push: --patience {fault}", file=sys.stderr)
        return _USAGE
    config = _config(flags["config"])
    if words:
        return _file(config, words)
    told = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    layout = store.open_store(config.limits.root)
    owner.sweep(layout)
    with owner.enter(layout) as own:
        bench = Bench(config, Context(config, dict(os.environ), Event()), layout, own)
        work = Work(flags.get("work-key", ""), "repeat" in flags)
        return _run(bench, work, patience, told)


def seconds(text: str) -> float:
    """A number of seconds as somebody wrote it.

    Raises:
        ValueError: it is none.
    """
    if not text.isascii() or not text.replace(".", "", 1).isdigit():
        raise ValueError(f"takes a number of seconds, not {text!r}")
    return float(text)


def _run(bench: Bench, work: Work, patience: float, told: Event) -> int:
    found = is_completed(bench, work)
    if found:
        print(f"The Run is complete, as {found} says; what this one left is not stored again.")
        return 0
    lock = _tenant(bench, told)
    try:
        run = os.path.dirname(bench.config.surface.socket)
        outcome = Drain(bench, work, run, _note, told=told, patience=patience).run()
    finally:
        if lock is not None:
            lock.release()
    print(f"{outcome.sent} files are stored.")
    for name in outcome.unfinished:
        print(f"Left alone, since it never got its final name: {name}", file=sys.stderr)
    for name in outcome.refused:
        print(f"Not a plain file and not stored: {name}", file=sys.stderr)
    return _REFUSED if outcome.refused else 0


def _tenant(bench: Bench, told: Event) -> locks.Lock | None:
    """The tenant's lock. The node role may hold it to send what an earlier push could not.

    Without it both would send, which costs bytes and breaks nothing.
    """
    until = time.monotonic() + _LOCK_PATIENCE
    while True:
        lock = tenants.enter(bench.layout, bench.config.tenant.directory)
        if lock is not None or told.is_set() or time.monotonic() > until:
            return lock
        told.wait(0.2)


def _file(config: Config, words: list[str]) -> int:
    """Store one file at a URL, once."""
    if not 2 <= len(words) <= 3:
        print(
            "push takes FILE and URL, and the name of a store if it is not plain", file=sys.stderr
        )
        return _USAGE
    path, url = words[:2]
    try:
        place = _store(config, url, *words[2:])
    except LookupError as fault:
        print(f"push: {fault.args[0]}", file=sys.stderr)
        return _USAGE
    digest = _digest(path)
    context = Context(config, dict(os.environ), Event())
    stored = upload.put(url, place, path, context, sha256=digest)
    print(f"{digest} {'lay there before' if stored.already else 'is stored'}: {stored.url}")
    return 0


def _store(config: Config, url: str, name: str = "") -> Store:
    """The store of that name, or the one that the config uses for that place.

    Raises:
        LookupError: the config has none of that name.
    """
    if name:
        for one in config.stores:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in config.stores)
        raise LookupError(f"the config has no store {name}; it has {known or 'none'}")
    places = [(one.to, one.store) for one in config.outbox]
    places += [(config.reports.url, config.reports.store)] if config.reports else []
    places += [(source.url, source.store) for one in config.artifacts for source in one.sources]
    fits = [(len(_common(url, place)), there) for place, there in places]
    size, found = max(fits, key=lambda fit: fit[0], default=(0, ANONYMOUS))
    return found if size > len(url.partition("://")[0]) + 3 else ANONYMOUS


def _common(first: str, second: str) -> str:
    """What two URLs share, in whole parts."""
    parts = []
    for one, other in zip(first.split("/"), second.split("/"), strict=False):
        if one != other:
            break
        parts.append(one)
    return "/".join(parts)


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashing.digest_of(file.fileno())


def _config(path: str) -> Config:
    with open(path, "rb") as file:
        return accept.read(file.read(accept.MAX_BYTES + 1)).config


def _note(**event: object) -> None:
    told = {name: value for name, value in event.items() if value not in ("", None)}
    print(json.dumps(told, separators=(",", ":")), file=sys.stderr, flush=True)
