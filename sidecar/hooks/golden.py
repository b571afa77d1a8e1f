"""Comparing what a model gives for a known input with what it should give.

JSON of the Open Inference Protocol is compared output by output, whatever their order; other JSON
key by key; anything else byte by byte. Keys that the expected document lacks are not compared, and
neither is which version answered. Only a worker process imports this: the documents may be large.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sidecar.hooks.boxes import compare_boxes
from sidecar.hooks.mismatch import Mismatch
from sidecar.hooks.ranks import compare_ranks
from sidecar.hooks.values import compare_values
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean

LIMIT = 8 * 1024 * 1024
"""The bytes that an expected or a given output may have."""


def compare(expected: bytes, got: bytes, tolerance: Sequence[tuple[str, float]] = ()) -> None:
    """Return when `got` is what was expected, within the tolerance.

    Raises:
        ReasonError: `GoldenFailed`; the detail says where they differ and by how much.
    """
    try:
        _compare(expected, got, dict(tolerance))
    except Mismatch as error:
        raise ReasonError("GoldenFailed", clean(str(error))) from None
    except RecursionError:
        raise ReasonError("GoldenFailed", "the output is nested too deeply") from None


def _compare(expected: bytes, got: bytes, limits: dict[str, float]) -> None:
    wanted = _parsed(expected)
    if wanted is None:
        _compare_bytes(expected, got)
        return
    given = _parsed(got)
    if given is None:
        raise Mismatch("", f"the answer is no JSON: {clean(got, 200)}")
    if "boxes.iou" in limits or "boxes.score" in limits:
        compare_boxes(wanted[0], given[0], limits)
    elif "topk.k" in limits:
        compare_ranks(wanted[0], given[0], int(limits["topk.k"]))
    else:
        compare_values(
            wanted[0], given[0], limits.get("tensor.rtol", 0.0), limits.get("tensor.atol", 0.0)
        )


def _parsed(text: bytes) -> tuple[Any] | None:
    """The document in a tuple, since JSON may be `null`; None where it is no JSON."""
    try:
        return (json.loads(text),)
    except (ValueError, RecursionError):
        return None


def _compare_bytes(expected: bytes, got: bytes) -> None:
    if expected == got:
        return
    pairs = zip(expected, got, strict=False)
    same = next((at for at, (one, other) in enumerate(pairs) if one != other), -1)
    at = same if same >= 0 else min(len(expected), len(got))
    raise Mismatch("", f"{len(got)} bytes differ from the expected {len(expected)} at byte {at}")
