"""Fixtures that all tests of the sidecar share."""

from __future__ import annotations

from tests.sidecar.support.s3 import s3

__all__ = ["s3"]
