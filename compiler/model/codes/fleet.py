"""E2xxx: names, references, sites, environments: the spec as a whole."""

from __future__ import annotations

from compiler.model.diagnostics import Code  # noqa: F401
