"""The `spec` of an InferenceModel, a TrainingModel or a Dataset from plain facts.

The mappings are what `Record.facts` holds: camel-case keys, nothing empty, whole numbers as
integers (the API server stores 1.0 as 1, and a difference would show as drift). They are built by
hand and not through the pydantic models, because there is one for each job, model and site; tests
hold the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from compiler.model.fleet import Layer
from compiler.model.inputs import Artifact, HostData

Facts = dict[str, Any]


def inference_values(
    *,
    project: str,
    environment: str,
    job: str,
    role: str,
    site: str,
    layer: Layer,
    bytes_: Artifact | HostData,
    update: Literal["hot", "rolling"],
    delivery: Literal["sidecar", "native"],
    server: str = "",
    replicas: int | None = None,
    node_selector: Mapping[str, str] | None = None,
    image: str = "",
    framework: str = "",
    task: str = "",
    classes: Sequence[str] = (),
    license_: str = "",
    signature: Mapping[str, Any] | None = None,
    needs: Mapping[str, Any] | None = None,
    metrics: Sequence[Mapping[str, Any]] = (),
) -> Facts:
    """The spec of an InferenceModel.

    `image` is set only where the model is inside the image: in the older shape it wins over the
    manifest. `framework` is that of data on the host, which states only its format. `metrics`
    are made by `metric_values`. `signature` is `{inputs, outputs}` of `{name, datatype, shape}`,
    `needs` is `{arch, cpu, memory, disk, accelerator}`.
    """
    return _filled(
        {
            "project": project,
            "environment": environment,
            "job": job,
            "role": role,
            "model": bytes_.name,
            "site": site,
            **_bytes(bytes_, framework),
            "task": task,
            "classes": list(classes),
            "license": license_,
            "signature": signature,
            "needs": needs,
            "metrics": list(metrics),
            "update": update,
            "delivery": delivery,
            "server": server,
            "modelName": bytes_.name,
            "deployToLayer": layer,
            "nodeSelector": node_selector,
            "image": image,
            "targetVersion": bytes_.version,
            "replicas": replicas,
        }
    )


def training_values(
    *,
    project: str,
    environment: str,
    model: str,
    task: str = "",
    framework: str = "",
    classes: Sequence[str] = (),
    license_: str = "",
    signature: Mapping[str, Any] | None = None,
    target: str = "",
    versions: Sequence[Mapping[str, Any]] = (),
    base: str = "",
    datasets: Iterable[str] = (),
    code: Iterable[str] = (),
    params: Mapping[str, str] | None = None,
    jobs: Iterable[str] = (),
    parts: Mapping[str, str] | None = None,
) -> Facts:
    """The spec of a TrainingModel. `versions` are made by `version_values`."""
    return _filled(
        {
            "project": project,
            "environment": environment,
            "model": model,
            "task": task,
            "framework": framework,
            "classes": list(classes),
            "license": license_,
            "signature": signature,
            "target": target,
            "versions": list(versions),
            "base": base,
            "datasets": sorted(datasets),
            "code": sorted(code),
            "params": params,
            "jobs": sorted(jobs),
            "parts": parts,
        }
    )


def version_values(
    *,
    version: str,
    digest: str = "",
    url: str = "",
    size: int | None = None,
    yanked: str = "",
    variants: Sequence[Mapping[str, Any]] = (),
    metrics: Sequence[Mapping[str, Any]] = (),
    lineage: Mapping[str, Any] | None = None,
) -> Facts:
    """One version of a TrainingModel.

    A variant is `{name, digest, size, framework, needs}`, `lineage` is `{base, trainedOn, job}`.
    """
    return _filled(
        {
            "version": version,
            "digest": digest,
            "url": url,
            "size": size,
            "yanked": yanked,
            "variants": [_filled(variant) for variant in variants],
            "metrics": list(metrics),
            "lineage": _filled(lineage) if lineage else None,
        }
    )


def dataset_values(
    *,
    project: str,
    environment: str,
    dataset: str,
    format_: str,
    classes: Sequence[str] = (),
    versions: Sequence[Mapping[str, Any]] = (),
    split: Mapping[str, float] | None = None,
    seed: int | None = None,
    min_samples: int | None = None,
    max_imbalance: float | None = None,
    private_to: str = "",
    local: Mapping[str, str] | None = None,
) -> Facts:
    """The spec of a Dataset.

    A version is `{version, url, digest, size, samples, problems, classCounts}`; `split` maps a
    part to its share; `local` maps a site to the path of its own share.
    """
    parts = {name: _number(share) for name, share in (split or {}).items()}
    require = _filled({"minSamples": min_samples, "maxImbalance": _number(max_imbalance)})
    return _filled(
        {
            "project": project,
            "environment": environment,
            "dataset": dataset,
            "format": format_,
            "classes": list(classes),
            "versions": [_filled(version) for version in versions],
            "splits": _filled({"seed": seed, "parts": parts}) if parts else None,
            "require": require,
            "privateTo": private_to,
            "local": [{"site": site, "path": path} for site, path in sorted((local or {}).items())],
        }
    )


def metric_values(
    name: str,
    value: float,
    unit: str = "",
    *,
    dataset: str = "",
    split: str = "",
    profile: str = "",
    params: Mapping[str, str] | None = None,
) -> Facts:
    """One measured value; `value` is in `unit`, in base units such as s."""
    found = {"name": name, "value": _number(value), "unit": unit, "dataset": dataset}
    return _filled({**found, "split": split, "profile": profile, "params": params})


def _bytes(bytes_: Artifact | HostData, framework: str) -> Facts:
    if isinstance(bytes_, HostData):
        return {
            "version": bytes_.version,
            "url": f"host:{bytes_.path}",
            "framework": framework or bytes_.format,
            "frameworkType": framework or bytes_.format,
        }
    entry = {
        "version": bytes_.version,
        "downloadURL": bytes_.location.url,
        "sha256sum": bytes_.sha256,
    }
    return {
        "version": bytes_.version,
        "variant": bytes_.variant,
        "digest": bytes_.sha256,
        "serveVersion": bytes_.serve_version,
        "size": bytes_.size,
        "url": bytes_.location.url,
        "framework": bytes_.framework,
        "frameworkType": bytes_.framework,
        "manifest": [entry],
    }


def _filled(values: Mapping[str, Any]) -> Facts:
    # Zero and false are facts; an empty text, list or mapping is the absence of one.
    return {key: value for key, value in values.items() if value or value == 0}


def _number(value: float | None) -> float | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
