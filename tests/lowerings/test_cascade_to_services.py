"""A lowered cascade gives its workers what Sedna's Global Manager 0.7 gave them, name by name.

The tables below are what its controllers made, in a real API server, of the published
joint-inference sample (random parts of worker names left out). `LC_SERVER` is the one variable
without a counterpart: it is the sidecar's address instead.
"""

from __future__ import annotations

import dataclasses

import pytest

from compiler.lowerings.cascade_to_services import LOWERING, SIDECAR_ADDRESS, lower
from compiler.model.backend import EmitContext, Refusal
from compiler.model.contract import SURFACE_PORT
from compiler.model.inputs import Endpoint
from compiler.model.plan import Cascade, Node, Service
from compiler.model.worker import EnvironmentVariable
from tests.stages.resolving import HEAD, REPO, front

JOB = "helmet-detection-inference-example"
SPEC = (
    HEAD.replace("name: shop", "name: default")
    + f"""fleet:
  clusters: {{hub: {{kubernetes: "1.32", gitops: {{engine: argocd}}, {REPO}}}}}
  profiles: {{box: {{arch: amd64, cpu: 8, memory: 16Gi, disk: 64Gi}}}}
  sites:
    cloud: {{cluster: hub, layer: cloud, profile: box, hosts: {{cloud-node: {{}}}}}}
    gate: {{cluster: hub, layer: edge, profile: box, hosts: {{edge-node: {{}}}}}}
    dock: {{cluster: hub, layer: edge, profile: box, hosts: {{dock-node: {{}}}}}}
models:
  little: {{versions: {{"1": {{uri: "host:/data/models/little.pb", format: pb}}}}, target: "1"}}
  big: {{versions: {{"1": {{uri: "host:/data/models/big.pb", format: pb}}}}, target: "1"}}
  pair: {{versions: {{"1": {{edge: "little:1", cloud: "big:1"}}}}, target: "1"}}
jobs:
  {JOB}:
    kind: joint-inference
    model: pair
    hardExamples: {{algorithm: IBT, params: {{threshold_img: 0.5, threshold_box: 0.5}}}}
    workers:
      edge:
        name: little-model
        image: r.example.com/little:1
        implements: [sedna-lib]
        env:
          input_shape: "416,736"
          video_url: file://video/video.mp4
          all_examples_inference_output: /data/output
          hard_example_cloud_inference_output: /data/hard_example_cloud_inference_output
          hard_example_edge_inference_output: /data/hard_example_edge_inference_output
        volumes:
          - {{path: /data/, host: /joint_inference/output, create: false}}
          - {{path: /video/, host: /joint_inference/video/, create: false}}
        place: {{layer: edge}}
      cloud:
        name: big-model
        image: r.example.com/big:1
        implements: [sedna-lib]
        env: {{input_shape: "544,544"}}
        place: {{site: cloud}}
"""
)
CLOUD = {
    "input_shape": "544,544",
    "DATA_PATH_PREFIX": "/home/data",
    "BIG_MODEL_BIND_PORT": "5000",
    "NAMESPACE": "default",
    "SERVICE_NAME": "helmet-detection-inference-example",
    "WORKER_NAME": "cloudworker-",
    "MODEL_URL": "/home/data/data/models/big.pb",
}
EDGE = {
    "input_shape": "416,736",
    "video_url": "file://video/video.mp4",
    "all_examples_inference_output": "/data/output",
    "hard_example_cloud_inference_output": "/data/hard_example_cloud_inference_output",
    "hard_example_edge_inference_output": "/data/hard_example_edge_inference_output",
    "DATA_PATH_PREFIX": "/home/data",
    "BIG_MODEL_IP": "helmet-detection-inference-example-cloud.default",
    "LC_SERVER": SIDECAR_ADDRESS,
    "NAMESPACE": "default",
    "WORKER_NAME": "edgeworker-",
    "MODEL_URL": "/home/data/data/models/little.pb",
    "BIG_MODEL_PORT": "5000",
    "HEM_NAME": "IBT",
    "HEM_PARAMETERS": (
        '[{"key":"threshold_img","value":"0.5"},{"key":"threshold_box","value":"0.5"}]'
    ),
    "SERVICE_NAME": "helmet-detection-inference-example",
}
MODELS = ("/home/data/data/models/", "/data/models/")
EDGE_MOUNTS = {
    ("/video/", "/joint_inference/video/"),
    ("/data/", "/joint_inference/output"),
    MODELS,
}


