"""A sidecar as a process of its own, over the world of a test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sidecar.wire.client import request_socket
from tests.sidecar.support.cases import World

REPOSITORY = Path(__file__).resolve().parents[3]
SECONDS = 30.0
"""How long anything may take before a test gives up; no test measures by it."""


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Sidecar:
    """`edgewright-sidecar run` on a world."""

    def __init__(
        self, world: World, *more: str, program: list[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.world = world
        self.log = world.directory / f"sidecar-{time.monotonic_ns()}.log"
        begin = program or [sys.executable, "-m", "sidecar"]
        arguments = ["run", "--config", str(world.config), "--view", str(world.view), *more]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*begin, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**surroundings(), **(environment or {})}, cwd=world.directory,
            )  # fmt: skip

    def events(self, event: str = "", **fields: object) -> list[dict[str, Any]]:
        """What the sidecar said so far."""
        found = []
        for line in self.log.read_bytes().splitlines():
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if not isinstance(said, dict) or (event and said.get("event") != event):
                continue
            if all(said.get(key) == value for key, value in fields.items()):
                found.append(said)
        return found

    def wait_event(self, event: str, count: int = 1, **fields: object) -> dict[str, Any]:
        """The event, once it was said `count` times."""
        until(lambda: len(self.events(event, **fields)) >= count, self.said, self)
        return self.events(event, **fields)[count - 1]

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a page; 0 where nobody answers."""
        url = f"http://127.0.0.1:{self.world.port}{path}"
        try:
            with _OPENER.open(url, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.read().decode()
        except OSError:
            return 0, ""

    def post(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and document of a command on the unix socket."""
        answer = request_socket(
            "POST", str(self.world.view / "run/sidecar.sock"), path, timeout=30, limit=1 << 16
        )
        return answer.status, json.loads(answer.body)

    def status(self) -> dict[str, Any]:
        """The status, empty where there is none."""
        code, body = self.get("/v1/status")
        return json.loads(body) if code == 200 else {}

    def artifact(self, key: str) -> dict[str, Any]:
        """An artifact's part of the status."""
        found = self.status().get("artifacts", [])
        return next((one for one in found if f"{one['kind']}/{one['name']}" == key), {})

    def wait_artifact(self, key: str, **fields: object) -> dict[str, Any]:
        """An artifact's part of the status, once it has these fields."""

        def fits() -> bool:
            found = self.artifact(key)
            return bool(found) and all(found.get(name) == want for name, want in fields.items())

        until(fits, lambda: f"{self.artifact(key)}\n{self.said()}", self)
        return self.artifact(key)

    def wait_page(self, path: str, status: int = 200) -> None:
        """Wait until a page answers so."""
        until(lambda: self.get(path)[0] == status, lambda: f"{self.get(path)}\n{self.said()}", self)

    def workers(self) -> list[int]:
        """Its child processes."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(word) for word in found.split()]

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-4000:]

    def kill(self) -> None:
        """End it the hard way."""
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """End it politely; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.kill()


def run(world: World, *arguments: str, environment: Mapping[str, str] | None = None) -> Any:
    """One command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *arguments], capture_output=True, text=True,
        env={**surroundings(), **(environment or {})}, cwd=world.directory, timeout=SECONDS,
        check=False,
    )  # fmt: skip


def command(world: World, name: str, *more: str) -> tuple[int, str, str]:
    """An operator's command on a world's config: its exit code and what it said."""
    done = run(world, name, "--config", str(world.config), *more)
    return done.returncode, done.stdout, done.stderr


def surroundings() -> dict[str, str]:
    """An environment without anything of the one who runs the tests."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONDONTWRITEBYTECODE": "1",
        "EDGEWRIGHT_HOST": "node-1",
        "EDGEWRIGHT_POD_IP": "127.0.0.1",
    }


def until(
    true: Callable[[], object], words: Callable[[], str] = str, sidecar: Sidecar | None = None
) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + SECONDS
    while not true():
        if sidecar is not None and sidecar.process.poll() is not None and not true():
            raise AssertionError(f"the sidecar ended: {words()}")
        if time.monotonic() > deadline:
            raise AssertionError(f"it never came to that: {words()}")
        time.sleep(0.02)
