"""Ctrl-C ends a command in one line, with the exit code that shells know it by."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

SPEC = "edgewright: v1\nproject: {name: shop}\n"


def test_an_interrupted_command_says_so_and_exits_with_130(tmp_path: Path) -> None:
    specs = tmp_path / "specs"
    specs.mkdir()
    (specs / "fleet.yaml").write_text(SPEC)
    code = (
        "import sys, time\n"
        "from compiler import cli, pipeline\n"
        "def wait(*_):\n"
        "    print('reading', flush=True)\n"
        "    time.sleep(60)\n"
        "pipeline.prepare = wait\n"
        "sys.argv = ['edgewright', 'check', 'specs']\n"
        "cli.main()\n"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "reading\n"
    running.send_signal(signal.SIGINT)
    out, said = running.communicate(timeout=20)
    assert (out, said.strip(), running.returncode) == ("", "interrupted", 130)
