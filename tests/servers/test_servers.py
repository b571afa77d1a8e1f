"""Every server flavour: arguments, files, probes, hooks; what must not depend on a version."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import compiler.servers
from compiler.model.inputs import Artifact, Location
from compiler.model.server import Server
from compiler.model.worker import ContainerPort
from compiler.servers import SERVERS, server

FRAMEWORKS = {
    "ovms": "onnx",
    "triton": "onnx",
    "tfserving": "tensorflow",
    "torchserve": "pytorch",
    "mlserver": "sklearn",
    "bentoml-1": "bentoml",
    "bentoml-0.13": "bentoml",
    "custom": "onnx",
}


def model(name: str, framework: str, version: str = "1.0.0", number: int = 1) -> Artifact:
    return Artifact(
        kind="model",
        name=name,
        version=version,
        location=Location(f"s3://bucket/{name}/{version}"),
        sha256=f"{number:064x}",
        serve_version=number,
        framework=framework,
    )


def models_of(flavour: Server, count: int, number: int = 1) -> tuple[Artifact, ...]:
    framework = FRAMEWORKS[flavour.name]
    return tuple(model(f"model-{i}", framework, f"{number}.0", number) for i in range(count))


def test_the_registry_holds_exactly_the_modules_of_the_folder() -> None:
    folder = Path(compiler.servers.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert {f.name.replace("-", "_").replace(".", "") for f in SERVERS} == modules


def test_names_are_unique_and_an_empty_name_is_the_custom_server() -> None:
    assert len({flavour.name for flavour in SERVERS}) == len(SERVERS)
    assert server("") is server("custom")
    with pytest.raises(KeyError):
        server("tritn")


@pytest.mark.parametrize("flavour", SERVERS, ids=lambda flavour: flavour.name)
@pytest.mark.parametrize("hot", [False, True])
@pytest.mark.parametrize("count", [1, 2])
def test_nothing_in_the_pod_changes_when_only_a_version_changes(
    flavour: Server, hot: bool, count: int
) -> None:
    old = flavour.serving(models_of(flavour, count, 1), hot=hot)
    new = flavour.serving(models_of(flavour, count, 2), hot=hot)
    for answer in (flavour.command, flavour.args, flavour.env, flavour.files, flavour.probes):
        assert answer(old) == answer(new)


@pytest.mark.parametrize("flavour", SERVERS, ids=lambda flavour: flavour.name)
def test_default_ports_are_named_unique_and_probed(flavour: Server) -> None:
    serving = flavour.serving(models_of(flavour, 1))
    numbers = [port.port for port in flavour.ports]
    assert len(set(numbers)) == len(numbers)
    assert {port.name for port in flavour.ports} <= {"http", "grpc", "metrics"}
    probes = flavour.probes(serving)
    asked = [p for p in (probes.startup, probes.readiness, probes.liveness) if p]
    assert len(asked) == (0 if flavour.name == "custom" else 3)
    assert {probe.port for probe in asked} <= set(numbers)
    assert all(probe.path.startswith("/") for probe in asked)


@pytest.mark.parametrize("flavour", SERVERS, ids=lambda flavour: flavour.name)
def test_a_flavour_has_a_load_hook_exactly_when_it_can_be_hot(flavour: Server) -> None:
    serving = flavour.serving(models_of(flavour, 1), hot=True)
    for served_model in serving.models:
        assert (flavour.hook(serving, served_model, 7) is not None) == flavour.can_hot


@pytest.mark.parametrize("flavour", SERVERS, ids=lambda flavour: flavour.name)
def test_the_authors_port_replaces_the_default_in_everything(flavour: Server) -> None:
    serving = flavour.serving(models_of(flavour, 1), [ContainerPort("rest", 18080)], hot=True)
    assert serving.http == 18080
    probes = flavour.probes(serving)
    assert probes.readiness is not None
    assert probes.readiness.port == 18080
    settings = (*flavour.args(serving), *(e.value or "" for e in flavour.env(serving)))
    files = (file.content for file in flavour.files(serving))
    if flavour.name != "custom":
        assert any("18080" in text for text in (*settings, *files))


def test_only_models_are_served_and_a_flavour_says_what_it_accepts() -> None:
    code = replace(model("io", ""), kind="code")
    assert server("ovms").serving([code]).models == ()
    assert server("ovms").accepts("onnx")
    assert server("ovms").accepts("")
    assert not server("ovms").accepts("tensorrt")
    assert server("custom").accepts("tensorrt")


def test_ovms_gets_arguments_for_one_rolling_model_and_a_file_otherwise() -> None:
    ovms = server("ovms")
    one = ovms.serving([model("shelf", "onnx")])
    assert ovms.args(one) == (
        "--model_name=shelf",
        "--model_path=/edgewright/models/shelf",
        "--rest_port=8000",
        "--port=9000",
        "--file_system_poll_wait_seconds=0",
    )
    assert ovms.files(one) == ()
    hot = ovms.serving([model("shelf", "onnx")], hot=True)
    assert ovms.args(hot)[0] == "--config_path=/etc/edgewright/server/config.json"
    (file,) = ovms.files(hot)
    assert json.loads(file.content) == {
        "model_config_list": [
            {"config": {"name": "shelf", "base_path": "/edgewright/models/shelf"}}
        ]
    }


def test_ovms_reloads_by_call_and_waits_for_the_exact_version() -> None:
    ovms = server("ovms")
    serving = ovms.serving([model("shelf", "onnx")], hot=True)
    hook = ovms.hook(serving, serving.models[0], 4)
    assert hook is not None
    assert (hook.type, hook.port) == ("ovms", 8000)
    assert hook.ready == "/v2/models/shelf/versions/4/ready"


def test_triton_loads_each_model_explicitly_and_closes_ports_not_declared() -> None:
    triton = server("triton")
    both = [model("a", "onnx"), model("b", "tensorrt")]
    assert triton.args(triton.serving(both)) == (
        "tritonserver",
        "--model-repository=/edgewright/models",
        "--model-control-mode=explicit",
        "--exit-on-error=false",
        "--load-model=a",
        "--load-model=b",
        "--http-port=8000",
        "--grpc-port=8001",
        "--metrics-port=8002",
    )
    only_http = triton.args(triton.serving(both, [ContainerPort("http", 8000)]))
    assert only_http[-2:] == ("--allow-grpc=false", "--allow-metrics=false")


def test_tensorflow_serving_lists_several_models_in_a_text_file() -> None:
    flavour = server("tfserving")
    serving = flavour.serving(models_of(flavour, 2))
    assert flavour.args(serving)[0] == "--model_config_file=/etc/edgewright/server/models.config"
    (file,) = flavour.files(serving)
    assert file.content == (
        "model_config_list {\n"
        '  config {\n    name: "model-0"\n    base_path: "/edgewright/models/model-0"\n'
        '    model_platform: "tensorflow"\n  }\n'
        '  config {\n    name: "model-1"\n    base_path: "/edgewright/models/model-1"\n'
        '    model_platform: "tensorflow"\n  }\n'
        "}\n"
    )


def test_tensorflow_serving_serves_when_the_version_says_available() -> None:
    flavour = server("tfserving")
    serving = flavour.serving(models_of(flavour, 1), hot=True)
    hook = flavour.hook(serving, serving.models[0], 2)
    assert hook is not None
    assert hook.ready == "/v1/models/model-0/versions/2"
    assert hook.contains == '"AVAILABLE"'


def test_mlserver_settings_name_the_runtime_and_no_version() -> None:
    flavour = server("mlserver")
    serving = flavour.serving([model("price", "xgboost", "9.9.9")])
    (file,) = flavour.files(serving)
    assert file.path == "/etc/edgewright/server/price/model-settings.json"
    assert json.loads(file.content) == {
        "name": "price",
        "implementation": "mlserver_xgboost.XGBoostModel",
        "parameters": {"uri": "/edgewright/models/price"},
    }
    assert {e.name: e.value for e in flavour.env(serving)}["MLSERVER_HTTP_PORT"] == "8080"


def test_torchserve_warns_and_opens_its_management_only_on_loopback() -> None:
    flavour = server("torchserve")
    serving = flavour.serving(models_of(flavour, 1), hot=True)
    assert "no longer maintained" in flavour.warning
    assert flavour.default_update == "rolling"
    assert "management_address=http://127.0.0.1:8081" in flavour.files(serving)[0].content
    assert "--enable-model-api" in flavour.args(serving)
    assert "--enable-model-api" not in flavour.args(replace(serving, hot=False))


def test_only_seamless_flavours_are_hot_by_default() -> None:
    hot = {flavour.name for flavour in SERVERS if flavour.default_update == "hot"}
    assert hot == {"ovms", "triton", "tfserving", "mlserver"}


@pytest.mark.parametrize(
    ("name", "command", "port", "live"),
    [
        ("bentoml-1", ("bentoml", "serve"), 3000, "/livez"),
        ("bentoml-0.13", ("bentoml", "serve-gunicorn"), 5000, "/healthz"),
    ],
)
def test_the_two_bentoml_flavours_differ_in_command_port_and_health(
    name: str, command: tuple[str, ...], port: int, live: str
) -> None:
    flavour = server(name)
    serving = flavour.serving(models_of(flavour, 1))
    assert flavour.args(serving)[: len(command) + 1] == (*command, "/edgewright/models/model-0")
    probes = flavour.probes(serving)
    assert probes.liveness is not None
    assert (probes.liveness.port, probes.liveness.path) == (port, live)
    assert flavour.args(flavour.serving([])) == ()


def test_a_custom_server_is_probed_by_tcp_on_its_first_port_or_not_at_all() -> None:
    flavour = server("custom")
    probes = flavour.probes(flavour.serving([], [ContainerPort("app", 9999)]))
    assert probes.liveness is not None
    assert (probes.liveness.port, probes.liveness.path) == (9999, "")
    assert flavour.probes(flavour.serving([])).liveness is None
