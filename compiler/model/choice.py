"""Which version and which variant of a model a site gets, and why. One function decides.

`choose` goes from the target to a version (override, rollout, target) and from the version to
a variant (hardware). Pure: the state of a rollout and the digests come from the lock that it is
handed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from compiler.model.fleet import Site
from compiler.model.lock import LockedRollout
from compiler.model.record import dataclass
from compiler.model.spec.artifacts import (
    ModelSpec,
    NeedsSpec,
    VariantSpec,
    VersionFields,
    VersionSpec,
)
from compiler.model.spec.job import RolloutStepSpec


@dataclass(frozen=True, slots=True)
class Choice:
    """A version and variant (empty: the version itself) of `model`, with the reason in words."""

    model: str
    version: str
    variant: str
    reason: str

    def __str__(self) -> str:
        """The version by name, and the variant where it is one."""
        return f"{self.model}:{self.version}{f'/{self.variant}' if self.variant else ''}"


class TieError(Exception):
    """Two variants fit equally well; `names` are the variants."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(" and ".join(names))
        self.names = names


class NoVariantError(Exception):
    """The version has no bytes of its own and no variant fits; `reasons` maps each to why."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {why}" for name, why in reasons.items()))
        self.reasons = reasons


Level = VersionFields | ModelSpec


def levels(model: ModelSpec, version: str, variant: str = "") -> tuple[Level, ...]:
    """Who may say something of a build, the nearest first: the variant, the version, the model."""
    entry = model.versions[version]
    build = entry.variants.get(variant)
    return (build, entry, model) if build is not None else (entry, model)


def said(by: Sequence[Level], attribute: str) -> tuple[Any, Level] | None:
    """What the nearest level says, and which one that is; None where no level does."""
    for level in by:
        value = getattr(level, attribute, None)
        if value:
            return value, level
    return None


def choose_version(
    target: str,
    *,
    fixed: bool,
    rollout: LockedRollout | None,
    steps: Sequence[RolloutStepSpec],
    job: str,
    site: Site,
) -> tuple[str, str]:
    """Return the version that a site gets and the reason.

    `fixed` is true where an override or an explicit version names the target: a rollout does
    not touch it. Without a rollout the target is reached everywhere.
    """
    if fixed:
        return target, "named for this site"
    if rollout is None or not steps:
        return target, "target"
    if rollout.from_ == rollout.to:
        return target, "target, everywhere"
    at, last = _step(steps, job, site), len(steps) - 1
    if at <= rollout.step:
        return rollout.to, f"rollout reached it at step {at} of {last}"
    takes = f"step {at} takes it" if at <= last else "no step takes it"
    return rollout.from_, f"rollout to {rollout.to} is at step {rollout.step} of {last}, {takes}"


def reached(steps: Sequence[RolloutStepSpec], step: int, job: str, site: Site) -> bool:
    """True when one of the steps up to and including `step` takes in the site."""
    return _step(steps, job, site) <= step


def percentile(job: str, site: str) -> float:
    """Return the fixed place of a site in a job's rollout, 0 to 100; no other site matters."""
    digest = hashlib.sha256(f"{job}/{site}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 * 100


def choose_variant(version: VersionSpec, site: Site) -> str:
    """Return the variant with the most specific needs that the site's hardware meets.

    Empty stands for the version itself.

    Raises:
        TieError: two variants fit equally well.
        NoVariantError: nothing fits and the version has no `uri`.
    """
    unmet = {name: misfit(variant.needs, site) for name, variant in version.variants.items()}
    fitting = [name for name, why in unmet.items() if not why]
    if not fitting:
        if version.uri is None and version.variants:
            raise NoVariantError(unmet)
        return ""
    ranked = sorted(fitting, key=lambda name: -specificity(version.variants[name]))
    best = specificity(version.variants[ranked[0]])
    tied = tuple(name for name in ranked if specificity(version.variants[name]) == best)
    if len(tied) > 1:
        raise TieError(tuple(sorted(tied)))
    return ranked[0]


def specificity(variant: VariantSpec) -> int:
    """Return how much a variant asks of the hardware: an accelerator counts more than an arch."""
    needs = variant.needs
    if needs is None:
        return 0
    return 4 * (needs.accelerator is not None) + 2 * bool(needs.arch) + (needs.memory is not None)


def misfit(needs: NeedsSpec | None, site: Site) -> str:
    """Return why the site's hardware does not meet the needs, or an empty string.

    Memory is not judged here: what else runs on the host decides that.
    """
    if needs is None:
        return ""
    if needs.arch and site.profile.arch not in needs.arch:
        return f"needs {' or '.join(needs.arch)}, {site.profile.name} is {site.profile.arch}"
    if needs.accelerator is None:
        return ""
    has = site.profile.accelerator
    if has is None:
        return f"needs {needs.accelerator.name}, {site.profile.name} has no accelerator"
    if needs.accelerator.name != has.name:
        return f"needs {needs.accelerator.name}, {site.profile.name} has {has.name}"
    wanted = needs.accelerator.count or 1
    return (
        f"needs {wanted} × {has.name}, {site.profile.name} has {has.count}"
        if wanted > has.count
        else ""
    )


def _step(steps: Sequence[RolloutStepSpec], job: str, site: Site) -> int:
    """The first step that takes in the site, or one beyond the last."""
    taking = (at for at, entry in enumerate(steps) if _takes(entry, job, site))
    return next(taking, len(steps))


def _takes(step: RolloutStepSpec, job: str, site: Site) -> bool:
    if step.where is not None and not step.where.matches(site.facts):
        return False
    if step.percent is not None:
        return percentile(job, site.name) < step.percent
    return step.where is not None
