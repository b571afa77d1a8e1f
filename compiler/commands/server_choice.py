"""Which compiled objects `check --server` sends, as `--cluster` and `--only` say.

Whether a name exists at all is checked before; nothing here talks to a cluster.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import click

from compiler.model.fleet import Cluster
from compiler.model.manifest import Object, Tree, UnitRole
from compiler.model.suggest import did_you_mean

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
    _check_cluster(cluster, {n for one in everything for n in names(clusters[one.unit.target])})
    found: dict[str, list[Object]] = defaultdict(list)
    left, places = set(only), defaultdict[str, set[str]](set)
    for one in everything:
        target = clusters[one.unit.target]
        wanted = _names_of(one) & set(only)
        for name in wanted:
            places[name].add(place(target))
        if (wanted or not only) and (not cluster or cluster in names(target)):
            found[one.unit.target].append(one)
            left -= wanted
    for name in sorted(left):
        raise click.UsageError(_nothing(name, cluster, places[name]))
    if not found:
        raise click.UsageError("nothing is compiled that a cluster could judge")
    return found


def names(cluster: Cluster) -> tuple[str, str]:
    """What `--cluster` may call a cluster."""
    return (cluster.name, place(cluster))


def place(cluster: Cluster) -> str:
    """The cluster's name, with the site where each site is a cluster."""
    return f"{cluster.name}/{cluster.site}" if cluster.site else cluster.name


def _check_cluster(name: str, known: Iterable[str]) -> None:
    there = sorted(set(known))
    if name and name not in there:
        text = f"--cluster {name} is not in what is compiled; there are: {', '.join(there[:20])}"
        guess = did_you_mean(name, there)
        raise click.UsageError(f"{text}. {guess}" if guess else text)


def _names_of(one: Object) -> set[str]:
    """The site and the job that an object belongs to."""
    found = {one.unit.name} if one.unit.role in (UnitRole.SITES, *_OF_ONE_JOB) else set()
    labels = (one.data.get("metadata") or {}).get("labels") or {}
    return found | {str(labels[_JOB])} if _JOB in labels else found


def _nothing(name: str, cluster: str, there: Collection[str]) -> str:
    if there:
        return f"--only {name} has no object on --cluster {cluster}; it has on {_listed(there)}"
    return f"--only {name} has no object in what is compiled"


def _listed(there: Collection[str]) -> str:
    return ", ".join(sorted(there)[:20])
