"""What waits in one stream on disk: accepted files; receipts and notes of those that went.

new/<item>            accepted: synced, and here by one rename
sent/<item>           receipt, written before the item goes; proves that it is stored
sent/=<round>         when what was delivered of a round was last listed at the store
dead/<item>           why an item was dropped, written before its bytes go
uploads/<item>        how far the upload of a large item is
tmp/<owner>.<n>       in the making; swept when its owner is dead
stream.json           where it all goes, for whoever sends it when its config is gone

An item with a receipt or a note is finished at the next start, so a crash loses nothing that was
accepted. Only counts and a few hundred names are in memory, however much waits. One process uses
the spool of a tenant; its threads may use one object at once.
"""

from __future__ import annotations

import heapq
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from threading import RLock
from typing import Any, Final, NamedTuple

from sidecar.disk import documents, failure, fsops, owner, space
from sidecar.disk.layout import Layout
from sidecar.model.config import Limits, Stream
from sidecar.model.reasons import ReasonError
from sidecar.outbox import policy
from sidecar.outbox.follow import Follow, is_due_name, round_of, untold
from sidecar.outbox.kept import remember
from sidecar.outbox.names import ABORT, Item, item_of

_BATCH = 256
_NUMBERS = count(1)
RECEIPTS: Final = 4096
NOTES: Final = 256
_PARTS = ("new", "sent", "dead", "uploads", "tmp")


class Waiting(NamedTuple):
    """An accepted item; `accepted` is seconds since the epoch."""

    text: str
    size: int
    accepted: float


class Counts(NamedTuple):
    """What waits, and what happened since this process began."""

    waiting: int
    bytes: int
    oldest: float
    sent: int
    dropped: int


