"""A Run as a Job and a Schedule of a Run as a CronJob: one pod, its stages in order.

Init containers do the work, since only they are ordered: `prepare`, `fetch`, companions (native
sidecars), then the stages; the pod's one container, `push`, sends the results and the completed
marker below the work key. The Job's name follows from its final content, so a change makes a new
Job and nothing ever edits an immutable one; there is no TTL, or an engine would run it again.
Kubernetes cannot end a pod well from an init container: a Job that somebody deletes runs again,
and `push` then finds the marker and leaves the results as they are. Bytes of the host have no
digest, so one key may then mean other results: `--repeat` makes the sidecar ignore the marker.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from compiler.backends import kubernetes_files as files
from compiler.backends import kubernetes_sidecar as side
from compiler.backends.kubernetes_containers import worker_container
from compiler.backends.kubernetes_images import Pull, pull
from compiler.backends.kubernetes_pod import pod
from compiler.backends.kubernetes_scope import Scope, scope
from compiler.backends.kubernetes_volumes import claims, host_inputs, worker_volumes
from compiler.model import contract
from compiler.model.backend import EmitContext
from compiler.model.inputs import Artifact, Binding, HostData
from compiler.model.manifest import Draft
from compiler.model.member import Delivery, Member, Output
from compiler.model.names import name
from compiler.model.plan import Companion, Run, Schedule, Work
from compiler.model.quantity import canonical_quantity
from compiler.model.worker import EnvironmentVariable, Worker

ROLE = "run"
WORK_KEY = "EDGEWRIGHT_WORK_KEY"
BACKOFF_LIMIT = 2
PUSH_GRACE = 600
"""Seconds for the outbox to drain when the pod is asked to end."""
CRON_NAME_LIMIT = 52
CRON_DEADLINE = 3600


def run_drafts(node: Run, context: EmitContext) -> Iterator[Draft]:
    """The objects of a Run, the Job last."""
    where = scope(node, node.place, context, ROLE)
    job = _Pod(node, where)
    yield from job.leaves()
    values = {
        "annotations": job.annotations(),
        "backoffLimit": BACKOFF_LIMIT,
        "pod": job.values(),
    }
    yield where.draft("job", values, content=True)


def schedule_drafts(node: Schedule, context: EmitContext) -> Iterator[Draft]:
    """The objects of a Schedule of a Run, the CronJob last.

    Raises:
        TypeError: the work is a Pipeline, which `refusal` turns down.
    """
    if not isinstance(node.work, Run):
        raise TypeError("a CronJob runs one pod, not a pipeline")
    work = dataclasses.replace(node.work, name=node.name, job=node.job)
    where = scope(node, work.place, context, ROLE)
    job = _Pod(work, where)
    yield from job.leaves()
    values = {
        "name": name(node.name, limit=CRON_NAME_LIMIT),
        "annotations": job.annotations(),
        "schedule": node.cron,
        "timeZone": node.timezone or where.site.timezone,
        "startingDeadlineSeconds": CRON_DEADLINE,
        "backoffLimit": BACKOFF_LIMIT,
        "pod": job.values(),
    }
    yield where.draft("cronjob", values)


def work_key(node: Run, context: EmitContext) -> str:
    """What a Run computes, as 64 hex digits: images, commands, parameters, input digests, attempt.

    Two Runs of one key have the same results, so results lie under it.
    """
    identity = {
        "stages": [_identity(stage.worker, stage.inputs, context) for stage in node.stages],
        "companions": [_identity(one.worker, one.inputs, context) for one in node.companions],
        "attempt": node.attempt,
    }
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class _Pod:
    """The pod of a Run at one place."""

    def __init__(self, node: Run, where: Scope) -> None:
        self.node = node
        self.scope = where
        self.key = work_key(node, where.context)
        self.parts: list[Companion | Work] = [*node.companions, *node.stages]
        self.inputs = tuple(dict.fromkeys(b for part in self.parts for b in part.inputs))
        self.host = host_inputs(self.inputs)
        self.flags = ["--work-key", self.key, *(["--repeat"] if self.host else [])]
        self.config = self._config()
        flavours = where.context.servers
        self.flavours = [flavours[part.worker.server or "custom"] for part in self.parts]
        self.texts = [self._texts(index) for index in range(len(self.parts))]

    def annotations(self) -> dict[str, str]:
        return {"edgewright.io/work-key": self.key, "edgewright.io/attempt": str(self.node.attempt)}

    def leaves(self) -> Iterator[Draft]:
        yield side.config_draft(self.scope, contract.text(self.config), stable=False)
        for index, texts in enumerate(self.texts):
            if texts.data:
                values = {"data": texts.data, "immutable": True}
                suffix = f"{self.parts[index].name}-files"
                key = f"files-{index}"
                yield self.scope.draft("configmap", values, suffix=suffix, key=key, content=True)
        wanted = (pair for part in self.parts for pair in claims(part.worker, self.scope))
        for claim, volume in dict(wanted).items():
            values = {"name": claim, "storage": canonical_quantity(volume.size)}
            yield self.scope.draft("persistentvolumeclaim", values)

    def values(self) -> dict[str, Any]:
        where = self.scope
        image = pull(where.context.sidecar.image, where)
        volumes, mounts = side.parts(where, contract.secrets(self.config))
        volumes += [volume for volume, _ in self.host]
        mounts += [mount for _, mount in self.host]
        init = [
            side.once_container(where, image, mounts, *self.flags),
        ]
        pulls = [image]
        for index in range(len(self.parts)):
            made, needed, source = self._part(index)
            init.append(made)
            volumes += needed
            pulls.append(source)
        return pod(
            where,
            containers=[side.push_container(where, image, mounts, *self.flags)],
            init=init,
            volumes=volumes,
            pulls=pulls,
            store=side.store(where, image),
            workers=[part.worker for part in self.parts],
            restart="Never",
            grace=PUSH_GRACE,
        )

    def _part(self, index: int) -> tuple[dict[str, Any], list[dict[str, Any]], Pull]:
        part, flavour, texts = self.parts[index], self.flavours[index], self.texts[index]
        image = pull(part.worker.image, self.scope)
        prefix = f"s{index}-"
        ports = part.worker.ports or flavour.ports
        serving = flavour.serving(_artifacts(part.inputs), ports)
        companion = isinstance(part, Companion)
        pairs = worker_volumes(
            part.worker, self.scope, prefix=prefix, writable=flavour.writable if companion else ()
        )
        made = worker_container(
            dataclasses.replace(part.worker, name=part.name),
            image,
            self.scope,
            mounts=[
                *side.WORKER_MOUNTS,
                *(mount for _, mount in (*pairs, *self.host)),
                *texts.mounts(f"{prefix}files"),
            ],
            probes=flavour.probes(serving),
            args=flavour.args(serving) if companion else (),
            command=flavour.command(serving) if companion else (),
            env=(
                EnvironmentVariable(WORK_KEY, self.key),
                *(flavour.env(serving) if companion else ()),
            ),
            ports=ports,
        )
        volumes = [volume for volume, _ in pairs]
        volumes += texts.volumes(self.scope.reference(f"files-{index}"), f"{prefix}files")
        return _as_companion(made) if companion else _as_stage(made), volumes, image

    def _texts(self, index: int) -> files.Texts:
        part, flavour = self.parts[index], self.flavours[index]
        if not isinstance(part, Companion):
            return files.texts(part.worker, view=True)
        serving = flavour.serving(_artifacts(part.inputs), part.worker.ports or flavour.ports)
        return files.texts(part.worker, flavour.files(serving), view=True)

    def _config(self) -> dict[str, Any]:
        where, node = self.scope, self.node
        member = Member(
            role=ROLE,
            place=node.place,
            worker=node.stages[0].worker,
            inputs=self.inputs,
            delivery=Delivery(artifacts=tuple(dict.fromkeys(_artifacts(self.inputs)))),
            outputs=tuple(self._outputs()),
        )
        flavour = where.context.servers["custom"]
        return contract.config(node.job, member, flavour, side.facts(where))

    def _outputs(self) -> Iterator[Output]:
        node, results = self.node, self.node.results
        if results is None:
            return
        for stage in node.stages:
            for port in stage.outputs:
                if port.type == "model" and node.keep and port.name not in node.keep:
                    continue
                url = f"{results.url.rstrip('/')}/{self.key}/{port.name}/"
                yield Output(name=port.name, url=url, secret=results.write_secret)


def _identity(worker: Worker, inputs: tuple[Binding, ...], context: EmitContext) -> dict[str, Any]:
    return {
        "image": context.images.get(worker.image, worker.image),
        "command": worker.command,
        "args": worker.args,
        "params": files.json_text(worker.params),
        "files": [(file.path, file.content) for file in worker.files],
        "inputs": [(binding.role, *_what(binding)) for binding in inputs],
    }


def _what(binding: Binding) -> tuple[str, ...]:
    # Never the whole input: it knows the line that it was written on.
    found = binding.input
    if isinstance(found, Artifact):
        return (found.kind, found.name, found.sha256)
    if isinstance(found, HostData):
        return (found.kind, found.name, found.path)
    raise TypeError(f"a Run of its own reads no {type(found).__name__}")


def _artifacts(inputs: tuple[Binding, ...]) -> list[Artifact]:
    return [binding.input for binding in inputs if isinstance(binding.input, Artifact)]


def _as_companion(made: dict[str, Any]) -> dict[str, Any]:
    return {**made, "restartPolicy": "Always"}


def _as_stage(made: dict[str, Any]) -> dict[str, Any]:
    # The API refuses probes on an init container that is to end.
    return {**made, "startupProbe": None, "readinessProbe": None, "livenessProbe": None}
