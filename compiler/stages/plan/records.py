"""What is known of models and datasets, as Record nodes of our own definitions.

Part of `plan`. One InferenceModel per job, model and site; one TrainingModel and one Dataset per
project. Decides nothing: it writes down what was chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from compiler.model import names
from compiler.model.choice import Choice, Level, levels, said
from compiler.model.declared import holds
from compiler.model.definitions_values import (
    dataset_values,
    inference_values,
    metric_values,
    training_values,
    version_values,
)
from compiler.model.inputs import Artifact, HostData
from compiler.model.member import Delivery, Place
from compiler.model.plan import Record
from compiler.model.resolved import Resolved
from compiler.model.spec.artifacts import (
    DatasetSpec,
    ModelSpec,
    NeedsSpec,
    VersionFields,
    VersionSpec,
)
from compiler.model.spec.signature import SignatureSpec
from compiler.model.worker import Worker
from compiler.stages.plan.inputs import Chooser


def inference_model(
    resolved: Resolved,
    job: str,
    role: str,
    choice: Choice,
    found: Artifact | HostData,
    place: Place,
    worker: Worker,
    delivery: Delivery,
    replicas: int,
) -> Record:
    """The record of one model of one job at one site."""
    model = resolved.view(place.site).models[choice.model]
    site = resolved.sites[place.site]
    entry = model.versions[choice.version]
    source = _source(entry, choice.variant)
    by = levels(model, choice.version, choice.variant)
    facts = inference_values(
        project=resolved.project,
        environment=resolved.environment,
        job=job,
        role=role,
        site=place.site,
        layer=place.layer,
        bytes_=found,
        update=delivery.update,
        delivery=delivery.mode,
        server=worker.server,
        replicas=replicas,
        node_selector=site.node_selector,
        framework=_word(by, "framework"),
        task=model.task or "",
        classes=_word(by, "classes") or (),
        license_=_word(by, "license"),
        signature=_signature(_word(by, "signature") or None),
        needs=_needs(source.needs or entry.needs),
        metrics=_metrics(source),
    )
    return Record(
        job=job,
        name=names.name(job, choice.model, place.site, *((place.host,) if place.host else ())),
        kind="InferenceModel",
        facts=facts,
        place=place,
        host_data=found if isinstance(found, HostData) else None,
        span=model.span,
    )


def project_records(resolved: Resolved, chooser: Chooser) -> Iterator[Record]:
    """One TrainingModel for each model and one Dataset for each dataset."""
    users = _users(resolved)
    for name, model in resolved.base.models.items():
        yield Record(
            job="",
            name=name,
            kind="TrainingModel",
            facts=_training(resolved, name, model, users.get(name, []), chooser),
            span=model.span,
        )
    for name, dataset in resolved.base.datasets.items():
        yield Record(
            job="",
            name=name,
            kind="Dataset",
            facts=_dataset(resolved, name, dataset, chooser),
            span=dataset.span,
        )


def _users(resolved: Resolved) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, job in resolved.base.jobs.items():
        references = [*getattr(job, "models", ()), getattr(job, "model", None)]
        for reference in references:
            if isinstance(reference, str):
                found.setdefault(reference.partition(":")[0], []).append(name)
    return found


def _training(
    resolved: Resolved, name: str, model: ModelSpec, jobs: list[str], chooser: Chooser
) -> dict[str, Any]:
    target = model.target
    if target is None and resolved.lock is not None:
        locked = resolved.lock.target(resolved.environment, name)
        target = locked.version if locked else None
    entry = model.versions.get(target) if target else None
    parts = {"edge": entry.edge or "", "cloud": entry.cloud or ""} if entry and entry.pair else {}
    lineage = entry.lineage if entry else None
    return training_values(
        project=resolved.project,
        environment=resolved.environment,
        model=name,
        task=model.task or "",
        framework=model.framework or "",
        classes=model.classes,
        license_=model.license or "",
        signature=_signature(model.signature),
        target=target or "",
        versions=[
            _version(resolved, name, version, entry, chooser)
            for version, entry in model.versions.items()
        ],
        base=(lineage.base if lineage else None) or "",
        datasets=lineage.trained_on if lineage else (),
        code=[part.code for part in (model.preprocess, model.postprocess) if part],
        jobs=jobs,
        parts=parts,
    )


def _version(
    resolved: Resolved, name: str, version: str, entry: VersionSpec, chooser: Chooser
) -> Mapping[str, Any]:
    lineage = entry.lineage
    locked = _locked(resolved, f"models/{name}:{version}")
    uri = entry.uri or ""
    return version_values(
        version=version,
        digest=locked["digest"] or entry.sha256 or "",
        url=uri if uri.startswith("host:") or not uri else chooser.location(uri).url,
        size=locked["size"],
        yanked=entry.yanked or "",
        variants=[
            {
                "name": variant,
                "digest": _locked(resolved, f"models/{name}:{version}/{variant}")["digest"]
                or spec.sha256
                or "",
                "size": _locked(resolved, f"models/{name}:{version}/{variant}")["size"],
                "framework": spec.framework or "",
                "needs": _needs(spec.needs),
            }
            for variant, spec in entry.variants.items()
        ],
        metrics=_metrics(entry),
        lineage={
            "base": lineage.base or "",
            "trainedOn": list(lineage.trained_on),
            "job": lineage.job or "",
        }
        if lineage
        else None,
    )


def _dataset(
    resolved: Resolved, name: str, dataset: DatasetSpec, chooser: Chooser
) -> dict[str, Any]:
    local = dataset.local
    paths: dict[str, str] = {}
    if local is not None and local.sites:
        paths = dict(local.sites)
    elif local is not None and local.path is not None:
        paths = {
            site.name: local.path.replace("{site}", site.name)
            for site in resolved.sites.values()
            if local.where is None or local.where.matches(site.facts)
        }
    return dataset_values(
        project=resolved.project,
        environment=resolved.environment,
        dataset=name,
        format_=dataset.format,
        classes=dataset.classes,
        versions=[
            {
                "version": version,
                "url": entry.uri
                if entry.uri.startswith("host:")
                else chooser.location(entry.uri).url,
                "digest": _locked(resolved, f"datasets/{name}:{version}")["digest"]
                or entry.sha256
                or "",
                "size": _locked(resolved, f"datasets/{name}:{version}")["size"],
                **_counted(resolved, f"{name}:{version}"),
            }
            for version, entry in dataset.versions.items()
        ],
        split=dataset.splits.parts if dataset.splits else None,
        seed=dataset.splits.seed if dataset.splits else None,
        min_samples=dataset.require.min_samples,
        max_imbalance=dataset.require.max_imbalance,
        private_to=(dataset.private.site if dataset.private else None) or "",
        local=paths,
    )


def _locked(resolved: Resolved, name: str) -> dict[str, Any]:
    entry = resolved.lock.artifact(resolved.environment, name) if resolved.lock else None
    return {"digest": entry.sha256 if entry else "", "size": entry.size if entry else None}


def _counted(resolved: Resolved, name: str) -> dict[str, Any]:
    lock, environment = resolved.lock, resolved.environment
    found = lock.dataset(environment, name) if lock else None
    entry = lock.artifact(environment, f"datasets/{name}") if lock else None
    if found is None or (entry is not None and entry.sha256 != found.digest):
        return {}
    bare, _, version = name.partition(":")
    if not holds(found, resolved.base.datasets[bare], version):
        return {}
    return {
        "samples": found.samples,
        "problems": sum(int(one.rpartition(": ")[2]) for one in found.problems),
        "classCounts": dict(found.classes),
    }


def _word(by: Sequence[Level], attribute: str) -> Any:
    found = said(by, attribute)
    return found[0] if found else ""


def _source(entry: VersionSpec, variant: str) -> VersionFields:
    return entry.variants[variant] if variant else entry


# Specs are frozen and live as long as the compile; thousands of sites share a handful of them.
@lru_cache(maxsize=4096)
def _signature(spec: SignatureSpec | None) -> dict[str, Any] | None:
    if spec is None:
        return None
    return {
        side: [
            {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
            for tensor in getattr(spec, side)
        ]
        for side in ("inputs", "outputs")
    }


def _needs(spec: NeedsSpec | None) -> dict[str, Any] | None:
    if spec is None:
        return None
    accelerator = spec.accelerator
    needs: dict[str, Any] = {
        "arch": list(spec.arch),
        "cpu": spec.cpu,
        "memory": spec.memory,
        "disk": spec.disk,
        "accelerator": accelerator.name if accelerator else None,
    }
    return {key: value for key, value in needs.items() if value}


def _metrics(source: VersionFields) -> list[Mapping[str, Any]]:
    return [
        metric_values(
            metric.name,
            metric.value.number,
            metric.value.unit,
            dataset=metric.dataset or "",
            split=metric.split or "",
            profile=metric.profile or "",
            params={key: str(getattr(v, "text", v)) for key, v in metric.params.items()},
        )
        for metric in source.metrics
    ]
