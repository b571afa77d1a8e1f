"""How a model spreads over the sites of a job: its steps, how far it is, which step takes whom.

Words what the spec and the lock say. Which step takes a site is decided by the one function that
`compile` asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compiler.model.choice import percentile, reached
from compiler.model.fleet import Site
from compiler.model.spec.job import RolloutStepSpec
from compiler.model.spec.where import Where
from compiler.workflows.reasons import line
from compiler.workshop import Front


def rollout_facts(
    front: Front, job: str, reference: str, sites: Sequence[Site]
) -> dict[str, Any] | None:
    """The steps of a model of a job with the sites that each adds; None where there are none."""
    spec = front.resolved.base.jobs.get(job)
    rollout = getattr(spec, "rollout", None)
    if rollout is None or ":" in reference:
        return None
    resolved = front.resolved
    environment = resolved.environment
    lock = resolved.lock
    locked = lock.span(environment, "rollouts", f"{job}/{reference}") if lock else None
    state = lock.rollout(environment, job, reference) if lock else None
    pinned = [site.name for site in sites if resolved.pins(site.name, reference)]
    free = [site for site in sites if site.name not in pinned]
    steps = []
    for at, step in enumerate(rollout.steps):
        taken = [
            site for site in free
            if reached(rollout.steps, at, job, site)
            and (at == 0 or not reached(rollout.steps, at - 1, job, site))
        ]  # fmt: skip
        steps.append(
            {
                "step": at,
                "sites": who(step),
                "soak": step.soak,
                "at": line(step.span),
                "takes": [site.name for site in taken],
            }
        )
    return {
        "environment": environment,
        "job": job,
        "model": reference,
        "from": state.from_ if state else None,
        "to": state.to if state else None,
        "step": state.step if state else None,
        "last": len(steps) - 1,
        "over": state is None or state.from_ == state.to,
        "at": line(rollout.span),
        "lockedAt": line(locked),
        "ready": rollout.ready,
        "abortAbove": rollout.abort_above,
        "steps": steps,
        "named": pinned,
    }


def refusal(step: RolloutStepSpec, job: str, site: Site) -> str:
    """Why a step does not take a site; empty where it does."""
    if step.where is not None and not step.where.matches(site.facts):
        here = ", ".join(
            f"{key} is {site.facts[key]}" if key in site.facts else f"{key} is not set"
            for key in step.where.keys()  # noqa: SIM118 - a method of `Where`, which is no mapping
        )
        return f"not this site: {here}"
    place = percentile(job, site.name)
    if step.percent is not None and place >= step.percent:
        return f"not this site: its place by hash is {place:.1f} of 100"
    return ""


def who(step: RolloutStepSpec) -> str:
    """Which sites a step takes, as the spec says it."""
    return f"where {where_text(step.where)}" if step.where else f"percent {step.percent}"


def where_text(where: Where | None) -> str:
    """A selection as a line of the spec's language."""
    return flow(where.source) if where is not None else ""


def flow(value: Any) -> str:
    """Plain data on one line, as an author would write it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return str(value)


def head(facts: Mapping[str, Any]) -> str:
    """How far a rollout is, on one line."""
    if facts["step"] is None:
        return "rollout: the lock has no state of it; every site has the target"
    if facts["over"]:
        return f"rollout: {facts['to']} is everywhere"
    return f"rollout: {facts['from']} -> {facts['to']}, at step {facts['step']} of {facts['last']}"


def step_lines(facts: Mapping[str, Any], tells: Sequence[str]) -> Iterator[str]:
    """A line for each step; `tells` says of each what it means for whoever asks."""
    for one, told in zip(facts["steps"], tells, strict=True):
        soak = f", soak {one['soak']}" if one["soak"] else ""
        now = "  <- now" if one["step"] == facts["step"] and not facts["over"] else ""
        yield f"step {one['step']}: {one['sites']}{soak}: {told}{now}"
