"""Where a version of a model comes from: itself, its base, the base of that, each with its line.

Follows `lineage.base` only, and stops at a circle, which is reported where names are checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from compiler.model.choice import Level, levels, said
from compiler.model.diagnostics import Span
from compiler.model.licensing import Rules
from compiler.model.lock import Lock
from compiler.model.record import dataclass
from compiler.model.spec.artifacts import ModelSpec
from compiler.model.spec.data import LineageSpec


@dataclass(frozen=True, slots=True)
class Ancestor:
    """One version on the way back. `levels` are its builds from the nearest to the model.

    `span` is the line that says so: of `lineage.base`, none for the version itself.
    """

    reference: str
    levels: tuple[Level, ...]
    span: Span | None = None

    @property
    def lineage(self) -> LineageSpec | None:
        """What the nearest level says of where it comes from."""
        found = said(self.levels, "lineage")
        return found[0] if found else None

    @property
    def license(self) -> tuple[str, Span | None]:
        """Its licence and the line that states it; empty where none does, with the model's line."""
        found = said(self.levels, "license")
        if found is None:
            return "", self.levels[-1].span
        text, level = found
        return text, level.span_of("license")


@dataclass(frozen=True, slots=True)
class Unlicensed:
    """What of an ancestor's licence is not accepted; `refused` is empty where it states none."""

    ancestor: Ancestor
    refused: tuple[str, ...]
    span: Span | None


def ancestry(
    models: Mapping[str, ModelSpec],
    targets: Mapping[str, str],
    name: str,
    version: str,
    variant: str = "",
) -> Iterator[Ancestor]:
    """The version, then its base, and so on. `targets` are the versions that bare names mean."""
    span: Span | None = None
    seen: set[str] = set()
    while f"{name}:{version}" not in seen:
        model = models.get(name)
        if model is None or version not in model.versions:
            return
        seen.add(f"{name}:{version}")
        found = Ancestor(f"{name}:{version}", levels(model, version, variant), span)
        yield found
        lineage = found.lineage
        if lineage is None or lineage.base is None:
            return
        span, variant = lineage.span_of("base"), ""
        name, _, version = lineage.base.partition(":")
        version = version or targets.get(name, "")


def targets(models: Mapping[str, ModelSpec], lock: Lock | None, environment: str) -> dict[str, str]:
    """The version that each model's bare name means, where the spec or the lock says."""
    found = {}
    for name, model in models.items():
        locked = lock.target(environment, name) if lock and model.target is None else None
        version = model.target or (locked.version if locked else "")
        if version:
            found[name] = version
    return found


def unlicensed(line: Iterable[Ancestor], rules: Rules) -> Iterator[Unlicensed]:
    """Every version on the way back whose licence is not accepted."""
    for one in line:
        expression, span = one.license
        refused = rules.refused(expression) if expression else ()
        if refused or not expression:
            yield Unlicensed(one, refused, span)


def refusal(found: Unlicensed, *, base: bool) -> str:
    """Why a version may not be deployed, in words that follow its name."""
    of = found.ancestor.reference
    if not found.refused:
        return f"is made from {of}, which states no licence" if base else "states no licence"
    listed = " and ".join(found.refused)
    if base:
        return f"carries the licence of {of}, that it is made from: {listed} is not accepted"
    whole = found.ancestor.license[0]
    also = f" of {whole}" if " AND " in whole or " OR " in whole else ""
    return f"is under {listed}{also}, which is not accepted"
