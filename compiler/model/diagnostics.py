"""What the compiler says about its input: positions, codes, diagnostics.

Nothing here prints, reads files or decides when to stop: a stage collects into a
`Diagnostics`, and the caller of the stage asks it to raise.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import NoReturn

from compiler.model.record import dataclass


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


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `span` is None only where no line of the user's can be named."""

    code: Code
    message: str
    span: Span | None = None
    hint: str = ""
    related: tuple[Related, ...] = ()

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
    """Collects the findings of one stage or one run; duplicates are kept once."""

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

    def extend(self, diagnostics: tuple[Diagnostic, ...] | list[Diagnostic]) -> None:
        """Record findings made elsewhere (another process, a cache)."""
        self.found.update(dict.fromkeys(diagnostics))

    @property
    def has_errors(self) -> bool:
        """True when at least one finding is an error."""
        return any(d.severity is Severity.ERROR for d in self.found)

    def in_order(self) -> tuple[Diagnostic, ...]:
        """All findings in file order."""
        return tuple(sorted(self.found, key=Diagnostic.sort_key))

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
