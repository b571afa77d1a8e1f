"""The node role's read-only door for the other nodes of the site: bytes by digest, and lists.

    GET /v1/blobs/<digest>            the bytes, or the beginning of them that is synced so far
    GET /v1/blobs/<digest>?state      what `elect.State` says, as JSON
    GET /v1/datasets/<dataset>/<writer>    a list of a dataset, see `datasets`

Given out is what the config of some tenant of this node names, and nothing that any of them calls
private. With a token file the token has to be shown; while the file cannot be read nobody gets
anything. What is given out is not verified again here: whoever takes it hashes it.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from json import dumps
from threading import Lock
from typing import Any, Final, NamedTuple

from sidecar.disk import blobs, documents, locks, partials, tenants
from sidecar.disk.layout import Layout
from sidecar.disk.manifests import Manifest
from sidecar.disk.marks import is_digest
from sidecar.model.config import LIST, PEERED, Peers
from sidecar.model.digest import sha256
from sidecar.peers import datasets
from sidecar.peers.elect import State
from sidecar.wire.server import FilePart, Request, Response, Server

CLIENTS: Final = 4
"""Nodes that take bytes at the same time; the others hear that it is busy and ask elsewhere."""

RATE: Final = 64 << 20
"""Bytes per second over all of them: a gateway's disk and network are there for its workload."""

PEER: Final = "peer:"
"""What the place of bytes begins with that came from a peer."""

_THREADS = 16
_LITERAL = re.compile(r"[0-9.]+|\[[0-9A-Fa-f:.]+\]")
_WORKING = 10.0
_TOKEN_BYTES = 4096


