"""Triton Inference Server: explicit model control, because its polling races with writers.

The image's entry point runs the arguments as a command, so they begin with the program.
"""

from __future__ import annotations

from compiler.model.server import (
    MODELS,
    LoadHook,
    ServedModel,
    Server,
    Serving,
    open_inference_probes,
)
from compiler.model.worker import ContainerPort


def _args(serving: Serving) -> tuple[str, ...]:
    return (
        "tritonserver",
        f"--model-repository={MODELS}",
        "--model-control-mode=explicit",
        # Without it a broken first model ends the server before anybody could ask it why.
        "--exit-on-error=false",
        *(f"--load-model={model.name}" for model in serving.models),
        f"--http-port={serving.http}",
        *(_optional("grpc", serving.grpc)),
        *(_optional("metrics", serving.metrics)),
    )


def _optional(service: str, port: int) -> tuple[str, ...]:
    return (f"--{service}-port={port}",) if port else (f"--allow-{service}=false",)


def _hook(serving: Serving, model: ServedModel, number: int) -> LoadHook:
    version = f"/v2/models/{model.name}/versions/{number}"
    return LoadHook("triton", serving.http, f"{version}/ready", infer=f"{version}/infer")


SERVER = Server(
    name="triton",
    title="Triton Inference Server",
    ports=(
        ContainerPort("http", 8000),
        ContainerPort("grpc", 8001),
        ContainerPort("metrics", 8002),
    ),
    probes=open_inference_probes,
    frameworks=frozenset(
        {"onnx", "openvino", "python", "pytorch", "tensorflow", "tensorrt", "torchscript"}
    ),
    view="triton",
    hot="seamless",
    args=_args,
    hook=_hook,
)
