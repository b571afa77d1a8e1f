"""What an unknown key was probably meant to be, or where it would be right.

Part of `validate`. Knows every model of the language, and the words of its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from compiler.model.codes import spec as codes
from compiler.model.kind import Kinds
from compiler.model.spec.base import SpecModel
from compiler.model.spec.shape import Shape, fields
from compiler.model.spec.spec import Spec
from compiler.model.suggest import nearest
from compiler.stages.validate.words import Finding, shortened

_OTHER_WORDS = {
    "fraemworkType": "framework",
    "frameworkType": "framework",
    "deployToLayer": "layer",
    "modelName": "model",
    "targetVersion": "target",
    "downloadURL": "uri",
    "downloadUrl": "uri",
    "sha256sum": "sha256",
    "sha256Sum": "sha256",
    "digest": "sha256",
    "checksum": "sha256",
    "url": "uri",
    "path": "uri",
    "environment": "env",
    "envs": "env",
    "cmd": "command",
    "entrypoint": "command",
    "entryPoint": "entry",
    "arguments": "args",
    "volumeMounts": "volumes",
    "mounts": "volumes",
    "containerPort": "port",
    "containerPorts": "ports",
    "labels": "where",
    "nodeName": "host",
    "node": "host",
    "nodes": "hosts",
    "parameters": "params",
    "cron": "schedule",
    "licence": "license",
    "licenseType": "license",
    "licences": "licenses",
    "architecture": "arch",
    "gpu": "accelerator",
    "gpus": "accelerator",
    "securityContext": "user",
    "runAsUser": "uid",
    "runAsGroup": "gid",
    "readOnlyRootFilesystem": "readOnlyRoot",
    "hostPath": "host",
    "emptyDir": "memory",
    "persistentVolumeClaim": "claim",
    "minReplicas": "min",
    "maxReplicas": "max",
    "manifest": "versions",
    "ns": "namespace",
    "pullPolicy": "imagePullPolicy",
    "unzip": "unpack",
    "labelClasses": "classes",
    "tz": "timezone",
    "timeZone": "timezone",
    "secretName": "secret",
    "secretRef": "secret",
}
"""Words of the older shape, of Kubernetes and of other tools, with ours."""


def unknown(
    key: str, model: type[SpecModel] | None, where: str, data: Any, kinds: Kinds
) -> Finding:
    """The words for a key that `model` does not have, in the mapping `data` at `where`."""
    keys = list(fields(model)) if model else []
    meant = _OTHER_WORDS.get(key, "")
    if meant in keys and meant not in data:
        return Finding(
            codes.MISSPELT_KEY,
            f"{shortened(key)} in {where} is written {meant}",
            f"Write {meant}.",
            meant,
        )
    # What an override or an environment sets is judged together with what it changes: the key
    # that was meant may be there already.
    near = nearest(key, keys) or (meant if meant in keys else "")
    hint = f"Did you mean {near}?" if near else _elsewhere(key, model, kinds)
    known = f"; it takes {', '.join(keys)}" if keys else ""
    return Finding(
        codes.UNKNOWN_KEY, f"{shortened(key)} is not a key of {where}{known}", hint, near
    )


def _elsewhere(key: str, model: type[SpecModel] | None, kinds: Kinds) -> str:
    if model is not None:
        for name, field in fields(model).items():
            if field.shape.model is not None and key in fields(field.shape.model):
                return f"It belongs below {name}: {name}: {{{key}: …}}."
    places = _places(kinds).get(key, ())
    return f"It is a key of {' and of '.join(places[:3])}." if places else ""


@cache
def _places(kinds: Kinds) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for path, model in _models(kinds):
        for key in fields(model):
            found[key] = (*found.get(key, ()), path)
    return found


def _models(kinds: Kinds) -> Iterator[tuple[str, type[SpecModel]]]:
    waiting: list[tuple[str, type[SpecModel]]] = [("the spec", Spec)]
    waiting += [(f"{name} jobs", kinds.load(name).spec) for name in kinds.names]
    seen: set[type[SpecModel]] = set()
    while waiting:
        path, model = waiting.pop(0)
        if model in seen:
            continue
        seen.add(model)
        yield path, model
        for key, field in fields(model).items():
            below = (
                key
                if path == "the spec"
                else f"{key} in {path}"
                if "jobs" in path
                else f"{path}.{key}"
            )
            waiting += _below(below, field.shape)


def _below(path: str, shape: Shape) -> list[tuple[str, type[SpecModel]]]:
    inner: Shape | None = shape
    while inner is not None:
        if inner.model is not None:
            return [(path, inner.model)]
        inner = inner.item
    return []
