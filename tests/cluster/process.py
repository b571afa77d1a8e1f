"""Servers as child processes: start, await, read their log, stop by process id."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PATIENCE = 60.0
"""Seconds that a server has to become ready."""
_SHOWN = 3000


class DeadError(Exception):
    """A server ended or never became ready; the text ends with its log."""


class Server:
    """One running process, its log file, and how it ends."""

    def __init__(
        self, name: str, argv: Sequence[str], log: Path, environment: Mapping[str, str] = {}
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        # A test run that is killed must leave no server behind.
        guard = [shutil.which("setpriv"), "--pdeathsig", "KILL"]
        prefix = [str(word) for word in guard] if guard[0] else []
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                [*prefix, *argv],
                stdout=stream,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **environment},
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def usage(self) -> tuple[float, int]:
        """Processor seconds used so far and peak resident bytes, from /proc."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        status = Path(f"/proc/{self.pid}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return ticks / os.sysconf("SC_CLK_TCK"), int(peak.split()[1]) * 1024

    def ready(self, probe: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Wait until `probe` holds.

        Raises:
            DeadError: the process ended, or `patience` seconds passed.
        """
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise DeadError(
                    f"{self.name} ended with {self._process.returncode}:\n{self.tail()}"
                )
            with suppress(OSError):
                if probe():
                    return
            time.sleep(0.05)
        raise DeadError(f"{self.name} is not ready after {patience:.0f} s:\n{self.tail()}")

    def tail(self) -> str:
        """The end of the log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-_SHOWN:]

    def stop(self) -> None:
        """End the process: asked first, killed after ten seconds."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody accepts connections on a port of 127.0.0.1."""
    with socket.socket() as tried:
        tried.settimeout(1)
        return tried.connect_ex(("127.0.0.1", port)) == 0


def await_true(
    question: Callable[[], bool], patience: float, what: str, pause: float = 0.2
) -> None:
    """Ask until the answer is yes.

    Raises:
        AssertionError: it was no for `patience` seconds; the text is `what`.
    """
    end = time.monotonic() + patience
    while not question():
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience:.0f} s: {what}")
        time.sleep(pause)
