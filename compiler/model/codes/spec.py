"""E11xx to E15xx: values of the spec, one at a time."""

from __future__ import annotations

from compiler.model.diagnostics import Code  # noqa: F401
