"""Which clusters a command asks, and through which context of the kubeconfig.

Words the same fault in the same way for every command that asks clusters. Connects to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import click

from compiler.model.codes import world as codes
from compiler.model.diagnostics import Diagnostic
from compiler.model.fleet import Cluster
from compiler.model.suggest import did_you_mean

_SHOWN = 20


def check_known(names: Iterable[str], clusters: Iterable[Cluster]) -> None:
    """Refuse a name of the command line that no cluster has.

    Raises:
        UsageError: there is no such cluster.
    """
    there = sorted({name for cluster in clusters for name in cluster.names})
    for name in names:
        if name not in there:
            text = f"there is no cluster {name} in what is compiled, only {listed(there)}"
            raise click.UsageError(f"{text}. {did_you_mean(name, there)}".rstrip())


def several(clusters: Iterable[Cluster], context: str | None) -> bool:
    """Whether more than one cluster is asked; environments may share one.

    Raises:
        UsageError: they are to be asked through one context.
    """
    places = {cluster.place for cluster in clusters}
    if context and len(places) > 1:
        text = f"--context is for one cluster; choose with --cluster: {listed(places)}"
        raise click.UsageError(text)
    return len(places) > 1


def context_of(cluster: Cluster, given: str | None, *, others: bool) -> str | Diagnostic:
    """The context of a cluster, or what is to be said where there is none.

    `given` is that of the command line; where no `others` are asked, none is the current context.
    """
    context = given or cluster.context
    if context or not others:
        return context
    place = cluster.place
    hint = (
        f"Write `context:` at fleet.clusters.{cluster.name}, or use --cluster {place} with "
        "--context NAME."
    )
    return Diagnostic(codes.CONTEXT, f"no context is known for cluster {place}", cluster.span, hint)


def listed(places: Iterable[str]) -> str:
    """Names for a message, the first of them where there are many."""
    found = sorted(places)
    more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more
