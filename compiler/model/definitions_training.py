"""TrainingModel: what is known of one model of a project, for training and for choosing.

One per project and model: its versions with metrics and lineage, and how it is trained.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from compiler.model.definitions_base import (
    NO_PASSWORD,
    Count,
    Digest,
    Line,
    Lineage,
    Metric,
    Name,
    Needs,
    Part,
    Rule,
    Signature,
    Status,
    Url,
)

Phase = Literal["Pending", "Training", "Evaluating", "Ready", "Failed"]


class VariantEntry(Part):
    """A build of a version for certain hardware."""

    name: Name = Field(description="Variant.")
    digest: Digest | None = Field(None, description="SHA-256 of the stored bytes.")
    size: Count | None = Field(None, description="Bytes as stored.")
    framework: Name | None = Field(None, description="Framework of the files.")
    needs: Needs | None = Field(None, description="What a host must have.")


class VersionEntry(Part):
    """One version of the model."""

    version: Name = Field(description="Version.")
    digest: Digest | None = Field(None, description="SHA-256 of the stored bytes.")
    url: Url | None = Field(None, description="Where the bytes are, without user or password.")
    size: Count | None = Field(None, description="Bytes as stored.")
    yanked: Line | None = Field(None, description="Why it must not be used again.")
    variants: list[VariantEntry] | None = Field(None, description="Other builds.", max_length=32)
    metrics: list[Metric] | None = Field(None, description="Measured values.", max_length=64)
    lineage: Lineage | None = Field(None, description="Where it comes from.")


class TrainingModelSpec(Part):
    """What a project knows of one model."""

    project: Name = Field(description="Project in the spec.")
    environment: Name | None = Field(None, description="Environment in the spec.")
    model: Name = Field(description="Model in the spec.")
    task: Name | None = Field(None, description="What the model does.")
    framework: Name | None = Field(None, description="Framework of the files.")
    classes: list[Line] | None = Field(
        None, description="Classes it tells apart, in order.", max_length=10000
    )
    license: Line | None = Field(None, description="Licence (SPDX).")
    signature: Signature | None = Field(None, description="Inputs and outputs.")
    target: Name | None = Field(None, description="Version that jobs use.")
    versions: list[VersionEntry] | None = Field(
        None, description="Versions there are.", max_length=128
    )
    base: Name | None = Field(None, description="Model and version that training begins with.")
    datasets: list[Name] | None = Field(None, description="Datasets trained on.", max_length=64)
    code: list[Name] | None = Field(None, description="Code artifacts used.", max_length=64)
    params: dict[str, Line] | None = Field(
        None, description="Hyperparameters in their source text.", max_length=256
    )
    jobs: list[Name] | None = Field(None, description="Jobs that train it.", max_length=64)
    parts: dict[str, Name] | None = Field(
        None, description="Parts of a joint model's target, by role.", max_length=8
    )


class TrainingModelStatus(Status):
    """What is known of its training."""

    url: Url | None = Field(None, description="Where the newest result lies.")
    phase: Phase | None = Field(None, description="State in one word.")


RULES: dict[str, tuple[Rule, ...]] = {
    "spec": (
        {
            "rule": (
                "!has(self.target) || !has(self.versions) || "
                "self.versions.exists(entry, entry.version == self.target)"
            ),
            "message": "target must be one of the versions",
            "fieldPath": ".target",
        },
        {
            "rule": (
                "!has(self.target) || !has(self.versions) || "
                "!self.versions.exists(entry, entry.version == self.target && has(entry.yanked))"
            ),
            "message": "target must not be a yanked version",
            "fieldPath": ".target",
        },
    ),
    "spec.project": ({"rule": "self == oldSelf", "message": "project cannot change"},),
    "spec.model": ({"rule": "self == oldSelf", "message": "model cannot change"},),
    "spec.versions.items": (
        {
            "rule": "!has(self.url) || " + NO_PASSWORD.format(field="url"),
            "message": "url must not contain a user and password",
        },
    ),
}

COLUMNS = (
    ("Model", "string", ".spec.model", 0),
    ("Task", "string", ".spec.task", 0),
    ("Target", "string", ".spec.target", 0),
    ("Phase", "string", ".status.phase", 0),
    ("Newest", "string", ".status.version", 1),
)
