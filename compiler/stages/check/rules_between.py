"""What Kubernetes asks of several fields of its other kinds together: data for the validator.

For workloads, Services, storage, access and scaling; pods are in `rules_pods`. Rules over
the entries of several lists, and numbers that are compared, are in `kinds`.
"""

from __future__ import annotations

from collections.abc import Mapping

from compiler.stages.check.rules import (
    ACCESS,
    ADMIT,
    API,
    APPS,
    BATCH,
    CORE,
    NET,
    RBAC,
    SCALE,
    SOME,
    SUBDOMAIN,
    Schema,
    any_of,
    at_most_one,
    both,
    entries,
    equals,
    has,
    inside,
    none_of,
    one_of,
    rule,
    when,
)

_NOTHING = [0, "0", "0%"]
_DISKS = (
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc",
    "flexVolume", "flocker", "gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local",
    "nfs", "photonPersistentDisk", "portworxVolume", "quobyte", "rbd", "scaleIO", "storageos",
    "vsphereVolume",
)  # fmt: skip
_OUTSIDE = equals("type", "NodePort", "LoadBalancer")
_BALANCED = equals("type", "LoadBalancer")
_HEADLESS = equals("clusterIP", "None")
_ELSEWHERE = equals("type", "ExternalName")
_HOST: Schema = {"type": "string", "maxLength": 253, "pattern": SUBDOMAIN["pattern"][:-1] + r"\.?$"}
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
_ALWAYS = rule(
    "needs pods with restartPolicy Always and without activeDeadlineSeconds",
    {
        "properties": {
            "template": {
                "properties": {
                    "spec": {
                        "type": "object",
                        "properties": {
                            "restartPolicy": {"not": {"enum": ["Never", "OnFailure"]}},
                            "activeDeadlineSeconds": {"type": "null"},
                        },
                    }
                }
            }
        }
    },
)
_FULL: Schema = {"type": "array", "minItems": 1}
_RESOURCE_RULE: Schema = {"required": ["apiGroups", "resources", "verbs"],
    "properties": {"apiGroups": _FULL, "resources": _FULL, "verbs": _FULL}}  # fmt: skip
_NAMED: Schema = {"properties": {"name": SUBDOMAIN}}

