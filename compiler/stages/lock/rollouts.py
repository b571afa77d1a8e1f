"""How far each rollout is, when a lock is made anew: a target that moved starts at step 0.

Pure. Going from one step to the next, or back, is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.model.lock import Lock, LockedRollout
from compiler.model.lockable import model_references
from compiler.model.resolved import Resolved
from compiler.model.spec.job import RolloutSpec


def rollouts(
    resolved: Resolved, old: Lock, targets: dict[str, str]
) -> Iterator[tuple[str, LockedRollout]]:
    """`JOB/MODEL` and the state, for every model of a job that has a rollout.

    `targets` is what each model is to become, selections among them. A model that a job names
    with its version has no rollout.
    """
    for name, job in resolved.base.jobs.items():
        rollout: RolloutSpec | None = getattr(job, "rollout", None)
        if rollout is None:
            continue
        for reference in model_references(job):
            target = targets.get(reference)
            if target is not None:
                before = old.rollout(resolved.environment, name, reference)
                yield f"{name}/{reference}", moved(before, target, len(rollout.steps) - 1)


def moved(before: LockedRollout | None, target: str, last: int) -> LockedRollout:
    """The state after the target became `target`; `last` is the job's last step.

    Without a state every site has the target. While a rollout is under way `from` is what the
    other sites have; they keep it when the target moves again. A target that goes back to it is
    reached everywhere at once.
    """
    if before is None:
        return _state(target, target, last)
    if before.to == target:
        settled = before.from_ == target
        if before.step <= last:
            return before
        return _state(before.from_, target, last if settled else 0)
    held = before.to if before.step >= last else before.from_
    return _state(held, target, last if held == target else 0)


def _state(from_: str, to: str, step: int) -> LockedRollout:
    return LockedRollout.model_validate({"from": from_, "to": to, "step": step})
