"""What the spec says of a dataset as far as counting it depends on that: one word for all of it."""

from __future__ import annotations

import hashlib
import json

from compiler.model.lock import LockedDataset
from compiler.model.spec.artifacts import DatasetSpec

_LENGTH = 16


def declared(dataset: DatasetSpec, version: str) -> str:
    """The word; another one where a count would give, or mean, something else."""
    entry, splits = dataset.versions.get(version), dataset.splits
    said = [
        dataset.format,
        list(dataset.classes),
        (entry.annotations if entry else None) or "",
        dataset.columns.model_dump(exclude_none=True) if dataset.columns else {},
        splits.model_dump(mode="json", exclude_none=True) if splits else {},
    ]
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_LENGTH]


def holds(entry: LockedDataset, dataset: DatasetSpec, version: str) -> bool:
    """Whether what was counted is what the spec declares now; older locks do not say."""
    return entry.counted_as in (None, declared(dataset, version))
