"""E4xxx: templates and patches."""

from __future__ import annotations

from compiler.model.diagnostics import Code  # noqa: F401
