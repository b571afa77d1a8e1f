"""The definitions that a test's API server loads: other systems' as published, and our own."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from tests.cluster.trees import DEFINITIONS, GOLDEN, everything, manifests, read

Definition = Mapping[str, Any]
SYSTEMS = tuple(sorted(path.name.partition(".")[0] for path in DEFINITIONS.glob("*.json.gz")))


@cache
def published(*systems: str) -> tuple[Definition, ...]:
    """The definitions of some systems, or of all of them."""
    found: list[Definition] = []
    for system in systems or SYSTEMS:
        found += json.loads(gzip.decompress((DEFINITIONS / f"{system}.json.gz").read_bytes()))
    return tuple(found)


@cache
def own() -> tuple[Definition, ...]:
    """Our own definitions, as a tree with `crds: install` has them."""
    for target in everything():
        for unit in target.units("bootstrap"):
            found = [
                one.data
                for one in manifests(unit)
                if one.data["kind"] == "CustomResourceDefinition"
            ]
            if found:
                return tuple(found)
    raise LookupError("no committed tree installs our definitions")


def of_a_user() -> Definition:
    """The definition of the kind that a golden spec brings along; an administrator applied it."""
    return read(GOLDEN / "objects" / "spec" / "crds" / "beacon.yaml").data
