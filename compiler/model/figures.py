"""What spec and lock say of the artifacts that configs name: sizes, memory, neighbouring versions.

The lock knows which version a rollout leaves and which one it brings. Of any other change nothing
is known beforehand, and nothing is made up. Answers are shared by all sites of a profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from compiler.model.choice import NoVariantError, TieError, choose_variant
from compiler.model.contract_parts import LIST
from compiler.model.diagnostics import Span
from compiler.model.fit import Held, Slot
from compiler.model.fleet import Site
from compiler.model.loading import Served
from compiler.model.lock import LockedRollout
from compiler.model.quantity import MILLI, parse_quantity
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.model.spec.artifacts import VersionSpec
from compiler.model.spec.job import workers


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The versions around the one that a site has, in a job: empty where nobody knows.

    `before` is what the site would return to, `coming` what a rollout brings it. `left` says that
    `before` was left on purpose, so that nobody wants it back; `moving` that the rollout goes on.
    """

    before: str = ""
    coming: str = ""
    left: bool = False
    moving: bool = False


@dataclass(slots=True)
class Figures:
    """The figures of one environment."""

    resolved: Resolved
    known: dict[tuple[object, ...], tuple[Slot, Served]] = field(default_factory=dict)

    def slot(self, document: Mapping[str, Any], artifact: Mapping[str, Any]) -> Slot:
        """An artifact of a config, with the versions around it where they are known."""
        return self._both(document, artifact)[0]

    def served(self, document: Mapping[str, Any], artifact: Mapping[str, Any]) -> Served:
        """A model of a config, with the memory that it needs and that of the one that comes."""
        return self._both(document, artifact)[1]

    def around(self, job: str, model: str, version: str) -> Neighbours:
        """The versions around one of a model (or of a pair) in a job."""
        lock, environment = self.resolved.lock, self.resolved.environment
        rollout = lock.rollout(environment, job, model) if lock else None
        return _around(rollout, version) if rollout else Neighbours()

    def yanked(self, site: str, model: str, version: str) -> str:
        """Why a version is not to be used any more; empty where nothing speaks against it."""
        spec = self.resolved.view(site).models.get(model)
        entry = spec.versions.get(version) if spec else None
        return (entry.yanked if entry else None) or ""

    def source(self, artifact: Mapping[str, Any]) -> str:
        """Where the size of an artifact is written: a line of the lock; empty for none."""
        lock = self.resolved.lock
        environment, name = self.resolved.environment, _lock_name(artifact)
        return _place(lock.span(environment, "artifacts", name)) if lock else ""

    def disk_span(self, profile: str) -> Span | None:
        """The line that says how large the disk of a hardware profile is."""
        spec = self.resolved.spec.fleet.profiles.get(profile)
        return spec.span_of("disk") if spec else None

    def rollout_span(self, job: str, model: str) -> Span | None:
        """The line of the lock that says how far the rollout of a model is."""
        lock = self.resolved.lock
        key = f"{job}/{model}"
        return lock.span(self.resolved.environment, "rollouts", key) if lock else None

    def resources_span(self, site: str, job: str, role: str) -> Span | None:
        """The line that says what a worker may take."""
        spec = self.resolved.view(site).jobs.get(job)
        found = [worker for name, worker in workers(spec) if name == role] if spec else []
        return found[0].span_of("resources") if found else None

    def _both(
        self, document: Mapping[str, Any], artifact: Mapping[str, Any]
    ) -> tuple[Slot, Served]:
        name = str((document.get("node") or {}).get("site"))
        site = self.resolved.sites.get(name)
        tenant, release = document.get("tenant") or {}, document.get("release") or {}
        view = self.resolved.view(name)
        key = (
            id(view), site.profile.name if site else "", tenant.get("job"), tenant.get("role"),
            release.get("model"), release.get("version"), artifact.get("kind"),
            artifact.get("name"), artifact.get("variant"), artifact.get("sha256"),
        )  # fmt: skip
        if key not in self.known:
            self.known[key] = self._found(site, tenant, release, artifact)
        return self.known[key]

    def _found(
        self,
        site: Site | None,
        tenant: Mapping[str, Any],
        release: Mapping[str, Any],
        artifact: Mapping[str, Any],
    ) -> tuple[Slot, Served]:
        now = stored(artifact, self.source(artifact))
        model = str(release.get("model") or artifact.get("name"))
        of = str(release.get("version") or artifact.get("version"))
        if site is None or artifact.get("kind") != "model":
            return Slot(now), Served(now.title, model, of)
        around, role = self.around(str(tenant.get("job")), model, of), str(tenant.get("role"))
        before = self._part(site, model, around.before, role)
        coming = self._part(site, model, around.coming, role)
        entry = self._entry(site, str(artifact.get("name")), str(artifact.get("version")))
        needs, source = _needs(entry, str(artifact.get("variant") or ""))
        more = _needs(coming.entry, coming.variant)[0] if coming else None
        served = Served(now.title, model, of, needs, more, source)
        return Slot(now, self._bytes(before), self._bytes(coming)), served

    def _part(self, site: Site, model: str, version: str, role: str) -> _Version | None:
        """A version as a role at a site gets it: of a pair, the part for the role."""
        entry = self._entry(site, model, version)
        if entry is None:
            return None
        part = entry.edge if role == "edge" else entry.cloud if role == "cloud" else None
        if part is not None:
            model, _, own = part.partition(":")
            spec = self.resolved.view(site.name).models.get(model)
            version = own or (spec.target if spec else None) or ""
            entry = self._entry(site, model, version)
        try:
            variant = choose_variant(entry, site) if entry and entry.variants else ""
        except (NoVariantError, TieError):
            return None
        return _Version(model, version, variant, entry) if entry else None

    def _entry(self, site: Site, model: str, version: str) -> VersionSpec | None:
        spec = self.resolved.view(site.name).models.get(model)
        return spec.versions.get(version) if spec else None

    def _bytes(self, one: _Version | None) -> Held | None:
        """The bytes of a version; None where nobody knows its digest."""
        if one is None:
            return None
        own = one.entry.variants.get(one.variant)
        source = own if own is not None and own.uri is not None else one.entry
        artifact = {"kind": "model", "name": one.model, "version": one.version}
        artifact |= {"variant": one.variant} if one.variant else {}
        lock, environment = self.resolved.lock, self.resolved.environment
        locked = lock.artifact(environment, _lock_name(artifact)) if lock else None
        digest = locked.sha256 if locked else source.sha256
        if digest is None:
            return None
        unpack: str | None = source.unpack or one.entry.unpack
        size = unpacked = None
        if locked is not None:
            size, unpacked = locked.size, locked.unpacked
            if locked.manifest is not None:
                unpack, size = LIST, locked.manifest.size
        facts: dict[str, Any] = {**artifact, "sha256": digest, "size": size, "unpacked": unpacked}
        facts |= {"unpack": {"format": unpack}} if unpack else {}
        return stored(facts, self.source(artifact))


