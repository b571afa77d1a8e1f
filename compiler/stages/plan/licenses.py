"""Holds versions against `licenses:`, with the licences of every base that they are made from.

Part of `plan`: a version is judged wherever a site gets it, and told once for all sites that share
it. The parts of a joint model are versions of their own; the pair has no licence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from itertools import pairwise

from compiler.model.ancestry import (
    Ancestor,
    Unlicensed,
    ancestry,
    refusal,
    targets,
    unlicensed,
)
from compiler.model.choice import Choice
from compiler.model.codes import gates as codes
from compiler.model.diagnostics import Diagnostics, Related, Span
from compiler.model.fleet import Site
from compiler.model.licensing import Rules
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.model.spec.sections import LicensesSpec


@dataclass(frozen=True, slots=True)
class _Finding:
    text: str
    span: Span | None
    hint: str
    related: tuple[Related, ...]


@dataclass(slots=True)
class Licenses:
    """Judges the licences of versions for one environment; what was judged once is remembered."""

    resolved: Resolved
    diagnostics: Diagnostics
    judged: dict[tuple[object, ...], tuple[_Finding, ...]] = field(default_factory=dict)

    def check(self, choice: Choice, site: Site) -> None:
        """Report every licence that is in the way of a version at a site."""
        spec = self.resolved.spec.licenses
        view = self.resolved.view(site.name)
        if spec is None or view.models[choice.model].versions[choice.version].pair:
            return
        key = (id(view), choice.model, choice.version, choice.variant)
        if key not in self.judged:
            known = targets(view.models, self.resolved.lock, self.resolved.environment)
            named = (choice.model, choice.version, choice.variant)
            line = tuple(ancestry(view.models, known, *named))
            self.judged[key] = tuple(_findings(spec, line, choice))
        for one in self.judged[key]:
            self.diagnostics.add_at_site(
                codes.LICENSE_REFUSED, one.text, site.name, site.span, one.span, one.hint,
                one.related,
            )  # fmt: skip


def _findings(spec: LicensesSpec, line: tuple[Ancestor, ...], choice: Choice) -> Iterator[_Finding]:
    for found in unlicensed(line, Rules.of(spec.allow, spec.deny)):
        at = line.index(found.ancestor)
        related = [
            Related(later.span, f"{earlier.reference} is made from {later.reference}")
            for earlier, later in pairwise(line[: at + 1])
            if later.span
        ]
        if found.span:
            said = "licensed here" if found.refused else "defined here"
            related.append(Related(found.span, f"{found.ancestor.reference} {said}"))
        text = f"{choice} {refusal(found, base=at > 0)}"
        yield _Finding(text, _line(spec, found), _hint(spec, found), tuple(related))


def _line(spec: LicensesSpec, found: Unlicensed) -> Span | None:
    """The rule that refuses: the entry of the denied licence, or the list that lacks it."""
    denied = Rules.of((), spec.deny).deny
    for name in found.refused:
        base = name.partition(" WITH ")[0]
        at = next((i for i, one in enumerate(denied) if one in (name, base)), None)
        if at is not None:
            return spec.span_of("deny", at)
    return spec.span_of("allow" if spec.allow else "deny")


def _hint(spec: LicensesSpec, found: Unlicensed) -> str:
    name = found.ancestor.reference.partition(":")[0]
    if not found.refused:
        return f"add license: to models.{name}, or to the version"
    left = [one for one in spec.allow if not Rules.of(spec.allow, spec.deny).refused(one)]
    fits = ", ".join(left[:-1]) + " or " * (len(left) > 1) + "".join(left[-1:])
    listed = " and ".join(found.refused)
    another = f"use a version under {fits or 'another licence'}"
    if Rules.of((), spec.deny).refused(" AND ".join(found.refused)):
        return f"{another}; licenses.deny names {listed}"
    return f"{another}, or add {listed} to licenses.allow"
