"""`edgewright models show`: the card of a model or of one of its versions.

Gathers what the spec, the lock and planning say; every reason and every verdict is theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compiler.commands import common
from compiler.commands.models_names import known
from compiler.model.diagnostics import Diagnostics

if TYPE_CHECKING:
    from compiler.commands.models_deployed import Deployed
    from compiler.workflows.recording import Opened


@click.command("show")
@click.argument("reference", metavar="NAME[:VERSION]")
@common.spec_argument
@common.environment_option
@common.templates_option
@click.option(
    "--format", "output_format", type=click.Choice(["text", "json", "huggingface"]),
    default="text", show_default=True, help="How the card is printed.",
)  # fmt: skip
@common.guarded
def show(
    reference: str,
    spec: Path,
    environments: tuple[str, ...],
    templates: Path | None,
    output_format: str,
) -> None:
    """Show the card of a model of SPEC (default: specs), or of one version.

    `--format huggingface` prints a README.md whose front matter the Hugging Face Hub reads; without
    a version it is of the version in use.
    """
    from compiler import pipeline
    from compiler.commands import models_deployed
    from compiler.commands.models_facts import targets
    from compiler.reports import models_card, models_huggingface
    from compiler.workflows import recording

    diagnostics = Diagnostics()
    opened = recording.open_spec(spec, diagnostics)
    name, _, version = reference.partition(":")
    known("model", name, opened.spec.models)
    versions = opened.spec.models[name].versions
    if version:
        known("version", version, versions, of=name)
    if output_format == "huggingface":
        version = (
            version
            or next(iter(targets(opened, name).values()), "")
            or next(reversed(versions), "")
        )
    request = pipeline.Request(
        root=spec, environments=environments, templates=common.own_templates(spec, templates)
    )
    facts = card(opened, name, [version] if version else list(versions),
                 models_deployed.deployed(request))  # fmt: skip
    if output_format == "json":
        common.finish(output_format, facts, diagnostics, 0)
    if output_format == "huggingface":
        click.echo(models_huggingface.render(facts), nl=False)
    else:
        click.echo(models_card.render(facts), nl=False)


def card(opened: Opened, name: str, versions: list[str], places: Deployed) -> dict[str, Any]:
    """Everything that a card says."""
    from compiler.commands.models_facts import place, targets, version_facts

    model = opened.spec.models[name]
    return {
        "model": name,
        "task": model.task,
        "framework": model.framework,
        "license": model.license,
        "classes": list(model.classes),
        "at": place(model.span),
        "targets": targets(opened, name),
        "selection": list(_selection(opened, name)),
        "deployedKnown": places.stopped is None,
        "versions": [
            {
                **version_facts(opened, name, version),
                "gates": list(_gates(opened, name, version)),
                "lineage": _ancestry(opened, name, version, ()),
                "descendants": list(_descendants(opened, name, version)),
                "runs": list(_runs(places, name, version)),
            }
            for version in versions
        ],
    }


def _selection(opened: Opened, name: str) -> Iterator[dict[str, Any]]:
    """What the lock says of a model that is selected, by environment."""
    for one in opened.environments:
        found = opened.lock.target(one.environment, name) if opened.lock else None
        if found is not None:
            yield {
                "environment": one.environment,
                "version": found.version,
                "reason": found.reason,
                "metric": found.metric,
                "value": found.value,
                "rejected": dict(found.rejected),
            }


def _gates(opened: Opened, name: str, version: str) -> Iterator[dict[str, Any]]:
    """Every verdict once, though several environments may share it."""
    from compiler.commands.models_facts import gates

    seen: list[dict[str, Any]] = []
    for one in opened.environments:
        known_there = one.base.models.get(name)
        if known_there is None or version not in known_there.versions:
            continue
        for verdict in gates(opened, one, name, version):
            if verdict not in seen:
                seen.append(verdict)
                yield verdict


def _ancestry(opened: Opened, name: str, version: str, below: tuple[str, ...]) -> dict[str, Any]:
    """Where a version comes from, as a tree: its base, its data, its job, its parts."""
    here = f"{name}:{version}"
    model = opened.spec.models.get(name)
    version = version or (model.target if model else None) or ""
    entry = model.versions.get(version) if model else None
    if entry is None or here in below:
        return {"version": here}
    lineage = entry.lineage
    parts = {"base": lineage.base if lineage else None, "edge": entry.edge, "cloud": entry.cloud}
    return {
        "version": here,
        "trainedOn": list(lineage.trained_on) if lineage else [],
        "job": lineage.job if lineage else None,
        "yanked": entry.yanked,
        **{
            key: _ancestry(opened, *_split(reference), (*below, here))
            for key, reference in parts.items()
            if reference
        },
    }


def _split(reference: str) -> tuple[str, str]:
    name, _, version = reference.partition(":")
    return name, version


def _descendants(opened: Opened, name: str, version: str) -> Iterator[str]:
    """The versions that came directly from a version, or have it as a part."""
    here = f"{name}:{version}"
    for other, model in opened.spec.models.items():
        for at, entry in model.versions.items():
            base = entry.lineage.base if entry.lineage else None
            if here in (base, entry.edge, entry.cloud):
                yield f"{other}:{at}"


def _runs(places: Deployed, name: str, version: str) -> Iterator[dict[str, Any]]:
    """Where a version runs, by environment, job and the reason for it."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for (environment, _, _, job, site), why in places.of(name, version):
        found.setdefault((environment, job, why), []).append(site)
    for (environment, job, why), sites in found.items():
        yield {"environment": environment, "job": job, "reason": why, "sites": sites}
