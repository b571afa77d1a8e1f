"""Kubernetes' rules over several fields of its own kinds: each found, and each let through."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stages.check.objects import Data, container, deployment, lines, obj, service


def thing(api_version: str, kind: str, *, cluster: bool = False, **fields: Any) -> Data:
    metadata = {"name": "one", **({} if cluster else {"namespace": "shop"})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def job(**spec: Any) -> Data:
    pod = {"restartPolicy": "Never", "containers": [container()]}
    return thing("batch/v1", "Job", spec={"template": {"spec": pod}, **spec})


def cron(**spec: Any) -> Data:
    return thing(
        "batch/v1",
        "CronJob",
        spec={"schedule": "0 3 * * *", "jobTemplate": {"spec": job()["spec"]}, **spec},
    )


def policy(**rule: Any) -> Data:
    return thing(
        "networking.k8s.io/v1", "NetworkPolicy", spec={"podSelector": {}, "ingress": [rule]}
    )


def scaler(**spec: Any) -> Data:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    given = {"maxReplicas": 3, "scaleTargetRef": target}
    return thing("autoscaling/v2", "HorizontalPodAutoscaler", spec=given | spec)


def target(**ref: Any) -> Data:
    given = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"} | ref
    return scaler(scaleTargetRef={key: value for key, value in given.items() if value != ...})


def ingress(host: str | None) -> Data:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    spec = {"rules": [{"host": host, "http": {"paths": [path]}}]}
    return thing("networking.k8s.io/v1", "Ingress", spec=spec)


def binding(name: str) -> Data:
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    subject = {"kind": "User", "name": "me", "apiGroup": "rbac.authorization.k8s.io"}
    kind = "ClusterRoleBinding"
    return thing(
        "rbac.authorization.k8s.io/v1", kind, cluster=True, roleRef=ref, subjects=[subject]
    )


def admission(spec: Data | None = None, **rule: Any) -> Data:
    judged = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
              "resources": ["pods"]}  # fmt: skip
    whole = {"matchConstraints": {"resourceRules": [judged | rule]}} if spec is None else spec
    validations = {"validations": [{"expression": "true"}]}
    group, kind = "admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"
    return thing(group, kind, cluster=True, spec=whole | validations)


def definition(scope: str) -> Data:
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"kind": "Lamp", "listKind": "LampList", "plural": "lamps", "singular": "lamp"}
    spec = {"group": "acme.example.com", "scope": scope, "names": names, "versions": [version]}
    found = thing("apiextensions.k8s.io/v1", "CustomResourceDefinition", cluster=True, spec=spec)
    return found | {"metadata": {"name": "lamps.acme.example.com"}}


def exit_codes(*values: int, **more: Any) -> Data:
    codes = {"operator": "In", "values": list(values), **more}
    return job(podFailurePolicy={"rules": [{"action": "FailJob", "onExitCodes": codes}]})


def succeeds(**rule: Any) -> Data:
    return job(completionMode="Indexed", completions=3, successPolicy={"rules": [rule]})


def found(data: Data) -> list[str]:
    """The findings of one object, without those of what it refers to."""
    return [line for line in lines(obj(data, raw=True)) if not line.startswith(("W", "E504"))]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (deployment() | {"spec": deployment()["spec"] | {"progressDeadlineSeconds": 5,
                                                        "minReadySeconds": 5}}, "minReadySeconds"),
        (exit_codes(2, 1), "ascending"),
        (exit_codes(0), "exit code 0"),
        (exit_codes(1, containerName="gone"), "no such container"),
        (succeeds(succeededIndexes="4"), "below 3"),
        (succeeds(succeededIndexes="2,0"), "ascending"),
        (succeeds(succeededCount=4), "more than 3"),
        (succeeds(succeededIndexes="0-1", succeededCount=3), "more than 2"),
        (job(manualSelector=True), "required with manualSelector"),
        (job(selector={"matchLabels": {"a": "b"}}), "without manualSelector"),
        (job(completionMode="Indexed"), "needs completions"),
        (cron(schedule="0 25 * * *"), "the hour"),
        (cron(schedule="0 3 * * 7"), "not within 0 to 6"),
        (cron(schedule="*/0 3 * * *"), "step"),
        (cron(schedule="5-1 3 * * *"), "after its end"),
        (cron(schedule="0 0 L * *"), "no number"),
        (cron(schedule="0 3 * * * *"), "6 fields"),
        (cron(schedule="@fortnightly"), "@daily"),
        (cron(schedule="@every soon"), "duration"),
        (cron(schedule="TZ=UTC 0 3 * * *"), "timeZone"),
        (cron(timeZone="Mars/Base"), "no time zone"),
        (cron(timeZone="europe/vienna"), "write Europe/Vienna"),
        (service(ports=[{"port": 80}, {"port": 81}]), "a name for each"),
        (service(ports=[{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]), "of entry 0"),
        (service(ports=[{"port": 80, "nodePort": 30080}]), "nodePort only"),
        (service(type="NodePort", clusterIP="None"), "headless"),
        (service(type="ExternalName"), "externalName"),
        (policy(ports=[{"port": 80, "endPort": 70}]), "at least port"),
        (policy(**{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/9"]}}]}),
         "a part of"),
        (policy(**{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}), "alone"),
        (scaler(minReplicas=4), "at least minReplicas"),
        (target(apiVersion=...), "needs apiVersion with its group"),
        (target(apiVersion=None), "needs apiVersion with its group"),
        (target(kind="a/b"), "without '/'"),
        (target(name=".."), "without '/'"),
        (ingress(""), 'host is ""'),
        (ingress("10.1.2.3"), "host name"),
        (binding("a/b"), "without '/'"),
        (binding(""), "without '/'"),
        (admission({}), "matchConstraints is required"),
        (admission(resources=[""]), "resources[0]"),
        (admission(apiVersions=[""]), "apiVersions[0]"),
        (admission(apiGroups=["*", "apps"]), "stands for all"),
        (admission(operations=["*", "CREATE"]), "stands for all"),
        (admission(scope="Everywhere"), "scope must be one of"),
        (definition(""), "scope must be one of"),
        (job(completionMode="Indexed", completions=3, parallelism=100001), "100000"),
        (job(completionMode="Indexed", completions=3, parallelism=2**31), "2147483647"),
        (scaler(metrics=[{"type": "Resource"}]), "needs resource"),
        (thing("scheduling.k8s.io/v1", "PriorityClass", cluster=True, value=1)
         | {"metadata": {"name": "system-mine"}}, "system-"),
        (thing("v1", "Secret", type="kubernetes.io/tls"), "tls.crt"),
        (thing("v1", "Secret", type="kubernetes.io/dockerconfigjson",
               stringData={".dockerconfigjson": "x"}), "JSON"),
        (thing("v1", "Namespace", cluster=True) | {"metadata": {
            "name": "one", "labels": {"pod-security.kubernetes.io/enforce": "none"}}}, "baseline"),
        (thing("v1", "LimitRange", spec={"limits": [
            {"type": "Container", "max": {"cpu": 1}, "min": {"cpu": 2}}]}), "more than max"),
        (thing("v1", "ResourceQuota", spec={"hard": {"gpu": 1}}), "counts"),
        (thing("v1", "PersistentVolumeClaim", spec={
            "accessModes": ["ReadWriteOnce"], "resources": {}}), "requests.storage"),
        (thing("discovery.k8s.io/v1", "EndpointSlice", addressType="IPv4", endpoints=[
            {"addresses": ["fd00::1"]}]), "IPv4"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_told_in_words(data: Data, words: str) -> None:
    (line,) = found(data)
    assert words in line


@pytest.mark.parametrize(
    "data",
    [
        deployment(),
        deployment("web", container(livenessProbe=None, securityContext=None, lifecycle=None)),
        deployment("web", container(ports=[{"containerPort": 80, "hostPort": None}])),
        deployment(hostNetwork=True, initContainers=[container("a", ports=[
            {"containerPort": 90, "hostPort": 91}])]),
        job(activeDeadlineSeconds=0),
        exit_codes(1, 2, containerName="web"),
        succeeds(succeededIndexes="0,2", succeededCount=2),
        *(cron(schedule=text) for text in (
            "@daily", "@every 1h30m", "0 3 * JAN-MAR mon", "0 3 ? * *", "1,2/3 * * * *")),
        cron(timeZone="Europe/Vienna"),
        service(ports=[{"port": 80, "name": "a"}, {"port": 80, "name": "b", "protocol": "UDP"}]),
        policy(ports=[{"port": 80, "endPort": 90}, {"port": "http"}]),
        scaler(minReplicas=3),
        ingress("*.example.com"),
        ingress(None),
        binding("system:node"),
        admission(),
        admission(apiGroups=["*"], operations=["*"], resources=["*/*"], scope="Namespaced"),
        definition("Cluster"),
        job(completionMode="Indexed", completions=3, parallelism=100000),
        thing("v1", "Secret", type="kubernetes.io/tls", data={"tls.crt": "", "tls.key": ""}),
        thing("v1", "ResourceQuota", spec={"hard": {"requests.cpu": "500m", "pods": 3}}),
        thing("discovery.k8s.io/v1", "EndpointSlice", addressType="IPv4", endpoints=[
            {"addresses": ["192.0.2.1"]}]),
    ],
)  # fmt: skip
def test_what_kubernetes_takes_gives_no_finding(data: Data) -> None:
    assert found(data) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"livenessProbe": {"httpGet": {"port": 80}, "tcpSocket": {"port": 80}}}, "exactly one"),
        ({"livenessProbe": {"httpGet": {"port": 80}, "successThreshold": 2}}, "one success"),
        ({"readinessProbe": {"httpGet": {"port": "NO"}}}, "port name"),
        ({"lifecycle": {"preStop": {"sleep": {"seconds": 99}}}}, "longer"),
        ({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}]}, "no field"),
        ({"envFrom": [{"prefix": "A"}]}, "configMapRef, secretRef"),
        ({"resources": {"limits": {"cpu": "-1"}}}, "less than nothing"),
        ({"resources": {"limits": {"gpu": 1}}}, "example.com/device"),
        ({"resources": {"limits": {"nvidia.com/gpu": "500m"}}}, "whole number"),
        ({"resources": {"limits": {"hugepages-2Mi": "3Mi", "cpu": 1}}}, "page size"),
        ({"resources": {"claims": [{"name": "gone"}]}}, "no claim"),
        ({"volumeDevices": [{"name": "gone", "devicePath": "/dev/x"}]}, "no volume"),
        ({"securityContext": {"privileged": True, "allowPrivilegeEscalation": False}},
         "privileged"),
        ({"securityContext": {"runAsUser": -1}}, "least allowed is 0"),
        ({"securityContext": {"seccompProfile": {"type": "Localhost"}}}, "localhostProfile"),
    ],
)  # fmt: skip
def test_a_container_that_kubernetes_refuses_is_told_in_words(change: Data, words: str) -> None:
    (line,) = found(deployment("web", container(**change)))
    assert words in line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"volumes": [{"name": "a", "emptyDir": {}, "hostPath": {"path": "/x"}}]}, "one source"),
        ({"volumes": [{"name": "a", "hostPath": {"path": "/a/../b"}}]}, "'..'"),
        ({"volumes": [{"name": "A_B", "emptyDir": {}}]}, "at most 63"),
        ({"tolerations": [{"operator": "Exists", "key": "a", "value": "b"}]}, "no value"),
        ({"tolerations": [{"key": "a", "tolerationSeconds": 5}]}, "NoExecute"),
        ({"nodeSelector": {"a b": "c"}}, "wrong"),
        ({"restartPolicy": "Never"}, "restartPolicy Always"),
        ({"dnsPolicy": "None"}, "nameservers"),
        ({"hostUsers": False, "hostNetwork": True}, "hostUsers"),
        ({"initContainers": [container("a", ports=[], livenessProbe={
            "exec": {"command": ["a"]}})]}, "restartPolicy Always"),
        ({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In"}]}]}}}},
         "needs values"),
        ({"securityContext": {"sysctls": [{"name": "a.b", "value": "1"},
                                          {"name": "a.b", "value": "2"}]}}, "twice"),
        ({"volumes": [{"name": "a", "projected": {"sources": [
            {"configMap": {"name": "a", "items": [{"key": "k", "path": "x"}]}},
            {"downwardAPI": {"items": [
                {"path": "x", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}}]}, "once more"),
    ],
)  # fmt: skip
def test_a_pod_that_kubernetes_refuses_is_told_in_words(change: Data, words: str) -> None:
    (line,) = found(deployment(**change))
    assert words in line


@pytest.mark.parametrize("operator", ["DoesNotExist", "NotIn"])
def test_a_selector_expression_is_held_against_the_pod_template(operator: str) -> None:
    data = deployment()
    expression: Data = {"key": "app", "operator": operator}
    if operator == "NotIn":
        expression["values"] = ["web"]
    data["spec"]["selector"] = {"matchExpressions": [expression]}
    (line,) = found(data)
    assert "does not hold" in line


def test_finalizers_are_names_below_a_domain() -> None:
    data = thing("v1", "ConfigMap")
    data["metadata"]["finalizers"] = ["mine", "example.com/a", "example.com/a"]
    assert [line[:5] for line in found(data)] == ["E5014", "E5021"]


def test_a_null_key_of_a_config_map_is_none_at_all() -> None:
    assert found(thing("v1", "ConfigMap", data={"config.json": None})) == []
