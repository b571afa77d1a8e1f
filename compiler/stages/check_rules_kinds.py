"""What Kubernetes asks of its other kinds beyond the published definitions: data for the validator.

The same three tables as `check_rules_pods`, for workloads, Services, storage, access and scaling.
Rules over the entries of several lists are in `check_kinds`.
"""

from __future__ import annotations

from collections.abc import Mapping

from compiler.stages.check_rules import (
    ADDRESS,
    AMOUNT,
    DOMAIN_PATH,
    LABEL,
    LABELS,
    NATURAL,
    PERCENT_OF_ALL,
    PERCENT_OR_COUNT,
    PORT_NAME,
    PORT_REFERENCE,
    POSITIVE,
    QUALIFIED,
    RANGE,
    SERVICE_NAME,
    SOME,
    SOME_AMOUNT,
    SUBDOMAIN,
    UPWARD,
    WILDCARD,
    Schema,
    any_of,
    at_most_one,
    both,
    entries,
    equals,
    has,
    inside,
    keys,
    none_of,
    one_of,
    rule,
    when,
    words,
)
from compiler.stages.check_rules_pods import RESOURCE

_API = "io.k8s.api."
_CORE = f"{_API}core.v1."
_APPS = f"{_API}apps.v1."
_BATCH = f"{_API}batch.v1."
_NET = f"{_API}networking.v1."
_SCALE = f"{_API}autoscaling.v2."
_RBAC = f"{_API}rbac.v1."
_ACCESS = "rbac.authorization.k8s.io"
_NOTHING = [0, "0", "0%"]
_DISKS = (
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc",
    "flexVolume", "flocker", "gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local",
    "nfs", "photonPersistentDisk", "portworxVolume", "quobyte", "rbd", "scaleIO", "storageos",
    "vsphereVolume",
)  # fmt: skip
_STORAGE: Schema = {"required": ["storage"], "properties": {"storage": SOME_AMOUNT}}
_ONLY_STORAGE: Schema = {**_STORAGE, "additionalProperties": False}
_OUTSIDE = equals("type", "NodePort", "LoadBalancer")
_BALANCED = equals("type", "LoadBalancer")
_HEADLESS = equals("clusterIP", "None")
_ELSEWHERE = equals("type", "ExternalName")
_NOT_LOOPBACK: Schema = {"not": {"pattern": r"^(127\.|0\.0\.0\.0$|169\.254\.|::1$)"},
                         "problem": "must not be a loopback address"}  # fmt: skip
_ONE_ONLY = rule(
    "may not have ReadWriteOncePod beside other access modes",
    {"not": {"required": ["accessModes"], "properties": {"accessModes": {
        "type": "array", "minItems": 2, "contains": {"const": "ReadWriteOncePod"}}}}},
)  # fmt: skip
_INGRESS_PATH: Schema = {
    "pattern": "^/",
    "not": {"pattern": r"//|/\.\.?(/|$)|%2[fF]"},
    "problem": "must be an absolute path without '//' and '..'",
}
_SURELY_PATH = when(equals("pathType", "Exact", "Prefix"), {
    "required": ["path"], "properties": {"path": _INGRESS_PATH}})  # fmt: skip
_GENERATED = rule(
    "cannot choose its selector without manualSelector true; Kubernetes makes it",
    {"anyOf": [equals("manualSelector", True), none_of("selector")]},
)
_POSITIVE_TARGET = ("averageUtilization", "averageValue", "value")
_FULL: Schema = {"type": "array", "minItems": 1}
_RESOURCE_RULE: Schema = {"required": ["apiGroups", "resources", "verbs"], "properties": dict.fromkeys(
    ("apiGroups", "resources", "verbs"), _FULL)}  # fmt: skip
_NAMED: Schema = {"properties": {"name": SUBDOMAIN}, "required": ["namespace"]}

