"""What Kubernetes asks of single fields of its other kinds, beyond the published definitions.

Two tables as in `check_rules_pods`: for workloads, Services, storage, access and scaling. What
binds several fields of one definition is in `check_rules_between`.
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
    PORT,
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
    both,
    entries,
    keys,
    rule,
    words,
)
from compiler.stages.check_rules_pods import RESOURCE

_API = "io.k8s.api."
_CORE = f"{_API}core.v1."
_APPS = f"{_API}apps.v1."
_BATCH = f"{_API}batch.v1."
_NET = f"{_API}networking.v1."
_SCALE = f"{_API}autoscaling.v2."
_ADMIT = f"{_API}admissionregistration.v1."
_RBAC = f"{_API}rbac.v1."
_ACCESS = "rbac.authorization.k8s.io"
_STORAGE: Schema = {
    "required": ["storage"],
    "properties": {"storage": both(SOME_AMOUNT, {"not": {"type": "null"}})},
}
_ONLY_STORAGE: Schema = {**_STORAGE, "additionalProperties": False}
_NOT_LOOPBACK: Schema = {"not": {"pattern": r"^(127\.|0\.0\.0\.0$|169\.254\.|::1$)"},
                         "problem": "must not be a loopback address"}  # fmt: skip
_INSTANT: Schema = {"pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]+(Z|[+-][0-9:]{5})$"}

_FULL: Schema = {"minItems": 1}

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
        "minReadySeconds": NATURAL, "serviceName": {"anyOf": [LABEL, {"enum": ["", None]}],
                                                    "problem": "must be the name of a Service"},
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
    f"{_BATCH}PodFailurePolicyRule": {
        "action": words("Count", "FailIndex", "FailJob", "Ignore"),
            "onPodConditions": {"minItems": 1},
    },
    f"{_BATCH}PodFailurePolicyOnExitCodesRequirement": {
        "operator": words("In", "NotIn"),
        "values": {"minItems": 1, "maxItems": 255, "uniqueItems": True},
    },
    f"{_BATCH}PodFailurePolicyOnPodConditionsPattern": {
        "type": QUALIFIED, "status": words("", "True", "False", "Unknown"),
    },
    f"{_BATCH}SuccessPolicyRule": {"succeededCount": NATURAL},
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
    },
    f"{_NET}IngressSpec": {"ingressClassName": SUBDOMAIN},
    f"{_NET}IngressRule": {"host": {
        **WILDCARD, "not": {"pattern": r"^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$"},
        "problem": "must be a host name, which may begin with '*.'"}},
    f"{_NET}IngressTLS": {"hosts": entries(WILDCARD), "secretName": {
        "anyOf": [SUBDOMAIN, {"enum": ["", None]}], "problem": "must be the name of a Secret"}},
    f"{_NET}HTTPIngressRuleValue": {"paths": {"minItems": 1}},
    f"{_NET}IngressServiceBackend": {"name": SERVICE_NAME},
    f"{_CORE}TypedLocalObjectReference": {"kind": SOME, "name": SOME},
    f"{_CORE}ScopedResourceSelectorRequirement": {
        "operator": words("In", "NotIn", "Exists", "DoesNotExist"),
    },
    f"{_NET}ServiceBackendPort": {"name": PORT_NAME, "number": {"minimum": 0, "maximum": 65535}},
    f"{_NET}IngressClassSpec": {"controller": {**DOMAIN_PATH, "maxLength": 250}},
    f"{_NET}IngressClassParametersReference": {
        "scope": words("Cluster", "Namespace"), "kind": SOME, "name": SOME,
    },
    f"{_NET}NetworkPolicySpec": {
        "policyTypes": {**entries({"enum": ["Ingress", "Egress"]}), "maxItems": 2},
    },
    f"{_NET}NetworkPolicyPort": {"port": PORT_REFERENCE, "endPort": PORT},
    f"{_NET}IPBlock": {"cidr": RANGE, "except": entries(RANGE)},
    f"{_CORE}PersistentVolumeClaimSpec": {
        "accessModes": {"minItems": 1}, "storageClassName": {
            "anyOf": [SUBDOMAIN, {"enum": ["", None]}], "problem": "must be a StorageClass's name"},
        "resources": rule("needs requests.storage of more than nothing", {
            "required": ["requests"], "properties": {"requests": {**_STORAGE, "type": "object"}}}),
    },
    f"{_CORE}PersistentVolumeSpec": {
        "accessModes": {"minItems": 1, "items": {"enum": [
            "ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]}},
        "volumeMode": words("Filesystem", "Block"),
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
    f"{_SCALE}HorizontalPodAutoscalerSpec": {"minReplicas": POSITIVE, "scaleTargetRef": {
        "properties": {"apiVersion": {"pattern": "^[^/]+/[^/]+$"}}}},
    f"{_SCALE}CrossVersionObjectReference": {"kind": SOME, "name": SOME},
    f"{_SCALE}MetricTarget": {
        "averageUtilization": POSITIVE, "averageValue": SOME_AMOUNT, "value": SOME_AMOUNT,
    },
    f"{_SCALE}MetricIdentifier": {"name": {"pattern": "^[^/%]+$"}},
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
        "value": {"maximum": 1000000000}, "preemptionPolicy": words("PreemptLowerPriority",
            "Never"),
    },
    f"{_API}node.v1.RuntimeClass": {"handler": LABEL},
    f"{_API}node.v1.Overhead": {"podFixed": keys(RESOURCE, AMOUNT)},
    f"{_API}node.v1.Scheduling": {"nodeSelector": LABELS},
    f"{_CORE}LimitRangeItem": {"type": SOME},
    f"{_CORE}ResourceQuotaSpec": {"hard": keys(QUALIFIED, AMOUNT), "scopes": entries({"enum": [
        "Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass",
        "CrossNamespacePodAffinity", "VolumeAttributesClass"]})},
    f"{_API}discovery.v1.EndpointSlice": {"addressType": words("IPv4", "IPv6", "FQDN")},
    f"{_API}discovery.v1.Endpoint": {
        "addresses": {"minItems": 1, "maxItems": 100}, "hostname": LABEL, "nodeName": SUBDOMAIN,
    },
    f"{_API}discovery.v1.EndpointPort": {
        "name": {"anyOf": [LABEL, {"enum": ["", None]}], "problem": "must be a name of at most 63 "
                 "lower-case letters, digits and '-'"},
        "protocol": words("TCP", "UDP", "SCTP"),
    },
    f"{_ADMIT}NamedRuleWithOperations": {
        **dict.fromkeys(("apiGroups", "apiVersions", "resources"), _FULL),
        "operations": {**entries({"enum": ["CREATE", "UPDATE", "DELETE", "CONNECT", "*"]}),
                       "minItems": 1},
    },
    f"{_ADMIT}ValidatingAdmissionPolicySpec": {"failurePolicy": words("Fail", "Ignore")},
    f"{_API}coordination.v1.LeaseSpec": {
        "leaseDurationSeconds": POSITIVE, "leaseTransitions": NATURAL,
        "renewTime": _INSTANT, "acquireTime": _INSTANT,
    },
}  # fmt: skip

KIND_NEEDED: Mapping[str, tuple[str, ...]] = {
    f"{_NET}IngressClass": ("spec",),
    f"{_NET}IngressClassSpec": ("controller",),
    f"{_CORE}PersistentVolume": ("spec",),
    f"{_CORE}VolumeNodeAffinity": ("required",),
    f"{_APPS}ReplicaSet": ("spec",),
    f"{_APPS}ReplicaSetSpec": ("template",),
    f"{_ADMIT}NamedRuleWithOperations": ("apiGroups", "apiVersions", "operations", "resources"),
    f"{_CORE}PersistentVolumeSpec": ("accessModes", "capacity"),
    f"{_BATCH}JobTemplateSpec": ("spec",),
    f"{_RBAC}AggregationRule": ("clusterRoleSelectors",),
}
