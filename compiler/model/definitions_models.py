"""The CustomResourceDefinitions of InferenceModel, TrainingModel and Dataset, from their models.

What this module makes is kept in `definitions.json`, which is what a compile reads: making it
takes longer than compiling a small fleet. Compiling never imports this module.
"""

from __future__ import annotations

import json
from typing import Any

from compiler.model import definitions_dataset as dataset
from compiler.model import definitions_inference as inference
from compiler.model import definitions_training as training
from compiler.model.definitions import GROUP, VERSION
from compiler.model.definitions_base import Part, Rule, Status
from compiler.model.definitions_schema import structural
from compiler.model.record import dataclass

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


def generated() -> list[dict[str, Any]]:
    """The three CustomResourceDefinitions, by name, made anew from the models."""
    return [_crd(definition) for definition in DEFINITIONS]


def text() -> str:
    """What `definitions.json` has to hold. The order of keys is that of the output."""
    return json.dumps(generated(), indent=1, ensure_ascii=False) + "\n"


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
