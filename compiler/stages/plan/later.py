"""What the language has and nothing compiles yet: refused aloud, never ignored.

Part of `plan`. A key moves out of here when something enforces it.
"""

from __future__ import annotations

from compiler.model.codes import plan as codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.resolved import Resolved


def check_later(resolved: Resolved, diagnostics: Diagnostics) -> None:
    """Report every key that the author wrote and that nothing enforces."""
    for policy in resolved.spec.policies:
        _refuse(f"policy {policy.name}", "a rule over the output", policy.span, diagnostics)


def _refuse(subject: str, what: str, span: Span | None, diagnostics: Diagnostics) -> None:
    diagnostics.add(
        codes.NOT_SUPPORTED_YET,
        f"{subject}: {what} is not supported yet: it is checked for form, but nothing enforces it",
        span,
        "remove it; compiling without it would promise what nobody keeps",
    )
