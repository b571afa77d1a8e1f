"""Runs the program as a user would, in this process, in a folder of the test's own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from compiler.cli import program
from compiler.commands import common

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: object, at: Path | None = None) -> Result:
    """The result of `edgewright ARGUMENTS`, called in the folder `at`."""
    # One process stands for many runs here, and each folder has its own specs/jobs.yaml.
    common._lines.cache_clear()
    with _inside(at or Path()):
        return CliRunner().invoke(program, [str(word) for word in arguments])


def run_json(*arguments: object, at: Path | None = None) -> dict[str, Any]:
    """The document of a command that ends well."""
    result = run(*arguments, "--format", "json", at=at)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def started(folder: Path, *options: str) -> Path:
    """A fleet that `init` made, compiled."""
    assert run("init", folder, *options).exit_code == 0
    result = run("compile", "--no-cache", at=folder)
    assert result.exit_code == 0, result.output
    return folder


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
