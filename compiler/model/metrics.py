"""What metrics mean: which way is better, in which unit, and which values may be compared.

The names are those of the libraries that measure them; any other name is defined under `metrics:`
in the spec. Two values compare only where name, parameters, dataset, split and profile are equal:
a number on another dataset says nothing. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from compiler.model.diagnostics import Span
from compiler.model.lock import Lock
from compiler.model.record import dataclass
from compiler.model.spec.amounts import Measure
from compiler.model.spec.artifacts import (
    MetricSpec,
    ModelSpec,
    SelectSpec,
    VariantSpec,
    VersionFields,
    VersionSpec,
)
from compiler.model.spec.gates import GateSpec
from compiler.model.spec.sections import MetricDefinitionSpec

HIGHER = frozenset(
    ("accuracy", "ap", "ar", "auc", "average-precision", "average-recall", "balanced-accuracy",
     "bleu", "cider", "coverage", "dice", "exact-match", "f1", "fps", "hota", "idf1", "iou",
     "jaccard", "kappa", "map", "map50", "map50-95", "map75", "mcc", "meteor", "miou", "mota",
     "ndcg", "pr-auc",
     "precision", "psnr", "r2", "recall", "roc-auc", "rouge-1", "rouge-2", "rouge-l", "rps",
     "sensitivity", "specificity", "ssim", "throughput", "top1", "top5")
)  # fmt: skip
LOWER = frozenset(
    ("brier-score", "cer", "cold-start", "duration", "error-rate", "false-negative-rate",
     "false-positive-rate", "fid", "latency", "log-loss", "loss", "mae", "mape", "memory", "mse",
     "p50", "p90", "p95", "p99", "peak-memory", "perplexity", "rmse", "size", "wer")
)  # fmt: skip
UNITS = {
    **dict.fromkeys(("cold-start", "duration", "latency", "p50", "p90", "p95", "p99"), "s"),
    **dict.fromkeys(("memory", "peak-memory", "size"), "B"),
}
UNIT_WORDS = {"": "no unit", "s": "a unit of time", "B": "a unit of bytes", "%": "percent"}

Digests = Callable[[str], str]
"""The digest behind a dataset reference, or the reference itself where no lock has one."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric by its name; `higher` says that larger values are better."""

    name: str
    higher: bool
    unit: str = ""

    def better(self, one: float, other: float) -> bool:
        """Whether a value is strictly better than another."""
        return one > other if self.higher else one < other

    def gain(self, new: float, old: float) -> float:
        """By how much a value is better than another; below 0 where it is worse."""
        return new - old if self.higher else old - new


@dataclass(frozen=True, slots=True)
class Measurement:
    """A value of a version with what it was measured on; `data` stands for the dataset's bytes."""

    name: str
    value: Measure
    dataset: str = ""
    data: str = ""
    split: str = ""
    profile: str = ""
    params: tuple[tuple[str, str], ...] = ()
    span: Span | None = None

    @property
    def circumstances(self) -> tuple[object, ...]:
        """What has to be equal where two values are compared."""
        return self.name, self.value.unit, self.data, self.split, self.profile, self.params

    def __str__(self) -> str:
        return f"{self.name} {self.value}{self.where}"

    @property
    def where(self) -> str:
        """What it was measured on, in words that follow the value."""
        return _where(self.dataset, self.split, self.profile, self.params)


class Asked(NamedTuple):
    """The values that a gate or a selection is about; what is empty is not asked for."""

    name: str
    dataset: str
    split: str
    profile: str

    @classmethod
    def of(cls, spec: GateSpec | SelectSpec) -> Asked:
        """What a gate or a selection asks for."""
        return cls(spec.metric, spec.dataset or "", spec.split or "", spec.profile or "")

    def __str__(self) -> str:
        return f"{self.name}{_where(self.dataset, self.split, self.profile)}"


def metric(name: str, defined: Mapping[str, Metric]) -> Metric | None:
    """What a name means: the spec's own word first; None for a name that nobody defines."""
    if name in defined:
        return defined[name]
    if name in HIGHER or name in LOWER:
        return Metric(name, name in HIGHER, UNITS.get(name, ""))
    return None


def defined(spec: Mapping[str, MetricDefinitionSpec]) -> dict[str, Metric]:
    """The metrics that a spec defines itself."""
    return {
        name: Metric(name, one.better == "higher", one.unit or "") for name, one in spec.items()
    }


def digests(lock: Lock | None, environment: str) -> Digests:
    """What tells the bytes of two dataset references apart: the lock's digest, else the words."""

    def digest(reference: str) -> str:
        entry = lock.artifact(environment, f"datasets/{reference}") if lock else None
        return entry.sha256 if entry else reference

    return digest


def measurements(
    version: VersionSpec, variant: VariantSpec | None, digests: Digests
) -> tuple[Measurement, ...]:
    """The values of a version; a variant that has values of its own is judged by those."""
    return of(variant if variant is not None and variant.metrics else version, digests)


def of(build: VersionFields, digests: Digests) -> tuple[Measurement, ...]:
    """The values that one build, a version or a variant, has of its own."""
    return tuple(_measurement(one, digests) for one in build.metrics)


def candidates(model: ModelSpec, digests: Digests) -> dict[str, tuple[Measurement, ...]]:
    """The values of every version of a model; what only a variant was measured for counts too."""
    found = {}
    for name, version in model.versions.items():
        values = {one.circumstances: one for one in measurements(version, None, digests)}
        for variant in sorted(version.variants):
            for one in measurements(version, version.variants[variant], digests):
                values.setdefault(one.circumstances, one)
        found[name] = tuple(values.values())
    return found


def suiting(found: Iterable[Measurement], asked: Asked) -> list[Measurement]:
    """The values that were measured on what is asked for."""
    return [
        one
        for one in found
        if one.name == asked.name
        and (not asked.dataset or asked.dataset in (one.dataset, one.dataset.partition(":")[0]))
        and asked.split in ("", one.split)
        and asked.profile in ("", one.profile)
    ]


def _measurement(spec: MetricSpec, digests: Digests) -> Measurement:
    params = {key: str(getattr(value, "text", value)) for key, value in spec.params.items()}
    return Measurement(
        spec.name,
        spec.value,
        spec.dataset or "",
        (spec.digest or digests(spec.dataset)) if spec.dataset else "",
        spec.split or "",
        spec.profile or "",
        tuple(sorted(params.items())),
        spec.span,
    )


def _where(dataset: str, split: str, profile: str, params: Iterable[tuple[str, str]] = ()) -> str:
    """Circumstances in words that follow a metric's name or value."""
    data = f" on {dataset}" if dataset else ""
    part = f" ({split})" if split else ""
    more = "".join(f", {key} {value}" for key, value in params)
    return f"{data}{part}{more}{f' at {profile}' if profile else ''}"