KIND_FIELDS: Mapping[str, Mapping[str, Schema]] = {
    f"{_APPS}DeploymentSpec": {"revisionHistoryLimit": NATURAL},
    f"{_APPS}RollingUpdateDeployment": {
        "maxSurge": PERCENT_OR_COUNT, "maxUnavailable": PERCENT_OF_ALL,
    },
    f"{_APPS}DaemonSetSpec": {"revisionHistoryLimit": NATURAL, "minReadySeconds": NATURAL},
    f"{_APPS}RollingUpdateDaemonSet": {
        "maxSurge": PERCENT_OF_ALL, "maxUnavailable": PERCENT_OF_ALL,
    },
    f"{_APPS}StatefulSetSpec": {
        "revisionHistoryLimit": NATURAL, "minReadySeconds": NATURAL,
    },
    f"{_APPS}StatefulSetOrdinals": {"start": NATURAL},
    f"{_APPS}RollingUpdateStatefulSetStrategy": {
        "partition": NATURAL, "maxUnavailable": both(PERCENT_OF_ALL, POSITIVE),
    },
    f"{_APPS}StatefulSetPersistentVolumeClaimRetentionPolicy": {
        "whenDeleted": words("Retain", "Delete"), "whenScaled": words("Retain", "Delete"),
    },
    f"{_APPS}ReplicaSetSpec": {"replicas": NATURAL, "minReadySeconds": NATURAL},
    f"{_BATCH}JobSpec": {
        "backoffLimitPerIndex": NATURAL, "maxFailedIndexes": NATURAL, "managedBy": DOMAIN_PATH,
    },
    f"{_BATCH}PodFailurePolicy": {"rules": {"maxItems": 20}},
    f"{_BATCH}PodFailurePolicyRule": {"action": words("Count", "FailIndex", "FailJob", "Ignore")},
    f"{_BATCH}PodFailurePolicyOnExitCodesRequirement": {
        "operator": words("In", "NotIn"),
        "values": {"minItems": 1, "maxItems": 255, "uniqueItems": True},
    },
    f"{_BATCH}PodFailurePolicyOnPodConditionsPattern": {
        "status": words("True", "False", "Unknown"), "type": QUALIFIED,
    },
    f"{_BATCH}SuccessPolicy": {"rules": {"minItems": 1, "maxItems": 20}},
    f"{_BATCH}CronJobSpec": {
        "schedule": SOME, "startingDeadlineSeconds": NATURAL,
        "successfulJobsHistoryLimit": NATURAL, "failedJobsHistoryLimit": NATURAL,
    },
    f"{_CORE}ServicePort": {
        "targetPort": PORT_REFERENCE, "name": LABEL, "appProtocol": QUALIFIED,
    },
    f"{_CORE}ClientIPConfig": {"timeoutSeconds": {"minimum": 1, "maximum": 86400}},
    f"{_CORE}ServiceSpec": {
        "selector": LABELS,
        "clusterIP": {"anyOf": [{"enum": ["", "None", None]}, ADDRESS],
                      "problem": "must be an address, None or empty"},
        "externalIPs": entries(both(ADDRESS, _NOT_LOOPBACK)),
        "loadBalancerSourceRanges": entries(RANGE),
        "loadBalancerClass": QUALIFIED,
        "ipFamilies": {**entries({"enum": ["IPv4", "IPv6"]}), "uniqueItems": True},
        "trafficDistribution": words("PreferClose", "PreferSameZone", "PreferSameNode"),
        "externalName": {"anyOf": [{"pattern": SUBDOMAIN["pattern"] [:-1] + r"\.?$"},
                                   {"enum": ["", None]}],
                         "problem": "must be a host name"},
    },
    f"{_NET}IngressSpec": {"ingressClassName": SUBDOMAIN},
    f"{_NET}IngressRule": {"host": {
        **WILDCARD, "not": {"pattern": r"^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$"},
        "problem": "must be a host name, which may begin with '*.'"}},
    f"{_NET}IngressTLS": {"hosts": entries(WILDCARD), "secretName": SUBDOMAIN},
    f"{_NET}HTTPIngressRuleValue": {"paths": {"minItems": 1}},
    f"{_NET}IngressServiceBackend": {"name": SERVICE_NAME},
    f"{_NET}ServiceBackendPort": {"name": PORT_NAME, "number": {"minimum": 0, "maximum": 65535}},
    f"{_NET}IngressClassSpec": {"controller": {**DOMAIN_PATH, "maxLength": 250}},
    f"{_NET}IngressClassParametersReference": {
        "scope": words("Cluster", "Namespace"), "kind": SOME, "name": SOME,
    },
    f"{_NET}NetworkPolicySpec": {
        "policyTypes": {**entries({"enum": ["Ingress", "Egress"]}), "maxItems": 2},
    },
    f"{_NET}NetworkPolicyPort": {"port": PORT_REFERENCE},
    f"{_NET}IPBlock": {"cidr": RANGE, "except": entries(RANGE)},
    f"{_CORE}PersistentVolumeClaimSpec": {
        "accessModes": {"minItems": 1}, "storageClassName": {
            "anyOf": [SUBDOMAIN, {"enum": ["", None]}], "problem": "must be a StorageClass's name"},
        "resources": rule("needs requests.storage of more than nothing", {
            "required": ["requests"], "properties": {"requests": {**_STORAGE, "type": "object"}}}),
    },
    f"{_CORE}PersistentVolumeSpec": {
        "accessModes": {"minItems": 1}, "volumeMode": words("Filesystem", "Block"),
        "persistentVolumeReclaimPolicy": words("Retain", "Delete", "Recycle"),
        "capacity": rule("holds storage of more than nothing, and no more", _ONLY_STORAGE),
        "storageClassName": {"anyOf": [SUBDOMAIN, {"enum": ["", None]}],
                             "problem": "must be a StorageClass's name"},
    },
    f"{_CORE}LocalVolumeSource": {"path": both(SOME, {
        "not": UPWARD, "problem": "must be a path without '..'"})},
    f"{_API}storage.v1.StorageClass": {
        "provisioner": {"pattern": f"(?i){QUALIFIED['pattern']}"},
        "reclaimPolicy": words("Retain", "Delete"),
        "volumeBindingMode": words("Immediate", "WaitForFirstConsumer"),
        "parameters": keys(SOME),
    },
    f"{_CORE}TopologySelectorLabelRequirement": {"key": QUALIFIED, "values": {"minItems": 1}},
    f"{_RBAC}RoleRef": {"apiGroup": words(_ACCESS, ""), "name": SOME},
    f"{_RBAC}RoleBinding": {"roleRef": {"properties": {"kind": {"enum": ["Role", "ClusterRole"]}}}},
    f"{_RBAC}ClusterRoleBinding": {"roleRef": {"properties": {"kind": {"enum": ["ClusterRole"]}}}},
    f"{_RBAC}Subject": {"name": SOME, "kind": words("ServiceAccount", "User", "Group")},
    f"{_RBAC}PolicyRule": {"verbs": {"minItems": 1}},
    f"{_RBAC}AggregationRule": {"clusterRoleSelectors": {"minItems": 1}},
    f"{_SCALE}HorizontalPodAutoscalerSpec": {"minReplicas": POSITIVE},
    f"{_SCALE}CrossVersionObjectReference": {"kind": SOME, "name": SOME},
    f"{_SCALE}MetricTarget": {
        "averageUtilization": POSITIVE, "averageValue": SOME_AMOUNT, "value": SOME_AMOUNT,
    },
    f"{_SCALE}MetricIdentifier": {"name": SOME},
    f"{_SCALE}ResourceMetricSource": {"name": SOME},
    f"{_SCALE}HPAScalingRules": {
        "stabilizationWindowSeconds": {"minimum": 0, "maximum": 3600},
        "selectPolicy": words("Max", "Min", "Disabled"), "policies": {"minItems": 1},
    },
    f"{_SCALE}HPAScalingPolicy": {
        "type": words("Pods", "Percent"), "value": POSITIVE,
        "periodSeconds": {"minimum": 1, "maximum": 1800},
    },
    f"{_API}policy.v1.PodDisruptionBudgetSpec": {
        "minAvailable": PERCENT_OF_ALL, "maxUnavailable": PERCENT_OF_ALL,
    },
    f"{_API}scheduling.v1.PriorityClass": {
        "value": {"maximum": 1000000000}, "preemptionPolicy": words("PreemptLowerPriority", "Never"),
    },
    f"{_API}node.v1.RuntimeClass": {"handler": LABEL},
    f"{_API}node.v1.Overhead": {"podFixed": keys(RESOURCE, AMOUNT)},
    f"{_API}node.v1.Scheduling": {"nodeSelector": LABELS},
    f"{_CORE}LimitRangeItem": {"type": SOME},
    f"{_CORE}ResourceQuotaSpec": {"hard": keys({}, AMOUNT)},
    f"{_API}discovery.v1.EndpointSlice": {"addressType": words("IPv4", "IPv6", "FQDN")},
    f"{_API}discovery.v1.Endpoint": {
        "addresses": {"minItems": 1, "maxItems": 100}, "hostname": LABEL, "nodeName": SUBDOMAIN,
    },
    f"{_API}discovery.v1.EndpointPort": {
        "name": {"anyOf": [LABEL, {"enum": ["", None]}], "problem": "must be a name of at most 63 "
                 "lower-case letters, digits and '-'"},
        "protocol": words("TCP", "UDP", "SCTP"),
    },
    f"{_API}coordination.v1.LeaseSpec": {
        "leaseDurationSeconds": POSITIVE, "leaseTransitions": NATURAL,
    },
}  # fmt: skip

