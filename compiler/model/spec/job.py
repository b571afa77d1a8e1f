"""What jobs have in common, and how a job's mapping finds its kind's model.

Knows no particular kind: the kinds come with the validation context.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    ValidationInfo,
    model_validator,
)
from pydantic_core import CoreSchema

from compiler.model.codes import spec as codes
from compiler.model.spec.amounts import Percentage
from compiler.model.spec.base import Context, OneOrMany, Shaped, SpecModel, fault
from compiler.model.spec.exposure import ExposeSpec, ReplicasSpec
from compiler.model.spec.free import Params
from compiler.model.spec.gates import GateSpec
from compiler.model.spec.names import BackendName, CodeName, KindName, StepPort, VariableName, Word
from compiler.model.spec.scalars import (
    Count,
    CountOrZero,
    Cron,
    Duration,
    RelativePath,
    SiteUri,
    Window,
)
from compiler.model.spec.where import WhereField
from compiler.model.spec.worker import PlaceSpec, RoleWorkerSpec, WorkerSpec

SplitNames = OneOrMany[Word]
_UPDATE = "hot, rolling or {hot: {poll: DURATION}}"


class JobSpec(SpecModel):
    """What every job of every kind has."""

    needed: ClassVar[Sequence[str]] = ()
    """Attributes that a job of its own must have, while a pipeline step may have a port instead."""
    writes: ClassVar[Mapping[str, str]] = {}
    """Attributes whose `uri` gets what the job makes: `samples` of its data, or `a model` of it."""

    kind: KindName = Field(description="The kind of job.")
    place: PlaceSpec = Field(default_factory=PlaceSpec, description="Where its workers run.")
    backend: BackendName | None = Field(
        None, description="The backend, instead of the first that can."
    )
    delivery: Literal["sidecar", "native"] | None = Field(
        None, description="Who brings artifacts: our sidecar, or the backend itself."
    )


def workers(job: JobSpec) -> Iterator[tuple[str, WorkerSpec]]:
    """Every worker of a job with its role: its one (`worker`), those of its roles, companions."""
    own = getattr(job, "worker", None)
    if own is not None:
        yield "worker", own
    roles = getattr(job, "workers", None)
    for role in type(roles).model_fields if roles is not None else ():
        yield role, getattr(roles, role)
    yield from getattr(job, "companions", {}).items()


class ServiceSpec(JobSpec):
    """A job with long-running workers."""

    replicas: ReplicasSpec | None = Field(
        None, description="How many run: a number, per-host, or a range."
    )
    expose: ExposeSpec | None = Field(None, description="Who can reach its workers.")


class PortTypeSpec(SpecModel):
    """What flows through an output of a step: one type with its format."""

    dataset: Word | None = Field(None, description="A dataset in this format.")
    model: Word | None = Field(None, description="A model of this framework.")
    metrics: Word | None = Field(None, description="Metrics in this format.")
    file: Word | None = Field(None, description="A file of this format.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise fault(
                codes.WRONG_SHAPE,
                "an output is one of {dataset: FORMAT}, {model: FRAMEWORK}, {metrics: FORMAT} "
                "and {file: FORMAT}",
            )
        return self

    @property
    def type(self) -> str:
        """The type: dataset, model, metrics or file."""
        return next(iter(self.model_fields_set))

    @property
    def format(self) -> str:
        """The format or framework of what flows."""
        return str(getattr(self, self.type))


class ResultsSpec(SpecModel):
    """Where a job stores what it makes."""

    uri: SiteUri = Field(description="A place in a store, or host:/PATH.")


class RunSpec(JobSpec):
    """A job that ends: alone, on a schedule, or as a step of a pipeline."""

    worker: WorkerSpec = Field(default_factory=WorkerSpec, description="The worker that does it.")
    inputs: dict[VariableName, StepPort] = Field(
        {}, description="In a pipeline: outputs of other steps, by the role that they play here."
    )
    outputs: dict[VariableName, PortTypeSpec] = Field(
        {}, description="In a pipeline: what the step makes, by name."
    )
    companions: dict[VariableName, WorkerSpec] = Field(
        {},
        description="Servers under test that live as long as the work, by the input they serve.",
    )
    schedule: Cron | None = Field(
        None, description="When it runs, in the five cron fields; once where left out."
    )
    attempt: CountOrZero | None = Field(
        None, description="A number that is raised to run the same work again."
    )
    results: ResultsSpec | None = Field(None, description="Where results are stored.")


class StepSpec(RunSpec):
    """A step of a pipeline that is a worker of no particular kind."""

    kind: KindName = Field("step", description="Left out: a worker of no particular kind.")


class RolloutStepSpec(SpecModel):
    """One step of a rollout: which sites come now, and how long to watch them."""

    where: WhereField | None = Field(None, description="The sites, by label.")
    percent: Annotated[int, Field(strict=True, ge=1, le=100)] | None = Field(
        None, description="The sites, as a share of all of them."
    )
    soak: Duration | None = Field(
        None, description="How long the step is watched before the next one."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.where is None) is (self.percent is None):
            raise fault(codes.EXCLUSIVE_KEYS, "a rollout step has either where or percent")
        return self


class RolloutSpec(SpecModel):
    """How a new version spreads over the sites."""

    steps: tuple[RolloutStepSpec, ...] = Field(
        description="The steps in order; the last one takes all sites.", min_length=1
    )
    ready: Percentage = Field(
        100.0, description="The share of reporting sites that must be ready before the next step."
    )
    abort_above: Percentage | None = Field(
        None, description="The share of failed sites above which the old version is restored."
    )

    @model_validator(mode="after")
    def _ends_everywhere(self) -> Self:
        if self.steps[-1].percent != 100:
            raise fault(
                codes.CONTRADICTION,
                "the last step of a rollout takes all sites, and this one does not",
                "Add {percent: 100} at the end.",
            )
        return self


class UpdateSpec(SpecModel):
    """How a running worker gets a new model: `how` is hot or rolling, `poll` Sedna's interval."""

    shapes: ClassVar = _UPDATE

    how: Literal["hot", "rolling"] = Field(
        description="hot: files are swapped and loaded; rolling: pods restart."
    )
    poll: Duration | None = Field(None, description="How often the worker looks for a new model.")

    @model_validator(mode="before")
    @classmethod
    def _shape(cls, data: Any) -> Any:
        if isinstance(data, str) and data in ("hot", "rolling"):
            return {"how": data}
        inner = data.get("hot") if isinstance(data, dict) and len(data) == 1 else None
        if isinstance(inner, dict) and inner.keys() <= {"poll"}:
            return Shaped({"how": "hot", **inner}, inner)
        code = codes.UNKNOWN_WORD if isinstance(data, str) else codes.WRONG_SHAPE
        raise fault(code, f"update is {_UPDATE}")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The JSON Schema with its words and the mapping."""
        poll = handler.resolve_ref_schema(handler(schema))["properties"]["poll"]
        hot = {"type": "object", "properties": {"poll": poll}, "additionalProperties": False}
        mapping = {
            "type": "object",
            "properties": {"hot": hot},
            "required": ["hot"],
            "additionalProperties": False,
        }
        return {"anyOf": [{"enum": ["hot", "rolling"]}, mapping]}


class TriggerSpec(SpecModel):
    """When a learning loop runs its next round."""

    new_samples: Count | None = Field(
        None, description="After strictly more than this many new samples."
    )
    every: Duration | None = Field(None, description="How often it is looked.")
    window: Window | None = Field(None, description="The time of day in which it may run.")


class HardExamplesSpec(SpecModel):
    """How hard examples are told from easy ones: a known algorithm, or code of one's own."""

    algorithm: Word | None = Field(None, description="A known algorithm, such as IBT.")
    code: CodeName | None = Field(None, description="A code artifact, instead of an algorithm.")
    entry: RelativePath | None = Field(None, description="The file in it that is run.")
    params: Params = Field({}, description="Its parameters; numbers keep their source text.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.algorithm is None) is (self.code is None) or (self.code is None) is not (
            self.entry is None
        ):
            raise fault(
                codes.EXCLUSIVE_KEYS, "write algorithm: NAME, or code: NAME with entry: FILE"
            )
        return self


