"""Why a site gets the version of a model that it gets, in words: the one place that says it.

Every reason was given by the function that chooses versions, by an override's author, or by who
yanked a version. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.model.choice import misfit
from compiler.model.diagnostics import Span
from compiler.model.fleet import Site
from compiler.model.inputs import Artifact, HostData
from compiler.model.member import Member
from compiler.model.record import dataclass
from compiler.model.spec.artifacts import ModelSpec
from compiler.model.spec.job import JobSpec
from compiler.stages.plan.inputs import Chooser
from compiler.workshop import Front

REFERENCES = ("models", "model", "base", "initial_eval_model")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why this version, and why this variant of it or none; `variant` is empty for none."""

    version: str
    hardware: str
    variant: str


def reason_of(
    front: Front, chooser: Chooser, job: str, site: Site, found: Artifact | HostData
) -> Reason:
    """Why a job has a model's bytes at a site."""
    view = front.resolved.view(site.name)
    here = view.jobs.get(job) or front.resolved.base.jobs[job]
    reason = ""
    for reference in _references(here):
        choice = chooser.choose(job, here, reference, site, None)
        model = view.models.get(reference.partition(":")[0])
        if choice is None or model is None:
            continue
        if choice.model == found.name:
            reason = choice.reason
        elif _part_of(model, choice.version, found.name):
            reason = f"part of {choice.model}:{choice.version} ({choice.reason})"
    more = (_came_back(front, job, site, found), _override(front, job, site, found.name))
    return Reason(
        version="; ".join(filter(None, (reason, *more))),
        hardware=_variant_reason(view.models.get(found.name), found, site),
        variant=found.variant if isinstance(found, Artifact) else "",
    )


def models_of(member: Member) -> Iterator[Artifact | HostData]:
    """The bytes of models that a worker gets, each with its version."""
    for binding in member.inputs:
        if isinstance(binding.input, Artifact | HostData) and binding.input.kind == "model":
            yield binding.input


def line(span: Span | None) -> str:
    """A place of the spec as text; empty where there is none."""
    return f"{span.file}:{span.line}" if span else ""


def _came_back(front: Front, job: str, site: Site, found: Artifact | HostData) -> str:
    """The yanked version that every site left for this one, with its author's reason."""
    resolved = front.resolved
    state = resolved.lock.rollout(resolved.environment, job, found.name) if resolved.lock else None
    model = resolved.view(site.name).models.get(found.name)
    if state is None or model is None or state.to != found.version:
        return ""
    left = model.versions.get(state.from_)
    yanked = left.yanked if left is not None and state.from_ != state.to else None
    return f"back from {state.from_}, which is yanked: {yanked}" if yanked else ""


def _override(front: Front, job: str, site: Site, model: str) -> str:
    """The override that changed the model or the job at the site, with its author's reason."""
    overridden = front.resolved.view(site.name).overridden
    span = overridden.get(f"models.{model}") or overridden.get(f"jobs.{job}")
    if span is None:
        return ""
    said = [one.reason for one in front.resolved.spec.overrides if one.span == span and one.reason]
    return f"override at {line(span)}" + (f": {said[0]}" if said else "")


def _references(job: JobSpec) -> Iterator[str]:
    for attribute in REFERENCES:
        value = getattr(job, attribute, None)
        yield from (value,) if isinstance(value, str) else value or ()


def _part_of(model: ModelSpec, version: str, part: str) -> bool:
    entry = model.versions.get(version)
    parts = (entry.edge, entry.cloud) if entry else ()
    return any(name and name.partition(":")[0] == part for name in parts)


def _variant_reason(model: ModelSpec | None, found: Artifact | HostData, site: Site) -> str:
    entry = model.versions.get(found.version) if model else None
    if entry is None or not entry.variants or not isinstance(found, Artifact):
        return ""
    if found.variant:
        return f"{site.profile.name} meets its needs"
    unmet = [f"{name} {misfit(one.needs, site)}" for name, one in entry.variants.items()]
    return f"the version itself: {'; '.join(unmet)}"
