"""The five placeholders, and what is wrong with any other text in braces.

Finds and judges placeholders; filling them in is the business of resolution.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from pydantic_core import PydanticCustomError

from compiler.model.codes import spec as codes
from compiler.model.spec.base import fault

EVERYWHERE = ("project", "environment")
"""Placeholders of values that are the same on every site."""
BY_SITE = ("site", "host", "project", "environment", "site.vars.NAME")
"""Placeholders of values that may differ by site."""

PLACEHOLDER = re.compile(
    r"\{(site\.vars\.([A-Za-z_][A-Za-z0-9_-]*)|site|host|project|environment)\}"
)
"""One known placeholder; group 1 is the text in the braces, group 2 the NAME of a site's value."""

_BRACED = re.compile(
    r"\$?\{\{[^{}]{0,200}\}\}|\{%[^{}]{0,200}%\}|\{#[^{}]{0,200}#\}|\$\{[^{}]{0,200}\}"
    r"|\{\s{0,8}[A-Za-z_][\w.\- ]{0,200}\}|\{\{|\{%|\$\{"
)
"""Text in braces that somebody may take for a placeholder. Every part is bounded, so that no
text makes the search slow."""


def placeholder_fault(
    text: str, allowed: tuple[str, ...], shell: bool = False
) -> PydanticCustomError | None:
    """What is wrong with the first text in braces that is no allowed placeholder, or None.

    With `shell`, `${NAME}` passes: the text is handed to a program that may be a shell.
    """
    for match in _BRACED.finditer(text):
        found = match.group()
        if shell and found.startswith("${") and not found.startswith("${{"):
            continue
        wrong = _judge(found, allowed)
        if wrong is not None:
            return wrong
    return None


def shown(allowed: tuple[str, ...]) -> str:
    """The allowed placeholders as a list for people."""
    return ", ".join(f"{{{name}}}" for name in allowed) if allowed else "none"


def _judge(found: str, allowed: tuple[str, ...]) -> PydanticCustomError | None:
    match = PLACEHOLDER.fullmatch(found)
    if match is None:
        return _unknown(found, allowed)
    name = "site.vars.NAME" if match.group(2) else match.group(1)
    if name in allowed:
        return None
    return fault(
        codes.PLACEHOLDER_NOT_ALLOWED,
        f"the placeholder {found} is not allowed here; allowed: {shown(allowed)}",
        "Write the value out, or vary it with `overrides:` or `environments:`.",
    )


def _unknown(found: str, allowed: tuple[str, ...]) -> PydanticCustomError:
    if found.startswith(("{{", "{%", "{#", "$")):
        return fault(
            codes.TEMPLATE_SYNTAX,
            f"{found} is template syntax, which is never evaluated; "
            f"placeholders allowed here: {shown(allowed)}",
            _hint(found, allowed),
        )
    if not allowed:
        return fault(
            codes.PLACEHOLDER_NOT_ALLOWED, f"{found} looks like a placeholder; none is allowed here"
        )
    return fault(
        codes.UNKNOWN_PLACEHOLDER,
        f"{found} is not a placeholder; allowed here: {shown(allowed)}",
        _hint(found, allowed),
    )


def _hint(found: str, allowed: tuple[str, ...]) -> str:
    inner = found.strip("${}%# .")
    near = get_close_matches(inner.removeprefix("Values.").lower(), allowed, 1, 0.6)
    if near:
        return f"Did you mean {{{near[0]}}}?"
    if "site.vars.NAME" in allowed and re.fullmatch(r"[A-Za-z_]\w*", inner):
        return f"A site's own value is written {{site.vars.{inner}}}."
    return ""
