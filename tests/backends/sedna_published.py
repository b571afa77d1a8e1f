"""Sedna's published helmet detection objects (v0.7.0) as facts, and how they are compared.

From examples/joint_inference/helmet_detection_inference and
examples/incremental_learning/helmet_detection: the two YAML files, with the Models and the
Dataset from the READMEs beside them. `$EDGE_NODE` and `$WORKER_NODE` are `edge-node`,
`$CLOUD_NODE` is `cloud-node`.
"""

from __future__ import annotations

from typing import Any

Facts = dict[str, Any]

ADDED_TO_PODS = {
    "affinity": "edge nodes carry no taint, so both sides say where they belong",
    "tolerations": "a pod whose node is offline is not evicted",
    "automountServiceAccountToken": "the edge reaches no API server",
    "enableServiceLinks": "variables of foreign Services are noise",
    "securityContext": "seccomp",
    "hostNetwork": "Sedna forces it on a loop's pods",
    "dnsPolicy": "names of Services resolve on the host's network",
}
"""What the compiled pods hold beyond the published ones, with the reason."""

ADDED_TO_CONTAINERS = {"securityContext": "no more rights than the image needs"}

JOINT = "kubeedge/sedna-example-joint-inference-helmet-detection"
INCREMENTAL = "kubeedge/sedna-example-incremental-learning-helmet-detection:v0.4.0"
CLASSES = "person,helmet,helmet-on,helmet-off"


def directory(path: str, kind: str) -> Facts:
    return {"hostPath": {"path": path, "type": kind}}


HARD_EXAMPLES = {
    "name": "IBT",
    "parameters": [
        {"key": "threshold_img", "value": "0.9"},
        {"key": "threshold_box", "value": "0.9"},
    ],
}

EDGE_POD: Facts = {
    "nodeName": "edge-node",
    "name": "little-model",
    "image": f"{JOINT}-little:v0.3.0",
    "imagePullPolicy": "IfNotPresent",
    "env": {
        "input_shape": "416,736",
        "video_url": "rtsp://localhost/video",
        "all_examples_inference_output": "/data/output",
        "hard_example_cloud_inference_output": "/data/hard_example_cloud_inference_output",
        "hard_example_edge_inference_output": "/data/hard_example_edge_inference_output",
    },
    "resources": {"requests": {"memory": "64M", "cpu": "100m"}, "limits": {"memory": "2Gi"}},
    "mounts": {"/data/": directory("/joint_inference/output", "Directory")},
}
CLOUD_POD: Facts = {
    "nodeName": "cloud-node",
    "name": "big-model",
    "image": f"{JOINT}-big:v0.3.0",
    "imagePullPolicy": "IfNotPresent",
    "env": {"input_shape": "544,544"},
    "resources": {"requests": {"memory": "2Gi"}},
    "mounts": {},
}
LITTLE_MODEL = {"url": "/data/little-model/yolov3_resnet18.pb", "format": "pb"}
BIG_MODEL = {"url": "/data/big-model/yolov3_darknet.pb", "format": "pb"}

