"""Our own Kubernetes definitions: InferenceModel, TrainingModel and Dataset.

They hold facts for people and tools; no controller of ours acts on them. They are read from
`definitions.json`, which `.ci/definitions.py` makes from the models of `definitions_models`.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

GROUP = "edgewright.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"


def crds() -> list[dict[str, Any]]:
    """The three CustomResourceDefinitions, by name; a fresh copy may be changed freely."""
    made: list[dict[str, Any]] = json.loads(_text())
    return made


@cache
def schema(kind: str) -> dict[str, Any]:
    """The structural schema of one kind's objects; shared, so not to be changed.

    Raises:
        KeyError: it is none of our kinds.
    """
    found = {crd["spec"]["names"]["kind"]: crd["spec"]["versions"][0]["schema"] for crd in crds()}
    tree: dict[str, Any] = found[kind]["openAPIV3Schema"]
    return tree


@cache
def _text() -> str:
    return (files("compiler.model") / "definitions.json").read_text(encoding="utf-8")
