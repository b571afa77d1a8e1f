"""What the compiler says about its input: positions, codes, diagnostics.

What is found at many sites or places for one reason is told once, whatever parts of the work
found it.
Nothing here prints, reads files or decides when to stop: a stage collects into a
`Diagnostics`, and the caller of the stage asks it to raise.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import field
from enum import StrEnum
from typing import Any, Final, NoReturn

from compiler.model.record import dataclass

SITES_NAMED: Final = 3
"""How many sites a message names; of the others it tells the number."""


class Severity(StrEnum):
    """How much a diagnostic matters; the first letter of its code says which."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a file that a person wrote; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Code:
    """A stable name for one kind of diagnostic, with the text of its section in the docs.

    `id` is E (error), W (warning) or N (note) and four digits. `title` is one short
    sentence, `reason` says why the compiler insists, `remedy` what the author does.
    """

    id: str
    title: str
    reason: str
    remedy: str

    @property
    def severity(self) -> Severity:
        """The severity that the first letter of the id stands for."""
        return {"E": Severity.ERROR, "W": Severity.WARNING, "N": Severity.NOTE}[self.id[0]]


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that explains a diagnostic ("first defined here")."""

    span: Span
    message: str

    @classmethod
    def at(cls, span: Span | None, message: str) -> tuple[Related, ...]:
        """The line, where it is known."""
        return (cls(span, message),) if span else ()


@dataclass(frozen=True, slots=True)
class AtSites:
    """What is found at each of several sites: `text` without them, and their own lines.

    `span` is the line that has the same fault at all of them; None where each site's own has it.
    """

    text: str
    span: Span | None
    sites: tuple[tuple[str, Span | None], ...]

    @property
    def same(self) -> Hashable:
        """What is equal where two are one finding."""
        return self.text, self.span

    def message(self, _: Severity) -> str:
        """The text with the first sites by name and the number of the others."""
        names = [name for name, _ in self.sites]
        named, others = names[:SITES_NAMED], len(names) - SITES_NAMED
        last = f"{others:,} more" if others > 0 else named.pop()
        listed = f"{', '.join(named)} and {last}" if named else last
        return f"{self.text} at {'sites' if len(names) > 1 else 'site'} {listed}"

    @property
    def place(self) -> Span | None:
        """The line to show: the common one, or that of the first site."""
        return self.span or self.sites[0][1]

    @classmethod
    def joined(cls, equal: Sequence[AtSites]) -> AtSites:
        """One for several that are the same."""
        sites = {name: own for one in equal for name, own in one.sites}
        return cls(equal[0].text, equal[0].span, tuple(sorted(sites.items(), key=_name)))


@dataclass(frozen=True, slots=True)
class AtPlaces:
    """What is found at each of several places: generated files, hosts or clusters, by name.

    `span` is the line of the spec that they come from.
    """

    text: str
    span: Span | None
    places: tuple[str, ...]

    @property
    def same(self) -> Hashable:
        """What is equal where two are one finding."""
        return self.text, self.span

    def message(self, severity: Severity) -> str:
        """The text at the first place, with the number of the others."""
        others = len(self.places) - 1
        more = "the same fault" if severity is Severity.ERROR else "the same"
        counted = f" (and {others:,} more with {more})" if others else ""
        return f"{self.places[0]}: {self.text}{counted}"

    @property
    def place(self) -> Span | None:
        """The line to show."""
        return self.span

    @classmethod
    def joined(cls, equal: Sequence[AtPlaces]) -> AtPlaces:
        """One for several that are the same."""
        places = {place for one in equal for place in one.places}
        return cls(equal[0].text, equal[0].span, tuple(sorted(places)))


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `span` is None only where no line of the user's can be named.

    `shared` is set where sites or places share the finding: `message` and `span` are made of it.
    `table` are lines of figures that the message is the sum of.
    """

    code: Code
    message: str
    span: Span | None = None
    hint: str = ""
    related: tuple[Related, ...] = ()
    shared: AtSites | AtPlaces | None = None
    table: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        """The severity of the code."""
        return self.code.severity

    def sort_key(self) -> tuple[str, int, int, str, str]:
        """File order, then code and message: the order in which diagnostics are shown."""
        if self.span is None:
            return ("", 0, 0, self.code.id, self.message)
        return (self.span.file, self.span.line, self.span.column, self.code.id, self.message)


