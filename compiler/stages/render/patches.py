"""A user's patches: strategic merge as the API server does it, on data, before names are made.

Maps merge, null deletes, scalars replace. Lists replace, except those that Kubernetes declares
to merge by a key (`containers` by `name`, ...); custom resources have no such lists. Never
changes its input. Nothing here knows templates, and the result is not checked against a schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from compiler.model.codes import render as codes
from compiler.model.diagnostics import Code, Diagnostics, Span
from compiler.model.manifest import Directory
from compiler.model.marks import child_marks
from compiler.model.record import dataclass
from compiler.model.suggest import did_you_mean

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PatchRule:
    """A strategic merge patch for every object of one kind that comes from one job.

    `name` limits it to the object of that name, as it is before a hash is added.
    """

    job: str
    kind: str
    patch: Mapping[str, Any]
    span: Span | None = None
    name: str = ""

    @property
    def subject(self) -> str:
        """The `Origin.subject` of the objects that the rule is for."""
        return f"jobs.{self.job}"

    def matches(self, subject: str, kind: str, name: str) -> bool:
        """Whether an object is one that the rule is for."""
        return self.kind == kind and self.subject == subject and self.name in ("", name)


class PatchError(Exception):
    """A patch does not fit: `path` leads to the place in the patch."""

    def __init__(self, code: Code, path: Path, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.path = path
        self.hint = hint

    def span(self, rule: PatchRule) -> Span | None:
        """The line of the patch that is wrong, as near as its positions tell."""
        marks = child_marks(rule.patch)
        return rule.span if marks is None else marks.at(self.path)


def apply(rule: PatchRule, data: Mapping[str, Any]) -> dict[str, Any]:
    """The object with the patch merged into it.

    Raises:
        PatchError: an unknown directive, a shape that does not fit, or another identity.
    """
    merged = _merge_map(data, rule.patch, (), _merge_keys(data))
    for path in _IDENTITY:
        if _at(merged, path) != _at(data, path):
            message = f"the patch changes {'.'.join(path)} of a {data.get('kind')}"
            raise PatchError(codes.PATCH_IDENTITY, path, message)
    return merged


def kinds_by_subject(directories: Iterable[Directory]) -> dict[str, frozenset[str]]:
    """The kinds of object that each part of the spec became, by `Origin.subject`."""
    found: dict[str, set[str]] = {}
    for directory in directories:
        for item in directory.objects:
            found.setdefault(item.origin.subject, set()).add(str(item.data.get("kind")))
    return {subject: frozenset(kinds) for subject, kinds in found.items()}


def report_unused(
    rules: Iterable[PatchRule], kinds: Mapping[str, frozenset[str]], diagnostics: Diagnostics
) -> None:
    """Report every rule that no object of the whole output can match."""
    for rule in rules:
        there = kinds.get(rule.subject, frozenset())
        if rule.kind in there:
            continue
        words = f"it has {', '.join(sorted(there))}" if there else "it has no objects"
        message = f"no object of job {rule.job} is a {rule.kind}; {words}"
        hint = did_you_mean(rule.kind, there)
        diagnostics.add(codes.PATCH_UNUSED, message, rule.span, hint)


def _merge(base: Any, patch: Any, path: Path, keys: _Keys) -> Any:
    """A patched value; `base` may be None where there was none."""
    if isinstance(patch, Mapping):
        if base is not None and not isinstance(base, Mapping):
            raise _misfit(path, "a mapping", base)
        return _merge_map(base or {}, patch, path, keys)
    if isinstance(patch, list | tuple):
        if base is not None and not isinstance(base, list | tuple):
            raise _misfit(path, "a list", base)
        return _merge_list(base or [], patch, path, keys)
    if isinstance(base, Mapping | list | tuple):
        raise _misfit(path, "a single value", base)
    return patch


def _merge_map(
    base: Mapping[str, Any], patch: Mapping[str, Any], path: Path, keys: _Keys
) -> dict[str, Any]:
    directive = patch.get("$patch", "merge")
    if directive == "delete":
        return {}
    if directive == "replace":
        base = {}
    elif directive != "merge":
        raise PatchError(codes.PATCH_DIRECTIVE, (*path, "$patch"), f"$patch: {directive}", _KNOWN)
    merged = dict(base)
    for key, value in patch.items():
        if key.startswith("$"):
            _direct(merged, key, value, path)
        elif value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value, (*path, key), keys)
    return merged


def _direct(merged: dict[str, Any], key: str, value: Any, path: Path) -> None:
    """Carry out a directive that is a key of a mapping."""
    name, _, field = key.partition("/")
    if name == "$patch":
        return
    if not isinstance(value, list | tuple):
        raise PatchError(codes.PATCH_DIRECTIVE, (*path, key), f"{key} takes a list", _KNOWN)
    if name == "$retainKeys":
        for gone in [kept for kept in merged if kept not in value]:
            del merged[gone]
    elif name == "$deleteFromPrimitiveList":
        if field in merged:
            merged[field] = [item for item in merged[field] or [] if item not in value]
    else:
        raise PatchError(codes.PATCH_DIRECTIVE, (*path, key), f"{key} is not supported", _KNOWN)


def _merge_list(base: Any, patch: Any, path: Path, keys: _Keys) -> list[Any]:
    key = keys.get(path)
    plain = [item for item in patch if not (isinstance(item, Mapping) and "$patch" in item)]
    if any(_directive(item) == "replace" for item in patch):
        return [_cleaned(item, path, keys) for item in plain]
    if key is None:
        if len(plain) < len(patch):
            message = f"{'.'.join(path)} is a list that does not merge"
            raise PatchError(codes.PATCH_DIRECTIVE, path, message, "Write the whole list")
        return [_cleaned(item, path, keys) for item in plain]
    if key == _SET:
        return _in_order([(item, item) for item in plain], list(base), lambda item: item)
    return _merge_keyed(list(base), patch, path, keys)


def _merge_keyed(base: list[Any], patch: Any, path: Path, keys: _Keys) -> list[Any]:
    """Merge a list of mappings by the key that names its elements."""
    key = keys[path]
    patched: list[tuple[Any, Any]] = []
    for element in patch:
        name = _name(element, key)
        if name is None:
            message = f"an element of {'.'.join(path)} has no {key}"
            raise PatchError(codes.PATCH_SHAPE, path, message, f"Add {key}: to the element")
        if _directive(element) == "delete":
            base = [item for item in base if _name(item, key) != name]
        else:
            same: Mapping[str, Any] = next((item for item in base if _name(item, key) == name), {})
            patched.append((name, _merge_map(same, element, path, keys)))
    return _in_order(patched, base, lambda item: _name(item, key))


def _name(element: Any, key: str) -> str | int | None:
    """What names an element of a list that merges, if anything does."""
    name = _at(element, (key,))
    return name if isinstance(name, str | int) else None


def _in_order(
    patched: list[tuple[Any, Any]], base: list[Any], name_of: Callable[[Any], Any]
) -> list[Any]:
    """Patched elements, by name, and those of the base that no patch named, as the API server does.

    Each keeps its own order; a patched element that the base has, too, comes after the base's
    elements that stood before it, and a new one comes as early as it can.
    """
    places = {name_of(item): place for place, item in reversed(list(enumerate(base)))}
    named = {name for name, _ in patched}
    rest = [(place, item) for place, item in enumerate(base) if name_of(item) not in named]
    found = []
    for name, element in patched:
        while rest and rest[0][0] < places.get(name, -1):
            found.append(rest.pop(0)[1])
        found.append(element)
    return found + [item for _, item in rest]


def _cleaned(item: Any, path: Path, keys: _Keys) -> Any:
    """An element of a list that replaces: its nulls and directives are carried out, too."""
    return _merge(None, item, path, keys)


def _directive(item: Any) -> Any:
    return item.get("$patch") if isinstance(item, Mapping) else None


def _misfit(path: Path, given: str, base: Any) -> PatchError:
    there = "a mapping" if isinstance(base, Mapping) else "a list"
    there = there if isinstance(base, Mapping | list | tuple) else f"the value {base!r}"
    message = f"the patch has {given} at {'.'.join(path)}, where the object has {there}"
    return PatchError(codes.PATCH_SHAPE, path, message)


def _at(data: Any, path: Path) -> Any:
    for key in path:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data


_Keys = Mapping[Path, str]
_SET = "(set)"
_KNOWN = "Known are $patch: delete, replace or merge, $retainKeys, $deleteFromPrimitiveList/FIELD"
_IDENTITY: tuple[Path, ...] = (
    ("apiVersion",),
    ("kind",),
    ("metadata", "name"),
    ("metadata", "namespace"),
)


def _merge_keys(data: Mapping[str, Any]) -> _Keys:
    """The lists of an object that merge, by path; a path does not count elements of lists."""
    return _KEYS.get((str(data.get("apiVersion")), str(data.get("kind"))), _METADATA_KEYS)


_CONTAINER: dict[Path, str] = {
    ("ports",): "containerPort",
    ("env",): "name",
    ("volumeMounts",): "mountPath",
    ("volumeDevices",): "devicePath",
}
_CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")
_POD: dict[Path, str] = {
    **{(name,): "name" for name in _CONTAINER_LISTS},
    **{(name, *path): key for name in _CONTAINER_LISTS for path, key in _CONTAINER.items()},
    ("volumes",): "name",
    ("imagePullSecrets",): "name",
    ("hostAliases",): "ip",
    ("topologySpreadConstraints",): "topologyKey",
    ("resourceClaims",): "name",
    ("schedulingGates",): "name",
}
_METADATA_KEYS: _Keys = {("metadata", "finalizers"): _SET, ("metadata", "ownerReferences"): "uid"}


def _with_pod(*path: str) -> _Keys:
    """The merging lists of a kind whose pod's spec lies at a path."""
    return {**_METADATA_KEYS, **{(*path, *inner): key for inner, key in _POD.items()}}


_TEMPLATE = _with_pod("spec", "template", "spec")
_KEYS: Mapping[tuple[str, str], _Keys] = {
    ("v1", "Pod"): _with_pod("spec"),
    ("v1", "Service"): {**_METADATA_KEYS, ("spec", "ports"): "port"},
    ("v1", "ServiceAccount"): {**_METADATA_KEYS, ("secrets",): "name"},
    ("v1", "ReplicationController"): _TEMPLATE,
    ("v1", "PodTemplate"): _with_pod("template", "spec"),
    ("apps/v1", "Deployment"): _TEMPLATE,
    ("apps/v1", "StatefulSet"): _TEMPLATE,
    ("apps/v1", "DaemonSet"): _TEMPLATE,
    ("apps/v1", "ReplicaSet"): _TEMPLATE,
    ("batch/v1", "Job"): _TEMPLATE,
    ("batch/v1", "CronJob"): _with_pod("spec", "jobTemplate", "spec", "template", "spec"),
}
