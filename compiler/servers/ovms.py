"""OpenVINO Model Server: numbered directories, a config file for several models, reload by call.

Its own polling is switched off: the sidecar says when to look, so that a version is never taken
before it is verified. OVMS reads a single model's arguments only at start, so a hot job always
gets the config file.
"""

from __future__ import annotations

import json

from compiler.model.server import (
    SETTINGS,
    LoadHook,
    ServedModel,
    Server,
    Serving,
    open_inference_probes,
)
from compiler.model.worker import ConfigFile, ContainerPort

_CONFIG = f"{SETTINGS}/config.json"


def _uses_file(serving: Serving) -> bool:
    return serving.hot or len(serving.models) > 1


def _args(serving: Serving) -> tuple[str, ...]:
    ports = [f"--rest_port={serving.http}"]
    if serving.grpc:
        ports.append(f"--port={serving.grpc}")
    return (*_models(serving), *ports, "--file_system_poll_wait_seconds=0")


def _models(serving: Serving) -> tuple[str, ...]:
    if _uses_file(serving):
        return (f"--config_path={_CONFIG}",)
    return tuple(
        flag
        for model in serving.models
        for flag in (f"--model_name={model.name}", f"--model_path={model.path}")
    )


def _files(serving: Serving) -> tuple[ConfigFile, ...]:
    if not _uses_file(serving):
        return ()
    models = [{"config": {"name": model.name, "base_path": model.path}} for model in serving.models]
    return (ConfigFile(_CONFIG, json.dumps({"model_config_list": models}, indent=2) + "\n"),)


def _hook(serving: Serving, model: ServedModel, number: int) -> LoadHook:
    version = f"/v2/models/{model.name}/versions/{number}"
    return LoadHook("ovms", serving.http, f"{version}/ready", infer=f"{version}/infer")


SERVER = Server(
    name="ovms",
    title="OpenVINO Model Server",
    ports=(ContainerPort("http", 8000), ContainerPort("grpc", 9000)),
    probes=open_inference_probes,
    frameworks=frozenset({"onnx", "openvino", "paddle", "tensorflow", "tflite"}),
    view="ovms",
    hot="seamless",
    args=_args,
    files=_files,
    hook=_hook,
)
