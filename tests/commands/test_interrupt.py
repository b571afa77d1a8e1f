"""Ctrl-C ends a command in one line, with the exit code that shells know it by."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

SPEC = "edgewright: v1\nproject: {name: shop}\n"


INTERRUPTED = """
import os, signal, sys, time
from compiler import cli, pipeline

signal.signal(signal.SIGINT, signal.{disposition})

def wait(*_):
    print("reading", flush=True)
    sys.stdin.readline()
    sys.exit(7)

pipeline.prepare = wait
sys.argv = ["edgewright", "check", "specs"]
cli.main()
"""


@pytest.fixture
def interrupted(tmp_path: Path) -> Iterator[Callable[[str], tuple[str, int]]]:
    """A command that gets the signal while it reads: what it said last and its exit code."""
    specs = tmp_path / "specs"
    specs.mkdir()
    (specs / "fleet.yaml").write_text(SPEC)
    with ExitStack() as started:

        def run(disposition: str) -> tuple[str, int]:
            running = started.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", INTERRUPTED.format(disposition=disposition)],
                    cwd=tmp_path,
                    env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            started.callback(running.kill)
            assert running.stdout is not None
            assert running.stdout.readline() == "reading\n"
            running.send_signal(signal.SIGINT)
            out, said = running.communicate("\n" if disposition == "SIG_IGN" else None, timeout=20)
            assert out == ""
            return said.strip(), running.returncode

        yield run


def test_an_interrupted_command_says_so_and_exits_with_130(
    interrupted: Callable[[str], tuple[str, int]],
) -> None:
    """The child sets the disposition: a shell starts what runs behind it with SIGINT ignored."""
    assert interrupted("default_int_handler") == ("interrupted", 130)


def test_a_command_that_was_started_deaf_to_ctrl_c_stays_so(
    interrupted: Callable[[str], tuple[str, int]],
) -> None:
    """Who starts a job behind a shell or under nohup means it; no command takes that back."""
    assert interrupted("SIG_IGN") == ("", 7)
