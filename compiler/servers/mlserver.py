"""MLServer: one settings file per model, Open Inference protocol, load and unload by call.

The settings name no version: MLServer would keep it and answer with it after a hot change.
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
from compiler.model.worker import ConfigFile, ContainerPort, EnvironmentVariable

_RUNTIMES = {
    "catboost": "mlserver_catboost.CatboostModel",
    "huggingface": "mlserver_huggingface.HuggingFaceRuntime",
    "lightgbm": "mlserver_lightgbm.LightGBMModel",
    "mlflow": "mlserver_mlflow.MLflowRuntime",
    "sklearn": "mlserver_sklearn.SKLearnModel",
    "xgboost": "mlserver_xgboost.XGBoostModel",
}


def _args(_: Serving) -> tuple[str, ...]:
    return ("mlserver", "start", SETTINGS)


def _env(serving: Serving) -> tuple[EnvironmentVariable, ...]:
    ports = {
        "MLSERVER_HTTP_PORT": serving.http,
        "MLSERVER_GRPC_PORT": serving.grpc,
        "MLSERVER_METRICS_PORT": serving.metrics,
    }
    return tuple(EnvironmentVariable(name, str(port)) for name, port in ports.items() if port)


def _files(serving: Serving) -> tuple[ConfigFile, ...]:
    return tuple(_settings(model) for model in serving.models)


def _settings(model: ServedModel) -> ConfigFile:
    settings = {"name": model.name, "parameters": {"uri": model.path}}
    if model.framework in _RUNTIMES:
        settings["implementation"] = _RUNTIMES[model.framework]
    text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    return ConfigFile(f"{SETTINGS}/{model.name}/model-settings.json", text)


def _hook(serving: Serving, model: ServedModel, _: int) -> LoadHook:
    base = f"/v2/models/{model.name}"
    return LoadHook("openinference", serving.http, f"{base}/ready", infer=f"{base}/infer")


SERVER = Server(
    name="mlserver",
    title="MLServer",
    ports=(
        ContainerPort("http", 8080),
        ContainerPort("grpc", 8081),
        ContainerPort("metrics", 8082),
    ),
    probes=open_inference_probes,
    frameworks=frozenset(_RUNTIMES),
    hot="seamless",
    args=_args,
    env=_env,
    files=_files,
    hook=_hook,
)
