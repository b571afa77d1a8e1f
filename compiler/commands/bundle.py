"""`edgewright bundle`: what a site without a network needs, in one archive; and its proof."""

from __future__ import annotations

import gc
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compiler.commands import common, credentials, trust
from compiler.model.diagnostics import Diagnostics
from compiler.model.suggest import did_you_mean

if TYPE_CHECKING:
    from compiler.model.bundle import Contents
    from compiler.stages.pack.pack import Packed


@click.command("bundle")
@click.argument("site", required=False)
@common.spec_argument
@click.option("--images", is_flag=True, help="Carry the images of its containers as well.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The archive. [default: SITE.tar]",
)
@click.option(
    "--verify",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Hash everything in an archive instead, and say what is missing, torn or surplus.",
)
@common.environment_option
@credentials.profile_option
@trust.host_option
@trust.branch_option
@common.templates_option
@common.format_option
@common.guarded
def command(
    site: str | None,
    spec: Path,
    images: bool,
    output: Path | None,
    verify: Path | None,
    environments: tuple[str, ...],
    profiles: tuple[str, ...],
    hosts: tuple[str, ...],
    main_branch: str | None,
    templates: Path | None,
    output_format: str,
) -> None:
    """Write what SITE needs without a network into one archive, from SPEC (default: specs).

    The same spec and lock give the same bytes. A run that was cut off is continued by the next.
    """
    if verify is not None:
        _verify(verify, output_format)
    if site is None:
        raise click.UsageError("name a SITE, or an archive with --verify FILE")
    gc.disable()
    from compiler import pipeline
    from compiler.adapters.registry import Registries
    from compiler.commands.status_wanted import compiled
    from compiler.workflows import bundling
    from compiler.workflows.asking import World

    diagnostics = Diagnostics()
    request = pipeline.Request(
        root=spec, environments=environments, templates=common.own_templates(spec, templates)
    )
    found = compiled(request, (site,), diagnostics)
    _insist_on(site, found.sites)
    needed = bundling.needs(found.tree, found.fronts, site, images=images, diagnostics=diagnostics)
    trust.check(spec, needed.hosts, main_branch, hosts, diagnostics)
    stores = credentials.stores(profiles, (one.resolved for one in found.fronts))
    world = World(stores=stores, registry=Registries())
    planned = bundling.plan(needed, world, diagnostics)
    place = output or Path(f"{site}.tar")
    with common.progress("bundling") as told:
        packed = bundling.write(planned, place, told, diagnostics)
    result = {"bundle": str(place), **_said(planned.contents), **_bytes(packed)}
    if output_format == "text":
        _print(place, planned.contents, packed)
    common.finish(output_format, result, diagnostics, 0)


def _verify(path: Path, output_format: str) -> None:
    from compiler.workflows import bundling

    diagnostics = Diagnostics()
    contents = bundling.read_back(path, diagnostics)
    result = {"bundle": str(path), **(_said(contents) if contents else {})}
    whole = not diagnostics.has_errors
    if output_format == "text" and contents and whole:
        click.echo(f"{path}: whole; {_counted(contents)} of {contents.site}")
    common.finish(
        output_format, {**result, "whole": whole}, diagnostics, 0 if whole else common.OUTSIDE_WORLD
    )


def _insist_on(site: str, known: Collection[str]) -> None:
    if site not in known:
        proposal = did_you_mean(site, sorted(known))
        raise click.UsageError(f"there is no site {site}. {proposal}".rstrip())


def _said(contents: Contents) -> dict[str, Any]:
    return {
        "project": contents.project,
        "environments": list(contents.environments),
        "site": contents.site,
        "cluster": contents.cluster,
        "apply": list(contents.apply),
        "artifacts": {
            sha256: {"size": one.size, "names": list(one.names)}
            for sha256, one in contents.artifacts.items()
        },
        "images": {name: dict(one.names) for name, one in contents.images.items()},
    }


def _bytes(packed: Packed) -> dict[str, Any]:
    return {"size": packed.size, "sha256": packed.sha256}


def _counted(contents: Contents) -> str:
    images = {digest for one in contents.images.values() for digest in one.names.values()}
    counts = [
        (len(contents.artifacts), "artifact"),
        (len(contents.apply), "directory"),
        (len(images), "image"),
    ]
    return ", ".join(f"{n} {_plural(noun, n)}" for n, noun in counts if n or noun != "image")


def _plural(noun: str, number: int) -> str:
    if number == 1:
        return noun
    return f"{noun.removesuffix('y')}ies" if noun.endswith("y") else f"{noun}s"


def _print(place: Path, contents: Contents, packed: Packed) -> None:
    from compiler.model.readable import amount

    click.echo(f"{place}: {_counted(contents)}, {amount(packed.size)}")
    click.echo(f"  sha256 {packed.sha256}")
    if packed.kept:
        click.echo(f"  {amount(packed.kept)} were there from an earlier run")
    click.echo("On the node:")
    click.echo(f"  edgewright-sidecar load {place.name} --root STORE")
    for name in contents.images:
        click.echo(f"  tar -xOf {place.name} {name} | ctr -n k8s.io images import -")
    if contents.apply:
        click.echo(f"  tar -xf {place.name} manifests")
    for directory in contents.apply:
        click.echo(f"  kubectl apply -k {directory}")
