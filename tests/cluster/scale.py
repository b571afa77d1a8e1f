"""A fleet of a chosen size in two compiled states: before and after a version reaches one ring.

The fleet is `specs/thousand-stores` with fewer rows, other sync units or other clusters; the
states are made by the `edgewright` command that any user has. What the second state must change
is said here from the spec's own table alone. Nothing here starts a server or measures one.
"""

from __future__ import annotations

import csv
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.trees import REPOSITORY, Target, read, targets

SPEC = REPOSITORY / "specs" / "thousand-stores"
PROJECT, ENVIRONMENT = "store-vision", "prod"
NAMESPACE = PROJECT
JOB, MODEL = "watch-shelves", "shelf-detector"
OLD, NEW = "1.3.0", "1.4.0"
RING = "canary"
"""The ring that the first step of the rollout takes."""
_ELSEWHERE = "lab"
"""A ring of the other environment; a table without it would not compile."""
EACH = 50
"""Sites of a shard on average; the compiler allows twice as many."""

Identity = tuple[str, str, str, str]
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class State:
    """One compiled state: `checkout` is what lies in Git, `output` its folder of manifests."""

    checkout: Path
    spec: Path
    spent: float
    """Processor seconds of the compile, with those of its own processes."""

    @property
    def output(self) -> Path:
        """The folder that the clusters' `repo.path` names."""
        return self.checkout / "generated"

    def target(self, cluster: str) -> Target:
        """The output for one cluster."""
        return next(one for one in targets(self.output) if one.folder.name == cluster)

    def files(self, cluster: str) -> dict[str, bytes]:
        """The manifests that reach the cluster itself, by path; not those of its engine."""
        folder = self.target(cluster).folder
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for role in ("base", "jobs", "sites")
            for path in (folder / role).rglob("*.yaml")
            if path.name != "kustomization.yaml"
        }


@dataclass(frozen=True, slots=True)
class Fleet:
    """The rows of the table and both states."""

    rows: Sequence[Row]
    before: State
    after: State

    def sites(self, cluster: str, ring: str = "") -> list[str]:
        """The sites of a cluster, all of them or those of one ring, in the table's order."""
        return [
            row["name"]
            for row in self.rows
            if row["cluster"] == cluster
            and row["labels.ring"] != _ELSEWHERE
            and ring in ("", row["labels.ring"])
        ]

    def bumped(self, cluster: str) -> frozenset[Identity]:
        """What the step must change, from the table alone.

        The job is hot: of each site of the ring the sidecar's config and the model's record. A
        project's record of the model has the new target; the one cluster with a `base/` keeps it.
        """
        sites = self.sites(cluster, RING)
        configs = (("v1", "ConfigMap", NAMESPACE, f"{JOB}-{site}-sidecar") for site in sites)
        kind = ("edgewright.io/v1alpha1", "InferenceModel", NAMESPACE)
        records = ((*kind, f"{JOB}-{MODEL}-{site}") for site in sites)
        project = ("edgewright.io/v1alpha1", "TrainingModel", NAMESPACE, MODEL)
        kept = [project] if self.before.target(cluster).units("base") else []
        return frozenset((*configs, *records, *kept))

    def differing(self, cluster: str) -> frozenset[Identity]:
        """What differs between the compiled states, with what is in one of them only."""
        old, new = self.before.files(cluster), self.after.files(cluster)
        return frozenset(
            read(state.target(cluster).folder / path).identity
            for state, files in ((self.before, old), (self.after, new))
            for path in files
            if old.get(path) != new.get(path)
        )


def fleet(
    folder: Path,
    sites: int,
    gitops: Mapping[str, str] = {},
    *,
    cluster: str = "",
    ring: int | None = None,
) -> Fleet:
    """Compile both states of the first `sites` sites into a folder.

    `gitops` replaces what the named clusters say; with `cluster`, all sites lie on it; `ring` is
    how many sites of the ring there are, where it is not what the table has.
    """
    rows = _rows(sites, cluster, ring)
    on_hub = sum(row["cluster"] == "hub" for row in rows)
    said = {"hub": by_shard(on_hub), **gitops}
    before = _state(folder / "before", rows, said, OLD)
    return Fleet(rows, before, _state(folder / "after", rows, said, NEW))


def by_shard(sites: int, engine: str = "flux") -> str:
    """The `gitops:` value of a cluster with so many sites, applied by shard."""
    return f"{{engine: {engine}, unit: shard, shards: {max(2, sites // EACH)}}}"


def by_site(engine: str = "flux") -> str:
    """The `gitops:` value of a cluster whose sites are applied one by one."""
    return f"{{engine: {engine}, unit: site}}"


def _rows(sites: int, cluster: str, ring: int | None) -> list[Row]:
    with (SPEC / "sites.csv").open(encoding="utf-8", newline="") as stream:
        table: list[Row] = list(csv.DictReader(stream))
    lab = next(row for row in table if row["labels.ring"] == _ELSEWHERE)
    found = [row for row in table if row["labels.ring"] != _ELSEWHERE]
    # The table has 1,980 sites of this environment; more are copies under another name.
    found += [_copied(row, place) for place, row in enumerate(found[: max(0, sites - len(found))])]
    if ring is not None:
        first = [row for row in found if row["labels.ring"] == RING][:ring]
        found = [*first, *(row for row in found if row["labels.ring"] != RING)]
    chosen = [lab, *found[:sites]]
    return [{**row, "cluster": cluster or row["cluster"]} for row in chosen]


def _copied(row: Row, place: int) -> Row:
    name = f"store-{place + 1000:04}x"
    address = row["hosts"].partition("=")[2]
    return {**row, "name": name, "hosts": f"{name}-a={address}"}


def _state(folder: Path, rows: Sequence[Row], gitops: Mapping[str, str], version: str) -> State:
    spec, checkout = folder / "spec", folder / "checkout"
    shutil.copytree(SPEC, spec)
    checkout.mkdir()
    with (spec / "sites.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for name, said in gitops.items():
        _replace(spec / "fleet.yaml", rf"(\n    {name}:\n(?:      .*\n)*?      gitops: ).*", said)
    _replace(spec / "models.yaml", rf"(\n  {MODEL}:\n(?:    .*\n)*?    target: ).*", f'"{version}"')
    _roll(spec / "edgewright.lock", started=version == NEW)
    return State(checkout, spec, _compile(spec, checkout))


def _roll(lock: Path, *, started: bool) -> None:
    """Put every rollout of the lock at its first step, or take it out where none has begun."""
    blocks = lock.read_text(encoding="utf-8").rstrip().split("\n\n")
    rollouts = [block for block in blocks if ".rollouts." in block.partition("\n")[0]]
    kept = [block for block in blocks if block not in rollouts]
    begun = [re.sub(r"step: \d+", "step: 0", block) for block in rollouts]
    lock.write_text("\n\n".join(kept + (begun if started else [])) + "\n", encoding="utf-8")


def _replace(file: Path, pattern: str, value: str) -> None:
    text, found = re.subn(pattern, lambda match: match[1] + value, file.read_text("utf-8"))
    if found != 1:
        raise LookupError(f"{file.name} has {found} places like {pattern}")
    file.write_text(text, encoding="utf-8")


def _compile(spec: Path, checkout: Path) -> float:
    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    began = spent()
    command = [sys.executable, "-m", "compiler", "compile", str(spec), "--env", ENVIRONMENT]
    subprocess.run(
        [*command, "--output", str(checkout / "generated")],
        cwd=checkout,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
    )
    return spent() - began
