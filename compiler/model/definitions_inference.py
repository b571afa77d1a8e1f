"""InferenceModel: one model of one job at one site, and what it is to serve.

Carries every field of the older Go shape (`modelName` to `replicas`, status `url`) beside our own.
In that shape an `image` wins over a `manifest`; both may be there, and the compiler says so.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from compiler.model.definitions_base import (
    NO_PASSWORD,
    Count,
    Digest,
    Layer,
    Line,
    Metric,
    Name,
    Needs,
    Part,
    Rule,
    Signature,
    Status,
    Url,
)

Phase = Literal[
    "Pending", "Fetching", "Staged", "Activating", "Ready", "RolledBack", "Blocked", "Offline"
]


class ManifestEntry(Part):
    """One version of the older shape: bytes at a URL with their digest."""

    version: Name = Field(description="Version.")
    download_url: Url = Field(
        alias="downloadURL", description="Where the bytes are, without user or password."
    )
    sha256sum: Digest | None = Field(None, alias="sha256sum", description="Digest of the bytes.")


class InferenceModelSpec(Part):
    """What one job serves at one site."""

    project: Name | None = Field(None, description="Project in the spec.")
    environment: Name | None = Field(None, description="Environment in the spec.")
    job: Name = Field(description="Job in the spec.")
    role: Name | None = Field(None, description="Role of the worker within its job.")
    model: Name = Field(description="Model in the spec.")
    site: Name = Field(description="Site in the spec.")
    version: Name | None = Field(None, description="Version to serve.")
    variant: Name | None = Field(None, description="Variant for this hardware.")
    digest: Digest | None = Field(None, description="SHA-256 of the stored bytes.")
    serve_version: Annotated[int, Field(ge=1, le=2147483647)] | None = Field(
        None, description="Number by which the server knows the version."
    )
    size: Count | None = Field(None, description="Bytes as stored.")
    url: Url | None = Field(None, description="Where the bytes are, without user or password.")
    framework: Name | None = Field(None, description="Framework of the files.")
    task: Name | None = Field(None, description="What the model does.")
    classes: list[Line] | None = Field(
        None, description="Classes it tells apart, in order.", max_length=10000
    )
    license: Line | None = Field(None, description="Licence (SPDX).")
    signature: Signature | None = Field(None, description="Inputs and outputs.")
    needs: Needs | None = Field(None, description="What a host must have.")
    metrics: list[Metric] | None = Field(None, description="Measured values.", max_length=256)
    update: Literal["hot", "rolling"] | None = Field(None, description="How versions change.")
    delivery: Literal["sidecar", "native"] | None = Field(
        None, description="Who brings the bytes; native is unverified."
    )
    server: Name | None = Field(None, description="Model server flavour.")
    model_name: Name | None = Field(None, description="Name of the model in the older shape.")
    deploy_to_layer: Layer | None = Field(None, description="Layer it runs on.")
    framework_type: Name | None = Field(None, description="Framework in the older shape.")
    node_selector: dict[str, Annotated[str, Field(max_length=63)]] | None = Field(
        None, description="Labels of the nodes it runs on.", max_length=64
    )
    image: Line | None = Field(None, description="Image that serves it; wins over the manifest.")
    manifest: list[ManifestEntry] | None = Field(
        None, description="Versions there are.", max_length=256
    )
    target_version: Name | None = Field(None, description="Version of the manifest to serve.")
    replicas: Annotated[int, Field(ge=0, json_schema_extra={"format": "int32"})] | None = Field(
        None, description="Number of pods."
    )


class InferenceModelStatus(Status):
    """What is known of the running model."""

    url: Url | None = Field(None, description="Where it is served.")
    phase: Phase | None = Field(None, description="State in one word.")


RULES: dict[str, tuple[Rule, ...]] = {
    "spec": (
        {
            "rule": (
                "!has(self.targetVersion) || !has(self.manifest) || has(self.image) || "
                "self.manifest.exists(entry, entry.version == self.targetVersion)"
            ),
            "message": "targetVersion must be a version of the manifest",
            "fieldPath": ".targetVersion",
        },
        {
            "rule": (
                "!has(self.serveVersion) || has(self.digest) || "
                "(has(self.delivery) && self.delivery == 'native')"
            ),
            "message": "a serveVersion belongs to a digest",
            "fieldPath": ".serveVersion",
        },
        {
            "rule": "!has(self.url) || " + NO_PASSWORD.format(field="url"),
            "message": "url must not contain a user and password",
            "fieldPath": ".url",
        },
    ),
    "spec.job": ({"rule": "self == oldSelf", "message": "job cannot change"},),
    "spec.model": ({"rule": "self == oldSelf", "message": "model cannot change"},),
    "spec.site": ({"rule": "self == oldSelf", "message": "site cannot change"},),
    "spec.manifest.items": (
        {
            "rule": NO_PASSWORD.format(field="downloadURL"),
            "message": "downloadURL must not contain a user and password",
        },
    ),
}

COLUMNS = (
    ("Model", "string", ".spec.model", 0),
    ("Site", "string", ".spec.site", 0),
    ("Version", "string", ".spec.version", 0),
    ("Variant", "string", ".spec.variant", 1),
    ("Phase", "string", ".status.phase", 0),
    ("Running", "string", ".status.version", 0),
    ("URL", "string", ".status.url", 1),
)
