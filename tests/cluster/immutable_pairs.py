"""Pairs of an object and a change to it: what the API server lets through, and what it refuses.

Data alone: an object as a file has it, then merged changes, one for each pair. Which of them are
refused is for the judges to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.cluster.mutation_edits import GONE

Data = dict[str, Any]
NAMESPACE = "immutable"
_IMAGE = "registry.example.com/one:1"
_OTHER = "registry.example.com/two:2"


def _pod(image: str = _IMAGE, **more: Any) -> Data:
    return {"containers": [{"name": "one", "image": image}], **more}


def _thing(api_version: str, kind: str, cluster: bool = False, **fields: Any) -> Data:
    metadata = {"name": "one", **({} if cluster else {"namespace": NAMESPACE})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def _workload(kind: str, **spec: Any) -> Data:
    labels = {"app": "one", "tier": "a"}
    template = {"metadata": {"labels": labels}, "spec": _pod()}
    selector = {"matchLabels": {"app": "one"}}
    return _thing("apps/v1", kind, spec={"selector": selector, "template": template, **spec})


def _job(**spec: Any) -> Data:
    template = {"spec": _pod(restartPolicy="Never")}
    return _thing("batch/v1", "Job", spec={"template": template, **spec})


def _spec(*changes: Mapping[str, Any]) -> tuple[Data, ...]:
    return tuple({"spec": dict(change)} for change in changes)


_SELECTORS = _spec(
    {"selector": {"matchLabels": {"tier": "a"}}},
    {"selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}},
    {"template": {"spec": {"containers": [{"name": "one", "image": _OTHER}]}}},
    {"template": {"metadata": {"labels": {"more": "b"}}}},
    {"minReadySeconds": 5},
)
_CLAIM: Data = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}},
                "storageClassName": "fast"}  # fmt: skip
_LEARNING: Data = {"url": "s3://models/a", "format": "onnx"}
_REPLICATED: Data = {"name": "w", "replicas": 1, "template": {"spec": {"template": {
    "spec": _pod(restartPolicy="Never")}}}}  # fmt: skip

CHANGES: tuple[tuple[Data, tuple[Data, ...]], ...] = (
    (_workload("Deployment", replicas=1), (
        *_SELECTORS, *_spec({"replicas": 3}, {"strategy": {"type": "Recreate"}},
                            {"strategy": {"type": "Recreate", "rollingUpdate": None}},
                            {"strategy": {"rollingUpdate": {"maxSurge": 0}}},
                            {"progressDeadlineSeconds": 30}, {"paused": True}),
    )),
    (_workload("Deployment", strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
     _spec({"strategy": {"type": "Recreate", "rollingUpdate": GONE}})),
    (_workload("Deployment", strategy={"rollingUpdate": {"maxSurge": 0}}),
     _spec({"strategy": {"type": "Recreate", "rollingUpdate": GONE}})),
    (_workload("Deployment", strategy={"type": "Recreate"}),
     _spec({"strategy": {"type": "RollingUpdate"}}, {"strategy": GONE})),
    (_workload("DaemonSet"), (*_SELECTORS, *_spec({"updateStrategy": {"type": "OnDelete"}}))),
    (_workload("ReplicaSet", replicas=1), (*_SELECTORS, *_spec({"replicas": 2}))),
    (_workload("StatefulSet", serviceName="one", replicas=1, volumeClaimTemplates=[
        {"metadata": {"name": "data"}, "spec": _CLAIM}]), (
        *_SELECTORS, *_spec(
            {"serviceName": "two"}, {"podManagementPolicy": "Parallel"}, {"replicas": 2},
            {"updateStrategy": {"type": "OnDelete"}}, {"volumeClaimTemplates": []},
            {"revisionHistoryLimit": 3}, {"ordinals": {"start": 1}},
            {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}),
    )),
    (_job(), _spec(
        {"template": {"spec": {"containers": [{"name": "one", "image": _OTHER}]}}},
        {"template": {"metadata": {"labels": {"a": "b"}}}}, {"completions": 2}, {"parallelism": 2},
        {"completionMode": "Indexed", "completions": 1}, {"backoffLimit": 3}, {"suspend": True},
        {"activeDeadlineSeconds": 60}, {"ttlSecondsAfterFinished": 60},
        {"podFailurePolicy": {"rules": [{"action": "FailJob", "onExitCodes": {
            "operator": "In", "values": [1]}}]}},
        {"managedBy": "example.com/other"}, {"podReplacementPolicy": "Failed"},
        {"manualSelector": True, "selector": {"matchLabels": {"a": "b"}}})),
    (_job(completionMode="Indexed", completions=2, parallelism=2, backoffLimitPerIndex=1), _spec(
        {"completions": 3, "parallelism": 3}, {"completions": 3}, {"backoffLimitPerIndex": 2},
        {"maxFailedIndexes": 1},
        {"successPolicy": {"rules": [{"succeededCount": 1}]}})),
    (_job(suspend=True), _spec(
        {"suspend": False},
        {"template": {"spec": {"nodeSelector": {"a": "b"}}}},
        {"template": {"spec": {"containers": [{"name": "one", "image": _OTHER}]}}})),
    (_thing("batch/v1", "CronJob", spec={"schedule": "0 1 * * *", "jobTemplate": {
        "spec": {"template": {"spec": _pod(restartPolicy="Never")}}}}), _spec(
        {"schedule": "0 2 * * *"}, {"concurrencyPolicy": "Forbid"},
        {"jobTemplate": {"spec": {"completions": 2}}})),
    (_thing("v1", "Pod", spec=_pod(nodeSelector={"a": "b"}, volumes=[
        {"name": "v", "emptyDir": {}}])), _spec(
        {"containers": [{"name": "one", "image": _OTHER}]}, {"nodeSelector": {"a": "c"}},
        {"containers": [{"name": "one", "image": _IMAGE, "env": [{"name": "A", "value": "b"}]}]},
        {"containers": [{"name": "one", "image": _IMAGE, "args": ["x"]}]},
        {"containers": [{"name": "one", "image": _IMAGE, "resources": {"limits": {"cpu": "1"}}}]},
        {"containers": [{"name": "one", "image": _IMAGE, "livenessProbe": {
            "exec": {"command": ["true"]}}}]},
        {"containers": [{"name": "one", "image": _IMAGE, "securityContext": {
            "readOnlyRootFilesystem": True}}]},
        {"containers": [{"name": "one", "image": _IMAGE, "imagePullPolicy": "Always"}]},
        {"containers": [{"name": "one", "image": _IMAGE}, {"name": "two", "image": _OTHER}]},
        {"initContainers": [{"name": "two", "image": _OTHER}]}, {"hostNetwork": True},
        {"volumes": [{"name": "v", "hostPath": {"path": "/x"}}]}, {"restartPolicy": "Never"},
        {"activeDeadlineSeconds": 60}, {"terminationGracePeriodSeconds": 5},
        {"tolerations": [{"key": "a", "operator": "Exists"}]}, {"priority": 5},
        {"securityContext": {"runAsUser": 5}}, {"affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}}}},
        {"hostname": "two"}, {"dnsPolicy": "Default"}, {"schedulerName": "other"},
        {"enableServiceLinks": False}, {"serviceAccountName": "other"}, {"nodeName": "edge-1"})),
    (_thing("v1", "Service", spec={"clusterIP": "10.0.9.9", "selector": {"a": "b"}, "ports": [
        {"port": 80}]}), _spec(
        {"clusterIP": "10.0.9.10"}, {"clusterIP": "None"}, {"clusterIP": GONE},
        {"selector": {"a": "c"}}, {"ports": [{"port": 81}]}, {"type": "NodePort"},
        {"sessionAffinity": "ClientIP"})),
    (_thing("v1", "Service", spec={"clusterIP": "None", "selector": {"a": "b"}}), _spec(
        {"clusterIP": GONE, "ports": [{"port": 80}]}, {"clusterIP": "10.0.9.11", "ports": [
            {"port": 80}]}, {"ports": [{"port": 80}]},
        {"clusterIP": GONE, "type": "ExternalName", "externalName": "a.example.com"})),
    (_thing("v1", "Service", spec={"type": "ExternalName", "externalName": "a.example.com"}), _spec(
        {"externalName": "b.example.com"}, {"type": "ClusterIP", "externalName": GONE,
                                            "ports": [{"port": 80}]})),
    (_thing("v1", "PersistentVolumeClaim", spec=_CLAIM), _spec(
        {"accessModes": ["ReadOnlyMany"]}, {"storageClassName": "slow"}, {"storageClassName": GONE},
        {"volumeName": "disk"}, {"volumeMode": "Block"}, {"resources": {"requests": {
            "storage": "1Gi"}}}, {"resources": {"requests": {"storage": "2048Mi"}}},
        {"resources": {"requests": {"storage": "3Gi"}}}, {"selector": {"matchLabels": {"a": "b"}}},
        {"dataSource": {"kind": "PersistentVolumeClaim", "name": "x"}},
        {"resources": {"limits": {"storage": "9Gi"}}}, {"volumeAttributesClassName": "gold"})),
    (_thing("v1", "PersistentVolume", True, spec={
        "capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "a",
        "hostPath": {"path": "/a"}}), _spec(
        {"capacity": {"storage": "3Gi"}}, {"hostPath": {"path": "/b"}}, {"volumeMode": "Block"},
        {"accessModes": ["ReadOnlyMany"]}, {"storageClassName": "b"},
        {"hostPath": GONE, "nfs": {"server": "a", "path": "/b"}},
        {"persistentVolumeReclaimPolicy": "Delete"}, {"mountOptions": ["noatime"]},
        {"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": "a", "operator": "Exists"}]}]}}})),
    (_thing("v1", "ConfigMap", immutable=True, data={"a": "b"}), (
        {"data": {"a": "c"}}, {"data": {"b": "c"}}, {"binaryData": {"c": "YQ=="}},
        {"immutable": GONE}, {"immutable": False}, {"metadata": {"labels": {"a": "b"}}},
    )),
    (_thing("v1", "ConfigMap", data={"a": "b"}), ({"data": {"a": "c"}}, {"immutable": True})),
    (_thing("v1", "Secret", type="Opaque", immutable=True, data={"a": "YQ=="}), (
        {"data": {"a": "Yg=="}}, {"stringData": {"a": "b"}}, {"stringData": {"a": "a"}},
        {"immutable": False}, {"metadata": {"annotations": {"a": "b"}}},
    )),
    (_thing("v1", "Secret", data={"a": "YQ=="}), (
        {"type": "example.com/other"}, {"type": "Opaque"}, {"data": {"a": "Yg=="}},
    )),
    (_thing("storage.k8s.io/v1", "StorageClass", True, provisioner="example.com/a",
            parameters={"a": "b"}), (
        {"provisioner": "example.com/b"}, {"parameters": {"a": "c"}}, {"parameters": GONE},
        {"reclaimPolicy": "Retain"}, {"reclaimPolicy": "Delete"},
        {"volumeBindingMode": "WaitForFirstConsumer"}, {"volumeBindingMode": "Immediate"},
        {"allowVolumeExpansion": True}, {"mountOptions": ["noatime"]},
        {"allowedTopologies": [{"matchLabelExpressions": [{"key": "a", "values": ["b"]}]}]},
    )),
    (_thing("rbac.authorization.k8s.io/v1", "RoleBinding",
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "a"}), (
        {"roleRef": {"name": "b"}}, {"roleRef": {"kind": "ClusterRole"}},
        {"subjects": [{"kind": "ServiceAccount", "name": "a", "namespace": "b"}]},
    )),
    (_thing("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", True,
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "a"}),
     ({"roleRef": {"name": "b"}}, {"subjects": [{"kind": "Group", "name": "a",
                                                 "apiGroup": "rbac.authorization.k8s.io"}]})),
    (_thing("rbac.authorization.k8s.io/v1", "Role", rules=[]), (
        {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},)),
    (_thing("networking.k8s.io/v1", "IngressClass", True, spec={"controller": "example.com/a"}), (
        *_spec({"controller": "example.com/b"}, {"parameters": {"kind": "A", "name": "b"}}),)),
    (_thing("networking.k8s.io/v1", "Ingress", spec={"ingressClassName": "a", "defaultBackend": {
        "service": {"name": "a", "port": {"number": 80}}}}), _spec({"ingressClassName": "b"})),
    (_thing("scheduling.k8s.io/v1", "PriorityClass", True, value=5, description="a"), (
        {"value": 6}, {"preemptionPolicy": "Never"}, {"preemptionPolicy": "PreemptLowerPriority"},
        {"description": "b"}, {"globalDefault": True},
    )),
    (_thing("node.k8s.io/v1", "RuntimeClass", True, handler="a"), (
        {"handler": "b"}, {"overhead": {"podFixed": {"cpu": "1m"}}},
        {"scheduling": {"nodeSelector": {"a": "b"}}},
    )),
    (_thing("policy/v1", "PodDisruptionBudget", spec={
        "minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}), _spec(
        {"minAvailable": 2}, {"selector": {"matchLabels": {"a": "c"}}})),
    (_thing("autoscaling/v2", "HorizontalPodAutoscaler", spec={
        "maxReplicas": 2, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment",
                                             "name": "a"}}), _spec(
        {"maxReplicas": 3}, {"scaleTargetRef": {"name": "b"}})),
    (_thing("discovery.k8s.io/v1", "EndpointSlice", addressType="IPv4", endpoints=[]), (
        {"addressType": "IPv6"}, {"endpoints": [{"addresses": ["192.0.2.1"]}]},
    )),
    (_thing("coordination.k8s.io/v1", "Lease", spec={"holderIdentity": "a"}),
     _spec({"holderIdentity": "b"})),
    (_thing("sedna.io/v1alpha1", "Model", spec=_LEARNING), _spec(
        {"url": "s3://models/b"}, {"format": "pb"})),
    (_thing("sedna.io/v1alpha1", "Dataset", spec={**_LEARNING, "nodeName": "a"}), _spec(
        {"nodeName": "b"})),
    (_thing("jobset.x-k8s.io/v1alpha2", "JobSet", spec={
        "network": {"enableDNSHostnames": True}, "successPolicy": {"operator": "All"},
        "replicatedJobs": [_REPLICATED]}), _spec(
        {"network": {"enableDNSHostnames": False}}, {"successPolicy": {"operator": "Any"}},
        {"failurePolicy": {"maxRestarts": 1}}, {"suspend": True})),
    (_thing("trainer.kubeflow.org/v1alpha1", "TrainJob", spec={"runtimeRef": {
        "apiGroup": "trainer.kubeflow.org", "kind": "TrainingRuntime", "name": "a"}}), _spec(
        {"runtimeRef": {"name": "b"}}, {"managedBy": "kueue.x-k8s.io/multikueue"},
        {"trainer": {"numNodes": 2}}, {"suspend": True})),
    (_thing("kueue.x-k8s.io/v1beta1", "LocalQueue", spec={"clusterQueue": "a"}), _spec(
        {"clusterQueue": "b"}, {"stopPolicy": "Hold"})),
    (_thing("kueue.x-k8s.io/v1beta1", "ResourceFlavor", True, spec={"nodeLabels": {"a": "b"}}),
     _spec({"nodeLabels": {"a": "c"}})),
    (_thing("kueue.x-k8s.io/v1beta1", "ResourceFlavor", True, spec={
        "nodeLabels": {"a": "b"}, "topologyName": "t"}), _spec(
        {"nodeLabels": {"a": "c"}}, {"topologyName": "u"}, {"nodeTaints": [
            {"key": "a", "effect": "NoSchedule"}]})),
    (_thing("serving.kserve.io/v1alpha1", "LocalModelCache", True, spec={
        "sourceModelUri": "s3://a", "modelSize": "1Gi", "nodeGroups": ["a"]}), _spec(
        {"sourceModelUri": "s3://b"}, {"modelSize": "2Gi"}, {"nodeGroups": ["b"]})),
    (_thing("v1", "ServiceAccount"), ({"automountServiceAccountToken": False},)),
    (_thing("kustomize.toolkit.fluxcd.io/v1", "Kustomization", spec={
        "interval": "5m", "prune": True, "path": "a", "sourceRef": {
            "kind": "GitRepository", "name": "a"}}), _spec(
        {"path": "b"}, {"targetNamespace": "b"}, {"sourceRef": {"name": "b"}})),
)  # fmt: skip
"""Objects, each with the changes that make its pairs."""


def pairs() -> Iterator[tuple[str, Data, Data]]:
    """(words, old, new) of every pair."""
    for old, changes in CHANGES:
        for change in changes:
            yield f"{old['kind']} {change}", old, merged(old, change)


def merged(old: Any, change: Any) -> Any:
    """A copy of an object with a change merged into it; `GONE` removes."""
    if not isinstance(change, Mapping) or not isinstance(old, Mapping):
        return change
    kept = {key: value for key, value in old.items() if change.get(key) is not GONE}
    new = {key: value for key, value in change.items() if value is not GONE}
    return {**kept, **{key: merged(old.get(key), value) for key, value in new.items()}}
