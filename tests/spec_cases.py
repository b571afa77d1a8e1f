"""Reads pieces of YAML and validates them, for tests that only care about the outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compiler.datasets import FORMATS
from compiler.kinds import REGISTRY
from compiler.model.diagnostics import Diagnostic, Diagnostics, Span
from compiler.model.source import parse
from compiler.model.spec.spec import Spec
from compiler.stages.validate.validate import validate

EVERY_KEY = Path(__file__).parent / "model" / "spec" / "every_key.yaml"
VOCABULARIES = {
    "servers": ("triton", "ovms", "bentoml-0.13"),
    "backends": ("kubernetes", "sedna"),
    "formats": FORMATS,
}
HEAD = "edgewright: v1\nproject: {name: shop}\n"


def read(text: str, file: str = "spec.yaml") -> Any:
    """The data of a text that is known to be good YAML."""
    diagnostics = Diagnostics()
    (document,) = parse(file, text, diagnostics)
    assert not diagnostics.in_order()
    return document.data


def judged(data: Any) -> tuple[Spec | None, tuple[Diagnostic, ...]]:
    """The spec, or None, and what was said about it."""
    diagnostics = Diagnostics()
    spec = validate(data, REGISTRY, diagnostics, vocabularies=VOCABULARIES)
    return spec, diagnostics.in_order()


def faults(text: str) -> tuple[Diagnostic, ...]:
    """What is wrong with the rest of a spec, below its head and, where it has none, a fleet."""
    spec, found = judged(read(_whole(text)))
    assert (spec is None) is bool(found)
    return found


def faults_at_mark(text: str) -> tuple[tuple[Diagnostic, ...], Span]:
    """The same for a text that marks one place with `§`, and that place."""
    before, _, _ = _whole(text).partition("§")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return faults(text.replace("§", "")), Span("spec.yaml", line, column)


def _whole(text: str) -> str:
    return HEAD + ("" if text.startswith("fleet:") else "fleet: {}\n") + text
