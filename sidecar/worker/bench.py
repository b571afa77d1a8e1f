"""What every task of a worker finds, and the shape of a task's code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.model.config import Config
from sidecar.transfer.context import Context

Note = Callable[[str, dict[str, Any]], None]
"""Tells the resident process something about the task: an event and its data."""


class Bench(NamedTuple):
    """The config that this worker serves, and what is needed to serve it."""

    config: Config
    context: Context
    layout: Layout
    owner: Owner


Handler = Callable[[Bench, dict[str, Any], Note], dict[str, Any]]
"""Does one task and gives what `model.tasks` promises of it; each kind's is `run` in its module."""
