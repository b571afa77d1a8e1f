"""Sends every site of a model to another version at once: the edits of a rollback or an abort.

Only plans edits. A target that several environments share is left as it is for those that were
not chosen, and a version that one of them still has is not yanked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from typing import Any

from compiler.adapters.edit import Edit, Set
from compiler.model.lock import LockedRollout
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.stages.roll import returned
from compiler.workflows.rolling import Opened

DEFAULT = "default"


@dataclass(slots=True)
class Retarget:
    """Edits of the spec and of the lock, and the states of rollouts by environment and name.

    `yanks` says whether the version that is left may not be used again; `users` are the other
    environments that still have it.
    """

    spec: list[Edit] = field(default_factory=list)
    lock: list[Edit] = field(default_factory=list)
    states: dict[tuple[str, str], LockedRollout] = field(default_factory=dict)
    yanks: bool = False
    users: tuple[str, ...] = ()


def retargeted(
    opened: Opened,
    model: str,
    bad: str,
    to: str,
    *,
    environments: Collection[str],
    reason: str,
    yank: bool,
) -> Retarget:
    """The edits that give `to` to every site of some environments in place of `bad`."""
    found = Retarget()
    data = opened.sources.data
    chosen = [one for one in opened.environments if one.environment in environments]
    others = [name for name in _names(data) if name not in environments]
    paths = {}
    for resolved in chosen:
        spec = resolved.base.models[model]
        if spec.select is not None:
            _select(found, resolved, model, to, reason)
        elif spec.target != to:
            paths[_target_path(data, resolved.environment, model, others)] = to
        for rollout in opened.rollouts(model=model):
            if rollout.resolved is resolved and resolved.lock is not None:
                key = (resolved.environment, f"{rollout.job}/{model}")
                found.states[key] = returned(rollout.state, bad, to, rollout.last)
    found.spec += [Set(path, version) for path, version in paths.items()]
    versions = data["models"][model]["versions"]
    found.users = tuple(name for name in others if _target(data, name, model) == bad)
    if yank and not found.users and bad in versions:
        found.yanks = True
        if not versions[bad].get("yanked"):
            found.spec.append(Set(("models", model, "versions", bad, "yanked"), reason))
    return found


def _select(found: Retarget, resolved: Resolved, model: str, to: str, reason: str) -> None:
    key = f"{resolved.environment}.targets.{model}"
    if resolved.lock is not None and resolved.lock.target(resolved.environment, model):
        found.lock += [Set((key, "version"), to), Set((key, "reason"), f"back to {to}: {reason}")]


def _names(data: Mapping[str, Any]) -> list[str]:
    return list(data.get("environments") or ()) or [DEFAULT]


def _own(data: Mapping[str, Any], environment: str, model: str) -> str | None:
    """The target that an environment sets itself."""
    place: Any = data.get("environments") or {}
    for step in (environment, "set", "models", model, "target"):
        place = place.get(step) if isinstance(place, Mapping) else None
    return place if isinstance(place, str) else None


def _target(data: Mapping[str, Any], environment: str, model: str) -> str | None:
    return _own(data, environment, model) or data["models"][model].get("target")


def _target_path(
    data: Mapping[str, Any], environment: str, model: str, others: Collection[str]
) -> tuple[str, ...]:
    """Where the target of an environment is to be written."""
    shared = any(_own(data, name, model) is None for name in others)
    if _own(data, environment, model) is None and not shared:
        return ("models", model, "target")
    return ("environments", environment, "set", "models", model, "target")
