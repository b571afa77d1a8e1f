"""What Kubernetes asks of pods beyond the published definitions: data for the validator.

By definition: `POD_FIELDS` are the forms of single fields, `POD_RULES` bind several, and
`POD_NEEDED` must be there. What only code can tell (a mount's volume, twice the same name) is
judged in `pods`.
"""

from __future__ import annotations

from collections.abc import Mapping

from compiler.stages.check.rules import (
    ADDRESS,
    AMOUNT,
    CONFIG_KEY,
    CORE,
    FILE,
    LABEL,
    LABEL_VALUE,
    LABELS,
    MODE,
    NATURAL,
    PORT,
    PORT_REFERENCE,
    POSITIVE,
    QUALIFIED,
    RELATIVE,
    SOME,
    SUBDOMAIN,
    UPWARD,
    USER,
    WEIGHT,
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

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."

RESOURCE: Schema = {
    "pattern": r"^(cpu|memory|ephemeral-storage|hugepages-[0-9]+[KMGT]i"
    r"|[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
    r"/[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)$",
    "not": {"pattern": "^requests[.]"},
    "problem": "must be cpu, memory, ephemeral-storage, hugepages-SIZE or a name such as "
    "example.com/device",
}
_AMOUNTS = keys(RESOURCE, AMOUNT)
_FIELD = r"metadata\.(name|namespace|uid|(labels|annotations)\['[^']+'\])"
_FIELD_OF_ENVIRONMENT: Schema = {
    "pattern": rf"^({_FIELD}|spec\.(nodeName|serviceAccountName)|status\.(hostIPs?|podIPs?))$",
    "problem": "is no field that a variable can have, such as metadata.name or status.hostIP",
}
_FIELD_OF_FILE: Schema = {
    "pattern": rf"^({_FIELD}|metadata\.(labels|annotations))$",
    "problem": "is no field that a file can have, such as metadata.labels",
}
_KINDS = r"(cpu|memory|ephemeral-storage|hugepages-[0-9]+[KMGT]i)"
_DOMAIN_PART = "_?[a-z0-9]([a-z0-9_-]*[a-z0-9])?"
_MEASURED: Schema = {"pattern": rf"^(limits|requests)\.{_KINDS}$"}
_HANDLERS = ("exec", "grpc", "httpGet", "tcpSocket")
_HOOKS = ("exec", "httpGet", "sleep", "tcpSocket")
_ONCE: Schema = {"properties": {"successThreshold": {"enum": [0, 1, None]}}}
_PROBES = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
_VALUES: Schema = {"required": ["values"], "properties": {"values": {
    "type": "array", "minItems": 1}}}  # fmt: skip
_NO_VALUES: Schema = {"properties": {"values": {"type": ["array", "null"], "maxItems": 0}}}
_WITH_VALUES = rule(
    "needs values with the operator In or NotIn", when(equals("operator", "In", "NotIn"), _VALUES)
)
_WITHOUT_VALUES = rule(
    "takes no values with the operator Exists or DoesNotExist",
    when(equals("operator", "Exists", "DoesNotExist"), _NO_VALUES),
)
_NUMBER: Schema = {"required": ["values"], "properties": {"values": {
    "minItems": 1, "maxItems": 1}}}  # fmt: skip
_LOCALHOST = rule(
    "needs localhostProfile with the type Localhost, and takes none with another",
    {"oneOf": [both(equals("type", "Localhost"), has("localhostProfile")),
               both({"not": equals("type", "Localhost")}, none_of("localhostProfile"))]},
)  # fmt: skip
_PATH_BELOW: Schema = {"not": UPWARD, "problem": "must be a path without '..'"}
_RUN_AS: Mapping[str, Schema] = {"runAsUser": USER, "runAsGroup": USER}
_NO_ESCALATION = equals("allowPrivilegeEscalation", False)
_ADMIN: Schema = {"required": ["capabilities"], "properties": {"capabilities": {
    "type": "object", "required": ["add"], "properties": {"add": {
        "type": "array", "contains": {"const": "CAP_SYS_ADMIN"}}}}}}  # fmt: skip

POD_FIELDS: Mapping[str, Mapping[str, Schema]] = {
    f"{CORE}ResourceRequirements": {"limits": _AMOUNTS, "requests": _AMOUNTS},
    f"{CORE}VolumeResourceRequirements": {
        "limits": keys({}, AMOUNT), "requests": keys({}, AMOUNT),
    },
    f"{CORE}Container": {"image": {"pattern": r"^[^\s]$|^[^\s].*[^\s]$",
                                    "problem": "must be the name of an image, without blanks "
                                               "around it"}},
    f"{CORE}ContainerResizePolicy": {
        "resourceName": words("cpu", "memory"),
        "restartPolicy": words("NotRequired", "RestartContainer"),
    },
    f"{CORE}HTTPGetAction": {"port": PORT_REFERENCE},
    f"{CORE}HTTPHeader": {"name": {"pattern": "^[-A-Za-z0-9]+$"}},
    f"{CORE}TCPSocketAction": {"port": PORT_REFERENCE},
    f"{CORE}GRPCAction": {"port": PORT},
    f"{CORE}ExecAction": {"command": {"minItems": 1}},
    f"{CORE}SleepAction": {"seconds": NATURAL},
    f"{CORE}Probe": {"terminationGracePeriodSeconds": POSITIVE},
    f"{CORE}EnvVarSource": {
        "fieldRef": {"properties": {"fieldPath": _FIELD_OF_ENVIRONMENT}},
        "resourceFieldRef": {"properties": {"resource": _MEASURED}},
    },
    f"{CORE}ResourceFieldSelector": {"divisor": {"enum": [
        "0", 0, "1", 1, "1m", "1k", "1M", "1G", "1T", "1P", "1E",
        "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei", None]}},
    f"{CORE}SecretKeySelector": {"key": CONFIG_KEY, "name": SUBDOMAIN},
    f"{CORE}ConfigMapKeySelector": {"key": CONFIG_KEY, "name": SUBDOMAIN},
    f"{CORE}SecretEnvSource": {"name": SUBDOMAIN},
    f"{CORE}ConfigMapEnvSource": {"name": SUBDOMAIN},
    f"{CORE}SecurityContext": {**_RUN_AS, "procMount": words("Default", "Unmasked")},
    f"{CORE}SeccompProfile": {"localhostProfile": RELATIVE},
    f"{CORE}AppArmorProfile": {"type": words("Localhost", "RuntimeDefault", "Unconfined")},
    f"{CORE}PodSecurityContext": {
        **_RUN_AS,
        "fsGroup": USER,
        "supplementalGroups": entries(USER),
        "fsGroupChangePolicy": words("Always", "OnRootMismatch"),
        "supplementalGroupsPolicy": words("Merge", "Strict"),
    },
    f"{CORE}Sysctl": {"name": {
        "pattern": r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$",
        "maxLength": 253,
    }},
    f"{CORE}PodSpec": {
        "containers": {"minItems": 1},
        "activeDeadlineSeconds": {"maximum": 2147483647},
        "runtimeClassName": SUBDOMAIN,
        "priorityClassName": {"anyOf": [SUBDOMAIN, {"enum": ["", None]}],
                              "problem": "must be the name of a PriorityClass"},
        "serviceAccountName": {"anyOf": [SUBDOMAIN, {"const": ""}, {"type": "null"}],
                               "problem": "must be the name of a ServiceAccount"},
        "nodeName": {"anyOf": [SUBDOMAIN, {"const": ""}, {"type": "null"}],
                     "problem": "must be the name of a node"},
        "hostname": {"anyOf": [LABEL, {"const": ""}, {"type": "null"}],
                     "problem": "must be a name of at most 63 characters without dots"},
        "subdomain": {"anyOf": [LABEL, {"const": ""}, {"type": "null"}],
                      "problem": "must be a name of at most 63 characters without dots"},
        "nodeSelector": LABELS,
        "overhead": _AMOUNTS,
    },
    f"{CORE}PodReadinessGate": {"conditionType": QUALIFIED},
    f"{CORE}PodSchedulingGate": {"name": QUALIFIED},
    f"{CORE}PodOS": {"name": words("linux", "windows")},
    f"{CORE}PodResourceClaim": {"name": LABEL},
    f"{CORE}HostAlias": {"ip": ADDRESS, "hostnames": entries(SUBDOMAIN)},
    f"{CORE}PodDNSConfig": {
        "nameservers": {**entries(ADDRESS), "maxItems": 3},
        "searches": {"maxItems": 32, "items": {
            "pattern": rf"^(\.|{_DOMAIN_PART}(\.{_DOMAIN_PART})*\.?)$",
            "maxLength": 254,
            "problem": "must be a domain",
        }},
    },
    f"{CORE}PodDNSConfigOption": {"name": SOME},
    f"{CORE}Toleration": {
        "operator": words("", "Exists", "Equal"),
        "key": {"anyOf": [QUALIFIED, {"const": ""}, {"type": "null"}],
                "problem": "must be the key of a taint"},
    },
    f"{CORE}NodeSelector": {"nodeSelectorTerms": {"minItems": 1}},
    f"{CORE}NodeSelectorTerm": {"matchFields": entries({
        "properties": {"key": {"const": "metadata.name"}, "operator": {"enum": ["In", "NotIn"]},
                       "values": {"minItems": 1, "maxItems": 1}},
        "required": ["values"],
        "problem": "must ask for metadata.name, In or NotIn one value",
    }), "matchExpressions": entries({
        "properties": {"key": QUALIFIED, "values": entries(LABEL_VALUE)}})},
    f"{CORE}PreferredSchedulingTerm": {"weight": WEIGHT},
    f"{CORE}WeightedPodAffinityTerm": {"weight": WEIGHT},
    f"{CORE}PodAffinityTerm": {"topologyKey": QUALIFIED, "namespaces": entries(LABEL)},
    f"{CORE}TopologySpreadConstraint": {
        "maxSkew": POSITIVE, "minDomains": POSITIVE, "topologyKey": QUALIFIED,
        "nodeAffinityPolicy": words("Honor", "Ignore"),
        "nodeTaintsPolicy": words("Honor", "Ignore"),
    },
    f"{_META}LabelSelector": {"matchLabels": LABELS},
    f"{_META}LabelSelectorRequirement": {"key": QUALIFIED, "values": entries(LABEL_VALUE)},
    f"{CORE}EmptyDirVolumeSource": {
        "sizeLimit": AMOUNT,
        "medium": {"pattern": "^(Memory|HugePages(-[0-9]+[KMGT]i)?)?$",
                   "problem": "must be Memory, HugePages or empty"},
    },
    f"{CORE}HostPathVolumeSource": {"path": both(SOME, _PATH_BELOW)},
    f"{CORE}KeyToPath": {"mode": MODE, "path": FILE, "key": SOME},
    f"{CORE}ConfigMapVolumeSource": {"defaultMode": MODE, "name": SOME},
    f"{CORE}SecretVolumeSource": {"defaultMode": MODE, "secretName": SOME},
    f"{CORE}DownwardAPIVolumeSource": {"defaultMode": MODE},
    f"{CORE}DownwardAPIVolumeFile": {
        "mode": MODE, "path": FILE,
        "fieldRef": {"properties": {"fieldPath": _FIELD_OF_FILE}},
        "resourceFieldRef": both(
            {"properties": {"resource": _MEASURED}},
            rule("needs containerName in a volume", {"anyOf": [
                {"type": "null"}, {**has("containerName"), "type": "object"}]}),
        ),
    },
    f"{CORE}ProjectedVolumeSource": {"defaultMode": MODE},
    f"{CORE}ConfigMapProjection": {"name": SOME},
    f"{CORE}SecretProjection": {"name": SOME},
    f"{CORE}ServiceAccountTokenProjection": {
        "path": FILE, "expirationSeconds": {"minimum": 600, "maximum": 2**32},
    },
    f"{CORE}PersistentVolumeClaimVolumeSource": {"claimName": SOME},
    f"{CORE}NFSVolumeSource": {"server": SOME, "path": {"pattern": "^/"}},
    f"{CORE}CSIVolumeSource": {"driver": {
        "pattern": "^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$"}},
    f"{CORE}Volume": {"name": LABEL},
    f"{CORE}VolumeMount": {"subPath": RELATIVE, "subPathExpr": RELATIVE},
}  # fmt: skip

POD_RULES: Mapping[str, tuple[Schema, ...]] = {
    f"{CORE}Probe": (one_of(*_HANDLERS),),
    f"{CORE}LifecycleHandler": (one_of(*_HOOKS),),
    f"{CORE}Container": (
        rule("may ask for one success only in livenessProbe and startupProbe",
             both(inside("livenessProbe", _ONCE), inside("startupProbe", _ONCE))),
        rule("cannot have readinessProbe.terminationGracePeriodSeconds",
             inside("readinessProbe", none_of("terminationGracePeriodSeconds"))),
        rule("mounts Bidirectional, which only a privileged container may",
             when({"required": ["volumeMounts"], "properties": {"volumeMounts": {
                      "type": "array", "contains": equals("mountPropagation", "Bidirectional")}}},
                  {"required": ["securityContext"], "properties": {
                      "securityContext": {"type": "object", **equals("privileged", True)}}})),
    ),
    f"{CORE}EnvVarSource": (
        one_of("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"),
    ),
    f"{CORE}EnvFromSource": (one_of("configMapRef", "secretRef"),),
    f"{CORE}ResourceFieldSelector": (
        rule("has a divisor that cpu does not take: 1m or 1",
             when({"required": ["resource"], "properties": {"resource": {"pattern": "cpu$"}}},
                  {"properties": {"divisor": {"enum": ["0", 0, "1", 1, "1m", None]}}})),
        rule("has the divisor 1m, which only cpu takes",
             when({"required": ["resource"], "properties": {"resource": {
                 "not": {"pattern": "cpu$"}}}}, {"not": equals("divisor", "1m")})),
    ),
    f"{CORE}SecurityContext": (
        rule("cannot be privileged or add CAP_SYS_ADMIN with allowPrivilegeEscalation false",
             {"not": both(_NO_ESCALATION, {"anyOf": [equals("privileged", True), _ADMIN]})}),
    ),
    f"{CORE}SeccompProfile": (_LOCALHOST,),
    f"{CORE}AppArmorProfile": (_LOCALHOST,),
    f"{CORE}PodSpec": (
        rule("cannot be bound to a node by nodeName while it has schedulingGates", {"not": {
            "required": ["nodeName", "schedulingGates"], "properties": {
                "nodeName": {"type": "string", "minLength": 1},
                "schedulingGates": {"type": "array", "minItems": 1}}}}),
        rule("cannot have hostPID with shareProcessNamespace",
             {"not": both(equals("hostPID", True), equals("shareProcessNamespace", True))}),
        rule("cannot share the host's network, processes or IPC with hostUsers false",
             {"not": both(equals("hostUsers", False), {"anyOf": [
                 equals(one, True) for one in ("hostNetwork", "hostPID", "hostIPC")]})}),
        rule("needs dnsConfig.nameservers with dnsPolicy None",
             when(equals("dnsPolicy", "None"), {"required": ["dnsConfig"], "properties": {
                 "dnsConfig": {"type": "object", "required": ["nameservers"], "properties": {
                     "nameservers": {"type": "array", "minItems": 1}}}}})),
        rule("cannot have ephemeralContainers; the cluster adds them to a running pod",
             {"properties": {"ephemeralContainers": {"maxItems": 0}}}),
        rule("has an init container with probes or a lifecycle, which needs restartPolicy Always",
             {"properties": {"initContainers": entries(
                 {"anyOf": [equals("restartPolicy", "Always"), none_of(*_PROBES)]})}}),
        rule("resizes with a restart, which restartPolicy Never forbids",
             when(equals("restartPolicy", "Never"), {"properties": {"containers": entries(
                 {"properties": {"resizePolicy": entries(
                     equals("restartPolicy", "NotRequired"))}})}})),
        rule("has procMount Unmasked, which needs hostUsers false",
             {"anyOf": [equals("hostUsers", False), {"properties": dict.fromkeys(
                 ("containers", "initContainers"), entries({"properties": {"securityContext": {
                     "not": {"type": "object", **equals("procMount", "Unmasked")}}}}))}]}),
    ),
    f"{CORE}PodResourceClaim": (one_of("resourceClaimName", "resourceClaimTemplateName"),),
    f"{CORE}Toleration": (
        rule("needs the operator Exists where it has no key", {"anyOf": [
            {"required": ["key"], "properties": {"key": {"minLength": 1, "type": "string"}}},
            equals("operator", "Exists")]}),
        rule("takes no value with the operator Exists", {"not": both(
            equals("operator", "Exists"),
            {"required": ["value"], "properties": {"value": {"type": "string", "minLength": 1}}})}),
        rule("has a value that no taint can have", {"anyOf": [
            equals("operator", "Exists"), {"properties": {"value": LABEL_VALUE}}]}),
        rule("takes tolerationSeconds only with the effect NoExecute",
             when(has("tolerationSeconds"), equals("effect", "NoExecute"))),
    ),
    f"{CORE}NodeSelectorRequirement": (
        _WITH_VALUES, _WITHOUT_VALUES,
        rule("needs one value with the operator Gt or Lt",
             when(equals("operator", "Gt", "Lt"), _NUMBER)),
    ),
    f"{_META}LabelSelectorRequirement": (_WITH_VALUES, _WITHOUT_VALUES),
    f"{CORE}PodAffinityTerm": (
        rule("takes matchLabelKeys and mismatchLabelKeys only with a labelSelector",
             when(any_of("matchLabelKeys", "mismatchLabelKeys"), has("labelSelector"))),
    ),
    f"{CORE}TopologySpreadConstraint": (
        rule("takes minDomains only with whenUnsatisfiable DoNotSchedule",
             when(has("minDomains"), equals("whenUnsatisfiable", "DoNotSchedule"))),
        rule("takes matchLabelKeys only with a labelSelector",
             when(has("matchLabelKeys"), has("labelSelector"))),
    ),
    f"{CORE}Volume": (rule("may have only one source", {"maxProperties": 2}),),
    f"{CORE}DownwardAPIVolumeFile": (one_of("fieldRef", "resourceFieldRef"),),
    f"{CORE}VolumeProjection": (
        at_most_one("clusterTrustBundle", "configMap", "downwardAPI", "podCertificate", "secret",
                    "serviceAccountToken"),
    ),
    f"{CORE}VolumeMount": (
        at_most_one("subPath", "subPathExpr"),
        rule("takes recursiveReadOnly only with readOnly and without propagation",
             when(equals("recursiveReadOnly", "Enabled", "IfPossible"), both(
                 equals("readOnly", True),
                 {"properties": {"mountPropagation": {"enum": ["None", None]}}}))),
    ),
}  # fmt: skip

POD_NEEDED: Mapping[str, tuple[str, ...]] = {
    f"{CORE}ExecAction": ("command",),
    f"{CORE}SecretKeySelector": ("name",),
    f"{CORE}ConfigMapKeySelector": ("name",),
    f"{CORE}SecretEnvSource": ("name",),
    f"{CORE}ConfigMapEnvSource": ("name",),
    f"{CORE}ConfigMapVolumeSource": ("name",),
    f"{CORE}SecretVolumeSource": ("secretName",),
    f"{CORE}ConfigMapProjection": ("name",),
    f"{CORE}SecretProjection": ("name",),
    f"{CORE}EphemeralVolumeSource": ("volumeClaimTemplate",),
    f"{CORE}PodDNSConfigOption": ("name",),
}