@dataclass(frozen=True, slots=True)
class _Version:
    model: str
    version: str
    variant: str
    entry: VersionSpec


def stored(artifact: Mapping[str, Any], source: str = "") -> Held:
    """What an artifact of a config takes in a store.

    Bytes that are not unpacked are a link to their blob, and a copy where they are private. Of a
    prefix the blob is the list of its files, each of which is a blob that its tree links to.
    """
    format_ = str((artifact.get("unpack") or {}).get("format", ""))
    size, unpacked = artifact.get("size"), artifact.get("unpacked")
    private = bool(artifact.get("private"))
    tree = unpacked if format_ else size if private else 0
    if format_ == LIST and private and unpacked is not None:
        # Files of a prefix are blobs as well; where they are not private, a tree is links to them.
        tree = 2 * unpacked
    form = f"{format_ or 'raw'}{'.private' if private else ''}"
    return Held(title(artifact), str(artifact.get("sha256", "")), form, size, tree, source)


def title(artifact: Mapping[str, Any]) -> str:
    """What an artifact of a config is called: `NAME:VERSION`, with `/VARIANT` for a variant."""
    if artifact.get("kind") == "code":
        return f"code {artifact.get('name')}"
    variant = artifact.get("variant")
    return f"{artifact.get('name')}:{artifact.get('version')}{f'/{variant}' if variant else ''}"


def _around(rollout: LockedRollout, version: str) -> Neighbours:
    if version == rollout.to:
        if rollout.from_ != rollout.to:
            return Neighbours(rollout.from_, left=rollout.was == rollout.to, moving=True)
        return Neighbours((rollout.was or "") if rollout.was != version else "")
    if version == rollout.from_:
        return Neighbours(coming=rollout.to, moving=True)
    return Neighbours()


def _needs(entry: VersionSpec | None, variant: str) -> tuple[int | None, str]:
    """Bytes of memory that a version says it needs, and the line that says so."""
    own = entry.variants.get(variant) if entry else None
    needs = (own.needs if own else None) or (entry.needs if entry else None)
    if needs is None or needs.memory is None:
        return None, ""
    return parse_quantity(needs.memory) // MILLI, _place(needs.span_of("memory"))


def _lock_name(artifact: Mapping[str, Any]) -> str:
    kind, name = artifact.get("kind"), artifact.get("name")
    return f"code/{name}" if kind == "code" else f"{kind}s/{title(artifact)}"


def _place(span: Span | None) -> str:
    return f"{span.file}:{span.line}" if span else ""
