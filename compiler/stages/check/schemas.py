"""Which schema judges an object: Kubernetes', a compact one, or a definition of the author's.

A schema is compiled once for each process and content, so versions whose schema of a kind is
equal share one validator and an object is validated once for all of them. A kind without a
schema is refused, never let through. Nothing here words a validator's finding.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

from compiler.model.codes import check as codes
from compiler.model.diagnostics import Code
from compiler.model.record import dataclass
from compiler.stages.check import kubernetes
from compiler.stages.check.marks import Mark, build_marks
from compiler.stages.check.structural import CompactFile, Schema, strict_compact, strict_tree

CLUSTER_SCOPED = frozenset((
    "Namespace", "Node", "PersistentVolume", "APIService", "CertificateSigningRequest",
    "ClusterRole", "ClusterRoleBinding", "CSIDriver", "CSINode", "CustomResourceDefinition",
    "DeviceClass", "FlowSchema", "IPAddress", "IngressClass", "MutatingWebhookConfiguration",
    "PriorityClass", "PriorityLevelConfiguration", "ResourceSlice", "RuntimeClass", "ServiceCIDR",
    "StorageClass", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration", "VolumeAttachment", "VolumeAttributesClass",
    "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "StorageVersionMigration",
    "ClusterTrustBundle",
))  # fmt: skip
"""Kubernetes' own kinds that have no namespace."""


@dataclass(frozen=True, slots=True)
class Form:
    """A compiled schema, the versions that share it (words for a message), and its marks."""

    versions: str
    schema: Schema
    validator: jsonschema_rs.Draft202012Validator
    mark: Mark


