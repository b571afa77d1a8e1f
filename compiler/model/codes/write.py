"""E6xxx: writing the output."""

from __future__ import annotations

from compiler.model.diagnostics import Code  # noqa: F401
