"""TorchServe: for fleets that still have it. It is no longer maintained, so choosing it warns.

A version is fixed inside its archive, so a running server takes a new one only after the old one
is unregistered: hot works with a gap and is never the default. The archive is unpacked
(`unpack: zip`), because TorchServe takes a directory by its absolute path but a file only from
the top of its model store. The management interface, open only for hot jobs, listens on loopback.
"""

from __future__ import annotations

from compiler.model.server import (
    MODELS,
    SETTINGS,
    LoadHook,
    Probes,
    ServedModel,
    Server,
    Serving,
    http_probes,
)
from compiler.model.worker import ConfigFile, ContainerPort

_CONFIG = f"{SETTINGS}/config.properties"
_MANAGEMENT = 8081


def _args(serving: Serving) -> tuple[str, ...]:
    return (
        "torchserve",
        "--start",
        "--foreground",
        "--no-config-snapshots",
        f"--ts-config={_CONFIG}",
        f"--model-store={MODELS}",
        *(("--enable-model-api",) if serving.hot else ()),
        "--disable-token-auth",
        "--models",
        *(f"{model.name}={model.path}" for model in serving.models),
    )


def _files(serving: Serving) -> tuple[ConfigFile, ...]:
    lines = [
        f"inference_address=http://0.0.0.0:{serving.http}",
        f"management_address=http://127.0.0.1:{_MANAGEMENT}",
        f"metrics_address=http://0.0.0.0:{serving.metrics or 8082}",
        f"grpc_inference_port={serving.grpc or 7070}",
        f"allowed_urls=file://{MODELS}/.*",
    ]
    return (ConfigFile(_CONFIG, "\n".join(lines) + "\n"),)


def _probes(serving: Serving) -> Probes:
    return http_probes("/ping", "/ping", "/ping", serving.http)


def _hook(_: Serving, model: ServedModel, __: int) -> LoadHook:
    return LoadHook("torchserve", _MANAGEMENT, f"/models/{model.name}", contains='"READY"')


SERVER = Server(
    name="torchserve",
    title="TorchServe",
    ports=(
        ContainerPort("http", 8080),
        ContainerPort("grpc", 7070),
        ContainerPort("metrics", 8082),
    ),
    probes=_probes,
    frameworks=frozenset({"pytorch", "torchscript"}),
    hot="gap",
    args=_args,
    files=_files,
    hook=_hook,
    writable=("/home/model-server/tmp", "/home/model-server/logs"),
    warning=(
        "TorchServe is no longer maintained and gets no security patches; "
        "triton serves the same models"
    ),
)