@dataclass(frozen=True, slots=True)
class Judge:
    """All forms that an object of one kind must satisfy on one cluster."""

    forms: tuple[Form, ...]
    namespaced: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no judge exists."""

    code: Code
    text: str
    hint: str


class Schemas:
    """The judges of one run: Kubernetes' kinds, the compact ones, and given definitions.

    `definitions` are CustomResourceDefinition objects as parsed; they win over compact ones.
    What is wrong with them is in `problems`.
    """

    def __init__(self, definitions: Sequence[Mapping[str, Any]] = ()) -> None:
        self.problems: list[tuple[Mapping[str, Any], str]] = []
        self._own: dict[str, tuple[Mapping[str, Any], bool]] = {}
        self._judges: dict[tuple[tuple[str, ...], str, str], Judge | Refusal] = {}
        for definition in definitions:
            self._learn(definition)

    def judge(self, versions: tuple[str, ...], api_version: str, kind: str) -> Judge | Refusal:
        """The judge of a kind on a cluster that runs `versions` of Kubernetes."""
        key = (versions, api_version, kind)
        if key not in self._judges:
            self._judges[key] = self._make(versions, api_version, kind)
        return self._judges[key]

    def _make(self, versions: tuple[str, ...], api_version: str, kind: str) -> Judge | Refusal:
        group, _, version = api_version.rpartition("/")
        key = f"{group}/{version}/{kind}"
        if key in self._own:
            schema, namespaced = self._own[key]
            return Judge((_tree_form(schema),), namespaced)
        if key in _index():
            return _compact_judge(key)
        if any(group in kubernetes.groups(one) for one in versions):
            return _core_judge(versions, api_version, kind)
        return self._unknown(group, api_version, kind)

    def _unknown(self, group: str, api_version: str, kind: str) -> Refusal:
        known = sorted({*_index(), *self._own})
        served = [
            k.split("/")[1] for k in known if k.startswith(group + "/") and k.endswith("/" + kind)
        ]
        if served:
            text = f"{kind} has no definition in version {api_version!r}"
            return Refusal(
                codes.CUSTOM_KIND, text, f"{group} serves {kind} as {', '.join(served)}."
            )
        text = f"no definition is known for {kind} of {api_version}"
        hint = f"Add the CustomResourceDefinition of {kind} under schemas:."
        return Refusal(codes.CUSTOM_KIND, text, hint)

    def _learn(self, definition: Mapping[str, Any]) -> None:
        if problem := definition_problem(definition):
            self.problems.append((definition, problem))
            return
        self._own.update(_usable(definition))


def given(definitions: tuple[Mapping[str, Any], ...]) -> Schemas:
    """The judges of what a run starts from: made once, and kept until another run asks."""
    if _GIVEN.get("definitions") is not definitions:
        _GIVEN.update(definitions=definitions, schemas=Schemas(definitions))
    found: Schemas = _GIVEN["schemas"]
    return found


_GIVEN: dict[str, Any] = {}


def definition_problem(definition: Mapping[str, Any]) -> str:
    """What makes a definition unusable, or nothing."""
    if definition.get("apiVersion") != "apiextensions.k8s.io/v1":
        return f"is of {definition.get('apiVersion')!r}, not of apiextensions.k8s.io/v1"
    try:
        usable = _usable(definition)
        for schema, _ in usable.values():
            _tree_form(schema)
    except (KeyError, TypeError, AttributeError) as error:
        return f"lacks {error.args[0]!r}" if isinstance(error, KeyError) else "has a wrong shape"
    except (ValueError, RecursionError) as error:
        return f"has a schema that no validator can use: {error}"
    return "" if usable else "serves no version"


def _usable(definition: Mapping[str, Any]) -> dict[str, tuple[Mapping[str, Any], bool]]:
    """`group/version/Kind` to schema and whether it is namespaced; raises on a wrong shape."""
    spec = definition["spec"]
    prefix, kind = f"{spec['group']}/", f"/{spec['names']['kind']}"
    return {
        prefix + version["name"] + kind: (
            version["schema"]["openAPIV3Schema"],
            spec["scope"] == "Namespaced",
        )
        for version in spec["versions"]
    }


def version_refusal(versions: Sequence[str]) -> Refusal | None:
    """Why the declared Kubernetes versions cannot be checked, or None."""
    known = kubernetes.versions()
    strange = [version for version in versions if version not in known]
    if not strange:
        return None
    text = (
        f"Kubernetes {strange[0]} cannot be checked; there are definitions for {', '.join(known)}"
    )
    newest = known[-1]
    if _number(strange[0]) > _number(newest):
        return Refusal(codes.KUBERNETES_VERSION, text, f"The newest known version is {newest}; "
                       "install a newer release of kubernetes-validate.")  # fmt: skip
    return Refusal(codes.KUBERNETES_VERSION, text, f"Write a version from {known[0]} to {newest}.")


def compact_sources() -> Mapping[str, str]:
    """System to project and version that its compact schemas were made from."""
    names = sorted(set(_index().values()))
    read = {name: _compact(name) for name in names}
    return {n.removesuffix(".json"): f"{f.source} {f.version}" for n, f in read.items()}


@cache
def pod_forms(versions: tuple[str, ...]) -> tuple[Form, ...]:
    """The forms of a bare pod spec: what a controller will hand to the API server later."""
    made: dict[str, Form] = {}
    for version in versions:
        schema, text = _core(version, "io.k8s.api.core.v1.PodSpec")
        made.setdefault(text, _core_form(text, f"Kubernetes {version}", schema, version))
    return tuple(made.values())


def _core_judge(versions: tuple[str, ...], api_version: str, kind: str) -> Judge | Refusal:
    shared: dict[str, list[str]] = {}
    schemas: dict[str, tuple[Schema, str]] = {}
    for version in versions:
        definition = kubernetes.kinds(version).get((api_version, kind))
        if definition is None:
            return _not_served(version, api_version, kind)
        schema, text = _core(version, definition)
        shared.setdefault(text, []).append(version)
        schemas.setdefault(text, (schema, version))
    forms = tuple(
        _core_form(text, f"Kubernetes {' and '.join(used)}", *schemas[text])
        for text, used in shared.items()
    )
    return Judge(forms, kind not in CLUSTER_SCOPED)


def _not_served(version: str, api_version: str, kind: str) -> Refusal:
    served = sorted(api for api, name in kubernetes.kinds(version) if name == kind)
    text = f"Kubernetes {version} does not serve {kind} of {api_version}"
    if served:
        return Refusal(codes.KIND_OF_VERSION, text, f"It serves {kind} of {', '.join(served)}.")
    return Refusal(codes.KIND_OF_VERSION, text, _kind_hint(version, kind))


def _kind_hint(version: str, kind: str) -> str:
    spelt = [name for _, name in kubernetes.kinds(version) if name.lower() == kind.lower()]
    return f"Did you mean {spelt[0]}?" if spelt else f"Kubernetes {version} has no kind {kind}."


@cache
def _core(version: str, definition: str) -> tuple[Schema, str]:
    schema = kubernetes.core_schema(version, definition)
    return schema, json.dumps(schema, sort_keys=True)


_CORE_FORMS: dict[tuple[str, str], Form] = {}


def _core_form(text: str, words: str, schema: Schema, version: str) -> Form:
    if (text, words) not in _CORE_FORMS:
        _CORE_FORMS[(text, words)] = Form(
            words, schema, _compile(text), _core_mark(version, schema)
        )
    return _CORE_FORMS[(text, words)]


def _core_mark(version: str, schema: Schema) -> Mark:
    published = kubernetes.definitions(version)

    def resolve(token: Any) -> tuple[Any, Mapping[str, Any]]:
        if isinstance(token, dict) and "$ref" in token:
            name = kubernetes.reference_name(token["$ref"])
            return name, published[name]
        return id(token), token

    return build_marks({"$ref": schema["$ref"]}, resolve)


@cache
def _index() -> Mapping[str, str]:
    text = (files("compiler") / "schemas" / "index.json").read_text(encoding="utf-8")
    index: dict[str, str] = json.loads(text)
    return index


@cache
def _compact(name: str) -> CompactFile:
    return CompactFile.parse((files("compiler") / "schemas" / name).read_text(encoding="utf-8"))


@cache
def _compact_judge(key: str) -> Judge:
    file = _compact(_index()[key])
    schema, root = strict_compact(file, key), file.kinds[key]["schema"]
    mark = build_marks(root, lambda number: (number, file.nodes[number]))
    words = f"{file.source} {file.version}"
    form = Form(words, schema, _compile(json.dumps(schema)), mark)
    return Judge((form,), file.kinds[key]["scope"] == "Namespaced")


_TREES: dict[str, Form] = {}


def _tree_form(tree: Mapping[str, Any]) -> Form:
    text = json.dumps(tree, sort_keys=True)
    if text not in _TREES:
        schema = strict_tree(tree)
        mark = build_marks(tree, lambda node: (id(node), node))
        _TREES[text] = Form("its definition", schema, _compile(json.dumps(schema)), mark)
    return _TREES[text]


@cache
def _compile(text: str) -> jsonschema_rs.Draft202012Validator:
    # The plain engine is that of Go's patterns: no look-around, linear time.
    return jsonschema_rs.Draft202012Validator(
        json.loads(text), validate_formats=True, pattern_options=jsonschema_rs.RegexOptions()
    )


def _number(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    return tuple(int(p) for p in parts) if all(p.isdigit() for p in parts) else (0,)
