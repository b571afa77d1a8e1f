"""Dataset: what is known of one dataset of a project, including where its bytes must stay."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from compiler.model.definitions_base import (
    NO_PASSWORD,
    Count,
    Digest,
    Line,
    Name,
    Part,
    Rule,
    Status,
    Url,
)

Phase = Literal["Pending", "Ready", "Invalid"]
Fraction = Annotated[float, Field(ge=0, le=1)]


class DatasetVersionEntry(Part):
    """One immutable version."""

    version: Name = Field(description="Version.")
    url: Url | None = Field(None, description="Where the bytes are, without user or password.")
    digest: Digest | None = Field(None, description="SHA-256 of the bytes.")
    size: Count | None = Field(None, description="Bytes as stored.")
    samples: Count | None = Field(None, description="Number of samples.")
    problems: Count | None = Field(None, description="Number of problems found.")
    class_counts: dict[str, Count] | None = Field(
        None, description="Samples by class.", max_length=10000
    )


class SplitEntry(Part):
    """How samples are divided."""

    seed: Count | None = Field(None, description="Seed of the division; by position without.")
    parts: dict[str, Fraction] = Field(description="Share of each part.", max_length=16)


class LocalEntry(Part):
    """A share that is born at a site and stays there."""

    site: Name = Field(description="Site.")
    path: Annotated[str, Field(pattern="^/", max_length=1024)] = Field(
        description="Path on each host of the site."
    )


class RequirementEntry(Part):
    """What must be true of every version."""

    min_samples: Count | None = Field(None, description="Smallest number of samples.")
    max_imbalance: Annotated[float, Field(ge=1)] | None = Field(
        None, description="Largest ratio between two classes."
    )


class DatasetSpec(Part):
    """What a project knows of one dataset."""

    project: Name = Field(description="Project in the spec.")
    environment: Name | None = Field(None, description="Environment in the spec.")
    dataset: Name = Field(description="Dataset in the spec.")
    format: Name = Field(description="Format of the files.")
    classes: list[Line] | None = Field(None, description="Classes of labels.", max_length=10000)
    versions: list[DatasetVersionEntry] | None = Field(
        None, description="Versions there are.", max_length=128
    )
    splits: SplitEntry | None = Field(None, description="How samples are divided.")
    require: RequirementEntry | None = Field(None, description="What must be true of it.")
    private_to: Name | None = Field(None, description="Only site where its bytes may be.")
    local: list[LocalEntry] | None = Field(
        None, description="Shares that stay where they are born.", max_length=5000
    )


class DatasetStatus(Status):
    """What is known of its bytes."""

    url: Url | None = Field(None, description="Where the newest version lies.")
    phase: Phase | None = Field(None, description="State in one word.")
    samples: Count | None = Field(None, description="Number of samples seen.")


RULES: dict[str, tuple[Rule, ...]] = {
    "spec": (
        {
            "rule": "!(has(self.versions) && has(self.local))",
            "message": "a dataset has versions, or local shares, not both",
        },
    ),
    "spec.project": ({"rule": "self == oldSelf", "message": "project cannot change"},),
    "spec.dataset": ({"rule": "self == oldSelf", "message": "dataset cannot change"},),
    "spec.versions.items": (
        {
            "rule": "!has(self.url) || " + NO_PASSWORD.format(field="url"),
            "message": "url must not contain a user and password",
        },
    ),
}

COLUMNS = (
    ("Dataset", "string", ".spec.dataset", 0),
    ("Format", "string", ".spec.format", 0),
    ("Samples", "integer", ".status.samples", 0),
    ("Phase", "string", ".status.phase", 0),
    ("Private to", "string", ".spec.privateTo", 1),
)
