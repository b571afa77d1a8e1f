"""The kind `serve`: one or many models behind a long-running server."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from compiler.model.kind import Kind
from compiler.model.spec.base import optional_list
from compiler.model.spec.job import LoadTestSpec, RolloutSpec, ServiceSpec, UpdateSpec
from compiler.model.spec.names import ModelReference
from compiler.model.spec.worker import WorkerSpec


class ServeSpec(ServiceSpec):
    """Serve models."""

    models: Annotated[tuple[ModelReference, ...], BeforeValidator(optional_list)] = Field(
        description="The models, one or several.", min_length=1
    )
    worker: WorkerSpec = Field(description="The model server.")
    update: UpdateSpec | None = Field(
        None, description="How a new version arrives; hot where the server has a load hook."
    )
    rollout: RolloutSpec | None = Field(
        None, description="How a new version spreads over the sites."
    )
    load_test: LoadTestSpec | None = Field(None, description="A load test with gates.")


KIND = Kind("serve", ServeSpec)
