"""TensorFlow Serving: takes the highest numbered directory as soon as it appears.

It has no HTTP call to load a model. The sidecar makes the directory appear whole, by a rename,
and waits until the version says that it is available; with several models, or hot, a text file
lists them. The image's own command sets a base path that would win, so the program is called.
"""

from __future__ import annotations

import json

from compiler.model.server import (
    SETTINGS,
    LoadHook,
    Probes,
    ServedModel,
    Server,
    Serving,
    http_probes,
)
from compiler.model.worker import ConfigFile, ContainerPort

_CONFIG = f"{SETTINGS}/models.config"


def _command(_: Serving) -> tuple[str, ...]:
    return ("/usr/bin/tensorflow_model_server",)


def _args(serving: Serving) -> tuple[str, ...]:
    ports = (f"--rest_api_port={serving.http}", f"--port={serving.grpc}")
    # Its default of five tries, a minute apart, would outlast the sidecar's probe without a word.
    loads = ("--file_system_poll_wait_seconds=1", "--max_num_load_retries=0")
    return (*_models(serving), *ports, *loads)


def _models(serving: Serving) -> tuple[str, ...]:
    if len(serving.models) == 1:
        model = serving.models[0]
        return (f"--model_name={model.name}", f"--model_base_path={model.path}")
    return (f"--model_config_file={_CONFIG}",)


def _files(serving: Serving) -> tuple[ConfigFile, ...]:
    if len(serving.models) == 1:
        return ()
    entries = "".join(_entry(model) for model in serving.models)
    return (ConfigFile(_CONFIG, f"model_config_list {{\n{entries}}}\n"),)


def _entry(model: ServedModel) -> str:
    # A text protocol buffer takes the same escapes as JSON for the names and paths allowed here.
    name, path = json.dumps(model.name), json.dumps(model.path)
    return (
        f"  config {{\n    name: {name}\n    base_path: {path}\n"
        '    model_platform: "tensorflow"\n  }\n'
    )


def _probes(serving: Serving) -> Probes:
    if not serving.models:
        return Probes()
    status = f"/v1/models/{serving.models[0].name}"
    return http_probes(status, status, status, serving.http)


def _hook(serving: Serving, model: ServedModel, number: int) -> LoadHook:
    version = f"/v1/models/{model.name}/versions/{number}"
    return LoadHook(
        "tfserving", serving.http, version, contains='"AVAILABLE"', infer=f"{version}:predict"
    )


SERVER = Server(
    name="tfserving",
    title="TensorFlow Serving",
    ports=(ContainerPort("http", 8501), ContainerPort("grpc", 8500)),
    probes=_probes,
    frameworks=frozenset({"tensorflow"}),
    view="tfserving",
    hot="seamless",
    command=_command,
    args=_args,
    files=_files,
    hook=_hook,
)