class Door:
    """Answers the other nodes until it is closed. `host` is this node's name."""

    def __init__(self, layout: Layout, peers: Peers, host: str, address: str) -> None:
        self._layout = layout
        self._peers = peers
        self._host = host
        self._address = address
        self._offered = Offered(layout)
        self._slots = _Slots(CLIENTS)
        self._pace = _Pace(RATE)
        self._server: Server | None = None

    def open(self, fault: Callable[[str], None] = lambda _: None) -> str:
        """Begin to listen; the address at which.

        Raises:
            OSError: the port is taken, or no address of this node is known.
        """
        error: OSError | None = None
        for address in _addresses(self._peers, self._address):
            server = Server(
                (address, self._peers.serve), self.answer, threads=_THREADS, fault=fault
            )
            try:
                server.start()
            except OSError as failed:
                error = failed
                continue
            self._server = server
            return f"{address}:{server.ports[0]}"
        raise error or OSError("no address to listen on")

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def answer(self, request: Request) -> Response:
        """The answer to one request."""
        if request.method not in ("GET", "HEAD"):
            return Response(405, b"this door is for reading\n")
        if not self._is_allowed(request.headers.get("authorization", "")):
            return Response(401, b"a token is wanted\n")
        parts = request.path.split("/")
        if parts[:3] == ["", "v1", "blobs"] and len(parts) == 4:
            return self._blob(parts[3], "state" in request.query)
        if parts[:3] == ["", "v1", "datasets"] and len(parts) == 5:
            return self._list(parts[3], parts[4])
        return _NOT_HERE

    def state(self, digest: str) -> State:
        """What this node has of a digest and does about it."""
        found = self._found(digest)
        lock = self._layout.lock(f"fetch-{digest}")
        begun = _age(f"{lock}.origin")
        return State(
            host=self._host,
            have=found.have,
            complete=found.complete,
            wanted=True,
            fetching=not found.complete and locks.held(lock),
            claim=locks.held(f"{lock}.claim"),
            origin=found.origin or begun >= 0,
            idle=min(found.idle, begun) if begun >= 0 else found.idle,
            working=found.working,
            busy=self._slots.taken,
        )

    def _blob(self, digest: str, wants_state: bool) -> Response:
        if not is_digest(digest) or digest not in self._offered.digests():
            return _NOT_HERE
        if wants_state:
            text = dumps(self.state(digest)._asdict()).encode()
            return Response(200, text, "application/json")
        found = self._found(digest)
        if not found.have:
            return _NOT_YET
        if not self._slots.take():
            return _BUSY
        try:
            descriptor = os.open(found.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            self._slots.give()
            return _NOT_YET
        return Response(
            200,
            type="application/octet-stream",
            headers=(("Edgewright-Complete", "1" if found.complete else "0"),),
            file=FilePart(
                descriptor, found.have, f'"{digest}"', pace=self._pace, done=self._slots.give
            ),
        )

    def _list(self, dataset: str, writer: str) -> Response:
        if dataset not in self._offered.datasets():
            return _NOT_HERE
        return datasets.offered(self._layout, dataset, writer, self._host)

    def _found(self, digest: str) -> _Found:
        size = blobs.size(self._layout, digest)
        if size >= 0:
            return _Found(self._layout.blob(digest), size, complete=True)
        found, now = _Found(), time.time()
        for left in partials.listed(self._layout):
            try:
                idle = max(0.0, now - os.stat(left.path).st_mtime)
            except FileNotFoundError:
                continue
            found = found._replace(working=found.working or idle < _WORKING)
            if left.digest == digest:
                found = _better(found, left.path, idle)
        return found

    def _is_allowed(self, shown: str) -> bool:
        if not self._peers.token_file:
            return True
        try:
            with open(self._peers.token_file, "rb") as file:
                token = file.read(_TOKEN_BYTES).strip()
        except OSError:
            return False
        kind, _, text = shown.partition(" ")
        # Of their digests nobody learns anything by how long it takes to compare them.
        same = sha256(text.strip().encode("latin-1")).digest() == sha256(token).digest()
        return bool(token) and kind.lower() == "bearer" and same


class _Found(NamedTuple):
    path: str = ""
    have: int = 0
    complete: bool = False
    origin: bool = False
    idle: float = 0.0
    working: bool = False


def _age(lock: str) -> float:
    """How long somebody has had a lock, in seconds; below 0 if nobody has."""
    try:
        return max(0.0, time.time() - os.stat(lock).st_mtime) if locks.held(lock) else -1.0
    except FileNotFoundError:
        return -1.0


def _better(found: _Found, path: str, idle: float) -> _Found:
    """The one of two partial files with more in it, and what is true of either."""
    record = partials.read_record(path)
    place = str(record["identity"].get("place", ""))
    origin = found.origin or (place != "" and not place.startswith(PEER))
    idle = min(idle, found.idle) if found.path else idle
    if found.path and found.have >= record["trusted"]:
        return found._replace(origin=origin, idle=idle)
    return found._replace(path=path, have=record["trusted"], origin=origin, idle=idle)


class Offered:
    """What the tenants of this node name and none of them calls private; read when it changes."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._lock = Lock()
        self._known: dict[str, tuple[tuple[int, int], _Named]] = {}
        self._files: dict[str, frozenset[str]] = {}

    def digests(self) -> set[str]:
        """Digests of artifacts, of their chunk lists and of the large files of folders."""
        named = self._read()
        shown = set().union(*(n.open for n in named))
        shut = set().union(*(n.shut for n in named))
        with self._lock:
            # The lists are artifacts as well, so that each is in one of the two.
            lists = set().union(*(n.lists for n in named))
            self._files = {one: self._files.get(one) or self._listed(one) for one in lists}
            shown = shown.union(*(self._files[one] for one in lists - shut))
            return shown - shut.union(*(self._files[one] for one in lists & shut))

    def datasets(self) -> set[str]:
        """Names of datasets whose lists may be seen."""
        named = self._read()
        shown = set().union(*(n.datasets for n in named))
        return shown - set().union(*(n.hidden for n in named))

    def _listed(self, digest: str) -> frozenset[str]:
        """The files that a list names and that are worth asking for; none while it is not here."""
        try:
            files = Manifest(self._layout.blob(digest)).files()
            return frozenset(one.sha256 for one in files if one.size >= PEERED)
        except (OSError, ValueError, TypeError):
            return frozenset()

    def _read(self) -> list[_Named]:
        with self._lock:
            known, self._known = self._known, {}
            for tenant in tenants.names(self._layout):
                path = self._layout.tenant(tenant, "config", "accepted.json")
                try:
                    found = os.stat(path)
                except OSError:
                    continue
                mark = (found.st_ino, found.st_mtime_ns)
                if tenant not in known or known[tenant][0] != mark:
                    known[tenant] = (mark, _named(documents.read(path)))
                self._known[tenant] = known[tenant]
            return [named for _, named in self._known.values()]


class _Named(NamedTuple):
    open: frozenset[str]
    shut: frozenset[str]
    lists: frozenset[str]
    datasets: frozenset[str]
    hidden: frozenset[str]


def _named(document: dict[str, Any] | None) -> _Named:
    entries = [one for one in (document or {}).get("artifacts", ()) if isinstance(one, dict)]
    shut = [one for one in entries if one.get("private")]
    shown = [one for one in entries if not one.get("private")]
    roots = {one["chunks"].get("root", "") for one in shown if "chunks" in one}
    return _Named(
        frozenset(one.get("sha256", "") for one in shown) | roots,
        frozenset(one.get("sha256", "") for one in shut),
        frozenset(
            str(one.get("sha256")) for one in entries if one.get("unpack", {}).get("format") == LIST
        ),
        frozenset(one.get("name", "") for one in shown if one.get("kind") == "dataset"),
        frozenset(one.get("name", "") for one in shut if one.get("kind") == "dataset"),
    )


class _Slots:
    def __init__(self, most: int) -> None:
        self._free = most
        self._lock = Lock()

    @property
    def taken(self) -> bool:
        return self._free <= 0

    def take(self) -> bool:
        with self._lock:
            if self._free <= 0:
                return False
            self._free -= 1
            return True

    def give(self) -> None:
        with self._lock:
            self._free += 1


class _Pace:
    """A rate that all answers share: whoever took more than there was sleeps it off."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._lock = Lock()
        self._level = 0.0
        self._seen = time.monotonic()

    def __call__(self, count: int) -> None:
        with self._lock:
            now = time.monotonic()
            self._level = min(self._rate / 10, self._level + (now - self._seen) * self._rate)
            self._level -= count
            self._seen = now
            debt = -self._level / self._rate
        if debt > 0:
            time.sleep(debt)


def _addresses(peers: Peers, own: str) -> list[str]:
    """Where to listen: the member that this node turns out to be, else its own address."""
    found = []
    for member in peers.members:
        place = member.partition("://")[2].partition("/")[0]
        host, _, port = place.rpartition(":")
        # A name would have to be looked up, and could be anybody's.
        if port == str(peers.serve) and _LITERAL.fullmatch(host):
            found.append(host.strip("[]"))
    # Only an address of this node can be bound. Never all of them: one may face the internet.
    return [*(one for one in found if one == own), *found, *([own] if own else [])]


_NOT_HERE = Response(404, b"not here\n")
_NOT_YET = Response(404, b"nothing of it yet\n", headers=(("Retry-After", "1"),))
_BUSY = Response(503, b"busy with others\n", headers=(("Retry-After", "1"),))
