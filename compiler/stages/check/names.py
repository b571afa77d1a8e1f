"""Names, labels, annotations, data keys and sizes of one object.

The rules of names are `compiler.model.names`; this module knows which rule each field of each
kind follows. Whether two objects share a name is not its question.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from compiler.model import names
from compiler.model.codes import check as codes
from compiler.stages.check.words import Wrong, path_text

OBJECT_LIMIT = 1024 * 1024
ANNOTATIONS_LIMIT = 262_144
_SURELY_SMALL = 128 * 1024
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_FINALIZERS = {"kubernetes", "orphan", "foregroundDeletion"}
_OWN_FINALIZERS = {
    "", "apps", "autoscaling", "batch", "discovery.k8s.io",
    "networking.k8s.io", "rbac.authorization.k8s.io",
    "scheduling.k8s.io", "storage.k8s.io",
}  # fmt: skip
"""Groups whose objects the API server asks for a domain in every finalizer."""
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_ANY_NAME = {("policy", "PodDisruptionBudget")}
"""Kinds for whose names the API server has no rule of its own."""
_RBAC = {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}
_LENGTHS: Mapping[tuple[str, str], tuple[int, str]] = {
    ("batch", "CronJob"): (52, "its Jobs add 11 characters"),
    ("batch", "Job"): (63, "it becomes a label of its pods"),
    ("apps", "StatefulSet"): (52, "its pods carry it with a hash in a label"),
    ("sedna.io", "JointInferenceService"): (46, "Sedna adds -deployment-cloud"),
    ("sedna.io", "FederatedLearningJob"): (51, "Sedna names a Service after it and -aggregation"),
    ("sedna.io", "IncrementalLearningJob"): (63, "it becomes a label of its pods"),
    ("sedna.io", "LifelongLearningJob"): (63, "it becomes a label of its pods"),
}


def check_names(
    group: str, kind: str, data: Mapping[str, Any], text: str, namespaced: bool
) -> Iterator[Wrong]:
    """The faults of an object's metadata, keys and size; `text` is the file's content."""
    metadata = data.get("metadata")
    if not isinstance(metadata, dict):
        return
    name, namespace = metadata.get("name"), metadata.get("namespace", "")
    if isinstance(name, str) and (problem := _name_problem(group, kind, name)):
        yield Wrong(codes.NAME, f"metadata.name: the name {name!r} of this {kind} {problem}")
    yield from _namespace(kind, namespace, namespaced)
    yield from check_labels(metadata.get("labels"), ("metadata", "labels"))
    if annotations := metadata.get("annotations"):
        yield from _annotations(annotations)
    yield from _written_by_servers(group, metadata)
    if group == "" and kind in {"ConfigMap", "Secret"}:
        yield from _data_keys(data)
    if len(text) > _SURELY_SMALL:
        yield from _size(data)


def check_annotations(annotations: Any, path: tuple[str | int, ...]) -> Iterator[Wrong]:
    """The faults of the keys of annotations at `path`."""
    for key in annotations if isinstance(annotations, dict) else ():
        if isinstance(key, str) and (problem := _annotation_key(key)):
            yield Wrong(codes.LABEL, f"{path_text((*path, key))}: the key {problem}")


def check_labels(labels: Any, path: tuple[str | int, ...]) -> Iterator[Wrong]:
    """The faults of a map of labels at `path`; values that are no texts are not judged here."""
    if not isinstance(labels, dict):
        return
    for key, value in labels.items():
        if isinstance(key, str) and isinstance(value, str) and (problem := _label(key, value)):
            yield Wrong(codes.LABEL, f"{path_text((*path, key))}: {problem}")


@lru_cache(maxsize=65536)
def _label(key: str, value: str) -> str:
    if problem := names.label_key_problem(key):
        return f"the key {problem}"
    problem = names.label_value_problem(value)
    return f"the value {value!r} {problem}" if problem else ""


@lru_cache(maxsize=4096)
def _annotation_key(key: str) -> str:
    # Annotations' keys may have capitals in the prefix where labels' may not.
    return names.label_key_problem(key.lower())


def _name_problem(group: str, kind: str, name: str) -> str:
    most = _LENGTHS.get((group, kind))
    if most and len(name) > most[0]:
        return f"has {len(name)} characters; {most[0]} are allowed because {most[1]}"
    return _rule(group, kind)(name)


def _rule(group: str, kind: str) -> Callable[[str], str]:
    if group == "" and kind == "Service":
        return names.dns_1035_label_problem
    if (group, kind) in {("", "Namespace"), ("apps", "StatefulSet")}:
        return names.dns_label_problem
    if (group, kind) in _ANY_NAME or (group == "rbac.authorization.k8s.io" and kind in _RBAC):
        return _path_segment_problem
    return names.dns_subdomain_problem


def _path_segment_problem(name: str) -> str:
    bad = name in {"", ".", ".."} or "/" in name or "%" in name
    return "cannot be part of a path" if bad else ""


def _namespace(kind: str, namespace: Any, namespaced: bool) -> Iterator[Wrong]:
    if namespaced and not namespace:
        text = f"metadata.namespace is missing: {kind} lives in a namespace"
        yield Wrong(codes.NAMESPACE, text, "Write the namespace that it belongs to.")
    elif namespace and not namespaced:
        text = f"metadata.namespace is {namespace!r}, but {kind} belongs to the whole cluster"
        yield Wrong(codes.NAMESPACE, text, "Remove metadata.namespace.")
    elif isinstance(namespace, str) and namespace and not names.is_dns_label(namespace):
        problem = names.dns_label_problem(namespace)
        yield Wrong(codes.NAME, f"metadata.namespace: the namespace {namespace!r} {problem}")


def _annotations(annotations: Any) -> Iterator[Wrong]:
    if not isinstance(annotations, dict):
        return
    yield from check_annotations(annotations, ("metadata", "annotations"))
    total = 0
    for key, value in annotations.items():
        if isinstance(key, str) and isinstance(value, str):
            total += len(key.encode()) + len(value.encode("utf-8", "surrogatepass"))
    if total > ANNOTATIONS_LIMIT:
        text = f"metadata.annotations has {total:,} bytes; {ANNOTATIONS_LIMIT:,} are allowed"
        yield Wrong(codes.OBJECT_SIZE, text)


def _written_by_servers(group: str, metadata: Mapping[str, Any]) -> Iterator[Wrong]:
    """The faults of fields that the cluster fills in and an author rarely writes."""
    finalizers = metadata.get("finalizers") or ()
    for number, text in enumerate(finalizers if isinstance(finalizers, list) else ()):
        where = path_text(("metadata", "finalizers", number))
        if problem := _finalizer_problem(group, str(text)):
            yield Wrong(codes.LABEL, f"{where}: the finalizer {problem}")
    if metadata.get("managedFields"):
        yield Wrong(codes.OUT_OF_FORM, "metadata.managedFields is written by the cluster")
    time = metadata.get("creationTimestamp")
    if isinstance(time, str) and not _INSTANT.fullmatch(time):
        yield Wrong(codes.OUT_OF_FORM, "metadata.creationTimestamp is no time; leave it out")
    owners = metadata.get("ownerReferences") or ()
    for number, owner in enumerate(owners if isinstance(owners, list) else ()):
        if isinstance(owner, dict) and not owner.get("uid"):
            where = path_text(("metadata", "ownerReferences", number))
            yield Wrong(codes.MISSING_FIELD, f"{where}.uid is required and missing")


def _finalizer_problem(group: str, text: str) -> str:
    if problem := names.label_key_problem(text):
        return problem
    bare = "/" not in text and text not in _FINALIZERS
    return "has no domain before a slash" if bare and group in _OWN_FINALIZERS else ""


def _data_keys(data: Mapping[str, Any]) -> Iterator[Wrong]:
    plain, binary = data.get("data") or {}, data.get("binaryData") or {}
    for field, keys in (
        ("data", plain),
        ("binaryData", binary),
        ("stringData", data.get("stringData") or {}),
    ):
        for key in keys if isinstance(keys, dict) else ():
            if not _DATA_KEY.fullmatch(str(key)) or key in {".", ".."} or str(key)[:2] == "..":
                where = path_text((field, str(key)))
                yield Wrong(codes.DATA_KEY, f"{where}: a key has 1 to 253 letters, digits, - _ .")
    if isinstance(plain, dict) and isinstance(binary, dict):
        for key in plain.keys() & binary.keys():
            yield Wrong(codes.DATA_KEY, f"the key {key!r} is in data and in binaryData")


def _size(data: Mapping[str, Any]) -> Iterator[Wrong]:
    size = len(json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size > OBJECT_LIMIT:
        text = f"the object has {size:,} bytes; {OBJECT_LIMIT:,} are allowed"
        yield Wrong(codes.OBJECT_SIZE, text, "Move large content into an artifact.")
