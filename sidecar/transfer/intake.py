"""From a flow of bytes into the partial file: counted, checked by chunk, synced now and then.

What arrived is written even when the flow breaks. It never takes more than one byte above the size.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sidecar.disk.partial import Partial
from sidecar.model.reasons import ReasonError
from sidecar.transfer.chunks import Checker
from sidecar.transfer.context import Context
from sidecar.transfer.scheme import Flow

_BUFFER = 1 << 19
_TELL = 1.0
_SYNC = 15.0
"""Seconds after which even a slow transfer makes sure of what it has."""


class Intake:
    """Takes in what one artifact's flows give. `moved` counts every byte that arrived."""

    def __init__(
        self,
        size: int,
        context: Context,
        partial: Partial,
        checker: Checker | None,
        note: Callable[[str, dict[str, Any]], None],
        room: Callable[[], int],
        *,
        first: bool,
    ) -> None:
        self.moved = 0
        self.web_page = False
        self.buffer = bytearray(_BUFFER)
        self._size = size
        self._context = context
        self._partial = partial
        self._checker = checker
        self._note = note
        self._room_left = room
        self._first = first
        self._most = 0
        self._told = time.monotonic()
        self._synced = self._told

    def take(self, flow: Flow, label: str) -> None:
        """Take everything in, to the end of the flow.

        Raises:
            BadChunk: a chunk is not as its list says; its bytes are in the file and to be cut off.
            ReasonError: the flow broke, ended early or is of something else.
        """
        self._judge(flow, label)
        self.web_page = flow.web_page
        total = self._size if self._size >= 0 else flow.total
        # Nothing says how much will come: all that there is room for is the end.
        self._most = total if total >= 0 else self._partial.position + self._room_left()
        if self._checker is not None:
            self._checker.seek(self._partial.position, self._partial.path)
        self._copy(flow, label)
        if total >= 0 and self._partial.position != total:
            raise ReasonError(
                "Protocol", f"{label}: ended after {self._partial.position} of {total} bytes"
            )

    def _copy(self, flow: Flow, label: str) -> None:
        view, filled = memoryview(self.buffer), 0
        try:
            while count := flow.readinto(view[filled : filled + self._room(filled)]):
                self.moved += count
                filled = self._kept(filled, count, label)
                if self._checker is not None:
                    self._checker.feed(view[filled - count : filled])
                if filled == _BUFFER or self._is_due():
                    written, filled = filled, 0  # before anything that may raise
                    self._partial.write(view[:written])
                    self._tell()
        finally:
            if filled:
                self._partial.write(view[:filled])

    def _room(self, filled: int) -> int:
        """How much may be read: to the end of the buffer, and one byte above the whole."""
        return min(_BUFFER - filled, self._most + 1 - self._partial.position - filled)

    def _kept(self, filled: int, count: int, label: str) -> int:
        if self._most < self._partial.position + filled + count:
            raise ReasonError("TooLarge", f"{label}: goes on after {self._most} bytes")
        return filled + count

    def _tell(self) -> None:
        """Now and then: make sure of what is there, say how far it is, see whether to go on."""
        now = time.monotonic()
        if self._partial.trusted == self._partial.position:
            self._synced = now
        elif now - self._synced > _SYNC:
            self._partial.checkpoint()
            self._synced = now
        if now - self._told >= _TELL:
            self._told = now
            self._note("progress", {"phase": "fetch", "bytes": self._partial.position})
            self._context.allow(first=self._first)

    def _is_due(self) -> bool:
        return time.monotonic() - self._told >= _TELL

    def _judge(self, flow: Flow, label: str) -> None:
        """Whether the head of an answer fits what is wanted."""
        if self._size < 0 or flow.total in (-1, self._size):
            return
        detail = f"{label}: {flow.total} bytes where {self._size} are wanted"
        if flow.start:
            raise ReasonError("Protocol", detail)
        if flow.web_page or flow.total < self._size:
            raise ReasonError("UnexpectedContent", detail)
        raise ReasonError("TooLarge", detail)
