"""How everything that a spec sends out stands with its gates, and which policies were held.

For reports of what already compiled: it plans once more, and only environments that have gates.
Judges nothing itself.
"""

from __future__ import annotations

from compiler import kinds
from compiler.model.gating import Standing
from compiler.model.resolved import Resolved
from compiler.pipeline import Resolution
from compiler.stages.plan.plan import Planner


def standings(resolution: Resolution) -> tuple[Standing, ...]:
    """Every gate of every version that a site gets, sorted."""
    found = set[Standing]()
    for one in resolution.environments:
        if _has_gates(one):
            planner = Planner(one, kinds.REGISTRY, resolution.sources.read)
            planner.shared()
            planner.at(planner.names())
            found.update(planner.standings())
    return tuple(sorted(found))


def policies(resolution: Resolution) -> tuple[tuple[str, str], ...]:
    """Name and scope of every policy of the environments, each once, in the spec's order."""
    named = {
        (policy.name, policy.per): None
        for one in resolution.environments
        for policy in one.spec.policies
    }
    return tuple(named)


def _has_gates(resolved: Resolved) -> bool:
    return any(model.gates for view in resolved.all_views for model in view.models.values())
