"""Where a model runs, in which versions and why: its card, and how each version spreads.

The card is that of `models show`; the sites of each step of a rollout come on top. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from compiler.commands.explain_rollout import head, rollout_facts, step_lines
from compiler.commands.models_deployed import deployed_of
from compiler.commands.models_names import known
from compiler.commands.models_show import card
from compiler.model.lockable import model_references
from compiler.pipeline import Prepared
from compiler.reports import models_card
from compiler.reports.models_words import sites
from compiler.workflows import recording


def model_facts(prepared: Prepared, root: Path, reference: str, site: str) -> dict[str, Any]:
    """Everything of a model, or of one of its versions; with a `site`, only what runs there.

    Raises:
        click.UsageError: there is no such model or version.
    """
    name, _, version = reference.partition(":")
    fronts = prepared.workshop.fronts
    resolved = tuple(front.resolved for front in fronts)
    lock = next((one.lock for one in resolved if one.lock), None)
    opened = recording.Opened(root, prepared.sources, prepared.spec, resolved, lock)
    known("model", name, opened.spec.models)
    versions = opened.spec.models[name].versions
    if version:
        known("version", version, versions, of=name)
    places = deployed_of(fronts, site)
    facts = card(opened, name, [version] if version else list(versions), places)
    return {**facts, "rollouts": list(_rollouts(prepared, name, site))}


def render(facts: Mapping[str, Any]) -> str:
    """The facts as lines for a terminal."""
    lines = [models_card.render(facts).rstrip("\n")]
    for one in facts["rollouts"]:
        written = f"written at {one['at']}"
        locked = f", state at {one['lockedAt']}" if one["lockedAt"] else ""
        lines += ["", f"jobs.{one['job']} ({one['environment']}): {head(one)} ({written}{locked})"]
        lines += [
            f"  {text}" for text in step_lines(one, [_taken(s["takes"]) for s in one["steps"]])
        ]
        if one["named"]:
            lines.append(f"  named by an override, so no step: {sites(one['named'])}")
    return "\n".join(lines) + "\n"


def _rollouts(prepared: Prepared, name: str, site: str) -> Iterator[dict[str, Any]]:
    for front in prepared.workshop.fronts:
        for job, spec in front.resolved.base.jobs.items():
            if name not in model_references(spec):
                continue
            there = dict.fromkeys(
                member.place.site
                for one in front.assignments
                if one.node.job == job
                for member in getattr(one.node, "members", ())
                if site in ("", member.place.site)
            )
            here = [front.context.sites[one] for one in there]
            found = rollout_facts(front, job, name, here) if here else None
            if found is not None:
                yield found


def _taken(names: list[str]) -> str:
    count = f"{len(names):,} site{'' if len(names) == 1 else 's'}"
    return f"{count} ({sites(names)})" if names else "no site more"
