"""A model server flavour as data: ports, probes, file layout, load hook, arguments.

A flavour answers questions about one pod through pure functions of a `Serving`. No answer may
depend on a model's version or digest, save the load hook's: the rest enters the pod template, and
a hot job must not restart when a model changes. Nothing here knows Kubernetes objects, and nothing
here chooses a server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from compiler.model.inputs import Artifact
from compiler.model.layout import ARTIFACTS
from compiler.model.record import dataclass
from compiler.model.worker import ConfigFile, ContainerPort, EnvironmentVariable

MODELS = ARTIFACTS["model"]
SETTINGS = "/etc/edgewright/server"

View = Literal["flat", "ovms", "tfserving", "triton"]
"""How the sidecar lays out a model at its path.

`flat` is the unpacked artifact itself. The others hold one directory per serving number; `triton`
also lifts `config.pbtxt` and label files of the artifact above the numbered directory.
"""

HookType = Literal["none", "openinference", "ovms", "tfserving", "torchserve", "triton"]
Hot = Literal["seamless", "gap", "no"]
"""Whether files can change under the running server: without a gap, with one, or not at all."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model as its server sees it: the name in requests and the directory that it lies in."""

    name: str
    path: str
    framework: str = ""


@dataclass(frozen=True, slots=True)
class Serving:
    """What a flavour is asked about: the models of one pod, its ports and how it updates.

    A port of 0 is not to be opened.
    """

    models: tuple[ServedModel, ...] = ()
    http: int = 0
    grpc: int = 0
    metrics: int = 0
    hot: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """A health check on `port`: an HTTP GET of `path`, or a TCP connect when `path` is empty.

    `period` and `timeout` are seconds, `failures` is how many in a row count as failed.
    """

    port: int
    path: str = ""
    period: int = 10
    timeout: int = 5
    failures: int = 3


@dataclass(frozen=True, slots=True)
class Probes:
    """The three probes of a container; None where there is nothing to ask."""

    startup: Probe | None = None
    readiness: Probe | None = None
    liveness: Probe | None = None


@dataclass(frozen=True, slots=True)
class LoadHook:
    """How the sidecar makes a running server take a new version, and how it sees that it did.

    `type` names the protocol, `port` the loopback port that it is spoken on. `ready` is the path
    of a GET that answers 200 (with `contains` in its body, when that is set) once the version
    serves. `infer` is the path that a golden input is posted to, empty where there is none.
    """

    type: HookType
    port: int
    ready: str
    contains: str = ""
    infer: str = ""


def _nothing(_: Serving) -> tuple[()]:
    return ()


def _no_hook(_: Serving, __: ServedModel, ___: int) -> LoadHook | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One flavour. The callables are pure and cheap.

    `ports` are the defaults, named `http`, `grpc` or `metrics`. `frameworks` is empty where any
    is accepted. `hook` takes the serving, one of its models and the serving number of the version.
    `writable` lists directories that the server writes to, for a read-only root. `warning` is
    shown to whoever chooses the flavour. `command` is empty where the image's own is right.
    """

    name: str
    title: str
    ports: tuple[ContainerPort, ...]
    probes: Callable[[Serving], Probes]
    frameworks: frozenset[str] = frozenset()
    view: View = "flat"
    hot: Hot = "no"
    several_models: bool = True
    command: Callable[[Serving], tuple[str, ...]] = _nothing
    args: Callable[[Serving], tuple[str, ...]] = _nothing
    env: Callable[[Serving], tuple[EnvironmentVariable, ...]] = _nothing
    files: Callable[[Serving], tuple[ConfigFile, ...]] = _nothing
    hook: Callable[[Serving, ServedModel, int], LoadHook | None] = _no_hook
    writable: tuple[str, ...] = ()
    warning: str = ""

    @property
    def default_update(self) -> Literal["hot", "rolling"]:
        """What `update:` is when the author does not say."""
        return "hot" if self.hot == "seamless" else "rolling"

    @property
    def can_hot(self) -> bool:
        """Whether `update: hot` is possible at all."""
        return self.hot != "no"

    def accepts(self, framework: str) -> bool:
        """Whether the flavour can load a framework; an unstated one is taken on trust."""
        return not framework or not self.frameworks or framework in self.frameworks

    def serving(
        self,
        artifacts: Sequence[Artifact],
        ports: Sequence[ContainerPort] = (),
        *,
        hot: bool = False,
    ) -> Serving:
        """The serving of a worker: its models among `artifacts`, on its own ports or the defaults.

        An author's port counts by its name (`http`, `grpc`, `metrics`); without one called
        `http`, the first that is neither of the other two is it.
        """
        numbers = _ports(ports or self.ports)
        models = tuple(served(artifact) for artifact in artifacts if artifact.kind == "model")
        return Serving(
            models, numbers.get("http", 0), numbers.get("grpc", 0), numbers.get("metrics", 0), hot
        )


def served(artifact: Artifact) -> ServedModel:
    """A model artifact as its server sees it."""
    return ServedModel(artifact.name, f"{MODELS}/{artifact.name}", artifact.framework)


def http_probes(
    startup: str, readiness: str, liveness: str, port: int, *, start_within: int = 600
) -> Probes:
    """Three HTTP probes; the server has `start_within` seconds to load its models."""
    return Probes(
        startup=Probe(port, startup, period=5, failures=max(1, start_within // 5)),
        readiness=Probe(port, readiness, period=5, failures=2),
        liveness=Probe(port, liveness, period=10, failures=6),
    )


def tcp_probes(port: int) -> Probes:
    """Three TCP probes on the port, or none without one."""
    if not port:
        return Probes()
    return Probes(
        startup=Probe(port, period=5, failures=120),
        readiness=Probe(port, period=5, failures=2),
        liveness=Probe(port, period=10, failures=6),
    )


def _ports(ports: Sequence[ContainerPort]) -> dict[str, int]:
    numbers = {port.name: port.port for port in ports if port.name in ("http", "grpc", "metrics")}
    if "http" not in numbers:
        others = (port.port for port in ports if port.name not in ("grpc", "metrics"))
        numbers["http"] = next(others, 0)
    return numbers


def open_inference_probes(serving: Serving) -> Probes:
    """The probes of a server that speaks the open inference protocol.

    A single model decides readiness; of several, each is judged by the sidecar.
    """
    ready = "/v2/health/ready"
    if len(serving.models) == 1:
        ready = f"/v2/models/{serving.models[0].name}/ready"
    return http_probes("/v2/health/live", ready, "/v2/health/live", serving.http)
