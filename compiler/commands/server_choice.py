"""Which compiled objects `check --server` sends, as `--cluster` and `--only` say.

Whether a name exists at all is checked before; nothing here talks to a cluster.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

import click

from compiler.commands.clusters import check_known, listed
from compiler.model.fleet import Cluster
from compiler.model.manifest import Object, Tree, UnitRole

_OF_ONE_JOB = (UnitRole.INPUTS, UnitRole.JOBS)
_JOB = "edgewright.io/job"


def chosen_objects(
    tree: Tree, clusters: Mapping[str, Cluster], cluster: str, only: Collection[str]
) -> dict[str, list[Object]]:
    """The objects to be judged, by target.

    Raises:
        UsageError: there is no such cluster, or nothing is left to judge for one of the names.
    """
    everything = [one for directory in tree.directories.values() for one in directory.objects]
    there = dict.fromkeys(one.unit.target for one in everything)
    check_known([cluster] if cluster else [], [clusters[target] for target in there])
    found: dict[str, list[Object]] = defaultdict(list)
    left, places = set(only), defaultdict[str, set[str]](set)
    for one in everything:
        target = clusters[one.unit.target]
        wanted = _names_of(one) & set(only)
        for name in wanted:
            places[name].add(target.place)
        if (wanted or not only) and (not cluster or cluster in target.names):
            found[one.unit.target].append(one)
            left -= wanted
    for name in sorted(left):
        raise click.UsageError(_nothing(name, cluster, places[name]))
    if not found:
        raise click.UsageError("nothing is compiled that a cluster could judge")
    return found


def _names_of(one: Object) -> set[str]:
    """The site and the job that an object belongs to."""
    found = {one.unit.name} if one.unit.role in (UnitRole.SITES, *_OF_ONE_JOB) else set()
    labels = (one.data.get("metadata") or {}).get("labels") or {}
    return found | {str(labels[_JOB])} if _JOB in labels else found


def _nothing(name: str, cluster: str, there: Collection[str]) -> str:
    if there:
        return f"--only {name} has no object on --cluster {cluster}; it has on {listed(there)}"
    return f"--only {name} has no object in what is compiled"
