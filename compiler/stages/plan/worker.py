"""Makes a plan worker of a spec worker: defaults, hardware, files, placeholders.

Part of `plan`. What does not depend on the site is made once per worker and profile; only
texts that hold a placeholder are made again for each place.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Protocol

from compiler import servers
from compiler.model.codes import plan as codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.fleet import Profile, Site
from compiler.model.member import Place
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.model.spec.job import workers
from compiler.model.spec.placeholders import PLACEHOLDER
from compiler.model.spec.worker import VolumeSpec, WorkerSpec
from compiler.model.suggest import did_you_mean
from compiler.model.worker import (
    Accelerator,
    ConfigFile,
    ContainerPort,
    Device,
    EnvironmentVariable,
    User,
    Volume,
    Worker,
)

ReadText = Callable[[str, str, Span], str | None]
"""(file that names it, relative path, span) -> text, or None after reporting the fault."""

SEDNA_USER = User(uid=0, gid=0, read_only_root=False)
WORKER_FIELDS = {
    "image": "image",
    "image_pull_policy": "imagePullPolicy",
    "server": "server",
    "command": "command",
    "args": "args",
    "env": "env",
    "files": "files",
    "volumes": "volumes",
    "devices": "devices",
    "accelerator": "accelerator",
    "ports": "ports",
    "resources": "resources",
    "params": "params",
    "code": "code",
    "user": "user",
    "host_network": "hostNetwork",
}


class Reader(Protocol):
    """Where the texts of `files:` come from."""

    def read(self, relative_to: str, path: str, span: Span) -> str | None:
        """The text of a file that the spec names."""
        ...


def read_files(resolved: Resolved, reader: Reader) -> None:
    """Read every file that a worker names, so that all texts that matter are known early."""
    for view in resolved.all_views:
        for job in view.jobs.values():
            for _, worker in workers(job):
                for entry in worker.files.values():
                    span = entry.span_of("from_")
                    if span is not None:
                        reader.read(span.file, entry.from_, span)


@dataclass(frozen=True, slots=True)
class Filling:
    """What placeholders stand for at one place."""

    site: Site
    host: str
    project: str
    environment: str


@dataclass(slots=True)
class WorkerBuilder:
    """Builds workers for one environment; `read` finds the texts of `files:`."""

    project: str
    environment: str
    read: ReadText
    diagnostics: Diagnostics
    shared: dict[tuple[int, str, str], tuple[Worker, bool] | None] = field(default_factory=dict)
    kept: list[WorkerSpec] = field(default_factory=list)

    def build(self, role: str, spec: WorkerSpec, place: Place, site: Site) -> Worker | None:
        """The worker at a place, or None where a fault was reported."""
        key = (id(spec), role, site.profile.name)
        if key not in self.shared:
            self.kept.append(spec)  # keeps the identity in the key alive
            self.shared[key] = self._shared(role, spec, site.profile)
        found = self.shared[key]
        if found is None:
            return None
        worker, varies = found
        if not varies:
            return worker
        filling = Filling(site, _host(place, site), self.project, self.environment)
        return self._filled(worker, filling, spec)

    def _shared(self, role: str, spec: WorkerSpec, profile: Profile) -> tuple[Worker, bool] | None:
        if spec.image is None:
            self.diagnostics.add(
                codes.NO_IMAGE,
                f"the {'' if role == 'worker' else f'{role} '}worker has no image",
                spec.span,
                "add image: REGISTRY/REPOSITORY:TAG",
            )
            return None
        files = self._files(spec)
        worker = Worker(
            name=spec.name or role,
            image=spec.image,
            image_pull_policy=spec.image_pull_policy or "IfNotPresent",
            server=spec.server or "",
            command=spec.command or (),
            args=spec.args or (),
            env=tuple(
                EnvironmentVariable(name, entry.value, entry.secret or "", entry.key or "")
                for name, entry in spec.env.items()
            ),
            files=files,
            volumes=tuple(_volume(volume) for volume in spec.volumes),
            devices=tuple(self._device(spec, path, profile) for path in spec.devices),
            accelerator=self._accelerator(spec, profile),
            ports=_ports(spec),
            requests=dict(spec.resources.requests) if spec.resources else {},
            limits=dict(spec.resources.limits) if spec.resources else {},
            params=spec.params,
            user=_user(spec),
            host_network=spec.host_network,
            implements=tuple(spec.implements),
            span=spec.span,
            fields=_fields(spec),
        )
        return worker, _varies(worker)

    def _files(self, spec: WorkerSpec) -> tuple[ConfigFile, ...]:
        found = []
        for path, entry in spec.files.items():
            span = entry.span_of("from_") or Span("", 1, 1)
            text = self.read(span.file, entry.from_, span)
            if text is not None:
                found.append(ConfigFile(path, text))
        return tuple(found)

    def _device(self, spec: WorkerSpec, path: str, profile: Profile) -> Device:
        if path not in profile.devices:
            index = spec.devices.index(path)
            self.diagnostics.add(
                codes.NO_DEVICE,
                f"profile {profile.name} has no device {path}; "
                f"it has {', '.join(profile.devices) or 'none'}",
                spec.span_of("devices", index),
                did_you_mean(path, profile.devices)
                or f"add {path} to fleet.profiles.{profile.name}.devices, "
                "or place the job elsewhere",
            )
        return Device(path, profile.devices.get(path, ""))

    def _accelerator(self, spec: WorkerSpec, profile: Profile) -> Accelerator | None:
        wanted = spec.accelerator
        if wanted is None:
            return None
        has = profile.accelerator
        if has is None or wanted.name not in (None, has.name) or wanted.count > has.count:
            asked = f"{wanted.count} × {wanted.name or 'an accelerator'}"
            there = f"{has.count} × {has.name}" if has else "none"
            self.diagnostics.add(
                codes.NO_ACCELERATOR,
                f"the worker needs {asked}; profile {profile.name} has {there}",
                spec.span_of("accelerator"),
                "place the job on sites whose profile has it",
            )
            return None
        return Accelerator(
            has.name,
            wanted.count,
            wanted.resource or has.resource,
            wanted.runtime_class or has.runtime_class,
        )

    def _filled(self, worker: Worker, filling: Filling, spec: WorkerSpec) -> Worker:
        def fill(text: str, attribute: str, *path: str | int) -> str:
            if "{" not in text:
                return text
            # Looked up where there is a fault only: most texts of most sites have none.
            place = functools.partial(spec.span_of, attribute, *path)
            return PLACEHOLDER.sub(lambda match: self._value(match, filling, place), text)

        return dataclasses.replace(
            worker,
            command=tuple(fill(text, "command", i) for i, text in enumerate(worker.command)),
            args=tuple(fill(text, "args", i) for i, text in enumerate(worker.args)),
            env=tuple(
                v
                if "{" not in f"{v.value}{v.secret}"
                else EnvironmentVariable(
                    v.name,
                    None if v.value is None else fill(v.value, "env", v.name),
                    fill(v.secret, "env", v.name),
                    v.key,
                )
                for v in worker.env
            ),
            volumes=tuple(
                v
                if "{" not in v.source
                else dataclasses.replace(v, source=fill(v.source, "volumes", i))
                for i, v in enumerate(worker.volumes)
            ),
            params=_filled_data(worker.params, fill, "params"),
        )

    def _value(
        self, match: re.Match[str], filling: Filling, place: Callable[[], Span | None]
    ) -> str:
        variable = match[2]
        if variable is not None:
            if variable in filling.site.vars:
                return filling.site.vars[variable]
            self.diagnostics.add_at_site(
                codes.NO_SITE_VARIABLE,
                f"vars.{variable} is missing",
                filling.site.name,
                filling.site.span,
                place(),
                f"add vars.{variable} to every site where this worker runs",
            )
            return ""
        if match[1] == "host" and not filling.host:
            self.diagnostics.add_at_site(
                codes.NO_ONE_HOST,
                f"{{host}} has no one value among {len(filling.site.hosts)} hosts",
                filling.site.name,
                filling.site.span,
                place(),
                "use replicas: per-host, or name the host in place",
            )
        values = {
            "site": filling.site.name,
            "host": filling.host,
            "project": filling.project,
            "environment": filling.environment,
        }
        return values[match[1]]


def _host(place: Place, site: Site) -> str:
    if place.host:
        return place.host
    return site.hosts[0].name if len(site.hosts) == 1 else ""


def _volume(spec: VolumeSpec) -> Volume:
    if spec.host is not None:
        return Volume(spec.path, "host", spec.host, read_only=spec.read_only, create=spec.create)
    if spec.claim is not None:
        return Volume(spec.path, "claim", size=spec.claim, read_only=spec.read_only)
    return Volume(spec.path, "memory", size=spec.memory or "", read_only=spec.read_only)


def _ports(spec: WorkerSpec) -> tuple[ContainerPort, ...]:
    if spec.ports is not None:
        return tuple(
            ContainerPort(name, port.port, port.protocol) for name, port in spec.ports.items()
        )
    return servers.server(spec.server).ports if spec.server else ()


def _user(spec: WorkerSpec) -> User:
    base = SEDNA_USER if "sedna-lib" in spec.implements else User()
    own = spec.user
    return User(
        base.uid if own.uid is None else own.uid,
        base.gid if own.gid is None else own.gid,
        base.read_only_root if own.read_only_root is None else own.read_only_root,
    )


def _fields(spec: WorkerSpec) -> dict[str, Span]:
    spans = {}
    for attribute, key in WORKER_FIELDS.items():
        span = spec.span_of(attribute) if spec.wrote(attribute) else None
        if span is not None:
            spans[key] = span
    return spans


def _varies(worker: Worker) -> bool:
    texts = [*worker.command, *worker.args]
    texts += [text for v in worker.env for text in (v.value or "", v.secret)]
    texts += [volume.source for volume in worker.volumes]
    return any("{" in text for text in texts) or _data_varies(worker.params)


def _data_varies(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_data_varies(entry) for entry in value.values())
    if isinstance(value, list | tuple):
        return any(_data_varies(entry) for entry in value)
    return isinstance(value, str) and "{" in value


def _filled_data(value: Any, fill: Callable[..., str], *path: str | int) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled_data(entry, fill, *path, key) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_filled_data(entry, fill, *path, i) for i, entry in enumerate(value)]
    return fill(value, *path) if isinstance(value, str) else value