_WORKER: Facts = {
    "nodeName": "edge-node",
    "image": INCREMENTAL,
    "imagePullPolicy": "IfNotPresent",
    "mounts": {},
}
TRAIN_POD: Facts = {
    **_WORKER,
    "name": "train-worker",
    "args": ["train.py"],
    "env": {
        "batch_size": "32",
        "epochs": "1",
        "input_shape": "352,640",
        "class_names": CLASSES,
        "nms_threshold": "0.4",
        "obj_threshold": "0.3",
    },
}
EVALUATE_POD: Facts = {
    **_WORKER,
    "name": "eval-worker",
    "args": ["eval.py"],
    "env": {"input_shape": "352,640", "class_names": CLASSES},
}
INFER_POD: Facts = {
    **_WORKER,
    "name": "infer-worker",
    "args": ["inference.py"],
    "env": {
        "input_shape": "352,640",
        "video_url": "file://video/video.mp4",
        "HE_SAVED_URL": "/he_saved_url",
    },
    "resources": {"limits": {"memory": "2Gi"}},
    "mounts": {
        "/video/": directory("/incremental_learning/video/", "DirectoryOrCreate"),
        "/he_saved_url": directory("/incremental_learning/he/", "DirectoryOrCreate"),
    },
}
TRAIN_TRIGGER: Facts = {
    "checkPeriodSeconds": 60,
    # Published without quotes, which a YAML 1.1 reader takes for numbers to the base of sixty.
    "timer": {"start": "02:00", "end": "20:00"},
    "condition": {"operator": ">", "threshold": 500, "metric": "num_of_samples"},
}
DEPLOY_TRIGGER: Facts = {
    # Published as precision_delta: without an index Sedna compares zero and never deploys.
    "condition": {"operator": ">", "threshold": 0.1, "metric": "precision_delta[0]"}
}
DEPLOY_MODEL = {"hotUpdateEnabled": True, "pollPeriodSeconds": 60}
INITIAL_FILE = {"url": "/models/base_model", "format": "ckpt"}
DEPLOY_FILE = {"url": "/models/deploy_model/saved_model.pb", "format": "pb"}
DATASET = {
    "url": "/data/helmet_detection/train_data/train_data.txt",
    "format": "txt",
    "nodeName": "edge-node",
}


def meaning(pod: Facts) -> Facts:
    """A pod of one container less what is added: names of volumes do not count, mounts do."""
    pod = {key: value for key, value in pod.items() if key not in ADDED_TO_PODS}
    (given,) = pod.pop("containers")
    container = {key: value for key, value in given.items() if key not in ADDED_TO_CONTAINERS}
    volumes = {volume.pop("name"): volume for volume in pod.pop("volumes", ())}
    mounts = {m["mountPath"]: volumes[m["name"]] for m in container.pop("volumeMounts", ())}
    env = {variable["name"]: variable["value"] for variable in container.pop("env", ())}
    return {**pod, **container, "mounts": mounts, "env": env}


def joint_inference(service: Facts, models: dict[str, Facts]) -> None:
    """Assert that a JointInferenceService's `spec` means what the published one does."""
    edge, cloud = service["edgeWorker"], service["cloudWorker"]
    assert service.keys() == {"edgeWorker", "cloudWorker"}
    assert meaning(edge["template"]["spec"]) == EDGE_POD
    assert meaning(cloud["template"]["spec"]) == CLOUD_POD
    assert edge["hardExampleMining"] == HARD_EXAMPLES
    assert models[edge["model"]["name"]] == LITTLE_MODEL
    assert models[cloud["model"]["name"]] == BIG_MODEL


def incremental_learning(job: Facts, models: dict[str, Facts], datasets: dict[str, Facts]) -> None:
    """Assert that an IncrementalLearningJob's `spec` means what the published one does."""
    deploy = job["deploySpec"]
    assert models[job["initialModel"]["name"]] == INITIAL_FILE
    assert datasets[job["dataset"]["name"]] == DATASET
    assert job["dataset"]["trainProb"] == 0.8
    assert job["outputDir"] == "/output"
    assert job["trainSpec"]["trigger"] == TRAIN_TRIGGER
    assert deploy["trigger"] == DEPLOY_TRIGGER
    assert models[deploy["model"].pop("name")] == DEPLOY_FILE
    assert deploy["model"] == DEPLOY_MODEL
    assert deploy["hardExampleMining"] == HARD_EXAMPLES
    pods = {part: job[part]["template"]["spec"] for part in ("trainSpec", "evalSpec", "deploySpec")}
    assert meaning(pods["trainSpec"]) == TRAIN_POD
    assert meaning(pods["evalSpec"]) == EVALUATE_POD
    assert meaning(pods["deploySpec"]) == INFER_POD
    assert "credentialName" not in job
