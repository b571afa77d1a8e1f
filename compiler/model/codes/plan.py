"""E3xxx: planning, placement, lowering and backends."""

from __future__ import annotations

from compiler.model.diagnostics import Code  # noqa: F401
