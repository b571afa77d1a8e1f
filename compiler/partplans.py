"""Plans and lowers one environment in parts: what sites share, and some sites at a time.

Joins the stages plan and lower. Keeps nothing of what it returns, so that the memory of a
process does not grow with the sites that it has planned.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler import backends, lowerings
from compiler.model.backend import EmitContext
from compiler.model.diagnostics import Diagnostics
from compiler.model.plan import Node
from compiler.model.record import dataclass
from compiler.stages.lower import lower
from compiler.stages.plan.plan import Planner
from compiler.workshop import Planned


@dataclass(slots=True)
class PartPlanner:
    """The planner of one environment with what lowering needs to know."""

    planner: Planner
    context: EmitContext

    def names(self) -> tuple[str, ...]:
        """The sites that have nodes of their own."""
        return self.planner.names()

    def shared(self) -> Planned:
        """What is not of single sites' own jobs."""
        return self._lowered(self.planner.shared())

    def at(self, sites: Sequence[str]) -> Planned:
        """The nodes of some sites."""
        return self._lowered(self.planner.at(sites) if sites else ())

    def _lowered(self, nodes: Sequence[Node]) -> Planned:
        found = Diagnostics()
        there = {name: backends.backend(name) for name in backends.BACKENDS}
        assignments = lower(nodes, self.context, there, lowerings.lowerings(), found)
        found.extend(self.planner.drain())
        return Planned(assignments, found.in_order())
