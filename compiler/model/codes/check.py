"""E5xxx: compiled objects."""

from __future__ import annotations

from compiler.model.diagnostics import Code  # noqa: F401
