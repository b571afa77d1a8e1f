"""E8xxx: the world outside: files, Git, clusters."""

from __future__ import annotations

from compiler.model.diagnostics import Code  # noqa: F401
