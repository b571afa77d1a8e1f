"""E7xxx: the lock file."""

from __future__ import annotations

from compiler.model.diagnostics import Code  # noqa: F401
