"""The plan: the narrow waist between kinds and backends. Nine nodes, frozen and typed.

Kinds produce nodes and know no backend; backends consume nodes and know no kind. A node's
`FIELDS` are the fields of the spec that a backend must answer for, one by one: enforced,
passed to user code, or refused. Nothing here places, chooses or renders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, ClassVar, Literal

from compiler.model.diagnostics import Span
from compiler.model.inputs import Binding, HostData, Input, Location, Slot, StableInput
from compiler.model.member import Member, Place
from compiler.model.record import dataclass
from compiler.model.worker import Worker

WORKER_FIELDS = (
    "worker.image", "worker.imagePullPolicy", "worker.server", "worker.command", "worker.args",
    "worker.env", "worker.files", "worker.volumes", "worker.devices", "worker.accelerator",
    "worker.ports", "worker.resources", "worker.params", "worker.code", "worker.user",
    "worker.hostNetwork",
)  # fmt: skip
PLACEMENT_FIELDS = ("place", "replicas", "expose")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What every node has: the job it came from and the lines that wrote its fields.

    `name` is the base name of its objects (RFC 1123, at most 63 characters). `backend` is the
    author's `backend:` or empty. `fields` maps a spec field to its span.
    """

    FIELDS: ClassVar[tuple[str, ...]] = ()

    job: str
    name: str
    backend: str = ""
    span: Span | None = field(default=None, compare=False)
    fields: Mapping[str, Span] = field(default_factory=dict, compare=False)

    @property
    def members(self) -> tuple[Member, ...]:
        """Every worker group of the node."""
        return ()

    @property
    def places(self) -> tuple[Place, ...]:
        """Where its members run, in member order."""
        return tuple(member.place for member in self.members)

    def field_span(self, name: str) -> Span | None:
        """The line that wrote the field, or the node's own."""
        return self.fields.get(name, self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Node):
    """A long-running worker group, one per job, role, site (and host where per-host)."""

    FIELDS: ClassVar[tuple[str, ...]] = (
        *WORKER_FIELDS, *PLACEMENT_FIELDS, "models", "update", "rollout", "delivery",
    )  # fmt: skip

    member: Member
    load_test: Mapping[str, Any] = field(default_factory=dict)

    @property
    def members(self) -> tuple[Member, ...]:
        """The one worker group."""
        return (self.member,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """A server under test that lives as long as the work beside it."""

    name: str
    worker: Worker
    inputs: tuple[Binding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One stage of a Run: a worker that consumes inputs and leaves named outputs."""

    name: str
    worker: Worker
    inputs: tuple[Binding, ...] = ()
    outputs: tuple[OutputPort, ...] = ()
    gates: tuple[Gate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPort:
    """A named output of a stage: `type` is model, dataset, metrics or file."""

    name: str
    type: str
    format: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A condition on a metric; `comparison` is at_least, at_most, improves_by or no_worse_by."""

    metric: str
    comparison: Literal["at_least", "at_most", "improves_by", "no_worse_by"]
    value: float
    unit: str = ""
    dataset: str = ""
    split: str = ""
    profile: str = ""
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Node):
    """One-shot work in ordered stages at one site: fetch, work (one or more), push.

    `nodes` above 1 asks for multi-node training. `attempt` forces a repetition. `keep` says
    which results are kept (`best`, `last`); `results` is where they go.
    """

    FIELDS: ClassVar[tuple[str, ...]] = (
        *WORKER_FIELDS, "place", "inputs", "results", "attempt", "numNodes", "keep", "gates",
        "companions", "delivery",
    )  # fmt: skip

    place: Place
    stages: tuple[Work, ...]
    companions: tuple[Companion, ...] = ()
    results: Location | None = None
    nodes: int = 1
    keep: tuple[str, ...] = ()
    attempt: int = 0

    @property
    def members(self) -> tuple[Member, ...]:
        """One member per stage, so that fit and images are counted the same way everywhere."""
        return tuple(
            Member(role=stage.name, place=self.place, worker=stage.worker, inputs=stage.inputs)
            for stage in self.stages
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A Run inside a pipeline; `needs` names the steps whose outputs it consumes."""

    name: str
    run: Run
    needs: tuple[str, ...] = ()
    gates: tuple[Gate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline(Node):
    """A directed acyclic graph of Runs joined by typed ports, with gates on its edges."""

    FIELDS: ClassVar[tuple[str, ...]] = ("steps", "gates", "ports", "companions", "results")

    steps: tuple[Step, ...]

    @property
    def members(self) -> tuple[Member, ...]:
        """The members of every step, in step order."""
        return tuple(member for step in self.steps for member in step.run.members)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(Node):
    """A Run or a Pipeline on a timer: `cron` has five fields, read in `timezone`."""

    FIELDS: ClassVar[tuple[str, ...]] = ("schedule", "timezone")

    cron: str
    work: Run | Pipeline
    timezone: str = ""

    @property
    def members(self) -> tuple[Member, ...]:
        """The members of the work."""
        return self.work.members


@dataclass(frozen=True, slots=True, kw_only=True)
class HardExamples:
    """How an edge decides that a sample is hard: a known algorithm or the user's own code."""

    algorithm: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    entry: str = ""
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade(Node):
    """Edge model first, hard examples to the cloud model: one cloud member, N edge members.

    One Cascade per live version of the joint model; the planner splits edges by cluster.
    """

    FIELDS: ClassVar[tuple[str, ...]] = (
        *WORKER_FIELDS, *PLACEMENT_FIELDS, "model", "hardExamples", "delivery", "update",
    )  # fmt: skip

    model: str
    version: str
    cloud: Member
    edges: tuple[Member, ...]
    hard_examples: HardExamples | None = None

    @property
    def members(self) -> tuple[Member, ...]:
        """The cloud member, then the edges."""
        return (self.cloud, *self.edges)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """When a loop trains: more than `new_samples` new ones, inside the local-time `window`.

    `every` is the period of looking, in seconds.
    """

    new_samples: int
    every: int = 60
    window: str = ""
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A dataset, or one site's share of it, on the host where it is read.

    `split` maps a part to its fraction; `seed` is None where the split is by position.
    """

    name: str
    input: Input
    format: str
    host: str = ""
    split: Mapping[str, float] = field(default_factory=dict)
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop(Node):
    """Collect, train, evaluate, gate, hand over, repeat; at one host of one site.

    `deploy` is the mutable slot that the loop writes and inference reads. `hot_poll` is the
    poll period in seconds of a hot hand-over, 0 for a restart.
    """

    FIELDS: ClassVar[tuple[str, ...]] = (
        *WORKER_FIELDS, *PLACEMENT_FIELDS, "model", "dataset", "splits", "trigger", "gate",
        "hardExamples", "initialEvalModel", "deploy", "update", "results",
    )  # fmt: skip

    mode: Literal["single-task", "lifelong"]
    dataset: Share
    train: Member
    evaluate: Member
    infer: Member
    trigger: Trigger
    gate: Gate | None
    results: Location
    initial: StableInput | None = None
    initial_evaluation: StableInput | None = None
    deploy: Slot | None = None
    hot_poll: int = 0
    hard_examples: HardExamples | None = None

    @property
    def members(self) -> tuple[Member, ...]:
        """Train, evaluate, infer."""
        return (self.train, self.evaluate, self.infer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Federation(Node):
    """An aggregator and N participants with a transport (`websocket`, `s3` or `grpc`)."""

    FIELDS: ClassVar[tuple[str, ...]] = (
        *WORKER_FIELDS, *PLACEMENT_FIELDS, "model", "dataset", "rounds", "aggregation",
        "transport", "results",
    )  # fmt: skip

    aggregator: Member
    participants: tuple[Participant, ...]
    initial: StableInput | None
    rounds: int
    min_participants: int
    stop_when: Gate | None
    algorithm: str
    algorithm_params: Mapping[str, str]
    transport: Literal["websocket", "s3", "grpc"]
    results: Location

    @property
    def members(self) -> tuple[Member, ...]:
        """The aggregator, then the participants."""
        return (self.aggregator, *(participant.member for participant in self.participants))


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """One site's worker with its own share of the dataset; the share never leaves the site."""

    member: Member
    share: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution(Node):
    """Artifacts and their metadata kept identical on a site's hosts."""

    FIELDS: ClassVar[tuple[str, ...]] = ("models", "datasets", "code", "place", "peers")

    place: Place
    artifacts: tuple[Binding, ...]
    peers: bool = False

    @property
    def places(self) -> tuple[Place, ...]:
        """The one place."""
        return (self.place,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Node):
    """What is known of a model or dataset: becomes an InferenceModel, TrainingModel or Dataset.

    `facts` is the object's `spec`, already in the definition's own field names. `place` is set
    for an InferenceModel, which exists per job, model and site.
    """

    FIELDS: ClassVar[tuple[str, ...]] = ("record",)

    kind: Literal["InferenceModel", "TrainingModel", "Dataset"]
    facts: Mapping[str, Any]
    place: Place | None = None
    host_data: HostData | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        """The one place, or none for a record of the project."""
        return (self.place,) if self.place else ()


NODES: tuple[type[Node], ...] = (
    Service, Run, Schedule, Pipeline, Cascade, Loop, Federation, Distribution, Record,
)  # fmt: skip
