"""What Kubernetes asks of single fields of its other kinds, beyond the published definitions.

Two tables as in `rules_pods`: for workloads, Services, storage, access and scaling. What
binds several fields of one definition is in `rules_between`.
"""

from __future__ import annotations

from collections.abc import Mapping

from compiler.stages.check.rules import (
    ACCESS,
    ADDRESS,
    ADMIT,
    AMOUNT,
    API,
    APPS,
    BATCH,
    CORE,
    DEFINE,
    DOMAIN_PATH,
    LABEL,
    LABELS,
    NATURAL,
    NET,
    PERCENT_OF_ALL,
    PERCENT_OR_COUNT,
    PORT,
    PORT_NAME,
    PORT_REFERENCE,
    POSITIVE,
    QUALIFIED,
    RANGE,
    RBAC,
    SCALE,
    SEGMENT,
    SERVICE_NAME,
    SOME,
    SOME_AMOUNT,
    SUBDOMAIN,
    UPWARD,
    WILDCARD,
    Schema,
    both,
    entries,
    has,
    keys,
    rule,
    words,
)
from compiler.stages.check.rules_pods import RESOURCE

_STORAGE: Schema = {
    "required": ["storage"],
    "properties": {"storage": both(SOME_AMOUNT, {"not": {"type": "null"}})},
}
_ONLY_STORAGE: Schema = {**_STORAGE, "additionalProperties": False}
_NOT_LOOPBACK: Schema = {"not": {"pattern": r"^(127\.|0\.0\.0\.0$|169\.254\.|::1$)"},
                         "problem": "must not be a loopback address"}  # fmt: skip
_INSTANT: Schema = {"pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]+(Z|[+-][0-9:]{5})$"}

_FULL: Schema = {"minItems": 1}
_ALONE = rule("has others beside '*', which stands for all",
              {"anyOf": [{"maxItems": 1}, {"not": {"contains": {"const": "*"}}}]})  # fmt: skip

