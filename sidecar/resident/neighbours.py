"""The role of a node: what one process does for all workers and for the other nodes of the site.

It offers bytes by digest and sends what dead tenants left in their outboxes. What it fetches ahead
is in its config like any artifact, only that nothing of it is ever switched.
"""

from __future__ import annotations

from sidecar.model import tasks
from sidecar.model.tasks import Message
from sidecar.peers.datasets import public
from sidecar.peers.serve import Door
from sidecar.resident.means import Means, backoff
from sidecar.resident.sending import Orphanage

LISTS_PERIOD = 120.0
"""Seconds between two looks at what other nodes wrote about datasets, on average."""


class Neighbours:
    """One node's door and orphanage while one config is accepted."""

    def __init__(self, means: Means, host: str, address: str) -> None:
        self._means = means
        self._orphanage = Orphanage(means)
        peers = means.config.peers
        self._door = Door(means.layout, peers, host, address) if peers.serve else None
        self._open = False
        self._due = means.now()
        self._attempts = 0
        shares = peers.members and public(means.config)
        self._lists_due = means.now() + backoff(3) if shares else 0.0

    def tick(self, now: float) -> float:
        """Listen where that is not so yet, and send for others; when to be called again."""
        if self._door is not None and not self._open and now >= self._due:
            self._listen(self._door, now)
        due = [self._orphanage.tick(now)]
        if self._door is not None and not self._open:
            due.append(self._due)
        if self._lists_due:
            if now >= self._lists_due:
                self._lists_due = now + LISTS_PERIOD / 2 + backoff(9) * LISTS_PERIOD / 300
                self._means.ask("datasets", tasks.datasets(), self._pulled)
            due.append(self._lists_due)
        return min(due)

    def _pulled(self, message: Message) -> None:
        if message.event == "done" and message.body.get("changed"):
            self._means.note(event="lists", changed=message.body["changed"])

    def close(self) -> None:
        """Give everything back."""
        self._orphanage.let_go()
        if self._door is not None:
            self._door.close()

    def _listen(self, door: Door, now: float) -> None:
        try:
            where = door.open(lambda words: self._means.note(event="amiss", detail=words))
        except OSError as fault:
            self._attempts += 1
            self._due = now + backoff(self._attempts)
            if self._attempts == 1:
                self._means.note(event="amiss", detail=f"peers cannot be served: {fault}")
            return
        self._open = True
        self._means.note(event="serves-peers", address=where)
