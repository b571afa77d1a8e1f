"""Turns references of the spec into inputs: which version and variant a site gets, as bytes.

Part of `plan`. Every (job, model, site) goes through `Chooser.choose`; digests come from the
lock where it has an entry, else from the spec. Nothing is fetched.
"""

from __future__ import annotations

import hashlib
from dataclasses import field

from compiler.model.choice import (
    Choice,
    NoVariantError,
    TieError,
    choose_variant,
    choose_version,
    levels,
    said,
)
from compiler.model.codes import fleet as fleet_codes
from compiler.model.codes import lock as lock_codes
from compiler.model.codes import plan as codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.fleet import Site
from compiler.model.inputs import (
    Artifact,
    ArtifactKind,
    Chunks,
    FileList,
    Golden,
    HostData,
    Location,
)
from compiler.model.lock import LockedArtifact, LockedRollout
from compiler.model.lockable import moved_past
from compiler.model.member import Release
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.model.spec.artifacts import CodeSpec, ModelSpec, VersionSpec
from compiler.model.spec.data import GoldenSpec
from compiler.model.spec.job import JobSpec
from compiler.model.stores import locate
from compiler.stages.plan.gates import Gates
from compiler.stages.plan.licenses import Licenses
from compiler.stages.plan.matching import Matching
from compiler.stages.plan.privacy import Privacy


