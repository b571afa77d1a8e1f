"""C1: killed at any moment of an installation, an update or a way back, the store is never wrong.

A story has four chapters: a first installation, an update, an update that the server refuses, and
a return. Each chapter is run from the end of the one before and killed somewhere on the way; then
everything that a reader could see is checked, the chapter is run to its end, and the end has to be
the right one.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import pytest

from tests.sidecar.support.cases import World
from tests.sidecar.support.invariants import problems
from tests.sidecar.support.running import surroundings
from tests.sidecar.support.story import Plan

SCRIPT = Path(__file__).parent / "support/story.py"
PHASES = ("start", "fetch", "unpack", "seal", "activate", "notify", "probation", "rollback", "idle")
LATEST = 0.2
"""Seconds after a change at which a kill may come, so that it also comes between changes."""


class Chapter(NamedTuple):
    """The version that is asked for, the one that serves in the end, and the phase of the end."""

    asked: int
    served: int
    end: str = "idle"


CHAPTERS = (Chapter(1, 1), Chapter(2, 2), Chapter(3, 2, "blocked"), Chapter(1, 1))


class Moment(NamedTuple):
    """A change of the file system, as the log of an undisturbed run has it."""

    chapter: int
    role: str
    number: int
    phase: str


class Stage:
    """One world on a file system in memory, and the state in which each chapter begins."""

    def __init__(self, directory: Path, url: str, port: int) -> None:
        self.world = World(directory)
        self.plan = directory / "plan.json"
        self._url, self._port = url, port
        self._begins = directory / "begins"
        self.moments: list[Moment] = []
        self.killed = 0

    def record(self) -> None:
        """Run the story once, undisturbed, and keep its log and the beginning of each chapter."""
        for number, chapter in enumerate(CHAPTERS):
            _copy(self.world.root, self._begins / str(number))
            log = self.world.directory / f"log-{number}"
            self.mount(chapter)
            assert self.run(chapter, log=str(log)) == 0
            assert self.wrong(number, done=True) == []
            for line in log.read_text().splitlines():
                role, count, phase, _ = json.loads(line)
                self.moments.append(Moment(number, role, count, phase))

    def kill_at(self, moment: Moment, delay: float = 0.0, *, gap: bool = False) -> list[str]:
        """What was wrong after a kill, or did not come to its end after it."""
        chapter = CHAPTERS[moment.chapter]
        shutil.rmtree(self.world.root)
        _copy(self._begins / str(moment.chapter), self.world.root)
        self.mount(chapter)
        Path(f"{self.world.config}.killed").unlink(missing_ok=True)
        code = self.run(chapter, at=moment.number, where=moment.role, delay=delay, gap=gap)
        found = [f"{moment}: {one}" for one in self.wrong(moment.chapter, done=False)]
        self.killed += Path(f"{self.world.config}.killed").exists()
        if code not in (0, -9) or self.run(chapter) != 0:
            return [*found, f"{moment}: did not come to its end"]
        return found + [f"{moment}: {one}" for one in self.wrong(moment.chapter, done=True)]

    def mount(self, chapter: Chapter) -> None:
        """Ask for the version of a chapter."""
        number, world = chapter.asked, self.world
        word = "broken" if number == 3 else "good"
        told = {
            "hook": {"type": "http", "url": f"{self._url}/load"},
            "probe": {"url": f"{self._url}/ready", "successes": 1, "timeout": 30},
        }
        det = world.tar(
            "det", {"weights": f"{word} {number}".encode(), "a/labels": f"{number}".encode()},
            view={"type": "tfserving", "model": "det", "number": number}, **told,
        )  # fmt: skip
        code = world.file("io", f"io {number}".encode(), kind="code")
        world.config.write_text(
            json.dumps(
                world.document(
                    det, code,
                    bundles=[{"name": "watch", "members": ["model/det", "code/io"]}],
                    server={"name": "custom", "image": "i:1", "ports": [self._port]},
                )
            )
        )  # fmt: skip

    def run(self, chapter: Chapter, **plan: Any) -> int:
        """Run a chapter to its end or its kill; the exit code."""
        found = Plan(str(self.world.config), str(self.world.view), chapter.end, **plan)
        self.plan.write_text(json.dumps(found._asdict()))
        done = subprocess.run(
            [sys.executable, str(SCRIPT), str(self.plan)], env=surroundings(), check=False,
            capture_output=True, timeout=120,
        )  # fmt: skip
        if done.returncode not in (0, -9):
            print(done.stderr.decode()[-2000:])
        return done.returncode

    def wrong(self, number: int, *, done: bool) -> list[str]:
        """What is not as it may be for a reader, in or after a chapter."""
        before = CHAPTERS[number - 1].served if number else 0
        asked, served = CHAPTERS[number].asked, CHAPTERS[number].served
        allowed = {served} if done else {before, asked, served}
        return [*problems(str(self.world.root)), *self._shown(allowed)]

    def _shown(self, allowed: set[int]) -> Iterator[str]:
        current = self.world.slot("bundle.watch") / "current"
        if not current.is_symlink():
            if 0 not in allowed:
                yield "nothing is active any more"
            return
        read = {
            int((current / "model/det/weights").read_text().split()[1]),
            int((current / "model/det/a/labels").read_text()),
            int((current / "code/io").read_text().split()[1]),
        }
        if len(read) != 1:
            yield f"versions are mixed: {sorted(read)}"
        if not read <= allowed:
            yield f"version {sorted(read)} is active, allowed are {sorted(allowed)}"
        views = self.world.root / "tenants/watch.worker/views/model/det"
        for path in views.iterdir():
            if (path / "weights").read_text().split()[1] != path.name:
                yield f"number {path.name} shows another version"
        if not (views / str(max(read))).is_dir():
            yield f"number {max(read)} is active and not shown"


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, int, list[Path]]]:
    """A server that loads what the number that is highest shows, and refuses what is broken."""
    views: list[Path] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(200)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            numbers = sorted(int(one.name) for one in views[0].iterdir()) if views else []
            text = (views[0] / str(numbers[-1]) / "weights").read_text() if numbers else ""
            self._say(400 if text.startswith("broken") else 200)

        def _say(self, status: int) -> None:
            body = b"refused" if status == 400 else b"ok"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Listener(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Who asked was killed."""

    with Listener(("127.0.0.1", 0), Handler) as listener:
        thread = Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        port = listener.server_address[1]
        yield f"http://127.0.0.1:{port}", port, views
        listener.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def stage(server: tuple[str, int, list[Path]]) -> Iterator[Stage]:
    url, port, views = server
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        found = Stage(Path(folder), url, port)
        views[:] = [found.world.root / "tenants/watch.worker/views/model/det"]
        found.record()
        yield found
        _writable(Path(folder))


