"""Compares what a file says with what a server keeps: leaf by leaf, and owner by owner.

Strict on purpose: `1` is not `"1"`, `1000m` is not `1`, and a list has its own length and order.
What a server may add (defaults, status, its own metadata) is no difference; what it may change
is listed nowhere, because nothing is excused. It asks no server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
ABSENT = "(absent)"
"""Stands for a value that the server does not have."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A leaf of a file that reads back as something else."""

    path: str
    given: Any
    kept: Any


def differences(given: Any, kept: Any, path: str = "") -> Iterator[Difference]:
    """Every leaf of `given` that `kept` lacks or has with another value, type or place."""
    if isinstance(given, Mapping) and isinstance(kept, Mapping):
        for key, value in given.items():
            yield from differences(value, kept.get(key, ABSENT), f"{path}.{key}")
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for index, (one, other) in enumerate(zip(given, kept, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif type(given) is not type(kept) or given != kept:
        yield Difference(path, given, kept)


def ownership_faults(given: Json, kept: Json, manager: str) -> Iterator[str]:
    """What is wrong with who owns `kept`, which only `manager` has applied, from `given`.

    Every entry of a list with keys has to be claimed once, from one entry of the file. A key that
    the file leaves to a default could be claimed by two.
    """
    entries = kept["metadata"]["managedFields"]
    claims = [one for one in entries if one["manager"] == manager]
    if [(one["operation"], one.get("subresource")) for one in claims] != [("Apply", None)]:
        yield f"{manager} has {len(claims)} entries, not one that was applied"
    for claim in claims:
        yield from _faults(claim["fieldsV1"], given, kept, "")


def _faults(claimed: Json, given: Any, kept: Any, path: str) -> Iterator[str]:
    keyed = [name for name in claimed if name.startswith("k:")]
    if keyed and len(keyed) != len(given):
        yield f"{path}: {len(given)} entries in the file, {len(keyed)} claimed"
    for name, inner in claimed.items():
        kind, _, text = name.partition(":")
        if kind in _JUDGES:
            yield from _JUDGES[kind](inner, given, kept, text, f"{path}.{text}")


def _entry_faults(inner: Json, given: Any, kept: Any, text: str, path: str) -> Iterator[str]:
    key = json.loads(text)
    ours, theirs = _found(given, key), _found(kept, key)
    if len(ours) == len(theirs) == 1:
        yield from _faults(inner, ours[0], theirs[0], path)
    else:
        yield f"{path}: {len(ours)} entries in the file, {len(theirs)} on the server"


def _field_faults(inner: Json, given: Any, kept: Any, text: str, path: str) -> Iterator[str]:
    if text not in given:
        yield f"{path}: claimed, and not in the file"
    elif text not in kept:
        yield f"{path}: claimed, and not there"
    else:
        yield from _faults(inner, given[text], kept[text], path)


def _member_faults(inner: Json, given: Any, kept: Any, text: str, path: str) -> Iterator[str]:
    del inner, given
    if kept.count(json.loads(text)) != 1:
        yield f"{path}: not once on the server"


_JUDGES: Mapping[str, Callable[[Json, Any, Any, str, str], Iterator[str]]] = {
    "k": _entry_faults,
    "f": _field_faults,
    "v": _member_faults,
}
"""By what a claim in managed fields begins with: an entry by its keys, a field, a set's member."""


def _found(entries: Sequence[Json], key: Json) -> list[Json]:
    # An entry of a file that leaves a key to its default stands for that key as well.
    return [
        one for one in entries if all(one.get(name, value) == value for name, value in key.items())
    ]


def pod_templates(data: Any, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every pod template of an object, whatever its kind calls it, with its path."""
    if isinstance(data, Mapping):
        spec = data.get("spec")
        if isinstance(spec, Mapping) and isinstance(spec.get("containers"), list):
            yield path, data
            return
        for key, value in data.items():
            yield from pod_templates(value, f"{path}.{key}")
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from pod_templates(value, f"{path}[{index}]")


def pod(template: Json, namespace: str) -> Json:
    """The pod that a controller would make of a template."""
    metadata = {**template.get("metadata", {}), "name": "pod", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def without_store(made: Json) -> Json:
    """A pod less its artifact store on the host and the step that hands the store over."""
    spec = made["spec"]
    steps = [one for one in spec.get("initContainers", ()) if one["name"] != "prepare"]
    volumes = [
        {"name": one["name"], "emptyDir": {}} if one["name"] == "store" else one
        for one in spec.get("volumes", ())
    ]
    return {**made, "spec": {**spec, "initContainers": steps, "volumes": volumes}}


def asks_for_more(made: Json) -> bool:
    """Whether a pod has what its spec asked for and the level `restricted` never admits."""
    spec = made["spec"]
    containers = [*spec["containers"], *spec.get("initContainers", ())]
    return (
        spec.get("hostNetwork", False)
        or any("hostPath" in volume for volume in spec.get("volumes", ()))
        or any(one.get("securityContext", {}).get("runAsUser") == 0 for one in containers)
    )