KIND_RULES: Mapping[str, tuple[Schema, ...]] = {
    f"{APPS}DeploymentStrategy": (
        rule("takes no rollingUpdate with the type Recreate",
             when(equals("type", "Recreate"), none_of("rollingUpdate"))),
    ),
    **{f"{APPS}{kind}Spec": (_ALWAYS,) for kind in (
        "Deployment", "DaemonSet", "ReplicaSet", "StatefulSet")},
    f"{API}storage.v1.StorageClass": (
        rule("has allowedTopologies without matchLabelExpressions", {"properties": {
            "allowedTopologies": entries(has("matchLabelExpressions"))}}),
    ),
    f"{APPS}RollingUpdateDeployment": (
        rule("cannot have maxSurge and maxUnavailable both 0",
             {"not": both(equals("maxSurge", *_NOTHING), equals("maxUnavailable", *_NOTHING))}),
    ),
    f"{APPS}RollingUpdateDaemonSet": (
        rule("needs exactly one of maxSurge and maxUnavailable above 0", both(
            {"not": both(equals("maxSurge", *_NOTHING), equals("maxUnavailable", *_NOTHING))},
            {"not": both(has("maxSurge"), {"not": equals("maxSurge", *_NOTHING)},
                         {"not": equals("maxUnavailable", *_NOTHING)})},
            when(none_of("maxSurge"), {"not": equals("maxUnavailable", *_NOTHING)}))),
    ),
    f"{APPS}StatefulSetUpdateStrategy": (
        rule("takes no rollingUpdate with the type OnDelete",
             when(equals("type", "OnDelete"), none_of("rollingUpdate"))),
    ),
    f"{BATCH}JobSpec": (
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
                 # What is no int32 is told as that.
                 "parallelism": {"anyOf": [{"maximum": 100000}, {"minimum": 2**31}]}}})),
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
    f"{BATCH}JobTemplateSpec": (
        rule("cannot have manualSelector in a CronJob",
             {"properties": {"spec": {"not": equals("manualSelector", True)}}}),
    ),
    f"{BATCH}PodFailurePolicyRule": (one_of("onExitCodes", "onPodConditions"),),
    f"{BATCH}PodFailurePolicyOnExitCodesRequirement": (
        rule("cannot ask for the exit code 0 with the operator In",
             {"not": both(equals("operator", "In"), {"properties": {"values": {
                 "type": "array", "contains": {"const": 0}}}})}),
    ),
    f"{BATCH}SuccessPolicyRule": (
        rule("needs succeededCount or succeededIndexes",
             any_of("succeededCount", "succeededIndexes")),
    ),
    f"{CORE}ServiceSpec": (
        rule("needs ports, unless it is headless or of the type ExternalName", {"anyOf": [
            _HEADLESS, _ELSEWHERE,
            {"required": ["ports"], "properties": {"ports": _FULL}}]}),
        rule("needs the name of a host as externalName with the type ExternalName",
            when(_ELSEWHERE, {
            "required": ["externalName"], "properties": {"externalName": _HOST}})),
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
            {"anyOf": [_OUTSIDE, _ELSEWHERE]})),
        rule("needs a name for each of several ports", when(
            {"required": ["ports"], "properties": {
                "ports": {"type": "array", "minItems": 2}}},
            {"properties": {"ports": entries({"type": "object", "required": ["name"],
                "properties": {
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
    f"{NET}IngressSpec": (
        rule("needs defaultBackend or rules", {"anyOf": [
            has("defaultBackend"), {"required": ["rules"], "properties": {"rules": _FULL}}]}),
    ),
    f"{NET}IngressBackend": (one_of("service", "resource"),),
    f"{NET}HTTPIngressPath": (
        rule("needs an absolute path without '//' and '..' with this pathType", _SURELY_PATH),
        rule("has a path that is not absolute", {"properties": {
            "path": {"pattern": "^(/|$)"}}}),
    ),
    f"{NET}IngressServiceBackend": (rule("needs a port", has("port")),),
    f"{NET}ServiceBackendPort": (
        rule("needs exactly one of name, number", {"oneOf": [
            {"required": ["name"], "properties": {"name": {"type": "string", "minLength": 1}}},
            {"required": ["number"], "properties": {"number": {
                "type": "integer", "minimum": 1}}}]}),
    ),
    f"{NET}IngressClassParametersReference": (
        rule("needs a namespace with the scope Namespace, and takes none with another", {"oneOf": [
            both(equals("scope", "Namespace"), has("namespace")),
            both({"not": equals("scope", "Namespace")}, none_of("namespace"))]}),
    ),
    f"{NET}NetworkPolicyPeer": (
        rule("needs ipBlock alone, or podSelector, namespaceSelector or both", {"oneOf": [
            both(has("ipBlock"), none_of("podSelector", "namespaceSelector")),
            both(none_of("ipBlock"), any_of("podSelector", "namespaceSelector"))]}),
    ),
    f"{NET}NetworkPolicyPort": (
        rule("takes endPort only with a port that is a number",
             when(has("endPort"), {"required": ["port"], "properties": {
                 "port": {"type": "integer"}}})),
    ),
    f"{CORE}PersistentVolumeClaimSpec": (_ONE_ONLY,),
    f"{CORE}PersistentVolumeSpec": (
        _ONE_ONLY, one_of(*_DISKS),
        rule("needs nodeAffinity for a local volume", when(has("local"), has("nodeAffinity"))),
    ),
    f"{RBAC}Subject": (
        rule("needs a name in lower case as a ServiceAccount",
             when(equals("kind", "ServiceAccount"), _NAMED)),
        rule(f"needs the apiGroup {ACCESS} or none", {"anyOf": [
            equals("kind", "ServiceAccount"),
            {"properties": {"apiGroup": {"enum": ["", ACCESS, None]}}}]}),
        rule("takes no apiGroup as a ServiceAccount", when(equals("kind", "ServiceAccount"),
             {"properties": {"apiGroup": {"enum": ["", None]}}})),
    ),
    f"{RBAC}ClusterRoleBinding": (
        rule("needs the namespace of each ServiceAccount", {"properties": {"subjects": entries(
            when(equals("kind", "ServiceAccount"), {
                "required": ["namespace"], "properties": {"namespace": SOME}}))}}),
    ),
    f"{RBAC}Role": (
        rule("cannot have nonResourceURLs, which belong to the whole cluster",
             {"properties": {"rules": entries({"properties": {
                 "nonResourceURLs": {"maxItems": 0}}})}}),
    ),
    f"{RBAC}PolicyRule": (
        rule("needs apiGroups and resources, or nonResourceURLs alone", {"oneOf": [
            both(_RESOURCE_RULE, {"properties": {"nonResourceURLs": {"maxItems": 0}}}),
            both({"required": ["nonResourceURLs"], "properties": {"nonResourceURLs": _FULL}},
                 {"properties": {one: {"maxItems": 0} for one in (
                     "apiGroups", "resources", "resourceNames")}})]}),
    ),
    f"{SCALE}MetricTarget": (
        at_most_one("value", "averageValue"),
    ),
    f"{SCALE}MetricSpec": tuple(
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
    f"{SCALE}ResourceMetricSource": (
        rule("needs exactly one of averageUtilization and averageValue", inside(
            "target", {"oneOf": [has("averageUtilization"), has("averageValue")]})),
    ),
    f"{SCALE}ContainerResourceMetricSource": (
        rule("needs exactly one of averageUtilization and averageValue", inside(
            "target", {"oneOf": [has("averageUtilization"), has("averageValue")]})),
    ),
    f"{SCALE}PodsMetricSource": (
        rule("needs averageValue in its target", inside("target", has("averageValue"))),
    ),
    f"{SCALE}ExternalMetricSource": (
        rule("needs value or averageValue in its target",
             inside("target", any_of("value", "averageValue"))),
    ),
    f"{SCALE}ObjectMetricSource": (
        rule("needs value or averageValue in its target",
             inside("target", any_of("value", "averageValue"))),
    ),
    f"{API}policy.v1.PodDisruptionBudgetSpec": (at_most_one("minAvailable", "maxUnavailable"),),
    f"{ADMIT}ValidatingAdmissionPolicySpec": (
        rule("needs matchConstraints.resourceRules", inside("matchConstraints", {
            "required": ["resourceRules"], "properties": {"resourceRules": _FULL}})),
        rule("needs validations or auditAnnotations", {"anyOf": [
            {"required": [one], "properties": {one: _FULL}}
            for one in ("validations", "auditAnnotations")]}),
    ),
    f"{CORE}LimitRangeItem": (
        rule("takes no default and no defaultRequest with the type Pod",
             when(equals("type", "Pod"), none_of("default", "defaultRequest"))),
        rule("has a type that is no limit's: Container, Pod, PersistentVolumeClaim or a name such "
             "as example.com/thing", {"properties": {"type": {
                 "pattern": "^(Container|Pod|PersistentVolumeClaim|[^/]+/[^/]+)$"}}}),
    ),
    f"{CORE}Secret": (*(
        rule(f"needs the {'keys' if len(needed) > 1 else 'key'} {', '.join(needed)} with this type",
             when(equals("type", kind), both(*({"anyOf": [
                 {"required": [field], "properties": {field: {"type": "object", **has(key)}}}
                 for field in ("data", "stringData")]} for key in needed))))
        for kind, needed in (
            ("kubernetes.io/tls", ("tls.crt", "tls.key")),
            ("kubernetes.io/dockerconfigjson", (".dockerconfigjson",)),
            ("kubernetes.io/dockercfg", (".dockercfg",)),
            ("kubernetes.io/ssh-auth", ("ssh-privatekey",)),
        )),
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
