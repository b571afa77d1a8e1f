"""The kind `sync`: keep artifacts identical on a set of sites."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from compiler.model.codes import spec as codes
from compiler.model.kind import Kind
from compiler.model.spec.base import OneOrMany, fault
from compiler.model.spec.job import JobSpec
from compiler.model.spec.names import CodeName, DatasetReference, ModelReference
from compiler.model.spec.scalars import Flag


class SyncSpec(JobSpec):
    """Keep artifacts on sites."""

    models: OneOrMany[ModelReference] = Field((), description="The models.")
    datasets: OneOrMany[DatasetReference] = Field((), description="The datasets.")
    code: OneOrMany[CodeName] = Field((), description="The code artifacts.")
    peers: Flag = Field(False, description="Whether hosts of a site fetch from one another.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.models or self.datasets or self.code):
            raise fault(codes.ONE_KEY_NEEDED, "a sync job needs models, datasets or code")
        return self


KIND = Kind("sync", SyncSpec)
