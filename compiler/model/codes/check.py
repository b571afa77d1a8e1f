"""E5xxx: compiled objects."""

from __future__ import annotations

from compiler.model.diagnostics import Code

_AGREE = (
    "The API server judges every object when it is applied, on a cluster where nobody may be "
    "looking. The compiler asks the same question first, where the author is."
)

KUBERNETES_VERSION = Code(
    "E5001",
    "A cluster declares a Kubernetes version that cannot be checked",
    "Objects are checked against the definitions of each version that a cluster declares. Without "
    "the definitions of a version nothing can be said about it.",
    "Write a version that there are definitions for, as the message lists them. For a newer one, "
    "raise the dependency kubernetes-validate to a release that knows it.",
)
KIND_OF_VERSION = Code(
    "E5002",
    "The cluster's Kubernetes version does not serve this kind",
    "Kubernetes removes old API versions and adds new ones. An object of a version that is not "
    "served fails the apply of everything beside it.",
    "Use an API version that the message lists, or change `kubernetes:` of the cluster if it runs "
    "another version than it declares.",
)
CUSTOM_KIND = Code(
    "E5003",
    "No definition is known for a custom resource",
    "Without its definition, a custom resource cannot be checked: the API server would drop a "
    "misspelt field without a word.",
    "Add the file with its CustomResourceDefinition to `schemas:`.",
)
DEFINITION = Code(
    "E5004",
    "A CustomResourceDefinition cannot be used",
    "Custom resources are checked against the schema inside their definition, which must be of "
    "apiextensions.k8s.io/v1 and have a schema for every served version.",
    "Take the definition from the project's release for current Kubernetes versions.",
)
NO_KIND = Code(
    "E5005",
    "An object has no apiVersion, kind or name",
    "Without these three the object cannot be applied, pruned or told from another one.",
    "Add the missing field to the file under `objects:` or to the template.",
)
UNKNOWN_FIELD = Code(
    "E5010",
    "A field is not known, so the API server would drop it",
    "The API server removes fields that the definition lacks without an error. What the author "
    "wanted would be missing from the cluster, and Git would differ from it for ever.",
    "Correct the spelling as the hint says, or remove the field.",
)
WRONG_TYPE = Code(
    "E5011",
    "A value has the wrong type",
    _AGREE,
    "Write a value of the type that the message names; quote a number where text is wanted.",
)
MISSING_FIELD = Code(
    "E5012",
    "A required field is missing",
    _AGREE,
    "Add the field; the message says to which object.",
)
NOT_ALLOWED = Code(
    "E5013",
    "A value is not one of the allowed ones",
    _AGREE,
    "Use one of the values that the message lists.",
)
OUT_OF_FORM = Code(
    "E5014",
    "A value breaks a limit or a pattern",
    _AGREE,
    "Change the value so that it keeps what the message states.",
)
DUPLICATE_ENTRY = Code(
    "E5015",
    "Two entries of a list have the same key",
    "Server-side apply identifies the entries of such a list by their key, and refuses the whole "
    "object when a key appears twice.",
    "Remove or rename one of the two entries.",
)
RULE_BROKEN = Code(
    "E5016",
    "A rule over an object's fields does not hold",
    "The definition of a custom resource carries rules over several fields, and Kubernetes has its "
    "own for the kinds that it serves. The API server asks them on every apply.",
    "Change the fields so that the rule in the message holds.",
)
STATUS_WRITTEN = Code(
    "E5017",
    "An object carries a status",
    "Status is written by controllers. The API server ignores it on apply, so that Git would "
    "differ from the cluster for ever.",
    "Remove `status` from the file or the template.",
)
NAME = Code(
    "E5020",
    "An object's name is not valid for its kind",
    "Names become DNS names, label values or path segments, so each kind limits their characters "
    "and length.",
    "Shorten or rename the job, site or object that the name is made of.",
)
LABEL = Code(
    "E5021",
    "A label or an annotation is not valid",
    "Label values have at most 63 characters out of letters, digits, '-', '_' and '.'; the keys of "
    "labels and annotations have an optional DNS prefix and a name of at most 63 characters.",
    "Change the label; longer text belongs in an annotation.",
)
OBJECT_SIZE = Code(
    "E5022",
    "An object is larger than a cluster stores",
    "A cluster's database takes objects up to 1 MiB, and the annotations of an object up to "
    "262,144 bytes together.",
    "Move large content out of the object: files belong in an artifact, not in a ConfigMap.",
)
DATA_KEY = Code(
    "E5023",
    "A key of a ConfigMap or Secret is not valid",
    "Keys become file names: letters, digits, '-', '_' and '.', at most 253 characters, not '.' or "
    "'..', and not both in `data` and in `binaryData`.",
    "Rename the file or key.",
)
NAMESPACE = Code(
    "E5024",
    "An object's namespace does not fit its kind",
    "A namespaced object without a namespace lands wherever the applying tool happens to be. One "
    "of the whole cluster has none.",
    "Add or remove `metadata.namespace`.",
)
MOUNT = Code(
    "E5030",
    "A container mounts a volume that its pod does not have",
    _AGREE,
    "Add the volume to the pod, or correct the name of the mount.",
)
POD = Code(
    "E5031",
    "A pod contradicts itself",
    "Containers of one pod share names, ports and paths; the API server or the kubelet refuses a "
    "pod in which two of them claim the same one.",
    "Rename or move one of the two, as the message says.",
)
HOST_PORT = Code(
    "E5032",
    "Two pods want the same port of one host",
    "A port of a host can be bound once. The second pod would stay Pending, or crash under "
    "hostNetwork.",
    "Give one of the jobs another port, or place the jobs on different hosts.",
)
SELECTOR = Code(
    "E5033",
    "A workload's selector does not match its own pods",
    _AGREE,
    "Make `spec.selector` a part of the labels of the pod template.",
)
DUPLICATE_OBJECT = Code(
    "E5040",
    "Two objects of one cluster are the same object",
    "Group, kind, namespace and name identify an object. Of two with the same identity the last "
    "one applied wins, and they undo each other for ever.",
    "Rename one of the two jobs or objects that the message names.",
)
DANGLING = Code(
    "E5041",
    "An object refers to one that is not in the output",
    "A pod that names an absent ConfigMap does not start; a Sedna job whose Model is absent at its "
    "first sync stays failed for ever.",
    "Correct the name, or add the object under `objects:`.",
)
DANGLING_RAW = Code(
    "W5041",
    "An object of the author's own refers to one that is not in the output",
    "The object may exist in the cluster already. If it does not, what refers to it cannot start.",
    "Add the object under `objects:` as well, or correct the name.",
)
SELECTS_NOTHING = Code(
    "E5042",
    "A Service or a disruption budget selects no pod, or a port that no pod has",
    "Kubernetes accepts a Service without pods, and every request to it fails.",
    "Correct the selector or the target port, as the message says.",
)
DOES_NOT_FIT = Code(
    "E5050",
    "Work does not fit the host it is placed on",
    "The scheduler counts what pods request against what the host can give. What exceeds it stays "
    "Pending on a device that nobody is watching.",
    "Request less, place the job elsewhere, or correct `cpu`, `memory` and `reserved` of the "
    "profile.",
)
NOT_OFFERED = Code(
    "E5051",
    "Work asks for a resource that the host does not have",
    "An accelerator or a device is offered by the host's profile under a resource name. Where no "
    "profile offers it, the pod stays Pending.",
    "Add the accelerator or device to the profile, or place the job on sites that have it.",
)
ABOVE_LIMIT = Code(
    "E5052",
    "A resource request is not valid",
    "A request above its own limit, a quantity that is none, or an extended resource whose request "
    "and limit differ is refused by the API server.",
    "Correct `resources` of the worker.",
)
