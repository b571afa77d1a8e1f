"""A stand-in of a model server beside a sidecar, as one pod has them: it reads the pod's links."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.sidecar.support.cases import World, free_port

_SCRIPT = Path(__file__).with_name("servers.py")
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Beside:
    """The server of a world's pod. Its port is known before it runs, as in a compiled config."""

    def __init__(self, world: World, flavour: str = "ovms") -> None:
        self.world = world
        self.flavour = flavour
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None

    @property
    def config(self) -> dict[str, Any]:
        """The part `server` of a config."""
        return {
            "name": self.flavour,
            "image": "registry.example.com/server:1",
            "ports": [self.port],
        }

    def told(self, name: str, number: int = 0, **probe: Any) -> dict[str, Any]:
        """Hook and probe of a model."""
        base = f"http://127.0.0.1:{self.port}"
        version = f"/versions/{number}" if number else ""
        return {
            "hook": {"type": self.flavour, "url": base, "model": name},
            "probe": {"url": f"{base}/v2/models/{name}{version}/ready", "timeout": 5,
                      "successes": 2, **probe},
        }  # fmt: skip

    def start(self) -> Self:
        """Run it until it answers."""
        command = [sys.executable, "-I", str(_SCRIPT), self.flavour, "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*command, "--models", str(self.world.view / "models")],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("ready")
        return self

    def stop(self) -> None:
        """End it, as a crash does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def loaded(self) -> dict[str, Any]:
        """What is loaded, by model."""
        found: dict[str, Any] = json.loads(self._get("/stand-in/models"))
        return found

    def requests(self) -> list[str]:
        """Every request so far but those of tests."""
        found: list[str] = json.loads(self._get("/stand-in/requests"))
        return found

    def _get(self, path: str) -> bytes:
        with _OPENER.open(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            body: bytes = answer.read()
            return body

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
