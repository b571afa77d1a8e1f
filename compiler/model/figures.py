"""What spec and lock say of the artifacts that configs name: sizes, memory, neighbouring versions.

The lock knows which version a rollout leaves and which one it brings. Of any other change nothing
is known beforehand, and nothing is made up. Answers are shared by all sites of a profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from compiler.model.choice import NoVariantError, TieError, choose_variant
from compiler.model.diagnostics import Span
from compiler.model.fit import Held, Slot
from compiler.model.fleet import Site
from compiler.model.lock import LockedRollout
from compiler.model.quantity import MILLI, parse_quantity
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.model.spec.artifacts import ModelSpec, VersionSpec


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
    slots: dict[tuple[object, ...], Slot] = field(default_factory=dict)

    def slot(self, document: Mapping[str, Any], artifact: Mapping[str, Any]) -> Slot:
        """An artifact of a config, with the versions around it where they are known."""
        name = str((document.get("node") or {}).get("site"))
        site = self.resolved.sites.get(name)
        tenant, release = document.get("tenant") or {}, document.get("release") or {}
        view = self.resolved.view(name)
        key = (
            id(view), site.profile.name if site else "", tenant.get("job"), tenant.get("role"),
            release.get("model"), release.get("version"), artifact.get("kind"),
            artifact.get("name"), artifact.get("variant"), artifact.get("sha256"),
        )  # fmt: skip
        if key not in self.slots:
            self.slots[key] = self._slot(site, tenant, release, artifact)
        return self.slots[key]

    def around(self, job: str, model: str, version: str) -> Neighbours:
        """The versions around one of a model (or of a pair) in a job."""
        lock, environment = self.resolved.lock, self.resolved.environment
        rollout = lock.rollout(environment, job, model) if lock else None
        return _around(rollout, version) if rollout else Neighbours()

    def disk_span(self, profile: str) -> Span | None:
        """The line that says how large the disk of a hardware profile is."""
        spec = self.resolved.spec.fleet.profiles.get(profile)
        return spec.span_of("disk") if spec else None

    def yanked(self, site: str, model: str, version: str) -> str:
        """Why a version is not to be used any more; empty where nothing speaks against it."""
        spec = self.resolved.view(site).models.get(model)
        entry = spec.versions.get(version) if spec else None
        return (entry.yanked if entry else None) or ""

    def rollout_span(self, job: str, model: str) -> Span | None:
        """The line of the lock that says how far the rollout of a model is."""
        lock = self.resolved.lock
        key = f"{job}/{model}"
        return lock.span(self.resolved.environment, "rollouts", key) if lock else None

    def memory(self, site: Site, model: str, version: str, variant: str) -> int | None:
        """Bytes of memory that a version says it needs when loaded; None where it says nothing."""
        found = self._needs(site, model, version, variant)
        text = found[0] if found else None
        return parse_quantity(text) // MILLI if text else None

    def memory_source(self, site: Site, model: str, version: str, variant: str) -> Span | None:
        """The line that says it."""
        found = self._needs(site, model, version, variant)
        return found[1] if found else None

    def held(self, site: Site, model: str, version: str) -> Held | None:
        """The bytes of a version as a site would get it; None where nobody knows its digest."""
        spec = self.resolved.view(site.name).models.get(model)
        entry = spec.versions.get(version) if spec else None
        if spec is None or entry is None:
            return None
        try:
            variant = choose_variant(entry, site) if entry.variants else ""
        except (NoVariantError, TieError):
            return None
        return self._held(entry, model, version, variant)

    def source(self, artifact: Mapping[str, Any]) -> str:
        """Where the size of an artifact is written: a line of the lock; empty for none."""
        lock = self.resolved.lock
        span = (
            lock.span(self.resolved.environment, "artifacts", _lock_name(artifact))
            if lock
            else None
        )
        return f"{span.file}:{span.line}" if span else ""

    def _slot(
        self,
        site: Site | None,
        tenant: Mapping[str, Any],
        release: Mapping[str, Any],
        artifact: Mapping[str, Any],
    ) -> Slot:
        now = held(artifact, self.source(artifact))
        if site is None or artifact.get("kind") != "model":
            return Slot(now)
        model = str(release.get("model") or artifact.get("name"))
        version = str(release.get("version") or artifact.get("version"))
        around = self.around(str(tenant.get("job")), model, version)
        role = str(tenant.get("role"))
        found = [
            self._member(site, model, one, role) if one else None
            for one in (around.before, around.coming)
        ]
        return Slot(now, *found)

    def _member(self, site: Site, model: str, version: str, role: str) -> Held | None:
        """A version as a role gets it: of a pair, the part for the role."""
        spec = self.resolved.view(site.name).models.get(model)
        entry = spec.versions.get(version) if spec else None
        if entry is None:
            return None
        part = entry.edge if role == "edge" else entry.cloud if role == "cloud" else None
        if part is None:
            return self.held(site, model, version)
        name, _, own = part.partition(":")
        return self.held(site, name, own or self._target(site, name))

    def _target(self, site: Site, model: str) -> str:
        spec = self.resolved.view(site.name).models.get(model)
        return (spec.target if spec else None) or ""

    def _held(self, entry: VersionSpec, model: str, version: str, variant: str) -> Held | None:
        source = entry.variants[variant] if variant else entry
        if source.uri is None:
            source = entry
        name = f"{model}:{version}{f'/{variant}' if variant else ''}"
        lock, environment = self.resolved.lock, self.resolved.environment
        locked = lock.artifact(environment, f"models/{name}") if lock else None
        digest = locked.sha256 if locked else source.sha256
        if digest is None:
            return None
        span = lock.span(environment, "artifacts", f"models/{name}") if lock else None
        artifact = {
            "kind": "model", "name": model, "version": version, "variant": variant or None,
            "sha256": digest,
            "size": locked.size if locked else None,
            "unpacked": locked.unpacked if locked else None,
            "unpack": {"format": unpack} if (unpack := source.unpack or entry.unpack) else None,
        }  # fmt: skip
        return held(artifact, f"{span.file}:{span.line}" if span else "")

    def _needs(
        self, site: Site, model: str, version: str, variant: str
    ) -> tuple[str | None, Span | None] | None:
        spec: ModelSpec | None = self.resolved.view(site.name).models.get(model)
        entry = spec.versions.get(version) if spec else None
        if entry is None:
            return None
        own = entry.variants.get(variant)
        needs = (own.needs if own else None) or entry.needs
        return (needs.memory, needs.span_of("memory")) if needs else None


def held(artifact: Mapping[str, Any], source: str = "") -> Held:
    """What an artifact of a config takes in a store.

    Bytes that are not unpacked are a link to their blob, and a copy where they are private.
    """
    format_ = str((artifact.get("unpack") or {}).get("format", ""))
    size, unpacked = artifact.get("size"), artifact.get("unpacked")
    private = bool(artifact.get("private"))
    tree = unpacked if format_ else size if private else 0
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
        return Neighbours(rollout.was if rollout.was not in (None, version) else "")
    if version == rollout.from_:
        return Neighbours(coming=rollout.to, moving=True)
    return Neighbours()


def _lock_name(artifact: Mapping[str, Any]) -> str:
    kind, name = artifact.get("kind"), artifact.get("name")
    if kind == "code":
        return f"code/{name}"
    return f"{kind}s/{title(artifact)}"
