"""`edgewright check`: everything that `compile` checks, written nowhere; Secrets; a real server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compiler.commands import common
from compiler.model.diagnostics import Diagnostics

if TYPE_CHECKING:
    from compiler.commands.server import Wishes
    from compiler.model.manifest import Tree
    from compiler.pipeline import Prepared


@click.command("check")
@common.spec_argument
@common.environment_option
@click.option("--secrets", is_flag=True, help="List every Secret that the clusters must hold.")
@click.option(
    "--server", is_flag=True, help="Let the clusters judge in a dry run; nothing is changed there."
)
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where contexts are looked up. [default: as kubectl does]",
)
@click.option("--context", metavar="NAME", help="Another context than the cluster's `context:`.")
@click.option("--cluster", metavar="NAME", help="Only this cluster, or CLUSTER/SITE.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this site or job; repeatable.")
@click.option(
    "--stand-in",
    metavar="NAMESPACE",
    help="Where to judge what lies in a namespace that does not exist yet.",
)
@click.option(
    "--engine-context", metavar="NAME", help="The context of Argo CD's own cluster, if another."
)
@common.templates_option
@common.findings_format_option
@common.guarded
def command(
    spec: Path,
    environments: tuple[str, ...],
    secrets: bool,
    server: bool,
    templates: Path | None,
    output_format: str,
    only: tuple[str, ...],
    **asked: Any,
) -> None:
    """Check SPEC (a folder, default: specs) offline, or with --server before its clusters."""
    from compiler import pipeline
    from compiler.stages.resolve.only import check_only

    _only_with_server(server, {**asked, "only": only})
    diagnostics = Diagnostics()
    request = pipeline.Request(
        root=spec,
        environments=environments,
        templates=common.own_templates(spec, templates),
    )
    prepared = pipeline.prepare(request, diagnostics)
    check_only([front.resolved for front in prepared.workshop.fronts], only, diagnostics)
    tree = pipeline.build_tree(prepared, diagnostics)
    objects = sum(len(directory.objects) for directory in tree.directories.values())
    result: dict[str, Any] = {"objects": objects, "directories": len(tree.directories)}
    told = [f"{spec}: ok, {objects} objects in {len(tree.directories)} directories"]
    status = 0
    if secrets:
        from compiler.reports.secrets import secrets_of, table

        rows = secrets_of(tree)
        result["secrets"] = [row.as_dict() for row in rows]
        told = [table(rows)]
    if server:
        from compiler.commands.server import Wishes, line
        from compiler.commands.server import status as status_of

        asked = {name: value for name, value in asked.items() if value}
        wishes = Wishes(only=frozenset(only), **asked)
        result["clusters"] = _judge(prepared, tree, wishes, diagnostics)
        told += [line(one) for one in result["clusters"]]
        status = status_of(diagnostics)
    if output_format == "text":
        click.echo("\n".join(told))
    common.finish(output_format, result, diagnostics, status, spec)


def _only_with_server(server: bool, given: dict[str, Any]) -> None:
    for name, value in given.items():
        if value and not server:
            option = name.replace("_", "-")
            raise click.UsageError(f"--{option} has a meaning only with --server")


def _judge(
    prepared: Prepared, tree: Tree, wishes: Wishes, diagnostics: Diagnostics
) -> list[dict[str, Any]]:
    from compiler.commands.server import check_on_servers

    clusters = prepared.workshop.facts.clusters
    with common.progress("asking") as told:
        return check_on_servers(tree, clusters, wishes, diagnostics, told)
