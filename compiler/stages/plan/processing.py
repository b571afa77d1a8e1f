"""The code that runs before and after a model: which artifacts bring it, and what a worker reads.

Part of `plan`. The code travels with its model, and both change together; the parameters are part
of `params.json`, so that another value restarts the pods that read it. Runs nothing.
"""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Iterable, Iterator
from typing import Any

from compiler.model.choice import Choice, levels, said
from compiler.model.codes import plan as codes
from compiler.model.diagnostics import Diagnostics
from compiler.model.layout import ARTIFACTS
from compiler.model.resolved import Resolved
from compiler.model.spec.artifacts import CodeSpec
from compiler.model.spec.signature import ProcessingSpec
from compiler.model.worker import Worker

STEPS = ("preprocess", "postprocess")
KEY = "models"
"""The key of `params.json` under which a worker finds what runs around each of its models."""


def processing(
    resolved: Resolved, choice: Choice, site: str
) -> Iterator[tuple[str, ProcessingSpec]]:
    """What runs around a chosen model, by step: the nearest level's word holds."""
    model = resolved.view(site).models[choice.model]
    by = levels(model, choice.version, choice.variant)
    for step in STEPS:
        found = said(by, step)
        if found is not None:
            yield step, found[0]


def with_processing(
    worker: Worker,
    resolved: Resolved,
    choices: Iterable[Choice],
    site: str,
    diagnostics: Diagnostics,
) -> Worker:
    """The worker with what runs around its models in its parameters, where anything does."""
    found: dict[str, Any] = {}
    for choice in choices:
        for step, spec in processing(resolved, choice, site):
            code = resolved.spec.code[spec.code]
            _check_entry(spec, code, diagnostics)
            entry = {"path": _path(spec, code), **({"params": spec.params} if spec.params else {})}
            found.setdefault(choice.model, {})[step] = entry
    if not found:
        return worker
    if KEY in worker.params:
        diagnostics.add(
            codes.PARAMS_TAKEN,
            f"params.{KEY} is taken: it tells the worker what runs around "
            f"{' and '.join(sorted(found))}",
            worker.field_span("params"),
            f"give params.{KEY} another name",
        )
        return worker
    return dataclasses.replace(worker, params={**worker.params, KEY: found})


def _path(spec: ProcessingSpec, code: CodeSpec) -> str:
    folder = f"{ARTIFACTS['code']}/{spec.code}"
    return f"{folder}/{spec.entry}" if _is_folder(code) else folder


def _is_folder(code: CodeSpec) -> bool:
    return bool(code.unpack) or code.uri.startswith("host:") or code.uri.endswith("/")


def _check_entry(spec: ProcessingSpec, code: CodeSpec, diagnostics: Diagnostics) -> None:
    file = posixpath.basename(code.uri)
    if not _is_folder(code) and spec.entry != file:
        diagnostics.add(
            codes.NO_ENTRY,
            f"code {spec.code} is the single file {file}, so there is no {spec.entry} in it",
            spec.span_of("entry"),
            f"write entry: {file}, or unpack: for an archive",
        )