def test_c1_killed_at_every_change_of_the_file_system(stage: Stage, campaign: bool) -> None:
    moments = stage.moments if campaign else stage.moments[random.Random(1).randrange(10) :: 10]
    wrong = [one for moment in moments for one in stage.kill_at(moment)]
    print(f"\n{len(moments)} of {len(stage.moments)} changes, {len(wrong)} wrong")
    # A run has a few changes more or less than the one before, so the very last are missed.
    assert stage.killed > 0.9 * len(moments)
    print(_histogram(moments))
    assert wrong == []


def test_c1_killed_at_random_moments_of_every_phase(stage: Stage, campaign: bool) -> None:
    chance = random.Random(2)
    each = 1000 // len(PHASES) + 1 if campaign else 100 // len(PHASES) + 1
    chosen: list[Moment] = []
    for phase in PHASES:
        within = [one for one in stage.moments if one.phase == phase]
        assert within, f"the story has no {phase}"
        chosen += chance.choices(within, k=each)
    wrong = [one for moment in chosen for one in stage.kill_at(moment, chance.random() * LATEST)]
    print(f"\n{len(chosen)} kills, {len(wrong)} wrong")
    print(_histogram(chosen))
    assert wrong == []


def test_c1_a_pointer_that_is_taken_away_first_is_caught(stage: Stage) -> None:
    """The control: were a pointer moved in two steps, the campaign would see it."""
    update = [one for one in stage.moments if one.chapter == 1 and one.role == "resident"]
    switch = [one for one in update if one.phase in ("fetch", "activate", "notify")]
    seen: list[str] = []
    for moment in switch:
        seen += stage.kill_at(moment, gap=True)
        if any("nothing is active" in one for one in seen):
            break
    assert any("nothing is active" in one for one in seen)


def _histogram(moments: list[Moment]) -> str:
    counted = Counter((one.role, one.phase) for one in moments)
    return "\n".join(
        f"  {role:8} {phase:10} {count:5}" for (role, phase), count in sorted(counted.items())
    )


def _copy(source: Path, target: Path) -> None:
    """A copy with its hard links and modes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


def _writable(directory: Path) -> None:
    subprocess.run(["chmod", "-R", "u+w", str(directory)], check=True)
