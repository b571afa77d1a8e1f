"""What a GitOps engine applies as one: the write units of a cluster grouped into sync units.

Says which directories belong together, what waits for what and what each group is called.
Nothing here knows the fields of an engine's objects, and nothing here orders objects inside a
unit: no unit may rely on that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from compiler.model.codes import plan as codes
from compiler.model.diagnostics import Diagnostics
from compiler.model.fleet import Cluster
from compiler.model.manifest import Origin, Unit, UnitRole
from compiler.model.names import name
from compiler.model.record import dataclass

SHARD_LIMIT = 100
"""Sites in one shard: kustomize is quadratic, 100 sites build in about a second, 400 in 17."""

IN_PROGRESS_PHASES = ("Pending", "Fetching", "Activating")
FAILED_PHASES = ("Blocked", "Failed", "Invalid", "RolledBack")
"""Phases of our records that an engine should wait for, and those it should report.

Any other phase is healthy, and so is an absent status: edge pods have no API token, so most
records never get one. A model that waits for its window, a site that is offline and a training
that takes a night are no fault of what was applied.
"""

KEEP = {
    "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
}
"""Annotations of an object that no engine may delete: everything in `bootstrap/`."""

FIRST = {"argocd.argoproj.io/sync-wave": "-1"}
"""Annotations of an object in `inputs/`: Argo CD applies inputs and job as one Application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncUnit:
    """One group of directories that is applied, pruned and reported as one.

    `name` is the name of its GitOps object. `subject` is the job, site or shard. `paths` are
    the directories that it applies, relative to the output folder; `includes` are directories
    that those refer to. `depends_on` names other sync units. A unit that is not `disposable`
    is never pruned and leaves its objects behind when it goes itself.
    """

    name: str
    role: UnitRole
    subject: str = ""
    paths: tuple[str, ...]
    includes: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()

    @property
    def disposable(self) -> bool:
        """Whether what leaves the output also leaves the cluster."""
        return self.role is not UnitRole.BOOTSTRAP


@dataclass(frozen=True, slots=True, kw_only=True)
class GitopsContext:
    """What a GitOps writer knows: one cluster, its sync units, and what users brought along.

    `kinds` are (group, kind) pairs and `namespaces` the namespaces of objects that the user
    wrote. `service_account` is whom Flux impersonates, empty for the controller itself.
    """

    project: str
    environment: str
    cluster: Cluster
    units: tuple[SyncUnit, ...]
    kinds: tuple[tuple[str, str], ...] = ()
    namespaces: tuple[str, ...] = ()
    service_account: str = ""

    @property
    def name(self) -> str:
        """`<project>-<environment>-<cluster>`, the stem of every GitOps object's name."""
        return _name(self.project, self.environment, self.cluster)

    @property
    def root_name(self) -> str:
        """The name of the object that reconciles `apps/`."""
        return _name(self.project, self.environment, self.cluster, "root")

    @property
    def root(self) -> Unit:
        """Where what an admin applies once goes."""
        return Unit(self.cluster.target, UnitRole.ROOT)

    @property
    def apps(self) -> Unit:
        """Where the objects of the sync units go."""
        return Unit(self.cluster.target, UnitRole.APPS)

    def origin(self, site: str = "") -> Origin:
        """The part of the spec that GitOps objects come from."""
        return Origin(f"fleet.clusters.{self.cluster.name}", site, self.cluster.span)

    def labels(self, unit: SyncUnit | None = None) -> dict[str, str]:
        """The labels of a GitOps object, of one unit or of the whole cluster."""
        labels = {
            "app.kubernetes.io/managed-by": "edgewright",
            "edgewright.io/project": self.project,
            "edgewright.io/environment": self.environment,
            "edgewright.io/cluster": self.cluster.name,
        }
        if unit is not None:
            word = _LABELS.get(unit.role, "unit")
            labels[f"edgewright.io/{word}"] = unit.subject or unit.role.value
        return labels

    def in_repository(self, path: str) -> str:
        """A directory of the output as the engine's repository knows it, without `./`."""
        folder = self.cluster.repository.path.removeprefix("./").strip("/")
        return f"{folder}/{path}" if folder not in ("", ".") else path


def sync_units(
    cluster: Cluster,
    project: str,
    environment: str,
    units: Iterable[Unit],
    *,
    inputs_of: Mapping[Unit, Iterable[str]],
    diagnostics: Diagnostics,
) -> tuple[SyncUnit, ...]:
    """The sync units of one cluster, in role order, then by name.

    `units` are the write units that hold objects; those of other clusters and the derived ones
    (root, apps, shards) are skipped. `inputs_of` gives the jobs whose `inputs/` a unit uses;
    inputs that do not exist are ignored. A shard of more than 100 sites is an error.
    """
    own = {unit for unit in units if unit.target == cluster.target and unit.role in _APPLIED}
    group = _Group(cluster, project, environment, own, inputs_of)
    _check_shards(cluster, group.sites, diagnostics)
    return tuple(group.sync_units())


def shards(cluster: Cluster, sites: Iterable[str]) -> dict[Unit, tuple[str, ...]]:
    """The shards of a cluster that hold a site, sorted, each with its sorted sites.

    A site's shard is `sha256(site) mod shards`, so that no site moves another.
    """
    count = max(cluster.gitops.shards, 1)
    width = max(2, len(str(count - 1)))
    found: dict[Unit, list[str]] = {}
    for site in sorted(sites):
        unit = Unit(cluster.target, UnitRole.SHARDS, f"{_shard(site, count):0{width}d}")
        found.setdefault(unit, []).append(site)
    return {unit: tuple(found[unit]) for unit in sorted(found)}


