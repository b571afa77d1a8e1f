"""A job kind: its word in the spec, its spec model, and how it becomes plan nodes.

Knows no particular kind; the registry of them is `compiler.kinds`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compiler.model.record import dataclass
from compiler.model.spec.job import JobSpec


@dataclass(frozen=True)
class Kind:
    """One job kind. `step` says whether it may also be a step of a pipeline.

    `plan` is None for a kind that parses and is refused at planning. `by_site` says that the
    job's own place selects its sites, that every node belongs to one of them alone, and that all
    its objects lie in that site's directory: one site can then be planned without the others.
    """

    name: str
    spec: type[JobSpec]
    plan: Callable[..., Any] | None = None
    step: bool = False
    by_site: bool = False


@dataclass(frozen=True)
class Kinds:
    """The kinds there are, by name; `load` imports one when it is first asked for."""

    names: tuple[str, ...]
    load: Callable[[str], Kind]
