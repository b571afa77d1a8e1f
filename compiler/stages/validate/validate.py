"""Turns the merged data of the spec into its typed models, or says everything that is wrong.

Judges each value where it stands. Whether a name that is referred to exists, and what sites a
`where` selects, is decided by later stages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import InitErrorDetails

from compiler.model.codes import spec as codes
from compiler.model.diagnostics import Diagnostics
from compiler.model.kind import Kinds
from compiler.model.spec.base import Context, SpecModel, fault
from compiler.model.spec.job import AnyJob, JobSpec, RunSpec, StepSpec
from compiler.model.spec.shape import Shape, fields
from compiler.model.spec.spec import Spec
from compiler.model.suggest import did_you_mean
from compiler.stages.validate.errors import Finder, Path, report
from compiler.stages.validate.secrets import report_credentials
from compiler.stages.validate.words import Finding, put

_ONLY_IN_STEPS = ("inputs", "outputs", "companions")


def validate(
    data: Any,
    kinds: Kinds,
    diagnostics: Diagnostics,
    *,
    vocabularies: Mapping[str, Sequence[str]] | None = None,
) -> Spec | None:
    """The spec as models; None when anything is wrong, with all of it in `diagnostics`.

    `vocabularies` maps `servers`, `backends` and `formats` to the words that exist; one that
    is left out accepts any name.
    """
    root = Shape("model", model=Spec)
    found = _validated(root, Finder(root, data, (), kinds), diagnostics, vocabularies)
    return found if isinstance(found, Spec) else None


def validate_fragment(
    section: str,
    name: str,
    data: Any,
    kinds: Kinds,
    diagnostics: Diagnostics,
    *,
    vocabularies: Mapping[str, Sequence[str]] | None = None,
) -> SpecModel | None:
    """One entry of a section as its model, such as `jobs`, `watch-shelves`, or None.

    `section` is a key of the spec, or `fleet.sites` and its like. An empty `name` stands for a
    section that is one entry itself, such as `project`.

    Raises:
        KeyError: there is no such section.
    """
    entry = _entry_shape(section, bool(name))
    path = (*section.split("."), *([name] if name else []))
    if entry.sort != "job" and entry.model is None:
        raise KeyError(section)
    return _validated(entry, Finder(entry, data, path, kinds), diagnostics, vocabularies)


def validate_model(
    model: type[SpecModel], data: Any, kinds: Kinds, diagnostics: Diagnostics
) -> SpecModel | None:
    """A document of its own as its model, such as a file of metrics, or None."""
    shape = Shape("model", model=model)
    return _validated(shape, Finder(shape, data, (), kinds), diagnostics, None)


def _validated(
    shape: Shape,
    finder: Finder,
    diagnostics: Diagnostics,
    vocabularies: Mapping[str, Sequence[str]] | None,
) -> SpecModel | None:
    collected = Diagnostics()
    context = Context(_Jobs(finder.kinds), vocabularies or {})
    made: SpecModel | None = None
    explained: set[Path] = set()
    try:
        if shape.model is not None:
            made = shape.model.model_validate(finder.data, context=context)
        else:
            made = _any_job().validate_python(finder.data, context=context)
    except ValidationError as error:
        explained = report(error.errors(include_url=False), finder, collected)
    _report_jobs(finder, explained, collected)
    report_credentials(finder.data, finder.prefix, collected)
    diagnostics.extend(collected.in_order())
    return None if collected.has_errors else made


@cache
def _any_job() -> TypeAdapter[JobSpec]:
    return TypeAdapter(AnyJob)


class _Jobs:
    """Finds the model of a job or step by its kind; only the kinds in use are imported."""

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds

    def __call__(self, value: Any, context: Context, step: bool) -> Any:
        """Validate the mapping of a job, or of a step of a pipeline."""
        if not isinstance(value, dict):
            what = "a step" if step else "a job"
            raise fault(codes.WRONG_TYPE, f"{what} is a mapping, for example {{kind: serve, …}}")
        return self._model(value, step).model_validate(value, context=context)

    def _model(self, value: dict[str, Any], step: bool) -> type[JobSpec]:
        name = value.get("kind")
        if name is None and step and "kind" not in value:
            return StepSpec
        if "kind" not in value:
            raise _at((), "missing", value, "kind")
        if not isinstance(name, str):
            raise _at(("kind",), "string_type", name)
        if name not in self.kinds.names:
            raise _at(("kind",), _no_kind(name, self.kinds.names), name)
        kind = self.kinds.load(name)
        if step and not kind.step:
            raise _at(("kind",), _no_step(name, self.kinds), name)
        return kind.spec


def _no_kind(name: str, names: Sequence[str]) -> Any:
    return fault(
        codes.UNKNOWN_WORD,
        f"kind: {name[:60]} is no kind of job; there are {', '.join(names)}",
        did_you_mean(name, names),
    )


def _no_step(name: str, kinds: Kinds) -> Any:
    steps = [known for known in kinds.names if kinds.load(known).step]
    return fault(
        codes.UNKNOWN_WORD,
        f"a {name} job cannot be a step of a pipeline; steps are workers or {', '.join(steps)}",
        "Leave kind out for a worker of no particular kind.",
    )


def _at(loc: tuple[str, ...], error: Any, value: Any, *rest: str) -> ValidationError:
    details: InitErrorDetails = {"type": error, "loc": (*loc, *rest), "input": value}
    return ValidationError.from_exception_data("job", [details])


def _report_jobs(finder: Finder, explained: set[Path], diagnostics: Diagnostics) -> None:
    """What a job of its own needs, and what only a step of a pipeline has."""
    for at, job in _jobs(finder.data, finder.prefix):
        name = job.get("kind")
        if not isinstance(name, str) or name not in finder.kinds.names:
            continue
        model = finder.kinds.load(name).spec
        for key, shape in fields(model).items():
            told = key in job or (*at, key) in explained
            if shape.attribute in model.needed and not told:
                finder.missing((*at, key), shape, diagnostics)
        if issubclass(model, RunSpec):
            _report_ports(at, job, finder, diagnostics)


def _report_ports(
    at: tuple[str, ...], job: dict[str, Any], finder: Finder, diagnostics: Diagnostics
) -> None:
    for key in _ONLY_IN_STEPS:
        if key in job:
            found = Finding(
                codes.ONLY_IN_A_PIPELINE,
                f"{key} connects steps of a pipeline; {finder.words(at)} is a job of its own",
                "Make it a step of a pipeline, or name model and dataset instead.",
            )
            put(diagnostics, found, finder.key_span((*at, key)))


def _jobs(data: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    if path[:1] == ("jobs",) and isinstance(data, dict):
        yield (), data
    jobs = data.get("jobs") if not path and isinstance(data, dict) else None
    for name, job in jobs.items() if isinstance(jobs, dict) else ():
        if isinstance(job, dict):
            yield ("jobs", name), job


def _entry_shape(section: str, named: bool) -> Shape:
    shape = Shape("model", model=Spec)
    for key in section.split("."):
        if shape.model is None:
            raise KeyError(section)
        shape = fields(shape.model)[key].shape
    return shape.item if named and shape.item is not None else shape