class LoadTestSpec(SpecModel):
    """Requests against a running server, with gates on what was measured."""

    duration: Duration = Field(description="How long requests are sent.")
    concurrency: Count = Field(1, description="How many requests are open at once.")
    gates: tuple[GateSpec, ...] = Field((), description="What the measured values must fulfil.")


class LoopWorkersSpec(SpecModel):
    """The workers of a learning loop."""

    train: RoleWorkerSpec = Field(description="Trains the next model.")
    evaluate: RoleWorkerSpec = Field(description="Compares it with the current one.")
    infer: RoleWorkerSpec = Field(description="Serves the current model.")


def _job(value: Any, info: ValidationInfo) -> Any:
    return _by_kind(value, info, step=False)


def _step(value: Any, info: ValidationInfo) -> Any:
    return _by_kind(value, info, step=True)


def _by_kind(value: Any, info: ValidationInfo, step: bool) -> Any:
    if isinstance(value, JobSpec):
        return value
    context = info.context
    if not isinstance(context, Context) or context.job is None:
        raise TypeError("jobs need a validation context that knows the kinds")
    return context.job(value, context, step)


AnyJob = Annotated[JobSpec, PlainValidator(_job)]
"""A job of whatever kind its `kind:` names."""
AnyStep = Annotated[JobSpec, PlainValidator(_step)]
"""A step of a pipeline: a worker, or a job of a kind."""
