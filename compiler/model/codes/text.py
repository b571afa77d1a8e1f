"""E10xx: the text of a YAML or CSV file."""

from __future__ import annotations

from compiler.model.diagnostics import Code  # noqa: F401
