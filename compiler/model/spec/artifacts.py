"""Artifacts: models with versions and variants, datasets, and code.

Digests, sizes and which version is used are resolved later, against the lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from compiler.model.codes import spec as codes
from compiler.model.spec.amounts import MetricValue
from compiler.model.spec.base import OneOrMany, SpecModel, chosen, fault, key_of
from compiler.model.spec.data import (
    ColumnsSpec,
    DatasetLineageSpec,
    GoldenSpec,
    LineageSpec,
    SplitsSpec,
)
from compiler.model.spec.free import Params
from compiler.model.spec.gates import GateSpec
from compiler.model.spec.names import (
    DatasetFormat,
    DatasetReference,
    ModelReference,
    Name,
    ProfileName,
    SiteName,
    Version,
    Word,
)
from compiler.model.spec.scalars import (
    Count,
    CountOrZero,
    Flag,
    HostPath,
    License,
    Line,
    Number,
    OneLicense,
    Prose,
    Quantity,
    RelativePath,
    Sha256,
    Uri,
)
from compiler.model.spec.signature import ClassMap, ProcessingSpec, SignatureSpec
from compiler.model.spec.where import WhereField

Unpack = Literal["tar", "tar.gz", "zip"]
Words = OneOrMany[Word]


class CodeSpec(SpecModel):
    """Scripts as an artifact: training code, pre- and postprocessing."""

    uri: Uri = Field(description="Where the bytes are.")
    sha256: Sha256 | None = Field(
        None, description="The digest of the stored bytes; the lock has it otherwise."
    )
    unpack: Unpack | None = Field(
        None, description="How the bytes are unpacked; none: a single file."
    )


class NeededAcceleratorSpec(SpecModel):
    """An accelerator that a model needs."""

    name: Word = Field(description="The accelerator's name in the hardware profile.")
    count: Count = Field(1, description="How many units.")


class NeedsSpec(SpecModel):
    """What a host must have for a version or variant to run on it."""

    arch: Words = Field((), description="Processor architectures that it runs on.")
    cpu: Quantity | None = Field(None, description="CPU cores that it uses.")
    memory: Quantity | None = Field(None, description="Memory that it uses when loaded.")
    disk: Quantity | None = Field(None, description="Disk space that it uses when unpacked.")
    accelerator: NeededAcceleratorSpec | None = Field(
        None, description="The accelerator that it runs on."
    )


class MetricSpec(SpecModel):
    """A measured value of a version."""

    name: Word = Field(description="The metric's name.")
    value: MetricValue = Field(
        description="The value, a number or a text with a unit such as 24ms."
    )
    dataset: DatasetReference | None = Field(None, description="The dataset it was measured on.")
    split: Word | None = Field(None, description="The split of the dataset.")
    profile: ProfileName | None = Field(
        None, description="The hardware profile it was measured on."
    )
    params: Params = Field({}, description="Parameters of the metric, such as an IoU threshold.")
    digest: Sha256 | None = Field(
        None, description="The digest of the dataset it was measured on; the lock's otherwise."
    )
    by: Line | None = Field(None, description="Who measured it, such as a job's run.")

    @model_validator(mode="after")
    def _data_of_a_dataset(self) -> Self:
        if self.dataset is None and self.digest:
            raise fault(
                codes.ONE_KEY_NEEDED,
                f"{self.name} has the digest of a dataset, and no dataset",
                'Example: dataset: "shelves:2026.1"',
            )
        return self


def measured_once(metrics: Sequence[MetricSpec]) -> None:
    """Refuse two values of one metric that were measured in the same way."""
    seen: set[str] = set()
    for one in metrics:
        params = sorted((key, str(getattr(v, "text", v))) for key, v in one.params.items())
        about = repr((one.name, one.dataset, one.digest, one.split, one.profile, params))
        if about in seen:
            raise fault(
                codes.CONTRADICTION,
                f"{one.name} is measured twice in the same way; one value counts",
            )
        seen.add(about)


class VersionFields(SpecModel):
    """What a version says, and what a variant may say instead."""

    uri: Uri | None = Field(None, description="Where the bytes are.")
    sha256: Sha256 | None = Field(
        None, description="The digest of the stored bytes; the lock has it otherwise."
    )
    unpack: Unpack | None = Field(
        None, description="How the bytes are unpacked; none: a single file."
    )
    framework: Word | None = Field(
        None, description="The framework, where it differs from the model's."
    )
    format: Word | None = Field(
        None, description="The file format, where it differs from the model's."
    )
    signature: SignatureSpec | None = Field(
        None, description="The signature, where it differs from the model's."
    )
    classes: tuple[Line, ...] | None = Field(
        None, description="The classes, where they differ from the model's."
    )
    preprocess: ProcessingSpec | None = Field(
        None, description="The preprocessing, where it differs from the model's."
    )
    postprocess: ProcessingSpec | None = Field(
        None, description="The postprocessing, where it differs from the model's."
    )
    license: License | None = Field(
        None, description="The licence, where it differs from the model's."
    )
    needs: NeedsSpec | None = Field(None, description="What a host must have for it.")
    metrics: tuple[MetricSpec, ...] = Field((), description="Measured values.")
    lineage: LineageSpec | None = Field(None, description="Where it comes from.")
    golden: GoldenSpec | None = Field(None, description="A known input with its expected output.")
    yanked: Prose | None = Field(None, description="Why it must never be used again.")

    @model_validator(mode="after")
    def _measured_once(self) -> Self:
        measured_once(self.metrics)
        return self


class VariantSpec(VersionFields):
    """Another build of the same version, for certain hardware."""


class VersionSpec(VersionFields):
    """One version of a model: bytes, or for joint inference an edge and a cloud part."""

    variants: dict[Name, VariantSpec] = Field(
        {},
        description="Other builds by name; a host gets the most specific one whose needs it meets.",
    )
    edge: ModelReference | None = Field(None, description="The part that runs at the edge.")
    cloud: ModelReference | None = Field(None, description="The part that runs in the cloud.")
    inputs: Literal["same", "own"] | None = Field(
        None,
        description="Whether both parts take the same inputs, as is the default, or each worker "
        "prepares its own.",
    )
    class_map: ClassMap = Field(
        {}, description="Classes of the edge part with the cloud part's, where the lists differ."
    )

    @model_validator(mode="after")
    def _bytes_or_parts(self) -> Self:
        parts = chosen(self, ("edge", "cloud"))
        only = [key_of(one) for one in ("inputs", "class_map") if getattr(self, one)]
        if only and not parts:
            raise fault(
                codes.CONTRADICTION, f"{only[0]} is for a version with the parts edge and cloud"
            )
        if self.uri is not None and parts:
            raise fault(
                codes.EXCLUSIVE_KEYS, "a version has either a uri or the parts edge and cloud"
            )
        built = bool(self.variants) and all(v.uri is not None for v in self.variants.values())
        if self.uri is None and len(parts) != 2 and (parts or not built):
            raise fault(
                codes.ONE_KEY_NEEDED,
                "a version needs a uri, or both parts edge and cloud, or a uri in every variant",
                'Example: {uri: "main:shelf/1.4.0.tar.gz"}',
            )
        return self

    @property
    def pair(self) -> bool:
        """True when the version consists of an edge and a cloud part."""
        return self.edge is not None


class RequirementSpec(SpecModel):
    """What a version must be to be selected at all."""

    license: OneOrMany[OneLicense] = Field((), description="Licences that are acceptable.")
    framework: Words = Field((), description="Frameworks that are acceptable.")


class SelectSpec(SpecModel):
    """How the version in use is chosen when the lock is made."""

    require: RequirementSpec = Field(
        default_factory=RequirementSpec, description="What a version must be."
    )
    metric: Word = Field(description="The metric that decides.")
    dataset: DatasetReference | None = Field(
        None, description="The dataset it must have been measured on."
    )
    split: Word | None = Field(None, description="The split of the dataset.")
    profile: ProfileName | None = Field(
        None, description="The hardware profile it must have been measured on."
    )
    improves_by: MetricValue | None = Field(
        None, description="The version in use stays unless it is beaten by strictly more than this."
    )


class ModelSpec(SpecModel):
    """A model: its versions and which of them is wanted."""

    task: Word | None = Field(None, description="What it does, such as object-detection.")
    framework: Word | None = Field(None, description="The framework of its files, such as onnx.")
    format: Word | None = Field(
        None, description="The file format, where the framework has several, such as pb."
    )
    classes: tuple[Line, ...] = Field((), description="The classes it tells apart, in order.")
    signature: SignatureSpec | None = Field(None, description="What goes in and what comes out.")
    preprocess: ProcessingSpec | None = Field(None, description="Code that runs before it.")
    postprocess: ProcessingSpec | None = Field(None, description="Code that runs after it.")
    license: License | None = Field(None, description="The licence, as an SPDX expression.")
    versions: dict[Version, VersionSpec] = Field(
        {}, description="Versions by name; quote names that look like numbers."
    )
    target: Version | None = Field(None, description="The version that jobs use.")
    select: SelectSpec | None = Field(
        None, description="How the version is chosen, instead of target."
    )
    gates: tuple[GateSpec, ...] = Field(
        (), description="What a version must fulfil to be deployed."
    )

    @model_validator(mode="after")
    def _target_or_select(self) -> Self:
        if self.target is not None and self.select is not None:
            raise fault(
                codes.EXCLUSIVE_KEYS,
                "a model has either target or select",
                "Remove one of the two.",
            )
        return self


class DatasetVersionSpec(SpecModel):
    """One immutable version of a dataset."""

    uri: Uri = Field(description="Where the bytes are; a directory ends with a slash.")
    sha256: Sha256 | None = Field(None, description="The digest; the lock has it otherwise.")
    unpack: Unpack | None = Field(
        None, description="How the bytes are unpacked; none: files as they are."
    )
    annotations: RelativePath | None = Field(None, description="The annotation file below the uri.")
    lineage: DatasetLineageSpec | None = Field(None, description="Where it comes from.")


class LocalDataSpec(SpecModel):
    """Data that is born at the edge and stays there."""

    path: HostPath | None = Field(None, description="Its path on each host.")
    where: WhereField | None = Field(None, description="The sites that have it.")
    sites: dict[SiteName, HostPath] = Field(
        {}, description="Its path by site, instead of path and where."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.path is None) is (not self.sites):
            raise fault(
                codes.EXCLUSIVE_KEYS, "local is either {path: …, where: …} or {sites: {SITE: PATH}}"
            )
        if self.sites and self.where is not None:
            raise fault(codes.EXCLUSIVE_KEYS, "where goes with path; sites names its sites itself")
        return self


class PrivacySpec(SpecModel):
    """Where the bytes of a dataset must stay."""

    site: SiteName | None = Field(
        None, description="The only site where its bytes may be; local data stays where it is."
    )
    models: Flag = Field(
        False, description="Whether models that were trained on it must stay there as well."
    )


class RequirementsSpec(SpecModel):
    """What must be true of a dataset."""

    min_samples: CountOrZero | None = Field(None, description="The smallest number of samples.")
    max_imbalance: Annotated[Number, Field(ge=1)] | None = Field(
        None, description="The largest ratio between the classes with most and fewest samples."
    )


class DatasetSpec(SpecModel):
    """A dataset: immutable versions, or data that stays where it is born."""

    format: DatasetFormat = Field(description="The format of its files.")
    classes: tuple[Line, ...] = Field((), description="The classes that its labels use.")
    versions: dict[Version, DatasetVersionSpec] = Field(
        {}, description="Versions by name; quote names that look like numbers."
    )
    columns: ColumnsSpec | None = Field(
        None, description="Which column of its records holds what; for csv, jsonl and parquet."
    )
    splits: SplitsSpec | None = Field(None, description="How its samples are divided.")
    require: RequirementsSpec = Field(
        default_factory=RequirementsSpec, description="What must be true of it."
    )
    private: PrivacySpec | None = Field(None, description="Where its bytes must stay.")
    local: LocalDataSpec | None = Field(
        None, description="Where it lies on hosts, instead of versions."
    )
    license: License | None = Field(None, description="The licence, as an SPDX expression.")

    @model_validator(mode="after")
    def _versions_or_local(self) -> Self:
        if self.versions and self.local is not None:
            raise fault(codes.EXCLUSIVE_KEYS, "a dataset has either versions or local data")
        if not self.versions and self.local is None:
            raise fault(codes.ONE_KEY_NEEDED, "a dataset needs versions, or local data")
        if self.private is not None and self.private.site is None and self.local is None:
            raise fault(
                codes.ONE_KEY_NEEDED,
                "private needs the site that the data may not leave",
                "Write private: {site: NAME}.",
            )
        return self
