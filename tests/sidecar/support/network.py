"""Networks of the tests' own: namespaces, and a switch that counts what each of them sends.

A `Namespace` has a loopback of its own. A `Lan` is a bridge in a namespace; what attaches to it
gets an address and reaches the others, and the bridge counts bytes by port. Nothing touches the
network of the machine, and everything goes when its descriptors are closed. Needs root.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import pytest

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A network namespace, held by a descriptor. `address` is what others reach it at."""

    def __init__(self, address: str = "") -> None:
        require()
        self.descriptor = _new_namespace()
        with self.inside():
            _set_up("lo")
            if address:
                _add_address("lo", address, 32)
        self.address = address

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Let this thread alone be in the namespace; sockets stay where they were made."""
        outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        _enter(self.descriptor)
        try:
            yield
        finally:
            _enter(outside)
            os.close(outside)

    def connect(self, port: int, *, address: str = "", timeout: float = 5) -> socket.socket:
        """A connection made inside."""
        with self.inside():
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            made.settimeout(timeout)
            made.connect((address or self.address or "127.0.0.1", port))
        except OSError:
            made.close()
            raise
        return made

    def listen(self, port: int = 0, *, address: str = "") -> socket.socket:
        """A listening socket inside, for servers that live in the test's own process."""
        with self.inside():
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address or self.address or "127.0.0.1", port))
        made.listen(128)
        return made

    def packets(self, interface: str = "") -> int:
        """Packets sent and received; over every interface where none is named."""
        rows = self.counters()
        return sum(r.packets for name, r in rows.items() if interface in ("", name))

    def counters(self) -> dict[str, Counter]:
        """What every interface inside has counted."""
        with self.inside():
            return _counters(Path("/proc/thread-self/net/dev").read_text(encoding="ascii"))

    def close(self) -> None:
        """Give it up; it goes with the last process in it."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: TracebackType | None) -> None:
        self.close()


class Counter(NamedTuple):
    """Bytes and packets of one interface, as it sees them."""

    received: int
    sent: int
    packets: int


class Lan:
    """A switch. What `attach` gives reaches everything else that is attached, and nothing more."""

    def __init__(self, prefix: str = "10.77.0") -> None:
        self._prefix = prefix
        self._switch = Namespace()
        self._ports: dict[str, str] = {}
        self._attached: list[Namespace] = []
        with self._switch.inside():
            _quiet()
            _add_bridge("lan")
            _set_up("lan")

    def attach(self, name: str) -> Namespace:
        """A new namespace on the switch; `name` is what its counters are asked by."""
        number = len(self._attached) + 1
        port, address = f"port{number}", f"{self._prefix}.{number}"
        found = Namespace()
        with found.inside():
            _quiet()
        with self._switch.inside():
            _add_pair(port, "eth0", found.descriptor)
            _set_master(port, "lan")
            _set_up(port)
        with found.inside():
            _set_up("eth0")
            _add_address("eth0", address, 24)
        found.address = address
        self._ports[name] = port
        self._attached.append(found)
        return found

    def sent(self, name: str) -> int:
        """Bytes that this one sent, frames and all, counted by the switch."""
        return self._switch.counters()[self._ports[name]].received

    def received(self, name: str) -> int:
        """Bytes that were sent to this one."""
        return self._switch.counters()[self._ports[name]].sent

    def unplug(self, name: str) -> None:
        """Pull the cable: nothing gets through, and nobody is told."""
        with self._switch.inside():
            _set_up(self._ports[name], up=False)

    def plug(self, name: str) -> None:
        """Put the cable back."""
        with self._switch.inside():
            _set_up(self._ports[name])

    def close(self) -> None:
        """Give up the switch and everything on it."""
        for one in (*self._attached, self._switch):
            one.close()
        self._attached.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: TracebackType | None) -> None:
        self.close()


def require() -> None:
    """Skip the test where namespaces are forbidden; as root in CI that is a failure."""
    reason = forbidden()
    if reason and os.geteuid() == 0 and os.environ.get("CI"):
        pytest.fail(f"namespaces must work as root in CI: {reason}")
    if reason:
        pytest.skip(reason)


@cache
def forbidden() -> str:
    """Why namespaces cannot be made here, or nothing."""
    if os.geteuid() != 0:
        return "namespaces need root"
    try:
        os.close(_new_namespace())
    except OSError as error:
        return f"namespaces are forbidden: {error.strerror}"
    return ""


def _new_namespace() -> int:
    found: list[int | OSError] = []

    def make() -> None:
        # A thread of its own: there is no way back to a namespace that was never opened.
        if _libc.unshare(CLONE_NEWNET):
            code = ctypes.get_errno()
            found.append(OSError(code, os.strerror(code)))
            return
        found.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if isinstance(found[0], OSError):
        raise found[0]
    return found[0]


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _quiet() -> None:
    """No IPv6 in this namespace: its neighbour discovery would count as traffic."""
    for name in ("all", "default"):
        switch = Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
        if switch.exists():
            switch.write_text("1", encoding="ascii")


def _counters(text: str) -> dict[str, Counter]:
    found = {}
    for line in text.splitlines()[2:]:
        name, _, rest = line.partition(":")
        values = [int(value) for value in re.findall("[0-9]+", rest)]
        found[name.strip()] = Counter(values[0], values[8], values[1] + values[9])
    return found


# --- the kernel's route netlink, so that no tool has to be installed

_NEWLINK, _NEWADDR = 16, 20
_REQUEST, _ACK, _CREATE, _EXCLUSIVE = 0x1, 0x4, 0x400, 0x200
_IFNAME, _MASTER, _LINKINFO, _NET_NS_FD = 3, 10, 18, 28
_INFO_KIND, _INFO_DATA, _PEER = 1, 2, 1
_LOCAL, _ADDRESS = 2, 1
_UP = 1


def _set_up(name: str, *, up: bool = True) -> None:
    header = struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(name), _UP if up else 0, _UP)
    _ask(_NEWLINK, 0, header)


def _add_address(name: str, address: str, bits: int) -> None:
    header = struct.pack("=BBBBI", socket.AF_INET, bits, 0, 0, socket.if_nametoindex(name))
    packed = socket.inet_aton(address)
    _ask(_NEWADDR, _CREATE | _EXCLUSIVE, header + _part(_LOCAL, packed) + _part(_ADDRESS, packed))


def _add_bridge(name: str) -> None:
    kind = _part(_LINKINFO, _part(_INFO_KIND, b"bridge"))
    _ask(_NEWLINK, _CREATE | _EXCLUSIVE, _LINK + _part(_IFNAME, name.encode() + b"\0") + kind)


def _add_pair(name: str, peer: str, namespace: int) -> None:
    other = _LINK + _part(_IFNAME, peer.encode() + b"\0")
    other += _part(_NET_NS_FD, struct.pack("=I", namespace))
    kind = _part(_INFO_KIND, b"veth") + _part(_INFO_DATA, _part(_PEER, other))
    link = _LINK + _part(_IFNAME, name.encode() + b"\0") + _part(_LINKINFO, kind)
    _ask(_NEWLINK, _CREATE | _EXCLUSIVE, link)


def _set_master(name: str, bridge: str) -> None:
    header = struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(name), 0, 0)
    _ask(_NEWLINK, 0, header + _part(_MASTER, struct.pack("=I", socket.if_nametoindex(bridge))))


_LINK = struct.pack("=BxHiII", 0, 0, 0, 0, 0)


def _part(kind: int, payload: bytes) -> bytes:
    return struct.pack("=HH", len(payload) + 4, kind) + payload + b"\0" * (-len(payload) % 4)


def _ask(kind: int, flags: int, payload: bytes) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as link:
        head = struct.pack("=IHHII", len(payload) + 16, kind, flags | _REQUEST | _ACK, 1, 0)
        link.send(head + payload)
        answer = link.recv(65536)
    (code,) = struct.unpack_from("=i", answer, 16)
    if code:
        raise OSError(-code, f"{os.strerror(-code)} ({errno.errorcode.get(-code, code)})")
