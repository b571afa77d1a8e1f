"""The project's own facts: its name, the sidecar, the stores, where reports go.

Only declares and parses; a store named elsewhere is looked up by a later stage.
"""

from __future__ import annotations

from pydantic import Field

from compiler.model.spec.base import SpecModel
from compiler.model.spec.names import (
    ClusterSecretName,
    Namespace,
    ProjectName,
    SecretName,
    SiteName,
    Word,
)
from compiler.model.spec.resources import ResourcesSpec
from compiler.model.spec.scalars import Count, Image, Uri, Url


class ProjectSpec(SpecModel):
    """Who owns everything that this spec makes."""

    name: ProjectName = Field(description="The name that every object of this project carries.")
    namespace: Namespace | None = Field(
        None, description="The namespace of its objects; the project's name where it is left out."
    )


class SidecarSpec(SpecModel):
    """The program beside each edge workload that fetches and activates artifacts."""

    image: Image = Field(description="The image of the sidecar.")
    contract: Count = Field(
        1, description="The version of the config format that the image speaks."
    )
    resources: ResourcesSpec = Field(
        default_factory=ResourcesSpec,
        description="What the sidecar's container requests and may use.",
    )


class StoreAccessSpec(SpecModel):
    """How a store may be read: by a Secret, by name only."""

    secret: ClusterSecretName = Field(description="The Secret that holds the credentials.")


class StoreWriteSpec(SpecModel):
    """How a store may be written: by a Secret, which each site may have of its own."""

    secret: SecretName = Field(description="The Secret that holds the credentials.")


class StoreSpec(SpecModel):
    """A place where artifacts live; uris name it as `store:path`."""

    url: Url = Field(description="The address of the store, such as s3://BUCKET/PREFIX.")
    endpoint: Url | None = Field(
        None, description="The S3 endpoint, where it is not the provider's own."
    )
    region: Word | None = Field(None, description="The region of the store.")
    read: StoreAccessSpec | None = Field(
        None, description="Credentials for reading; none for a public store."
    )
    write: StoreWriteSpec | None = Field(None, description="Credentials for writing.")
    site: SiteName | None = Field(
        None,
        description="The site where it stands, so that private data of that site may be in it.",
    )


class ReportsSpec(SpecModel):
    """Where sidecars report what they run."""

    uri: Uri = Field(
        description="A place in a store; `status` and `promote` read the reports there."
    )
