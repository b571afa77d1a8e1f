"""Findings and changes as remarks on lines of a repository: what SARIF and GitHub both need.

Every remark has a place, because a host of code drops a whole report for one that has none: the
line that caused it, else the first line of the spec. Files are named from the repository's top.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from compiler.model.changes import Comparison, Effect, Row
from compiler.model.diagnostics import Diagnostic, Severity, Span
from compiler.model.record import dataclass
from compiler.reports.changes import QUIET, objects, where, words

MEANINGS: Mapping[Effect, str] = {
    Effect.IMMUTABLE: "The API server refuses the new object: the apply fails.",
    Effect.DATA_LOSS: "What is deleted holds data that nothing brings back.",
    Effect.OUTAGE: "Pods end, and new ones wait for bytes that are not at the site.",
    Effect.REMOVED: "The engine deletes the object.",
    Effect.RE_CREATE: "Every pod ends before a new one serves.",
    Effect.LOOP_RESTART: "A learning loop begins again from its first round.",
    Effect.ROLLING_RESTART: "Pods are replaced one after another.",
    Effect.SIDECAR_CHANGE: "Pods are replaced because of their sidecar alone.",
    Effect.SCALE: "The number of pods changes; the pods that stay do not.",
    Effect.HOT_SWAP: "The sidecar brings other bytes, and the running server loads them.",
    Effect.CONFIG_RELOAD: "Takes effect in place: no pod ends.",
    Effect.MOVED: "Another name or place for the same thing.",
    Effect.NEW: "Was not there before.",
    Effect.METADATA_ONLY: "Labels, annotations and records: nothing that runs notices.",
    Effect.NO_OP: "The files differ, and their meaning does not.",
}


class Level(StrEnum):
    """How much a remark matters, in SARIF's words."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


_OF_SEVERITY = {
    Severity.ERROR: Level.ERROR,
    Severity.WARNING: Level.WARNING,
    Severity.NOTE: Level.NOTE,
}
_ERRORS = (Effect.IMMUTABLE, Effect.DATA_LOSS, Effect.OUTAGE)
_WARNINGS = (Effect.REMOVED, Effect.RE_CREATE, Effect.LOOP_RESTART, Effect.ROLLING_RESTART)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What remarks of one kind have in common; `id` never changes its meaning."""

    id: str
    title: str
    text: str
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A remark on a line. `identity` is what it is about, whatever line it stands on."""

    rule: Rule
    level: Level
    message: str
    hint: str
    place: Span
    related: tuple[tuple[Span, str], ...] = ()
    identity: str

    @property
    def text(self) -> str:
        """What is said, and what to do about it on a line of its own."""
        return f"{self.message}\n{self.hint}".strip() or self.rule.title


def of_diagnostics(found: Iterable[Diagnostic], root: Span) -> Iterator[Annotation]:
    """One remark for each finding; those without a place stand at `root`."""
    for one in found:
        rule = Rule(
            id=one.code.id, title=one.code.title, text=one.code.reason, help=one.code.remedy
        )
        yield Annotation(
            rule=rule,
            level=_OF_SEVERITY[one.severity],
            message="\n".join((one.message, *one.table)),
            hint=one.hint,
            place=one.span or root,
            related=tuple((other.span, other.message) for other in one.related),
            identity=one.message,
        )


def of_changes(found: Comparison, root: Span) -> Iterator[Annotation]:
    """One remark for each row that anything that runs notices."""
    for row in found.rows:
        if row.effect not in QUIET:
            yield Annotation(
                rule=_rule(row.effect),
                level=level(row.effect),
                message=f"{objects(row)} of {row.subject}: {row.summary}; {where(row.places)}",
                hint=row.hint,
                place=row.cause or root,
                identity=_identity(row),
            )


def level(effect: Effect) -> Level:
    """How loud an effect is: an error loses or stops something, a warning interrupts or deletes."""
    if effect in _ERRORS:
        return Level.ERROR
    return Level.WARNING if effect in _WARNINGS else Level.NOTE


def _rule(effect: Effect) -> Rule:
    name = words(effect)
    return Rule(
        id=f"diff/{effect.value}", title=f"{name[:1].upper()}{name[1:]}", text=MEANINGS[effect]
    )


def _identity(row: Row) -> str:
    """What makes a row the same one after lines moved: neither its place nor its values."""
    paths = [one.path for one in row.fields]
    clusters = sorted({f"{place.environment}/{place.cluster}" for place in row.places})
    return "\n".join([row.subject, *sorted(row.kinds), *paths, *clusters])