_APPLIED = {UnitRole.BOOTSTRAP, UnitRole.BASE, UnitRole.INPUTS, UnitRole.JOBS, UnitRole.SITES}
_WORDS = {
    UnitRole.BOOTSTRAP: "bootstrap",
    UnitRole.BASE: "base",
    UnitRole.INPUTS: "inputs",
    UnitRole.JOBS: "job",
    UnitRole.SITES: "site",
    UnitRole.SHARDS: "shard",
}
"""The word that begins a unit's part of the name, so that a site called `base` stays apart."""

_LABELS = {
    UnitRole.INPUTS: "job",
    UnitRole.JOBS: "job",
    UnitRole.SITES: "site",
    UnitRole.SHARDS: "shard",
}


@dataclass(frozen=True, slots=True)
class _Group:
    cluster: Cluster
    project: str
    environment: str
    units: set[Unit]
    inputs_of: Mapping[Unit, Iterable[str]]

    @property
    def sites(self) -> list[str]:
        return sorted(unit.name for unit in self.units if unit.role is UnitRole.SITES)

    def sync_units(self) -> Iterator[SyncUnit]:
        sharded = self.cluster.gitops.unit == "shard"
        for role in (UnitRole.BOOTSTRAP, UnitRole.BASE, UnitRole.INPUTS, UnitRole.JOBS):
            for unit in self.of(role):
                if not self.joined(unit):
                    yield self.single(unit)
        if sharded:
            yield from (self.shard(*item) for item in shards(self.cluster, self.sites).items())
        else:
            yield from map(self.single, self.of(UnitRole.SITES))

    def of(self, role: UnitRole) -> list[Unit]:
        return sorted(unit for unit in self.units if unit.role is role)

    def joined(self, unit: Unit) -> bool:
        """Whether inputs are applied by their job's unit: Argo CD cannot wait across units."""
        job = Unit(unit.target, UnitRole.JOBS, unit.name)
        argocd = self.cluster.gitops.engine == "argocd"
        return unit.role is UnitRole.INPUTS and argocd and job in self.units

    def single(self, unit: Unit) -> SyncUnit:
        inputs = Unit(unit.target, UnitRole.INPUTS, unit.name)
        joined = unit.role is UnitRole.JOBS and inputs in self.units and self.joined(inputs)
        return SyncUnit(
            name=self.name(unit),
            role=unit.role,
            subject=unit.name,
            paths=(inputs.path, unit.path) if joined else (unit.path,),
            depends_on=self.dependencies(unit.role, [unit]),
        )

    def shard(self, unit: Unit, sites: tuple[str, ...]) -> SyncUnit:
        members = [Unit(unit.target, UnitRole.SITES, site) for site in sites]
        return SyncUnit(
            name=self.name(unit),
            role=unit.role,
            subject=unit.name,
            paths=(unit.path,),
            includes=tuple(member.path for member in members),
            depends_on=self.dependencies(unit.role, members),
        )

    def dependencies(self, role: UnitRole, members: list[Unit]) -> tuple[str, ...]:
        if role is UnitRole.BOOTSTRAP:
            return ()
        target = self.cluster.target
        jobs = {job for unit in members for job in self.inputs_of.get(unit, ())}
        if role is UnitRole.JOBS:
            jobs.add(members[0].name)
        wanted = [Unit(target, UnitRole.BOOTSTRAP)]
        wanted += [Unit(target, UnitRole.INPUTS, job) for job in sorted(jobs)]
        return tuple(
            self.name(unit) for unit in wanted if unit in self.units and not self.joined(unit)
        )

    def name(self, unit: Unit) -> str:
        word = _WORDS[unit.role]
        return _name(self.project, self.environment, self.cluster, word, unit.name)


def _name(project: str, environment: str, cluster: Cluster, *unit: str) -> str:
    return name(project, environment, cluster.name, cluster.site, *unit)


def _shard(site: str, count: int) -> int:
    return int(hashlib.sha256(site.encode()).hexdigest(), 16) % count


def _check_shards(cluster: Cluster, sites: list[str], diagnostics: Diagnostics) -> None:
    if cluster.gitops.unit != "shard":
        return
    for unit, members in shards(cluster, sites).items():
        if len(members) > SHARD_LIMIT:
            diagnostics.add(
                codes.SHARD_TOO_LARGE,
                f"shard {unit.name} of cluster {cluster.name} holds {len(members)} sites; "
                f"at most {SHARD_LIMIT} are allowed",
                cluster.span,
                hint=f"write shards: {_enough(sites)} for the {len(sites)} sites there are, "
                "or more to leave room",
            )


def _enough(sites: list[str]) -> int:
    """The smallest number of shards of which none is too large."""
    numbers = [int(hashlib.sha256(site.encode()).hexdigest(), 16) for site in sites]
    count = -(-len(sites) // SHARD_LIMIT)
    while _largest(numbers, count) > SHARD_LIMIT:
        count += 1
    return count


def _largest(numbers: list[int], count: int) -> int:
    sizes = [0] * count
    for number in numbers:
        sizes[number % count] += 1
    return max(sizes)