KIND_RULES: Mapping[str, tuple[Schema, ...]] = {
    f"{_APPS}DeploymentStrategy": (
        rule("takes no rollingUpdate with the type Recreate",
             when(equals("type", "Recreate"), none_of("rollingUpdate"))),
    ),
    f"{_APPS}RollingUpdateDeployment": (
        rule("cannot have maxSurge and maxUnavailable both 0",
             {"not": both(equals("maxSurge", *_NOTHING), equals("maxUnavailable", *_NOTHING))}),
    ),
    f"{_APPS}RollingUpdateDaemonSet": (
        rule("needs exactly one of maxSurge and maxUnavailable above 0", both(
            {"not": both(equals("maxSurge", *_NOTHING), equals("maxUnavailable", *_NOTHING))},
            {"not": both(has("maxSurge"), {"not": equals("maxSurge", *_NOTHING)},
                         {"not": equals("maxUnavailable", *_NOTHING)})},
            when(none_of("maxSurge"), {"not": equals("maxUnavailable", *_NOTHING)}))),
    ),
    f"{_APPS}StatefulSetUpdateStrategy": (
        rule("takes no rollingUpdate with the type OnDelete",
             when(equals("type", "OnDelete"), none_of("rollingUpdate"))),
    ),
    f"{_BATCH}JobSpec": (
        _GENERATED,
        rule("needs completions with completionMode Indexed",
             when(equals("completionMode", "Indexed"), has("completions"))),
        rule("takes backoffLimitPerIndex and successPolicy only with completionMode Indexed",
             when(any_of("backoffLimitPerIndex", "successPolicy"),
                  equals("completionMode", "Indexed"))),
        rule("takes maxFailedIndexes only with backoffLimitPerIndex",
             when(has("maxFailedIndexes"), has("backoffLimitPerIndex"))),
        rule("has too many parallel or completed pods for completionMode Indexed: 100000",
             when(equals("completionMode", "Indexed"), {"properties": {
                 "parallelism": {"maximum": 100000}}})),
        rule("takes podReplacementPolicy Failed alone with a podFailurePolicy",
             when(both(has("podFailurePolicy"), has("podReplacementPolicy")),
                  equals("podReplacementPolicy", "Failed"))),
        rule("needs restartPolicy Never with a podFailurePolicy",
             when(has("podFailurePolicy"), {"properties": {"template": {"properties": {
                 "spec": equals("restartPolicy", "Never")}}}})),
        rule("needs a template with restartPolicy Never or OnFailure", {"properties": {
            "template": {"properties": {"spec": equals("restartPolicy", "Never", "OnFailure")}}}}),
        rule("takes the action FailIndex only with backoffLimitPerIndex", {"anyOf": [
            has("backoffLimitPerIndex"), {"properties": {"podFailurePolicy": {"properties": {
                "rules": {"not": {"type": "array", "contains": equals("action", "FailIndex")}}}}}},
        ]}),
    ),
    f"{_BATCH}JobTemplateSpec": (
        rule("cannot have manualSelector in a CronJob",
             {"properties": {"spec": {"not": equals("manualSelector", True)}}}),
    ),
    f"{_BATCH}PodFailurePolicyRule": (one_of("onExitCodes", "onPodConditions"),),
    f"{_BATCH}PodFailurePolicyOnExitCodesRequirement": (
        rule("cannot ask for the exit code 0 with the operator In",
             {"not": both(equals("operator", "In"), {"properties": {"values": {
                 "type": "array", "contains": {"const": 0}}}})}),
    ),
    f"{_BATCH}SuccessPolicyRule": (
        rule("needs succeededCount or succeededIndexes",
             any_of("succeededCount", "succeededIndexes")),
    ),
    f"{_CORE}ServiceSpec": (
        rule("needs ports, unless it is headless or of the type ExternalName", {"anyOf": [
            _HEADLESS, _ELSEWHERE,
            {"required": ["ports"], "properties": {"ports": _FULL}}]}),
        rule("needs externalName with the type ExternalName", when(_ELSEWHERE, {
            "required": ["externalName"], "properties": {"externalName": {
                "type": "string", "minLength": 1}}})),
        rule("takes no addresses with the type ExternalName", when(_ELSEWHERE, both(
            none_of("clusterIPs", "ipFamilies", "ipFamilyPolicy"),
            {"not": {"required": ["clusterIP"], "properties": {
                "clusterIP": {"type": "string", "minLength": 1}}}}))),
        rule("cannot be headless with the type NodePort or LoadBalancer",
             {"not": both(_HEADLESS, _OUTSIDE)}),
        rule("takes nodePort only with the type NodePort or LoadBalancer", when(
            {"properties": {"ports": {"type": "array", "contains": {
                "type": "object", "required": ["nodePort"], "properties": {
                    "nodePort": {"type": "integer", "minimum": 1}}}}}, "required": ["ports"]},
            _OUTSIDE)),
        rule("needs a name for each of several ports", when(
            {"required": ["ports"], "properties": {"ports": {"type": "array", "minItems": 2}}},
            {"properties": {"ports": entries({"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string", "minLength": 1}}})}})),
        rule("takes externalTrafficPolicy only where it is reached from outside",
             when(has("externalTrafficPolicy"), {"anyOf": [_OUTSIDE, {
                 "required": ["externalIPs"], "properties": {"externalIPs": _FULL}}]})),
        rule("takes loadBalancerSourceRanges, loadBalancerClass and allocateLoadBalancerNodePorts "
             "only with the type LoadBalancer", when({"anyOf": [
                 {"required": ["loadBalancerSourceRanges"], "properties": {
                     "loadBalancerSourceRanges": _FULL}},
                 any_of("loadBalancerClass", "allocateLoadBalancerNodePorts")]}, _BALANCED)),
        rule("takes healthCheckNodePort only with the type LoadBalancer and "
             "externalTrafficPolicy Local",
             when({"required": ["healthCheckNodePort"], "properties": {
                 "healthCheckNodePort": {"type": "integer", "minimum": 1}}},
                 both(_BALANCED, equals("externalTrafficPolicy", "Local")))),
        rule("takes sessionAffinityConfig only with sessionAffinity ClientIP",
             when(has("sessionAffinityConfig"), equals("sessionAffinity", "ClientIP"))),
    ),
    f"{_NET}IngressSpec": (
        rule("needs defaultBackend or rules", {"anyOf": [
            has("defaultBackend"), {"required": ["rules"], "properties": {"rules": _FULL}}]}),
    ),
    f"{_NET}IngressBackend": (one_of("service", "resource"),),
    f"{_NET}HTTPIngressPath": (
        rule("needs an absolute path without '//' and '..' with this pathType", _SURELY_PATH),
        rule("has a path that is not absolute", {"properties": {
            "path": {"pattern": "^(/|$)"}}}),
    ),
    f"{_NET}IngressServiceBackend": (rule("needs a port", has("port")),),
    f"{_NET}ServiceBackendPort": (
        rule("needs exactly one of name, number", {"oneOf": [
            {"required": ["name"], "properties": {"name": {"type": "string", "minLength": 1}}},
            {"required": ["number"], "properties": {"number": {
                "type": "integer", "minimum": 1}}}]}),
    ),
    f"{_NET}IngressClassParametersReference": (
        rule("needs a namespace with the scope Namespace, and takes none with another", {"oneOf": [
            both(equals("scope", "Namespace"), has("namespace")),
            both({"not": equals("scope", "Namespace")}, none_of("namespace"))]}),
    ),
    f"{_NET}NetworkPolicyPeer": (
        rule("needs ipBlock alone, or podSelector, namespaceSelector or both", {"oneOf": [
            both(has("ipBlock"), none_of("podSelector", "namespaceSelector")),
            both(none_of("ipBlock"), any_of("podSelector", "namespaceSelector"))]}),
    ),
    f"{_NET}NetworkPolicyPort": (
        rule("takes endPort only with a port that is a number",
             when(has("endPort"), {"required": ["port"], "properties": {
                 "port": {"type": "integer"}}})),
    ),
    f"{_CORE}PersistentVolumeClaimSpec": (_ONE_ONLY,),
    f"{_CORE}PersistentVolumeSpec": (
        _ONE_ONLY, one_of(*_DISKS),
        rule("needs nodeAffinity for a local volume", when(has("local"), has("nodeAffinity"))),
        rule("can be recycled only as nfs or hostPath",
             when(equals("persistentVolumeReclaimPolicy", "Recycle"), any_of("hostPath", "nfs"))),
    ),
    f"{_RBAC}Subject": (
        rule("needs a namespace and a name in lower case, and no apiGroup, as a ServiceAccount",
             when(equals("kind", "ServiceAccount"),
                  {**_NAMED, "not": equals("apiGroup", _ACCESS)})),
        rule(f"needs the apiGroup {_ACCESS} or none", {"anyOf": [
            equals("kind", "ServiceAccount"),
            {"properties": {"apiGroup": {"enum": ["", _ACCESS, None]}}}]}),
        rule("takes no apiGroup as a ServiceAccount", when(equals("kind", "ServiceAccount"),
             {"properties": {"apiGroup": {"enum": ["", None]}}})),
    ),
    f"{_RBAC}Role": (
        rule("cannot have nonResourceURLs, which belong to the whole cluster",
             {"properties": {"rules": entries({"properties": {
                 "nonResourceURLs": {"maxItems": 0}}})}}),
    ),
    f"{_RBAC}PolicyRule": (
        rule("needs apiGroups and resources, or nonResourceURLs alone", {"oneOf": [
            both(_RESOURCE_RULE, {"properties": {"nonResourceURLs": {"maxItems": 0}}}),
            both({"required": ["nonResourceURLs"], "properties": {"nonResourceURLs": _FULL}},
                 {"properties": dict.fromkeys(("apiGroups", "resources", "resourceNames"),
                                              {"maxItems": 0})})]}),
    ),
    f"{_SCALE}MetricTarget": (
        at_most_one("value", "averageValue"),
    ),
    f"{_SCALE}MetricSpec": tuple(
        rule(f"needs {field} with the type {name}, and no other source",
             when(equals("type", name), both(has(field), none_of(*others))))
        for name, field, others in (
            ("Resource", "resource", ("containerResource", "external", "object", "pods")),
            ("Pods", "pods", ("containerResource", "external", "object", "resource")),
            ("External", "external", ("containerResource", "object", "pods", "resource")),
            ("Object", "object", ("containerResource", "external", "pods", "resource")),
            ("ContainerResource", "containerResource", ("external", "object", "pods", "resource")),
        )
    ),
    f"{_SCALE}ResourceMetricSource": (
        rule("needs exactly one of averageUtilization and averageValue", inside(
            "target", {"oneOf": [has("averageUtilization"), has("averageValue")]})),
    ),
    f"{_SCALE}ContainerResourceMetricSource": (
        rule("needs exactly one of averageUtilization and averageValue", inside(
            "target", {"oneOf": [has("averageUtilization"), has("averageValue")]})),
    ),
    f"{_SCALE}PodsMetricSource": (
        rule("needs averageValue in its target", inside("target", has("averageValue"))),
    ),
    f"{_SCALE}ExternalMetricSource": (
        rule("needs value or averageValue in its target",
             inside("target", any_of("value", "averageValue"))),
    ),
    f"{_SCALE}ObjectMetricSource": (
        rule("needs value or averageValue in its target",
             inside("target", any_of("value", "averageValue"))),
    ),
    f"{_API}policy.v1.PodDisruptionBudgetSpec": (at_most_one("minAvailable", "maxUnavailable"),),
    f"{_CORE}LimitRangeItem": (
        rule("takes no default and no defaultRequest with the type Pod",
             when(equals("type", "Pod"), none_of("default", "defaultRequest"))),
        rule("has a type that is no limit's: Container, Pod, PersistentVolumeClaim or a name such "
             "as example.com/thing", {"properties": {"type": {
                 "pattern": "^(Container|Pod|PersistentVolumeClaim|[^/]+/[^/]+)$"}}}),
    ),
    f"{_CORE}Secret": tuple(
        rule(f"needs the {'keys' if len(needed) > 1 else 'key'} {', '.join(needed)} with this type",
             when(equals("type", kind), both(*({"anyOf": [
                 {"required": [field], "properties": {field: {"type": "object", **has(key)}}}
                 for field in ("data", "stringData")]} for key in needed))))
        for kind, needed in (
            ("kubernetes.io/tls", ("tls.crt", "tls.key")),
            ("kubernetes.io/dockerconfigjson", (".dockerconfigjson",)),
            ("kubernetes.io/dockercfg", (".dockercfg",)),
            ("kubernetes.io/ssh-auth", ("ssh-privatekey",)),
        )
    ) + (
        rule("needs the key username or password with this type",
             when(equals("type", "kubernetes.io/basic-auth"), {"anyOf": [
                 {"required": [field], "properties": {field: {"type": "object", **has(key)}}}
                 for field in ("data", "stringData") for key in ("username", "password")]})),
        rule("needs the annotation kubernetes.io/service-account.name with this type",
             when(equals("type", "kubernetes.io/service-account-token"), {
                 "properties": {"metadata": {"required": ["annotations"], "properties": {
                     "annotations": {"type": "object",
                                     **has("kubernetes.io/service-account.name")}}}}})),
    ),
}  # fmt: skip

KIND_NEEDED: Mapping[str, tuple[str, ...]] = {
    f"{_NET}IngressClass": ("spec",),
    f"{_NET}IngressClassSpec": ("controller",),
    f"{_CORE}PersistentVolume": ("spec",),
    f"{_CORE}PersistentVolumeSpec": ("accessModes", "capacity"),
    f"{_API}policy.v1.PodDisruptionBudget": ("spec",),
    f"{_API}networking.v1.NetworkPolicy": (),
}
