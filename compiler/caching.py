"""What of a fleet need not be built again: a key for each site, and what an earlier run kept.

A site's directory depends on the site itself and on what all sites share (the text of the
spec, the lock, templates, definitions, the compiler); both together are its key. Only a
directory that is closed is kept: nothing in it refers to, or is referred to by, objects
elsewhere. What all directories show together is judged in every run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from compiler.adapters.cache_store import CacheStore, PackWriter, compiler_digest
from compiler.backends.kubernetes import LEAST, Need
from compiler.model.cache import CacheRow, cache_key
from compiler.model.manifest import Directory, Identity, Unit, UnitRole
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.stages.check.check import Summary
from compiler.stages.load import Sources

SCHEMA_PACKAGES = ("kubernetes-validate", "jsonschema-rs")
FOLDER = Path(".edgewright") / "cache"


@dataclass(frozen=True, slots=True)
class Kept:
    """A directory from an earlier run: its unit, its row, and what others must know of it.

    `identities` and `need` are of a site's directory; an engine's has none.
    """

    unit: Unit
    row: CacheRow
    objects: int
    identities: tuple[str, ...] = ()
    need: Need = LEAST


@dataclass(slots=True)
class UnitCache:
    """The kept directories of one output folder, for the fronts of one run."""

    store: CacheStore
    shared: str
    keys: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, out: Path, sources: Sources, digests: Mapping[str, str], table: str) -> UnitCache:
        """Read the index; `digests` are of templates, `table` is the file of `sitesFrom`.

        The table is left out of what sites share: each row goes into its site's key.
        """
        folder = out.absolute().parent / FOLDER
        package = Path(__file__).resolve().parent
        parts: list[str] = [compiler_digest(package, folder, _versions())]
        parts += [f"{name}={digest}" for name, digest in sorted(digests.items())]
        shared = {name: text for name, text in sources.texts.items() if name != table}
        parts += [part for item in sorted(shared.items()) for part in item]
        return cls(CacheStore.open(folder), cache_key(parts))

    def key(self, resolved: Resolved, site: str) -> str:
        """The key of a site's directory in one environment."""
        one = resolved.sites[site]
        # Not its line: a row that moves is the same site. Its cluster and profile are in the text.
        facts = (
            one.name, one.cluster, one.layer, one.profile.name, one.hosts, one.node_selector,
            one.labels, one.vars, one.timezone, one.link_rate, one.link_window, one.network,
        )  # fmt: skip
        return cache_key([self.shared, resolved.environment, repr(facts)])

    def find(self, resolved: Resolved, sites: Sequence[str]) -> dict[str, Kept]:
        """The sites whose directory of an earlier run still holds."""
        found = {}
        for site in sites:
            facts = resolved.sites[site]
            unit = Unit(resolved.cluster_of(facts).target, UnitRole.SITES, site)
            key = self.keys[unit.path] = self.key(resolved, site)
            row = self.store.find(unit.path, key)
            notes = self.store.notes(unit.path) if row is not None else None
            if row is not None and notes is not None and not notes.warnings:
                summary = notes.summary
                names = tuple(summary["identities"])
                found[site] = Kept(unit, row, len(names), names, Need(*summary["need"]))
        return found

    def group(self, name: str, environment: str, facts: str) -> tuple[Kept, ...]:
        """The directories that a cluster's engine reads, if all of them still hold.

        `name` is the path of the first of them, `facts` what they were made of.
        """
        key = self.keys[name] = cache_key([self.shared, environment, name, facts])
        row = self.store.find(name, key)
        notes = self.store.notes(name) if row is not None else None
        if notes is None or notes.warnings:
            return ()
        found = []
        for target, role, own, objects in notes.summary:
            unit = Unit(target, UnitRole(role), own)
            there = self.store.find(unit.path, key)
            if there is None:
                return ()
            found.append(Kept(unit, there, objects))
        return tuple(found)

    def files(self, kept: Kept) -> Directory | None:
        """A kept directory with the bytes of its files, None where they do not read back."""
        files = self.store.files(kept.unit.path)
        return None if files is None else Directory(kept.unit, (), files)


@dataclass(slots=True)
class Keeper:
    """Keeps directories as they are built; one per process."""

    folder: Path
    keys: Mapping[str, str]
    writer: PackWriter | None = None

    @classmethod
    def of(cls, cache: UnitCache) -> Keeper:
        """A keeper into the folder of a cache, for the keys that it was asked for."""
        return cls(cache.store.folder, cache.keys)

    def close(self) -> None:
        """Let go of the packs; what was kept stays readable."""
        if self.writer is not None:
            self.writer.close()

    def keep(self, directory: Directory, summary: Summary, need: Need) -> CacheRow | None:
        """Store the directory of one site; None where it is not to be kept."""
        path = directory.unit.path
        key = self.keys.get(path)
        if key is None or summary.findings:
            return None
        notes = {
            "identities": [str(one) for one in summary.identities],
            "need": [need.rank, need.reason],
        }
        return self._writer().put(path, key, directory.files, (), notes)

    def keep_group(self, name: str, key: str, directories: Sequence[Directory]) -> list[CacheRow]:
        """Store the directories that a cluster's engine reads; the list of them goes by `name`."""
        listed = [_unit_data(directory) for directory in directories]
        rows = []
        for directory in directories:
            path = directory.unit.path
            notes = listed if path == name else None
            rows.append(self._writer().put(path, key, directory.files, (), notes))
        return [row for row in rows if row is not None]

    def _writer(self) -> PackWriter:
        if self.writer is None:
            self.writer = PackWriter(self.folder)
        return self.writer


def _unit_data(directory: Directory) -> list[str | int]:
    unit = directory.unit
    return [unit.target, unit.role.value, unit.name, len(directory.objects)]


def open_directories(summaries: Iterable[Summary]) -> set[str]:
    """The sites' directories that refer to an object in the directory of another site.

    Such a directory may not be kept: the other one can change without it. References to what
    all sites share are no danger, since that is part of every key.
    """
    found = [summary for summary in summaries if summary.unit.role is UnitRole.SITES]
    leading = [(summary, _leading_out(summary)) for summary in found]
    if not any(targets for _, targets in leading):
        return set()
    owners = {identity: one.unit.path for one in found for identity in one.identities}
    return {one.unit.path for one, targets in leading if targets & owners.keys()}


def _leading_out(summary: Summary) -> set[Identity]:
    targets = {Identity(r.group, r.kind, r.namespace, r.name) for r in summary.references}
    return targets - set(summary.identities)


def _versions() -> list[str]:
    found = []
    for name in SCHEMA_PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(name)
    return found