class Spool:
    """One stream of one tenant."""

    def __init__(
        self,
        layout: Layout,
        tenant: str,
        stream: Stream,
        limits: Limits,
        own: owner.Owner,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.stream = stream
        self.path = layout.outbox(tenant, stream.name)
        self.owner = own
        self._layout = layout
        self._limits = limits
        self._clock = clock
        self.lock = RLock()
        self._count = self._bytes = self._sent = self._dropped = 0
        self._batch: list[Waiting] = []
        self._whole = False
        self._follow = Follow()
        with failure.told(self.path):
            self._open()

    def at(self, *parts: str) -> str:
        """A path within the stream."""
        return "/".join((self.path, *parts))

    def fresh(self) -> str:
        """A path for something in the making; no other object of this process gives the same."""
        return self.at("tmp", f"{self.owner.token}.{next(_NUMBERS)}")

    def check(self, size: int, held: int = 0) -> None:
        """See whether a new file of `size` bytes, of which `held` are here already, may come in.

        Nothing is dropped for it yet.

        Raises:
            ReasonError: `OutboxFull` or `DiskFull`.
        """
        with self.lock:
            if self._verdict(size, held) in {"refuse", "drop"}:
                raise self._full(size, held)

    def add(self, temporary: str, item: Item, size: int) -> str:
        """Accept what lies synced at `temporary`; gives the URL where it is stored already.

        Raises:
            ReasonError: `OutboxFull`, `DiskFull`, or `OutboxExpired` where its round is closed.
        """
        text = item.text
        with self.lock, failure.told(self.path):
            if os.path.exists(self.at("new", text)):
                fsops.sync_directory(self.at("new"))  # perhaps a killed process did not get to it
                fsops.unlink(temporary)
                return ""
            receipt = documents.read(self.at("sent", text))
            if receipt is not None:
                fsops.sync_directory(self.at("sent"))
                fsops.unlink(temporary)
                return str(receipt.get("url", "")) or self.stream.to
            if policy.late(item.deadline, self._clock(), 0, self._clock()):
                self._note(text, size, "OutboxExpired", "its round is closed")
                raise ReasonError("OutboxExpired", f"{item.name}: its round is closed")
            self._make_room(size)
            if os.path.exists(self.at("dead", text)):
                fsops.unlink(self.at("dead", text))
                fsops.sync_directory(self.at("dead"))
            fsops.rename(temporary, self.at("new", text))
            fsops.sync_directory(self.at("new"))
            self._added(Waiting(text, size, self._clock()))
        return ""

    def oldest(self) -> list[Waiting]:
        """Up to a few hundred items, the one that waits longest first.

        Raises:
            ReasonError: the disk fails.
        """
        with self.lock, failure.told(self.path):
            if not self._batch and self._count:
                self._refill()
            return list(self._batch)

    def has(self, text: str) -> bool:
        """Whether an item waits."""
        return os.path.exists(self.at("new", text))

    def recount(self) -> None:
        """Look at the disk again: another object of this process may have changed what waits."""
        with self.lock, failure.told(self.path):
            number = size = 0
            for one in self._items():
                number, size = number + 1, size + one.size
            if (number, size) != (self._count, self._bytes):
                self._batch, self._whole = [], False
            self._count, self._bytes = number, size

    def receipt(self, text: str) -> dict[str, Any] | None:
        """Where and when an item was stored, if it was."""
        return documents.read(self.at("sent", text))

    def note(self, text: str) -> dict[str, Any] | None:
        """Why an item was dropped, if it was."""
        return documents.read(self.at("dead", text))

    def due(self, now: float, *, at_once: bool = False) -> str:
        """What is owed after items, as a name that `finish` takes; nothing where all is told."""
        with self.lock:
            return self._follow.next(self._waits, now, at_once=at_once)

    def finish(self, text: str, url: str) -> None:
        """Keep a receipt for an item that is stored, and let its bytes go."""
        with self.lock, failure.told(self.path):
            if is_due_name(text):
                self._told(text, url)
                return
            size = self._size(text)
            if size is None:
                return
            self._receive(text, size, url)
            self._gone(text, size)
            fsops.unlink(self.at("uploads", text))

    def delivered(self, item: Item, size: int, url: str) -> None:
        """Keep a receipt for what was stored without waiting here."""
        with self.lock, failure.told(self.path):
            self._receive(item.text, size, url)

    def drop(self, text: str, code: str, detail: str) -> None:
        """Let an item go for a reason, which is kept. Its begun upload is left to be aborted."""
        with self.lock, failure.told(self.path):
            size = self._size(text)
            if size is not None:
                self._note(text, size, code, detail)
                self._gone(text, size)

    def refuse(self, item: Item, size: int, code: str, detail: str) -> None:
        """Keep the reason for which a file that is gone was never accepted."""
        with self.lock, failure.told(self.path):
            self._note(item.text, size, code, detail)

    def expire(self) -> list[str]:
        """Drop what is too old or whose round is closed; gives their names."""
        now, ttl = self._clock(), self.stream.ttl
        with self.lock, failure.told(self.path):
            self.recount()
            late = [
                one.text
                for one in self._items()
                if policy.late(_deadline(one.text), one.accepted, ttl, now)
            ]
        for text in late:
            why = "its round is closed" if _deadline(text) else f"it waited {ttl} seconds"
            self.drop(text, "OutboxExpired", why)
        return late

    def counts(self) -> Counts:
        """What waits and what happened."""
        with self.lock:
            first = self.oldest()
            oldest = first[0].accepted if first else 0.0
            return Counts(self._count, self._bytes, oldest, self._sent, self._dropped)

    def _open(self) -> None:
        for path in (os.path.dirname(self.path), self.path, *map(self.at, _PARTS)):
            if not os.path.isdir(path):
                with suppress(FileExistsError):
                    fsops.make_directory(path, 0o700)
                fsops.sync_directory(os.path.dirname(path))
        remember(self.owner, self.path, self.stream)
        self._mend()
        self.recount()
        for within in untold(self.at("sent")):
            self._follow.changed(within)
        for name in os.listdir(self.at("uploads")):
            if not self.has(name):
                self._follow.abandoned(name)

    def _mend(self) -> None:
        """End what a crash left half done."""
        for name in os.listdir(self.at("tmp")):
            if not owner.alive(self._layout, name.partition(".")[0]):
                fsops.unlink(self.at("tmp", name))
        for part in ("sent", "dead"):
            ended = [name for name in os.listdir(self.at(part)) if self.has(name)]
            if ended:
                fsops.sync_directory(self.at(part))
            for name in ended:
                fsops.unlink(self.at("new", name))

    def _told(self, text: str, url: str) -> None:
        self._follow.done(text, time.monotonic())
        if text.startswith(ABORT):
            fsops.unlink(self.at("uploads", text[len(ABORT) :]))
        else:
            listed = {"url": url, "time": int(self._clock())}
            documents.write(self.owner, self.at("sent", f"={round_of(text)}"), listed)

    def _waits(self, within: str) -> bool:
        """Whether anything of a round waits."""
        if not within or not self._count:
            return self._count > 0
        with os.scandir(self.at("new")) as entries:
            return any(_round(entry.name) == within for entry in entries)

    def _items(self) -> Iterator[Waiting]:
        with os.scandir(self.at("new")) as entries:
            for entry in entries:
                if item_of(entry.name) is not None:
                    with suppress(FileNotFoundError):
                        found = entry.stat(follow_symlinks=False)
                        yield Waiting(entry.name, found.st_size, found.st_mtime)

    def _refill(self) -> None:
        now = self._clock()
        found = heapq.nsmallest(_BATCH, self._items(), key=lambda one: (one.accepted, one.text))
        for number, one in enumerate(found):
            if policy.doubtful(one.accepted, now):
                fsops.touch(self.at("new", one.text))
                found[number] = one._replace(accepted=now)
        self._batch = found
        self._whole = len(found) < _BATCH
        if not found:  # somebody else emptied it
            self._count = self._bytes = 0

    def _added(self, one: Waiting) -> None:
        if (self._whole or not self._count) and len(self._batch) < _BATCH:
            self._batch.append(one)
            self._whole = True
        else:
            self._whole = False
        self._count += 1
        self._bytes += one.size

    def _gone(self, text: str, size: int) -> None:
        fsops.unlink(self.at("new", text))
        self._batch = [one for one in self._batch if one.text != text]
        self._count -= 1
        self._bytes -= size

    def _size(self, text: str) -> int | None:
        with suppress(FileNotFoundError):
            return os.stat(self.at("new", text), follow_symlinks=False).st_size
        return None

    def _verdict(self, size: int, held: int = 0) -> policy.Verdict:
        """What becomes of `size` bytes, of which `held` are on the disk already."""
        found = os.statvfs(self.path)
        if found.f_files and found.f_favail < policy.FREE_INODES:
            # Whoever took them, dropping our own items would hardly help.
            return "drop" if self.stream.overflow == "drop-newest" else "refuse"
        most = self._most()
        if self._count >= policy.MOST_ITEMS:
            most = self._bytes + size - 1  # as full as it can be
        return policy.verdict(self.stream, most, self._bytes, size, size - held - self._free())

    def _make_room(self, size: int) -> None:
        while True:
            verdict = self._verdict(size, size)
            if verdict == "take":
                return
            oldest = self.oldest()
            if verdict != "make-room" or not oldest:
                raise self._full(size, size)
            self.drop(oldest[0].text, "OutboxFull", "it made way for a newer file")

    def _full(self, size: int, held: int = 0) -> ReasonError:
        short = size - held - self._free()
        facts = {"need": size, "waiting": self._bytes, "most": self._most()}
        if short > 0:
            return ReasonError("DiskFull", f"{self.stream.name}: {short} bytes short", facts=facts)
        words = f"{self.stream.name}: {size} bytes do not fit beside {self._bytes} that wait"
        return ReasonError("OutboxFull", words, facts=facts)

    def _most(self) -> int:
        """Most bytes that may wait in the stream."""
        found = os.statvfs(self.path)
        return policy.quota(self.stream, self._limits, found.f_blocks * found.f_frsize)

    def _free(self) -> int:
        """Bytes above the store's floor."""
        found = os.statvfs(self.path)
        total = found.f_blocks * found.f_frsize
        return found.f_bavail * found.f_frsize - space.floor(self._limits, total)

    def _receive(self, text: str, size: int, url: str) -> None:
        self._record("sent", text, {"url": url, "bytes": size, "time": int(self._clock())})
        self._follow.changed(_round(text))
        self._sent += 1
        if self._sent % 64 == 0:
            self._prune("sent", RECEIPTS)

    def _note(self, text: str, size: int, code: str, detail: str) -> None:
        entry = {"reason": code, "detail": detail, "bytes": size, "time": int(self._clock())}
        self._record("dead", text, entry)
        if os.path.exists(self.at("uploads", text)):
            self._follow.abandoned(text)
        if _round(text):
            self._follow.changed(_round(text))
        self._dropped += 1
        if self._dropped % 32 == 0:
            self._prune("dead", NOTES)

    def _record(self, part: str, text: str, entry: dict[str, Any]) -> None:
        """Keep a receipt or a note, unless the disk is full: then it is the item that has to go."""
        try:
            documents.write(self.owner, self.at(part, text), entry)
        except ReasonError as fault:
            if fault.code != "DiskFull":
                raise

    def _prune(self, part: str, keep: int) -> None:
        """Forget all but the newest receipts or notes; those of items that still wait stay."""
        with os.scandir(self.at(part)) as entries:
            found = [(e.stat().st_mtime_ns, e.name) for e in entries if item_of(e.name)]
        for _, name in sorted(found)[:-keep]:
            if not self.has(name):
                fsops.unlink(self.at(part, name))
        if len(found) > keep:
            self._record(part, "==pruned", {"time": int(self._clock())})


def _deadline(text: str) -> int:
    item = item_of(text)
    return item.deadline if item else 0


def _round(text: str) -> str:
    item = item_of(text)
    return item.round if item else ""