def planned() -> tuple[Cascade, EmitContext]:
    found = front(SPEC)
    (cascade,) = [node for node in found.nodes if isinstance(node, Cascade)]
    return cascade, found.context


def services(cascade: Cascade, context: EmitContext) -> list[Service]:
    made = lower(cascade, context)
    assert isinstance(made, tuple)
    assert all(isinstance(node, Service) for node in made)
    return [node for node in made if isinstance(node, Service)]


def environment(service: Service) -> dict[str, str]:
    """Name and value of each variable; the random end of a worker's name is cut."""
    found = {variable.name: variable.value or "" for variable in service.member.worker.env}
    assert len(found) == len(service.member.worker.env)
    found["WORKER_NAME"] = found["WORKER_NAME"].partition("-")[0] + "-"
    return found


def test_the_cloud_worker_gets_the_environment_that_sedna_gives_it() -> None:
    assert environment(services(*planned())[0]) == CLOUD


def test_every_edge_worker_gets_the_environment_that_sedna_gives_it() -> None:
    _, *edges = services(*planned())
    assert [environment(edge) for edge in edges] == [EDGE, EDGE]


def test_the_local_controller_is_replaced_by_the_sidecar() -> None:
    assert f"http://127.0.0.1:{SURFACE_PORT}" == SIDECAR_ADDRESS


def test_models_are_mounted_by_their_directory_where_sedna_mounts_it() -> None:
    cloud, *edges = services(*planned())
    assert {(v.path, v.source) for v in cloud.member.worker.volumes} == {MODELS}
    for edge in edges:
        assert {(v.path, v.source) for v in edge.member.worker.volumes} == EDGE_MOUNTS


def test_the_cloud_part_listens_at_the_port_and_name_that_the_edges_are_told() -> None:
    cloud, *edges = services(*planned())
    assert cloud.name == f"{JOB}-cloud"
    assert [(port.name, port.port) for port in cloud.member.worker.ports] == [("tcp-0", 5000)]
    assert cloud.member.expose.to == "cluster"
    link = Endpoint("cloud", f"{cloud.name}.default", 5000)
    assert [edge.member.endpoints for edge in edges] == [(link,), (link,)]


def test_names_of_workers_are_the_same_in_every_compile_and_tell_sites_apart() -> None:
    names = [
        variable.value
        for service in services(*planned())
        for variable in service.member.worker.env
        if variable.name == "WORKER_NAME"
    ]
    assert names == ["cloudworker-cloud", "edgeworker-dock", "edgeworker-gate"]


def test_what_the_author_wrote_wins_over_what_is_added() -> None:
    cascade, context = planned()
    own = dataclasses.replace(
        cascade.cloud.worker, env=(EnvironmentVariable("NAMESPACE", "elsewhere"),)
    )
    changed = dataclasses.replace(cascade, cloud=dataclasses.replace(cascade.cloud, worker=own))
    assert environment(services(changed, context)[0])["NAMESPACE"] == "elsewhere"


def test_a_port_that_the_author_gave_stays_beside_the_one_that_edges_call() -> None:
    found = front(SPEC.replace('env: {input_shape: "544,544"}', "ports: {web: {port: 8080}}"))
    (cascade,) = [node for node in found.nodes if isinstance(node, Cascade)]
    cloud, *_ = services(cascade, found.context)
    assert [port.port for port in cloud.member.worker.ports] == [8080, 5000]


@pytest.mark.parametrize("role", ["edge", "cloud"])
def test_a_worker_that_does_not_know_hard_examples_is_refused(role: str) -> None:
    cascade, context = planned()
    if role == "cloud":
        bare = dataclasses.replace(cascade.cloud.worker, implements=())
        cascade = dataclasses.replace(
            cascade, cloud=dataclasses.replace(cascade.cloud, worker=bare)
        )
    else:
        bare = dataclasses.replace(cascade.edges[0].worker, implements=())
        edge = dataclasses.replace(cascade.edges[0], worker=bare)
        cascade = dataclasses.replace(cascade, edges=(edge, *cascade.edges[1:]))
    refusal = lower(cascade, context)
    assert isinstance(refusal, Refusal)
    assert f"the {role} worker does not say" in refusal.reason


def test_another_node_is_no_cascade() -> None:
    cascade, context = planned()
    service: Node = services(cascade, context)[0]
    with pytest.raises(TypeError, match="takes a Cascade, not a Service"):
        lower(service, context)
    assert LOWERING.takes is Cascade