class CompileError(Exception):
    """The author of the spec must act. Raised with every diagnostic of the stage."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        lines = [f"{d.span or '-'}: {d.code.id} {d.message}" for d in diagnostics]
        super().__init__("\n".join(lines))
        self.diagnostics = diagnostics

    def __reduce__(self) -> tuple[type[CompileError], tuple[tuple[Diagnostic, ...]]]:
        # An exception pickles by its text, and this one crosses between processes.
        return type(self), (self.diagnostics,)


@dataclass(slots=True)
class Diagnostics:
    """Collects the findings of one stage or one run; duplicates are kept once.

    `found` holds them as they came in; what sites share is put together where all are asked for.
    """

    found: dict[Diagnostic, None] = field(default_factory=dict)

    def add(
        self,
        code: Code,
        message: str,
        span: Span | None = None,
        hint: str = "",
        related: tuple[Related, ...] = (),
    ) -> None:
        """Record one finding; its severity is that of `code`."""
        self.found[Diagnostic(code, message, span, hint, related)] = None

    def add_at_site(
        self,
        code: Code,
        text: str,
        site: str,
        own: Span | None,
        span: Span | None = None,
        hint: str = "",
        related: tuple[Related, ...] = (),
        table: tuple[str, ...] = (),
    ) -> None:
        """Record what other sites may share: equal texts on one line become one finding.

        `text`, `hint` and `table` name no site. `own` is the site's own line, which stands for the
        finding where no line that all of them share, `span`, has the fault. `related` goes with
        `text`.
        """
        found = _shared(code, hint, AtSites(text, span, ((site, own),)), related, table)
        self.found[found] = None

    def add_at_place(
        self,
        code: Code,
        text: str,
        place: str,
        span: Span | None = None,
        hint: str = "",
        related: tuple[Related, ...] = (),
    ) -> None:
        """Record what other places may share: equal texts from one line become one finding.

        `text` and `hint` do not name the place. `related` is shown where no other place shares it.
        """
        found = _shared(code, hint, AtPlaces(text, span, (place,)), related)
        self.found[found] = None

    def extend(self, diagnostics: tuple[Diagnostic, ...] | list[Diagnostic]) -> None:
        """Record findings made elsewhere (another process, a cache)."""
        self.found.update(dict.fromkeys(diagnostics))

    @property
    def has_errors(self) -> bool:
        """True when at least one finding is an error."""
        return any(d.severity is Severity.ERROR for d in self.found)

    @property
    def sites(self) -> frozenset[str]:
        """The sites that a finding names."""
        named = [one.shared for one in self.found if isinstance(one.shared, AtSites)]
        return frozenset(name for one in named for name, _ in one.sites)

    def in_order(self) -> tuple[Diagnostic, ...]:
        """All findings in file order, each that sites or places share once."""
        return tuple(sorted(_put_together(self.found), key=Diagnostic.sort_key))

    def raise_errors(self) -> None:
        """Raise `CompileError` with everything found when any of it is an error."""
        if self.has_errors:
            raise CompileError(self.in_order())

    def fail(self, code: Code, message: str, span: Span | None = None, hint: str = "") -> NoReturn:
        """Record an error and raise at once; for faults that make the rest meaningless.

        Raises:
            CompileError: always.
        """
        self.add(code, message, span, hint)
        raise CompileError(self.in_order())


def _shared(
    code: Code,
    hint: str,
    found: AtSites | AtPlaces,
    related: tuple[Related, ...] = (),
    table: tuple[str, ...] = (),
) -> Diagnostic:
    return Diagnostic(code, found.message(code.severity), found.place, hint, related, found, table)


def _put_together(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    alone: list[Diagnostic] = []
    equal: dict[Hashable, list[Diagnostic]] = {}
    for one in found:
        if one.shared is None:
            alone.append(one)
        else:
            key = (one.code, one.hint, one.table, type(one.shared), one.shared.same)
            equal.setdefault(key, []).append(one)
    return alone + [_joined(several) for several in equal.values()]


def _joined(several: Sequence[Diagnostic]) -> Diagnostic:
    first = several[0]
    if len(several) == 1:
        return first
    parts: list[Any] = [one.shared for one in several]
    related = first.related if isinstance(first.shared, AtSites) else ()
    joined = type(parts[0]).joined(parts)
    return _shared(first.code, first.hint, joined, related, first.table)


def _name(site: tuple[str, Span | None]) -> str:
    return site[0]