@dataclass(slots=True)
class Chooser:
    """Decides versions and variants and finds their bytes, for one environment.

    Artifacts are made once for each (name, version, variant) and shared by every site.
    """

    resolved: Resolved
    diagnostics: Diagnostics
    made: dict[tuple[object, ...], Artifact | HostData | None] = field(default_factory=dict)
    variants: dict[tuple[int, str], str | None] = field(default_factory=dict)
    gates: Gates = field(init=False)
    licenses: Licenses = field(init=False)
    matching: Matching = field(init=False)
    privacy: Privacy = field(init=False)

    def __post_init__(self) -> None:
        """Make the judges of what is chosen."""
        self.licenses = Licenses(self.resolved, self.diagnostics)
        self.matching = Matching(self.resolved, self.diagnostics)
        self.privacy = Privacy(self.resolved, self.diagnostics)
        self.gates = Gates(self.resolved, self.diagnostics)

    def choose(
        self, job_name: str, job: JobSpec, reference: str, site: Site, span: Span | None
    ) -> Choice | None:
        """The one function that decides what a site gets of a model."""
        view = self.resolved.view(site.name)
        name, _, explicit = reference.partition(":")
        model = view.models.get(name)
        if model is None:
            return None
        target = explicit or self._target(name, model, span)
        if target is None:
            return None
        fixed = bool(explicit) or self.resolved.pins(site.name, name)
        rollout = None if fixed else self._rollout(job_name, job, name, target, span)
        rollout_spec = getattr(job, "rollout", None)
        version, reason = choose_version(
            target,
            fixed=fixed,
            rollout=rollout,
            steps=rollout_spec.steps if rollout_spec else (),
            job=job_name,
            site=site,
        )
        entry = model.versions.get(version)
        if entry is None:
            return None
        variant = self._variant(name, version, entry, site)
        if variant is None:
            return None
        choice = Choice(name, version, variant, reason)
        before = rollout.from_ if rollout and rollout.from_ != version else ""
        self.gates.check(choice, site, before)
        self.licenses.check(choice, site)
        self.matching.check(choice, site)
        self.privacy.runs(choice, site, span)
        return choice

    def left(self, job_name: str, reference: str) -> str:
        """The version that a rollout of a model moves away from, until it is over."""
        lock = self.resolved.lock
        found = lock.rollout(self.resolved.environment, job_name, reference) if lock else None
        known = self.resolved.base.models[reference].versions if found else {}
        return found.from_ if found and found.from_ != found.to and found.from_ in known else ""

    def bytes_of(self, choice: Choice, site: Site) -> Artifact | HostData | None:
        """The artifact behind a choice, or data on the host; None where it was reported."""
        model = self.resolved.view(site.name).models[choice.model]
        entry = model.versions[choice.version]
        key = ("models", id(entry), choice.variant)
        if key not in self.made:
            named = (choice.model, choice.version, choice.variant)
            private = bool(self.privacy.at(site.name).version(*named))
            self.made[key] = self._model_bytes(choice, model, entry, private)
        return self.made[key]

    def release(self, model: str, version: str) -> Release:
        """One digest over both parts of a joint version and every variant of them.

        It does not depend on the site, so that an edge and its cloud part name the same release
        whatever hardware each of them has.
        """
        entry = self.resolved.base.models[model].versions[version]
        hashed = hashlib.sha256()
        for role, reference in (("edge", entry.edge or ""), ("cloud", entry.cloud or "")):
            hashed.update(f"{role}={reference}\n".encode())
            for line in self._digests(reference):
                hashed.update(f"{line}\n".encode())
        return Release(model, version, hashed.hexdigest())

    def _digests(self, reference: str) -> list[str]:
        name, _, explicit = reference.partition(":")
        part = self.resolved.base.models[name]
        version = explicit or part.target or ""
        entry = part.versions[version]
        lock, environment = self.resolved.lock, self.resolved.environment
        lines = []
        for variant, source in (("", entry), *entry.variants.items()):
            lock_name = f"models/{name}:{version}" + (f"/{variant}" if variant else "")
            locked = lock.artifact(environment, lock_name) if lock else None
            digest = locked.sha256 if locked else source.sha256
            lines.append(f"{variant} {digest or source.uri or ''}")
        return lines

    def code(self, name: str) -> Artifact | HostData | None:
        """A code artifact by name."""
        key = ("code", name)
        if key not in self.made:
            entry = self.resolved.spec.code[name]
            self.made[key] = self._code_bytes(name, entry)
        return self.made[key]

    def location(self, uri: str) -> Location:
        """Where a uri points; `host:/path` stays as it is, a store's path is joined to its URL."""
        return locate(self.resolved.spec.stores, uri)

    def artifact(
        self,
        kind: ArtifactKind,
        lock_name: str,
        name: str,
        version: str,
        uri: str,
        sha256: str | None,
        span: Span | None,
        **facts: object,
    ) -> Artifact | None:
        """An artifact with the lock's digest, or the spec's; None where neither states one."""
        environment = self.resolved.environment
        lock = self.resolved.lock
        entry = lock.artifact(environment, lock_name) if lock else None
        if entry is not None and self._moved(entry, lock_name, uri, sha256, span):
            return None
        digest = entry.sha256 if entry else sha256
        if digest is None:
            self.diagnostics.add(
                codes.NO_DIGEST,
                f"{name}:{version} has no sha256, and the lock has no entry for it"
                if lock
                else f"{name}:{version} has no sha256, and there is no lock",
                span,
                "run `edgewright lock`, or write sha256 beside the uri",
            )
            return None
        if entry is not None:
            facts |= {"size": entry.size, "unpacked": entry.unpacked, "chunks": _chunks(entry)}
            if entry.manifest is not None:
                facts["listed"] = FileList(entry.manifest.size, entry.manifest.entries)
            if entry.serve_version is not None:
                facts["serve_version"] = entry.serve_version
        location = self.location(uri)
        return Artifact(kind, name, version, location, digest, span=span, **facts)  # type: ignore[arg-type]

    def _target(self, name: str, model: ModelSpec, span: Span | None) -> str | None:
        if model.target is not None:
            return model.target
        lock = self.resolved.lock
        locked = lock.target(self.resolved.environment, name) if lock else None
        if locked is not None:
            return locked.version
        self.diagnostics.add(
            codes.SELECT_NEEDS_LOCK,
            f"which version of {name} is selected is not in the lock",
            model.span_of("select") or span,
            "run `edgewright lock`",
        )
        return None

    def _rollout(
        self, job_name: str, job: JobSpec, model: str, target: str, span: Span | None
    ) -> LockedRollout | None:
        rollout = getattr(job, "rollout", None)
        if rollout is None:
            return None
        lock = self.resolved.lock
        if lock is None:
            self.diagnostics.add(
                codes.SELECT_NEEDS_LOCK,
                f"jobs.{job_name} has a rollout, and there is no lock that says how far it is",
                job.span_of("rollout"),
                "run `edgewright lock`",
            )
            return None
        environment = self.resolved.environment
        locked = lock.rollout(environment, job_name, model)
        if locked is None:
            return None
        where = lock.span(environment, "rollouts", f"{job_name}/{model}")
        if locked.to != target:
            self.diagnostics.add(
                lock_codes.SPEC_MOVED,
                f"the target of {model} is {target}, but the lock rolls out {locked.to}",
                span,
                "run `edgewright lock` to start the new rollout",
            )
            return None
        if locked.step >= len(rollout.steps):
            self.diagnostics.add(
                lock_codes.ROLLOUT_STEP,
                f"the lock is at step {locked.step} of {job_name}/{model}; "
                f"the last step of the job is {len(rollout.steps) - 1}",
                where,
                "run `edgewright lock`",
            )
            return None
        return locked

    def _variant(self, name: str, version: str, entry: VersionSpec, site: Site) -> str | None:
        key = (id(entry), site.profile.name)
        if key not in self.variants:
            self.variants[key] = self._fit(name, version, entry, site)
        return self.variants[key]

    def _fit(self, name: str, version: str, entry: VersionSpec, site: Site) -> str | None:
        if not entry.variants:
            return ""
        try:
            return choose_variant(entry, site)
        except TieError as tie:
            self.diagnostics.add(
                fleet_codes.VARIANT_TIE,
                f"{' and '.join(tie.names)} of {name}:{version} fit profile "
                f"{site.profile.name} equally well",
                entry.span_of("variants"),
                "make the needs of one of them more specific",
            )
        except NoVariantError as none:
            self.diagnostics.add(
                fleet_codes.VARIANT_NONE,
                f"{name}:{version} has nothing for profile {site.profile.name}: {none}",
                entry.span_of("variants"),
                "add a variant for it, or a uri that runs anywhere",
            )
        return None

    def _model_bytes(
        self, choice: Choice, model: ModelSpec, entry: VersionSpec, private: bool
    ) -> Artifact | HostData | None:
        variant = entry.variants.get(choice.variant) if choice.variant else None
        source = variant if variant is not None and variant.uri is not None else entry
        if source.uri is None:
            return None
        span = source.span_of("uri")
        format_ = (variant.format if variant else None) or entry.format or model.format or ""
        if source.uri.startswith("host:"):
            path = source.uri.removeprefix("host:")
            return HostData("model", choice.model, path, format_, choice.version, span)
        lock_name = f"models/{choice.model}:{choice.version}"
        if choice.variant:
            lock_name += f"/{choice.variant}"
        golden = (variant.golden if variant else None) or entry.golden
        framework = said(levels(model, choice.version, choice.variant), "framework")
        return self.artifact(
            "model",
            lock_name,
            choice.model,
            choice.version,
            source.uri,
            source.sha256,
            span,
            variant=choice.variant,
            unpack=source.unpack or entry.unpack or "",
            serve_version=list(model.versions).index(choice.version) + 1,
            framework=framework[0] if framework else "",
            golden=self._golden(golden) if golden else None,
            private=private,
        )

    def _code_bytes(self, name: str, entry: CodeSpec) -> Artifact | HostData | None:
        span = entry.span_of("uri")
        if entry.uri.startswith("host:"):
            return HostData("code", name, entry.uri.removeprefix("host:"), span=span)
        return self.artifact(
            "code", f"code/{name}", name, "", entry.uri, entry.sha256, span,
            unpack=entry.unpack or "",
        )  # fmt: skip

    def _golden(self, spec: GoldenSpec) -> Golden:
        tolerance: list[tuple[str, float]] = []
        for kind in ("boxes", "tensor", "topk"):
            part = getattr(spec, kind)
            if part is not None:
                given = part.model_dump(exclude_none=True)
                tolerance += [(f"{kind}.{key}", float(value)) for key, value in given.items()]
        return Golden(self.location(spec.input), self.location(spec.expect), tuple(tolerance))

    def _moved(
        self, entry: LockedArtifact, name: str, uri: str, sha256: str | None, span: Span | None
    ) -> bool:
        change = moved_past(entry, uri, sha256 or "")
        if not change:
            return False
        self.diagnostics.add(
            lock_codes.SPEC_MOVED,
            f"{name} has moved past the lock: {change}",
            span,
            "run `edgewright lock`",
        )
        return True


def _chunks(entry: LockedArtifact) -> Chunks | None:
    chunks = entry.chunks
    return Chunks(chunks.size, chunks.count, chunks.root) if chunks else None
