"""Ranked classes: the class that is expected as the best must be among the best few that are given.

Scores are a list for each sample, one number for each class; or lists of objects with a `label`
and a `score`. The expected document may also name classes alone, by number or by label.
"""

from __future__ import annotations

import math
from typing import Any

from sidecar.hooks.mismatch import Mismatch, is_number, is_tensor, outputs, tensor

_LABELS = ("label", "class", "class_name", "category", "name")
_OUTPUTS = ("score", "prob", "logit", "softmax", "class", "label")
_SCORES = ("score", "confidence", "probability")


def compare_ranks(expected: Any, got: Any, k: int) -> None:
    """Return when every sample's expected class is among the `k` best.

    Raises:
        Mismatch: it is not, or there are no ranked classes to compare.
    """
    name = _telling(expected)
    wanted, given = _samples(expected, name), _samples(got, name or _telling(got))
    if len(wanted) != len(given):
        raise Mismatch("", f"{len(given)} samples instead of {len(wanted)}")
    for number, (one, other) in enumerate(zip(wanted, given, strict=True)):
        best = _ranked(one, number)[0]
        ranks = _ranked(other, number)
        if best not in ranks[:k]:
            where = f"of rank {ranks.index(best) + 1}" if best in ranks else "not given at all"
            raise Mismatch(f"sample {number}", f"class {best} is {where}, not in the best {k}")


def _telling(document: Any) -> str:
    """The output that most likely holds the scores; empty where there are no named outputs."""
    tensors = outputs(document)
    if not tensors:
        return ""
    named = (name for name in tensors if any(part in name.lower() for part in _OUTPUTS))
    return next(named, next(iter(tensors)))


def _samples(document: Any, name: str) -> list[Any]:
    """One entry for each sample: scores, objects, or a single class."""
    found = _rows(document, name)
    if not found:
        raise Mismatch("", "there are no ranked classes")
    return [found] if _is_one(found) else found


def _is_one(rows: list[Any]) -> bool:
    """Whether these are the classes of one sample and not samples."""
    if all(isinstance(one, dict) for one in rows):
        return all(_label(one) is not None for one in rows)
    return all(map(is_number, rows)) and any(isinstance(one, float) for one in rows)


def _rows(document: Any, name: str) -> list[Any]:
    tensors = outputs(document)
    if tensors is None:
        if isinstance(document, dict):
            document = next((one for one in document.values() if isinstance(one, list)), document)
        return document if isinstance(document, list) else [document]
    if name not in tensors:
        raise Mismatch("", f"there is no output {name}, only {', '.join(tensors) or 'none'}")
    shape, values = tensors[name]
    if len(shape) < 2 or shape[-1] < 2:
        return values
    return [values[at : at + shape[-1]] for at in range(0, len(values), shape[-1])]


def _ranked(sample: Any, number: int) -> list[Any]:
    """The classes of a sample, best first."""
    if not isinstance(sample, list):
        return [_label(sample) if isinstance(sample, dict) else sample]
    if sample and all(isinstance(one, dict) and _label(one) is not None for one in sample):
        order = sorted(sample, key=_score, reverse=True)
        return [_label(one) for one in order]
    if not sample or not is_tensor(sample):
        raise Mismatch(f"sample {number}", "there are no ranked classes")
    scores = tensor(sample, f"sample {number}").values
    if not all(is_number(one) and not math.isnan(one) for one in scores):
        raise Mismatch(f"sample {number}", "a score is no number")
    return sorted(range(len(scores)), key=lambda one: -scores[one])


def _label(entry: dict[str, Any]) -> Any:
    return next((entry[key] for key in _LABELS if key in entry), None)


def _score(entry: dict[str, Any]) -> float:
    found = next((entry[key] for key in _SCORES if key in entry), -math.inf)
    return float(found) if is_number(found) and not math.isnan(found) else -math.inf
