"""Our own Kubernetes definitions: InferenceModel, TrainingModel and Dataset.

`crds()` makes the CustomResourceDefinitions from the pydantic models, so that the two cannot
differ. They hold facts for people and tools; no controller of ours acts on them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from compiler.model import definitions_dataset as dataset
from compiler.model import definitions_inference as inference
from compiler.model import definitions_training as training
from compiler.model.definitions_base import Part, Rule, Status
from compiler.model.definitions_schema import structural
from compiler.model.definitions_values import (
    dataset_values,
    inference_values,
    metric_values,
    training_values,
    version_values,
)
from compiler.model.record import dataclass

__all__ = [
    "API_VERSION",
    "DATASET",
    "DEFINITIONS",
    "GROUP",
    "INFERENCE_MODEL",
    "TRAINING_MODEL",
    "VERSION",
    "Definition",
    "crds",
    "dataset_values",
    "inference_values",
    "metric_values",
    "schema",
    "training_values",
    "version_values",
]

GROUP = "edgewright.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

Column = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One kind: its models, its rules by dotted path, and its printer columns.

    A column is (name, type, JSON path, priority); priority 1 shows with `-o wide` only.
    """

    kind: str
    plural: str
    singular: str
    short_names: tuple[str, ...]
    description: str
    spec: type[Part]
    status: type[Status]
    rules: dict[str, tuple[Rule, ...]]
    columns: tuple[Column, ...]

    @property
    def name(self) -> str:
        """The name of its CustomResourceDefinition."""
        return f"{self.plural}.{GROUP}"


INFERENCE_MODEL = Definition(
    kind="InferenceModel",
    plural="inferencemodels",
    singular="inferencemodel",
    short_names=("imodel",),
    description="A model that a job serves at a site.",
    spec=inference.InferenceModelSpec,
    status=inference.InferenceModelStatus,
    rules=inference.RULES,
    columns=inference.COLUMNS,
)
TRAINING_MODEL = Definition(
    kind="TrainingModel",
    plural="trainingmodels",
    singular="trainingmodel",
    short_names=("tmodel",),
    description="What a project knows of a model.",
    spec=training.TrainingModelSpec,
    status=training.TrainingModelStatus,
    rules=training.RULES,
    columns=training.COLUMNS,
)
DATASET = Definition(
    kind="Dataset",
    plural="datasets",
    singular="dataset",
    short_names=("edataset",),
    description="What a project knows of a dataset.",
    spec=dataset.DatasetSpec,
    status=dataset.DatasetStatus,
    rules=dataset.RULES,
    columns=dataset.COLUMNS,
)

DEFINITIONS: tuple[Definition, ...] = (DATASET, INFERENCE_MODEL, TRAINING_MODEL)


def crds() -> list[dict[str, Any]]:
    """The three CustomResourceDefinitions, by name; a fresh copy may be changed freely."""
    return [_crd(definition) for definition in DEFINITIONS]


@cache
def schema(kind: str) -> dict[str, Any]:
    """The structural schema of one kind's objects; shared, so not to be changed.

    Raises:
        KeyError: it is none of our kinds.
    """
    definition = {one.kind: one for one in DEFINITIONS}[kind]
    return _schema(definition)


def _crd(definition: Definition) -> dict[str, Any]:
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [*map(_column, definition.columns), _AGE],
        "schema": {"openAPIV3Schema": _schema(definition)},
        "subresources": {"status": {}},
    }
    names = {
        "kind": definition.kind,
        "listKind": f"{definition.kind}List",
        "plural": definition.plural,
        "singular": definition.singular,
        "shortNames": list(definition.short_names),
        "categories": ["edgewright"],
    }
    spec = {"group": GROUP, "names": names, "scope": "Namespaced", "versions": [version]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": definition.name},
        "spec": spec,
    }


_AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def _column(column: Column) -> dict[str, Any]:
    name, kind, path, priority = column
    entry: dict[str, Any] = {"name": name, "type": kind, "jsonPath": path}
    return {**entry, "priority": priority} if priority else entry


def _schema(definition: Definition) -> dict[str, Any]:
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": structural(definition.spec, definition.rules, "spec"),
        "status": structural(definition.status, {}, "status"),
    }
    return {
        "description": definition.description,
        "type": "object",
        "properties": properties,
        "required": ["spec"],
    }
