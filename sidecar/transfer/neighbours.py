"""How the other nodes of a site are spoken to: directly, briefly, and not at all after misdeeds.

One that gave wrong bytes, or too few for too long, is left alone for ten minutes by every process
of this node: a file named after it says since when.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from sidecar.disk import fsops
from sidecar.disk.layout import Layout
from sidecar.model.reasons import ReasonError
from sidecar.transfer.context import Context
from sidecar.transfer.exchange import Answer, Request, origin_of, send
from sidecar.transfer.failures import Refusal

BANNED: Final = 600.0
"""Seconds for which a node that misbehaved is left alone."""

_LOW_RATE, _LOW_SECONDS = 65_536, 10
_TOKEN = 4096


class Bans:
    """Which nodes are left alone: one empty file each, as old as the ban."""

    def __init__(self, layout: Layout) -> None:
        self._folder = layout.store("peers")

    def add(self, host: str) -> None:
        """Leave a node alone from now on."""
        with suppress(OSError):  # a disk that takes no note must not keep anybody from the origin
            with suppress(FileExistsError):
                fsops.make_directory(self._folder)
            path = self._path(host)
            os.close(fsops.lock_file(path))
            fsops.touch(path)

    def holds(self, host: str) -> bool:
        """Whether a node is left alone now."""
        try:
            age = time.time() - os.stat(self._path(host)).st_mtime
        except OSError:
            return False
        # A clock that went back must not make a ban last for years.
        return abs(age) < BANNED

    def _path(self, host: str) -> str:
        return f"{self._folder}/{host}"


class Token:
    """Access with the token that the nodes of a site show each other, read anew each time."""

    def __init__(self, path: str) -> None:
        self._path = path

    def headers(self, request: Request) -> dict[str, str]:
        """The token, if there is one.

        Raises:
            ReasonError: CredentialsMissing.
        """
        del request
        if not self._path:
            return {}
        try:
            with open(self._path, encoding="ascii") as file:
                return {"Authorization": f"Bearer {file.read(_TOKEN).strip()}"}
        except (OSError, ValueError) as error:
            raise ReasonError("CredentialsMissing", f"{self._path}: no token") from error

    def renew(self, refusal: Refusal) -> bool:
        """Never: the file was read for this very request."""
        del refusal
        return False


def ask(near: Context, url: str, headers: Mapping[str, str] | None = None) -> Answer:
    """The answer of a node of the site, over a context that `near` made.

    Raises:
        ReasonError: no answer came.
    """
    return send(near, Request("GET", url, headers or {}), Token(near.config.peers.token_file))


def near(context: Context, patience: int) -> Context:
    """A context for the nodes of the site: no proxy, short patience, the rate that all share."""
    network = context.network._replace(
        proxy="",
        timeout=patience,
        low_rate=_LOW_RATE,
        low_seconds=min(_LOW_SECONDS, context.network.low_seconds),
    )
    config = context.config._replace(network=network)
    return Context(config, context.environment, context.stop, shared=context.reach)


def place_of(member: str) -> str:
    """Host and port of a member, as failures and bans are noted for it."""
    try:
        return str(origin_of(member))
    except ReasonError:
        return "nowhere"
