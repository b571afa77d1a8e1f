"""A headless Chromium for the tests, spoken to by the pipe of its debugging protocol.

It opens files, types and clicks as a person does, and counts what goes wrong in a page. No port is
opened, nothing is fetched, and its profile goes with it.
"""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest

NEEDS = "the page is tested in a browser: install Debian's package chromium, or Chrome"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 60
_FLAGS = (
    "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run",
    "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
    "--disable-extensions", "--force-color-profile=srgb", "--window-size=1280,900",
)  # fmt: skip


def program() -> str | None:
    """The browser of this machine."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One browser with one page. `problems` are exceptions and refusals that the page met."""

    def __init__(self) -> None:
        path = program()
        if path is None:
            pytest.skip(NEEDS)
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._events: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self._pid = self._spawn(path)
        target = self._ask("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = self._ask("Target.attachToTarget", {"targetId": target, "flatten": True})
        self._session = str(attached["sessionId"])
        for name in ("Page", "Runtime", "Log", "DOM"):
            self.ask(f"{name}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._in)
        os.close(self._out)
        self._profile.cleanup()

    def open(self, file: Path, *, script: bool = True) -> None:
        """Show a file, until it is loaded."""
        self.ask("Emulation.setScriptExecutionDisabled", {"value": not script})
        self._events.clear()
        self.problems.clear()
        self.ask("Page.navigate", {"url": file.as_uri()})
        self._until("Page.loadEventFired")

    def run(self, expression: str) -> Any:
        """What a JavaScript expression gives in the page, awaited."""
        asked = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        found = self.ask("Runtime.evaluate", asked)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def type(self, selector: str, text: str) -> None:
        """Put the cursor into a field and press keys."""
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        for letter in text:
            self.ask("Input.dispatchKeyEvent", {"type": "keyDown", "text": letter})
            self.ask("Input.dispatchKeyEvent", {"type": "keyUp"})
        self.settle()

    def choose(self, selector: str, value: str) -> None:
        """Choose an option, as the keyboard does."""
        self.run(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)});"
            f" one.value = {json.dumps(value)};"
            " one.dispatchEvent(new Event('input', {bubbles: true})); })()"
        )
        self.settle()

    def click(self, selector: str) -> None:
        """Press the mouse over the middle of an element."""
        box = self.run(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)});"
            " one.scrollIntoView({block: 'center'});"
            " const box = one.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        at = {"x": box[0], "y": box[1], "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", {"type": kind, **at})
        self.settle()

    def settle(self) -> None:
        """Wait until two frames were drawn."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def width(self, pixels: int, *, dark: bool = False) -> None:
        """Make the page as wide as a device is."""
        device = {"width": pixels, "height": 900, "deviceScaleFactor": 1, "mobile": pixels < 800}
        self.ask("Emulation.setDeviceMetricsOverride", device)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", {"features": [scheme]})

    def picture(self, file: Path) -> None:
        """Store what is seen as PNG."""
        found = self.ask("Page.captureScreenshot", {"format": "png"})
        file.write_bytes(base64.b64decode(found["data"]))

    def ask(self, method: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer of the page to a command of the protocol."""
        return self._ask(method, given or {}, self._session)

    def _ask(self, method: str, given: dict[str, Any], session: str = "") -> dict[str, Any]:
        number = next(self._numbers)
        said = {"id": number, "method": method, "params": given}
        if session:
            said["sessionId"] = session
        os.write(self._in, json.dumps(said).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == number:
                assert "error" not in found, (method, found["error"])
                answer: dict[str, Any] = found["result"]
                return answer
            self._note(found)

    def _until(self, event: str) -> None:
        while not any(one["method"] == event for one in self._events):
            self._note(self._next())

    def _note(self, found: dict[str, Any]) -> None:
        if "method" not in found:
            return
        self._events.append(found)
        if found["method"] == "Runtime.exceptionThrown":
            self.problems.append(found["params"]["exceptionDetails"]["text"])
        elif found["method"] == "Log.entryAdded":
            self.problems.append(found["params"]["entry"]["text"])

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._out], [], [], max(0, end - time.monotonic()))
            data = os.read(self._out, 1 << 20) if ready else b""
            assert data, "the browser ended, or says nothing"
            self._buffer += data
        text, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(text)
        return found

    def _spawn(self, path: str) -> int:
        """Start it with the ends of two pipes as descriptors 3 and 4, as the protocol wants."""
        theirs, self._in = _pipe()
        self._out, answers = _pipe()
        null = os.open(os.devnull, os.O_RDWR)
        words = [path, *_FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"]
        try:
            return os.posix_spawn(
                path, words, {**os.environ, "HOME": self._profile.name},
                setpgroup=0,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1),
                    (os.POSIX_SPAWN_DUP2, null, 2), (os.POSIX_SPAWN_DUP2, theirs, 3),
                    (os.POSIX_SPAWN_DUP2, answers, 4),
                ],
            )  # fmt: skip
        finally:
            for one in (theirs, answers, null):
                os.close(one)


def _pipe() -> tuple[int, int]:
    """A pipe whose ends are above the descriptors that the browser is given."""
    low = os.pipe()
    high = tuple(fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in low)
    for one in low:
        os.close(one)
    return high[0], high[1]
