"""Model servers for these tests: stand-ins of `support/servers.py` as processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

from sidecar import hooks
from sidecar.model.config import Hook, Server
from sidecar.wire.client import Answer, request

SCRIPT = Path(__file__).parents[1] / "support" / "servers.py"
FLAVOUR = {"openinference": "mlserver", "http": "custom"}
NUMBERED = frozenset({"triton", "ovms", "tfserving"})


class StandIn:
    """One running stand-in and the models that it looks at, laid out as its flavour wants."""

    def __init__(self, flavour: str, models: Path, *options: str) -> None:
        self.flavour = flavour
        self.models = models
        self._options = options
        self.ports: tuple[int, ...] = ()
        self.process: subprocess.Popen[str] | None = None

    def start(self, port: int = 0) -> None:
        """Run it; a port of 0 is any free one."""
        command = [sys.executable, "-I", str(SCRIPT), self.flavour, "--models", str(self.models)]
        self.process = subprocess.Popen(
            [*command, "--port", str(port), *self._options], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        assert words[:1] == ["ready"], f"the stand-in did not start: {words}"
        self.ports = tuple(int(word) for word in words[1:])

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()

    @property
    def hook(self) -> Hook:
        suffix = "/reload" if self.flavour == "http" else ""
        url = f"http://127.0.0.1:{self.ports[-1]}{suffix}"
        return Hook(type=self.flavour, url=url, model="shelf")

    @property
    def server(self) -> Server:
        return Server(FLAVOUR.get(self.flavour, self.flavour), "registry/image:1", self.ports)

    @property
    def directory(self) -> str:
        return str(self.models / "shelf")

    def put(self, number: int, content: str, name: str = "shelf") -> None:
        """Make a version appear by a rename, or a flat model by replacing its link."""
        self.models.mkdir(exist_ok=True)
        made = self.models.parent / f"{name}-{number}"
        made.mkdir()
        (made / "model.bin").write_text(content)
        if self.flavour in NUMBERED:
            (self.models / name).mkdir(exist_ok=True)
            made.rename(self.models / name / str(number))
            return
        link = self.models.parent / "link"
        link.symlink_to(made)
        link.rename(self.models / name)

    def take_back(self, number: int, name: str = "shelf") -> None:
        """What a roll back does to the files: the version before is the newest again."""
        if self.flavour in NUMBERED:
            gone = self.models / name / str(number)
            gone.rename(self.models.parent / f"gone-{number}")
            return
        link = self.models.parent / "link"
        link.symlink_to(self.models.parent / f"{name}-{number - 1}")
        link.rename(self.models / name)

    def load(self, timeout: float = 20) -> None:
        hooks.load(self.hook, self.directory, self.ports, Event(), timeout=timeout)

    def unload(self) -> None:
        hooks.unload(self.hook, self.directory, self.ports, Event(), timeout=20)

    def get(self, path: str, port: int = 0) -> Answer:
        url = f"http://127.0.0.1:{port or self.ports[0]}{path}"
        return request("GET", url, timeout=5, limit=1 << 20, ports=self.ports)

    def loaded(self) -> dict[str, Any]:
        """What is loaded, by model."""
        found: dict[str, Any] = json.loads(self.get("/stand-in/models").body)
        return found

    def requests(self) -> list[str]:
        """Every request but those of the tests."""
        found: list[str] = json.loads(self.get("/stand-in/requests").body)
        return found


@contextmanager
def stand_in(
    flavour: str, folder: Path, *options: str, first: str = "add 1\n"
) -> Iterator[StandIn]:
    """A running stand-in that serves version 1 of the model `shelf`."""
    one = StandIn(flavour, folder / "models", *options)
    one.put(1, first)
    one.start()
    try:
        yield one
    finally:
        one.stop()