KIND_FIELDS: Mapping[str, Mapping[str, Schema]] = {
    f"{APPS}DeploymentSpec": {"revisionHistoryLimit": NATURAL},
    f"{APPS}RollingUpdateDeployment": {
        "maxSurge": PERCENT_OR_COUNT, "maxUnavailable": PERCENT_OF_ALL,
    },
    f"{APPS}DaemonSetSpec": {"revisionHistoryLimit": NATURAL, "minReadySeconds": NATURAL},
    f"{APPS}RollingUpdateDaemonSet": {
        "maxSurge": PERCENT_OF_ALL, "maxUnavailable": PERCENT_OF_ALL,
    },
    f"{APPS}StatefulSetSpec": {
        "minReadySeconds": NATURAL, "serviceName": {"anyOf": [LABEL, {"enum": ["", None]}],
                                                    "problem": "must be the name of a Service"},
    },
    f"{APPS}StatefulSetOrdinals": {"start": NATURAL},
    f"{APPS}RollingUpdateStatefulSetStrategy": {
        "partition": NATURAL, "maxUnavailable": both(PERCENT_OF_ALL, POSITIVE),
    },
    f"{APPS}StatefulSetPersistentVolumeClaimRetentionPolicy": {
        "whenDeleted": words("Retain", "Delete"), "whenScaled": words("Retain", "Delete"),
    },
    f"{APPS}ReplicaSetSpec": {"replicas": NATURAL, "minReadySeconds": NATURAL},
    f"{BATCH}JobSpec": {
        "backoffLimitPerIndex": NATURAL, "maxFailedIndexes": NATURAL, "managedBy": DOMAIN_PATH,
    },
    f"{BATCH}PodFailurePolicy": {"rules": {"maxItems": 20}},
    f"{BATCH}PodFailurePolicyRule": {
        "action": words("Count", "FailIndex", "FailJob", "Ignore"),
            "onPodConditions": {"minItems": 1},
    },
    f"{BATCH}PodFailurePolicyOnExitCodesRequirement": {
        "operator": words("In", "NotIn"),
        "values": {"minItems": 1, "maxItems": 255, "uniqueItems": True},
    },
    f"{BATCH}PodFailurePolicyOnPodConditionsPattern": {
        "type": QUALIFIED, "status": words("", "True", "False", "Unknown"),
    },
    f"{BATCH}SuccessPolicyRule": {"succeededCount": NATURAL},
    f"{BATCH}SuccessPolicy": {"rules": {"minItems": 1, "maxItems": 20}},
    f"{BATCH}CronJobSpec": {
        "schedule": SOME, "startingDeadlineSeconds": NATURAL,
        "successfulJobsHistoryLimit": NATURAL, "failedJobsHistoryLimit": NATURAL,
    },
    f"{CORE}ServicePort": {
        "targetPort": PORT_REFERENCE, "name": LABEL, "appProtocol": QUALIFIED,
    },
    f"{CORE}ClientIPConfig": {"timeoutSeconds": {"minimum": 1, "maximum": 86400}},
    f"{CORE}ServiceSpec": {
        "selector": LABELS,
        "clusterIP": {"anyOf": [{"enum": ["", "None", None]}, ADDRESS],
                      "problem": "must be an address, None or empty"},
        "externalIPs": entries(both(ADDRESS, _NOT_LOOPBACK)),
        "loadBalancerSourceRanges": entries(RANGE),
        "loadBalancerClass": QUALIFIED,
        "ipFamilies": {**entries({"enum": ["IPv4", "IPv6"]}), "uniqueItems": True},
        "trafficDistribution": words("PreferClose", "PreferSameZone", "PreferSameNode"),
    },
    f"{NET}IngressSpec": {"ingressClassName": SUBDOMAIN},
    f"{NET}IngressRule": {"host": both(SOME, {"anyOf": [{"enum": ["", None]}, {
        **WILDCARD, "not": {"pattern": r"^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$"}}],
        "problem": "must be a host name, which may begin with '*.'"})},
    f"{NET}IngressTLS": {"hosts": entries(WILDCARD), "secretName": {
        "anyOf": [SUBDOMAIN, {"enum": ["", None]}], "problem": "must be the name of a Secret"}},
    f"{NET}HTTPIngressRuleValue": {"paths": {"minItems": 1}},
    f"{NET}IngressServiceBackend": {"name": SERVICE_NAME},
    f"{CORE}TypedLocalObjectReference": {"kind": SOME, "name": SOME},
    f"{CORE}ScopedResourceSelectorRequirement": {
        "operator": words("In", "NotIn", "Exists", "DoesNotExist"),
    },
    f"{NET}ServiceBackendPort": {"name": PORT_NAME, "number": {"minimum": 0, "maximum": 65535}},
    f"{NET}IngressClassSpec": {"controller": {**DOMAIN_PATH, "maxLength": 250}},
    f"{NET}IngressClassParametersReference": {
        "scope": words("Cluster", "Namespace"), "kind": SEGMENT, "name": SEGMENT,
    },
    f"{NET}NetworkPolicySpec": {
        "policyTypes": {**entries({"enum": ["Ingress", "Egress"]}), "maxItems": 2},
    },
    f"{NET}NetworkPolicyPort": {"port": PORT_REFERENCE, "endPort": PORT},
    f"{NET}IPBlock": {"cidr": RANGE, "except": entries(RANGE)},
    f"{CORE}PersistentVolumeClaimSpec": {
        "accessModes": {"minItems": 1}, "storageClassName": {
            "anyOf": [SUBDOMAIN, {"enum": ["", None]}], "problem": "must be a StorageClass's name"},
        "resources": rule("needs requests.storage of more than nothing", {
            "required": ["requests"], "properties": {"requests": {**_STORAGE, "type": "object"}}}),
    },
    f"{CORE}PersistentVolumeSpec": {
        "accessModes": {"minItems": 1, "items": {"enum": [
            "ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]}},
        "volumeMode": words("Filesystem", "Block"),
        "persistentVolumeReclaimPolicy": words("Retain", "Delete", "Recycle"),
        "capacity": rule("holds storage of more than nothing, and no more", _ONLY_STORAGE),
        "storageClassName": {"anyOf": [SUBDOMAIN, {"enum": ["", None]}],
                             "problem": "must be a StorageClass's name"},
    },
    f"{CORE}LocalVolumeSource": {"path": both(SOME, {
        "not": UPWARD, "problem": "must be a path without '..'"})},
    f"{API}storage.v1.StorageClass": {
        "provisioner": {"pattern": f"(?i){QUALIFIED['pattern']}"},
        "reclaimPolicy": words("Retain", "Delete"),
        "volumeBindingMode": words("Immediate", "WaitForFirstConsumer"),
        "parameters": keys(SOME),
    },
    f"{CORE}TopologySelectorLabelRequirement": {"key": QUALIFIED, "values": {"minItems": 1}},
    f"{RBAC}RoleRef": {"apiGroup": words(ACCESS, ""), "name": SEGMENT},
    f"{RBAC}RoleBinding": {"roleRef": {"properties": {"kind": {"enum": ["Role", "ClusterRole"]}}}},
    f"{RBAC}ClusterRoleBinding": {"roleRef": {"properties": {"kind": {"enum": ["ClusterRole"]}}}},
    f"{RBAC}Subject": {"name": SOME, "kind": words("ServiceAccount", "User", "Group")},
    f"{RBAC}PolicyRule": {"verbs": {"minItems": 1}},
    f"{RBAC}AggregationRule": {"clusterRoleSelectors": {"minItems": 1}},
    f"{SCALE}HorizontalPodAutoscalerSpec": {"minReplicas": POSITIVE, "scaleTargetRef": both(
        {"properties": {"apiVersion": {"pattern": "^[^/]+/[^/]+$"}}},
        rule("needs apiVersion with its group, such as apps/v1", has("apiVersion")))},
    f"{SCALE}CrossVersionObjectReference": {"kind": SEGMENT, "name": SEGMENT},
    f"{SCALE}MetricTarget": {
        "averageUtilization": POSITIVE, "averageValue": SOME_AMOUNT, "value": SOME_AMOUNT,
    },
    f"{SCALE}MetricIdentifier": {"name": {"pattern": "^[^/%]+$"}},
    f"{SCALE}ResourceMetricSource": {"name": SOME},
    f"{SCALE}HPAScalingRules": {
        "stabilizationWindowSeconds": {"minimum": 0, "maximum": 3600},
        "selectPolicy": words("Max", "Min", "Disabled"), "policies": {"minItems": 1},
    },
    f"{SCALE}HPAScalingPolicy": {
        "type": words("Pods", "Percent"), "value": POSITIVE,
        "periodSeconds": {"minimum": 1, "maximum": 1800},
    },
    f"{API}policy.v1.PodDisruptionBudgetSpec": {
        "minAvailable": PERCENT_OF_ALL, "maxUnavailable": PERCENT_OF_ALL,
    },
    f"{API}scheduling.v1.PriorityClass": {
        "value": {"maximum": 1000000000}, "preemptionPolicy": words("PreemptLowerPriority",
            "Never"),
    },
    f"{API}node.v1.RuntimeClass": {"handler": LABEL},
    f"{API}node.v1.Overhead": {"podFixed": keys(RESOURCE, AMOUNT)},
    f"{API}node.v1.Scheduling": {"nodeSelector": LABELS},
    f"{CORE}LimitRangeItem": {"type": SOME},
    f"{CORE}ResourceQuotaSpec": {"hard": keys(QUALIFIED, AMOUNT), "scopes": entries({"enum": [
        "Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass",
        "CrossNamespacePodAffinity", "VolumeAttributesClass"]})},
    f"{API}discovery.v1.EndpointSlice": {"addressType": words("IPv4", "IPv6", "FQDN")},
    f"{API}discovery.v1.Endpoint": {
        "addresses": {"minItems": 1, "maxItems": 100}, "hostname": LABEL, "nodeName": SUBDOMAIN,
    },
    f"{API}discovery.v1.EndpointPort": {
        "name": {"anyOf": [LABEL, {"enum": ["", None]}], "problem": "must be a name of at most 63 "
                 "lower-case letters, digits and '-'"},
        "protocol": words("TCP", "UDP", "SCTP"),
    },
    f"{ADMIT}NamedRuleWithOperations": {
        "apiGroups": both(_FULL, _ALONE),
        "apiVersions": both(_FULL, _ALONE, entries(SOME)),
        "resources": both(_FULL, entries(SOME)),
        "operations": both(_FULL, _ALONE, entries(
            {"enum": ["CREATE", "UPDATE", "DELETE", "CONNECT", "*"]})),
        "scope": words("*", "Cluster", "Namespaced"),
    },
    f"{ADMIT}ValidatingAdmissionPolicySpec": {"failurePolicy": words("Fail", "Ignore")},
    f"{DEFINE}CustomResourceDefinitionSpec": {"scope": words("Cluster", "Namespaced")},
    f"{API}coordination.v1.LeaseSpec": {
        "leaseDurationSeconds": POSITIVE, "leaseTransitions": NATURAL,
        "renewTime": _INSTANT, "acquireTime": _INSTANT,
    },
}  # fmt: skip

KIND_NEEDED: Mapping[str, tuple[str, ...]] = {
    f"{NET}IngressClass": ("spec",),
    f"{NET}IngressClassSpec": ("controller",),
    f"{CORE}PersistentVolume": ("spec",),
    f"{CORE}VolumeNodeAffinity": ("required",),
    f"{APPS}ReplicaSet": ("spec",),
    f"{APPS}ReplicaSetSpec": ("template",),
    f"{ADMIT}NamedRuleWithOperations": ("apiGroups", "apiVersions", "operations", "resources"),
    f"{CORE}PersistentVolumeSpec": ("accessModes", "capacity"),
    f"{BATCH}JobTemplateSpec": ("spec",),
    f"{RBAC}AggregationRule": ("clusterRoleSelectors",),
    f"{ADMIT}ValidatingAdmissionPolicySpec": ("matchConstraints",),
}
