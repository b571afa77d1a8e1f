"""Lock: the old lock, the spec and answers become the new lock.

Pure. It refuses other bytes under a name that is locked unless they are accepted by name, and
bytes that are not those which the spec states. What nobody answered for keeps its entry.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field

from compiler.model import metrics
from compiler.model.ancestry import ancestry, refusal, targets, unlicensed
from compiler.model.codes import lock as codes
from compiler.model.diagnostics import Diagnostics, Related
from compiler.model.licensing import Rules
from compiler.model.lock import Lock, LockedArtifact, LockedTarget
from compiler.model.lockable import (
    LockableArtifact,
    LockableImage,
    artifacts,
    images,
    missing_platforms,
)
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.model.spec.artifacts import ModelSpec
from compiler.model.spec.base import SpecModel
from compiler.model.suggest import did_you_mean
from compiler.stages.lock.nouns import Answers, Measured, Place
from compiler.stages.lock.numbers import highest, numbered, without_twins
from compiler.stages.lock.rollouts import rollouts
from compiler.stages.lock.selecting import UndefinedMetricError, UnitError, select

PLATFORMS_NAMED = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """What one environment has in its lock: one entry for each name, in the spec's order."""

    resolved: Resolved
    artifacts: Mapping[str, LockableArtifact]
    images: Mapping[str, LockableImage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the user decided. `only` empty means everything; names as `named` understands them."""

    only: frozenset[str] = frozenset()
    accept: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()
    repair: bool = False


def asked(resolved: Resolved, diagnostics: Diagnostics) -> Asked:
    """What of an environment is locked; two meanings of one name are reported."""
    found: dict[str, LockableArtifact] = {}
    for one in artifacts(resolved):
        first = found.setdefault(one.name, one)
        if (first.uri, first.unpack) != (one.uri, one.unpack):
            diagnostics.add(
                codes.TWO_MEANINGS,
                f"{one.name} is {first.uri} and, on some sites, {one.uri}",
                one.span,
                "give the other bytes a version of their own and let the override set `target:`",
                (Related(first.span, "first meant here"),) if first.span else (),
            )
    return Asked(resolved, found, {one.reference: one for one in images(resolved)})


def relock(
    old: Lock,
    all_asked: Sequence[Asked],
    answers: Answers,
    choices: Choices,
    diagnostics: Diagnostics,
) -> Lock:
    """The new lock; what may not become so is reported and keeps its entry."""
    maker = _Maker(old, answers, choices, diagnostics)
    for one in all_asked:
        maker.environment(one)
    maker.rest({one.resolved.environment for one in all_asked})
    entries = maker.entries
    order = [
        (one.resolved.environment, "artifacts", name) for one in all_asked for name in one.artifacts
    ]
    made, before = _artifacts(entries), _artifacts(old.entries)
    known = without_twins(before, order) if choices.repair else before
    made = numbered(made, known, order)
    return Lock(dict(sorted({**entries, **made, **highest(before, made)}.items())))


def named(name: str, words: Collection[str]) -> bool:
    """Whether one of the words names an entry: whole, without its section, its model or version."""
    if name in words:
        return True
    bare = name.partition("/")[2] if name.startswith(("models/", "datasets/", "code/")) else name
    return bool({bare, bare.partition(":")[0], bare.partition("/")[0]} & set(words))


@dataclass(slots=True)
class _Maker:
    old: Lock
    answers: Answers
    choices: Choices
    diagnostics: Diagnostics
    entries: dict[Place, SpecModel] = field(default_factory=dict)

    def environment(self, one: Asked) -> None:
        """Every entry of one environment."""
        environment = one.resolved.environment
        for name, artifact in one.artifacts.items():
            self._put((environment, "artifacts", name), self._artifact(artifact))
        for reference, image in one.images.items():
            self._put((environment, "images", reference), self._image(image))
        self._selected(one.resolved)
        for name in one.artifacts:
            if name.startswith("datasets/"):
                bare = name.removeprefix("datasets/")
                self._put((environment, "datasets", bare), self._counted(environment, bare))

    def rest(self, made: Collection[str]) -> None:
        """What stays of the old lock because it was not to be touched."""
        for place, entry in self.old.entries.items():
            if place in self.entries:
                continue
            untouched = bool(self.choices.environments) and place[0] not in made
            outside = bool(self.choices.only) and not named(place[2], self.choices.only)
            if untouched or outside:
                self.entries[place] = entry

    def _counted(self, environment: str, name: str) -> SpecModel | None:
        """What was counted; in other bytes than those of the entry, it says nothing."""
        known = self.answers.datasets.get((environment, name))
        candidates = (known, self.old.dataset(environment, name))
        entry = self.entries.get((environment, "artifacts", f"datasets/{name}"))
        digest = entry.sha256 if isinstance(entry, LockedArtifact) else ""
        return next((one for one in candidates if one and one.digest == digest), None)

    def _put(self, place: Place, entry: SpecModel | None) -> None:
        if self.choices.only and not named(place[2], self.choices.only):
            entry = self.old.entries.get(place)
        if entry is not None:
            self.entries[place] = entry

    def _artifact(self, wanted: LockableArtifact) -> SpecModel | None:
        old = self.old.artifact(wanted.environment, wanted.name)
        answer = self.answers.artifacts.get((wanted.environment, wanted.name))
        if answer is None:
            return old
        if wanted.sha256 and wanted.sha256 != answer.sha256:
            self._mismatch(wanted, answer)
            return old
        if old is not None and old.sha256 != answer.sha256 and not self._may_change(wanted, old):
            self._changed(wanted, old, answer)
            return old
        given = {
            "uri": wanted.uri,
            "sha256": answer.sha256,
            "size": answer.size,
            "unpacked": answer.unpacked,
            "files": answer.files,
            "chunks": answer.chunks,
            "manifest": answer.manifest,
            "etag": answer.etag or None,
            "versionId": answer.version_id or None,
        }
        known = {key: value for key, value in given.items() if value is not None}
        return LockedArtifact.model_validate(known)

    def _may_change(self, wanted: LockableArtifact, old: LockedArtifact) -> bool:
        # Code has no versions: another uri is how it changes.
        bumped = wanted.name.startswith("code/") and old.uri != wanted.uri
        return bumped or named(wanted.name, self.choices.accept)

    def _mismatch(self, wanted: LockableArtifact, answer: Measured) -> None:
        self.diagnostics.add(
            codes.OTHER_BYTES,
            f"{wanted.name} has sha256 {wanted.sha256[:12]}… in the spec, but "
            f"{wanted.location.url} has {answer.sha256[:12]}…",
            wanted.span,
            f"find out which is right; these bytes are sha256: {answer.sha256}",
        )

    def _changed(self, wanted: LockableArtifact, old: LockedArtifact, answer: Measured) -> None:
        span = self.old.span(wanted.environment, "artifacts", wanted.name)
        bare = wanted.name.partition("/")[2]
        self.diagnostics.add(
            codes.BYTES_CHANGED,
            f"{wanted.name} was locked as {old.sha256[:12]}…, and {wanted.location.url} now has "
            f"{answer.sha256[:12]}…",
            wanted.span,
            f"publish it as a new version, or run `edgewright lock --accept-changed {bare}`",
            (Related(span, "locked here"),) if span else (),
        )

    def _image(self, wanted: LockableImage) -> SpecModel | None:
        old = self.old.image(wanted.environment, wanted.reference)
        answer = self.answers.images.get((wanted.environment, wanted.reference))
        if answer is None:
            return old
        lacking = missing_platforms(wanted, answer)
        for platform, sites in lacking.items():
            there = ", ".join(answer.platforms)
            for site in sites:
                self.diagnostics.add_at_site(
                    codes.PLATFORM_MISSING,
                    f"{wanted.reference} has no {platform}, only {there}; it is needed",
                    site,
                    None,
                    wanted.span,
                    "build the image for it, or place the job elsewhere",
                )
        return old if lacking else answer

    def _selected(self, resolved: Resolved) -> None:
        environment = resolved.environment
        targets = {}
        for name, model in resolved.base.models.items():
            if model.select is not None:
                place = (environment, "targets", name)
                self._put(place, self._chosen(resolved, name, model) or self.old.entries.get(place))
                found = self.entries.get(place)
                targets[name] = found.version if isinstance(found, LockedTarget) else None
            else:
                targets[name] = model.target
        known_targets = {name: target for name, target in targets.items() if target}
        for name, state in rollouts(resolved, self.old, known_targets):
            place = (environment, "rollouts", name)
            rolled = name.rpartition("/")[2]
            skip = self.choices.only and not named(rolled, self.choices.only)
            entry = self.old.entries.get(place) if skip else state
            if entry is not None:
                self.entries[place] = entry

    def _chosen(self, resolved: Resolved, name: str, model: ModelSpec) -> LockedTarget | None:
        """What the model's selection chooses now; reported where it chooses nothing."""
        environment = resolved.environment
        known = self.old.target(environment, name)
        prefix = f"models/{name}:"
        sizes = {
            entry.removeprefix(prefix): one.size or 0
            for (where, _, entry), one in _artifacts(self.entries).items()
            if where == environment and entry.startswith(prefix) and one.size is not None
        }
        digests = metrics.digests(Lock(self.entries), environment)
        defined = metrics.defined(resolved.spec.metrics)
        incumbent = known.version if known else ""
        span = model.select.span_of("metric") if model.select else None
        try:
            unlicensed = _unlicensed(resolved, self.old, name, model)
            found = select(model, incumbent, sizes, digests, defined, unlicensed)
        except UndefinedMetricError as error:
            self.diagnostics.add(
                codes.METRIC_UNKNOWN,
                f"models.{name}: nobody says whether a higher or a lower {error} is better",
                span,
                did_you_mean(str(error), [*metrics.HIGHER, *metrics.LOWER])
                or f"add metrics: {{{error}: {{better: higher}}}}, or lower",
            )
            return None
        except UnitError as error:
            hint = "write both in one unit"
            self.diagnostics.add(codes.UNITS_DIFFER, f"models.{name}: {error}", span, hint)
            return None
        # A version that is in use stays where nothing can be compared, unless it may not be used.
        stays = incumbent in model.versions and incumbent not in found.unfit
        if found.target is None and not stays:
            why = "; ".join(f"{version}: {reason}" for version, reason in found.fallen.items())
            self.diagnostics.add(
                codes.NOT_SELECTED,
                f"no version of {name} can be selected: {why or 'it has none'}",
                model.span_of("select"),
                "add what is missing to metrics: of the version, or name one with target:",
            )
        return found.target


def _unlicensed(resolved: Resolved, lock: Lock, name: str, model: ModelSpec) -> dict[str, str]:
    """Why versions may not be selected: their licences, and those of what they are made from."""
    wanted = model.select.require.license if model.select else ()
    everywhere = resolved.spec.licenses
    rules = [Rules.of(wanted)] if wanted else []
    rules += [Rules.of(everywhere.allow, everywhere.deny)] if everywhere else []
    models = resolved.base.models
    known = targets(models, lock, resolved.environment) if rules else {}
    found: dict[str, str] = {}
    for version in model.versions if rules else ():
        line = tuple(ancestry(models, known, name, version))
        for one in (one for rule in rules for one in unlicensed(line, rule)):
            found.setdefault(version, f"it {refusal(one, base=one.ancestor is not line[0])}")
    return found


def _artifacts(entries: Mapping[Place, SpecModel]) -> dict[Place, LockedArtifact]:
    return {place: one for place, one in entries.items() if isinstance(one, LockedArtifact)}
