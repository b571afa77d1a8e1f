"""One compiled target on a real server: applied as its engine would, kept, and taken away again.

Trees share namespaces and names, so a story ends with an empty server. Nobody reconciles: every
request here is the test's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.cluster import definitions
from tests.cluster.api import Api, RefusedError
from tests.cluster.process import await_true
from tests.cluster.trees import Manifest, Target, manifests

Json = Mapping[str, Any]
DEFINITION = "CustomResourceDefinition"
LEVELS = ("baseline", "restricted")
"""Pod Security levels; each has a namespace of its name."""
_ADMINISTRATORS = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}},
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}},
    {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "vision"},
        "value": 1000,
    },
    {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": "nvidia"},
        "handler": "nvidia",
    },
)
"""What the trees take for granted: the engines' namespaces and classes that specs name."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An object of a file, and what the server answers when it is read."""

    manifest: Manifest
    stored: Json

    @property
    def where(self) -> str:
        """The unit and the file, for a failure's text."""
        file = self.manifest.file
        return f"{file.parent.name}/{file.name}"


@dataclass(slots=True)
class Story:
    """A target that is applied: what the server kept of it and what it refused.

    The warnings of its client are this story's own.
    """

    target: Target
    api: Api
    kept: list[Kept] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def prepare(api: Api) -> None:
    """Make what a cluster's administrator has made before any tree arrives."""
    for data in _ADMINISTRATORS:
        api.create(data)
    for level in LEVELS:
        labels = {"pod-security.kubernetes.io/enforce": level}
        metadata = {"name": level, "labels": labels}
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    foreign = definitions.of_a_user()
    api.apply(foreign)
    _await_served(api, foreign)


@contextmanager
def told(target: Target, api: Api) -> Iterator[Story]:
    """Apply a target file by file, unit by unit; remove it at the end.

    Definitions that the target brings are removed first: it has to bring them itself.
    """
    api.warnings.clear()
    story = Story(target, api)
    for unit in target.units("bootstrap"):
        for manifest in manifests(unit):
            if manifest.data["kind"] == DEFINITION:
                _withdraw(api, manifest.data)
    try:
        for unit in target.ordered():
            taken = [manifest for manifest in manifests(unit) if _applied(story, manifest)]
            story.kept += [_read(api, manifest) for manifest in taken]
        yield story
    finally:
        for kept in reversed(story.kept):
            _remove(api, kept)


def dry_run(api: Api, made: Json) -> Json:
    """Create an object for nothing, strictly.

    Raises:
        RefusedError: admission or validation refuses it.
    """
    path = api.path_of(made).rpartition("/")[0]
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    answer: Json = api.call("POST", path, json.dumps(made).encode(), query=query)
    return answer


def _applied(story: Story, manifest: Manifest) -> bool:
    try:
        story.api.apply(manifest.data, manifest.text)
    except (RefusedError, KeyError) as error:
        story.refused.append(f"{manifest.file.parent.name}/{manifest.file.name}: {error}")
        return False
    return True


def _read(api: Api, manifest: Manifest) -> Kept:
    if manifest.data["kind"] == DEFINITION:
        # The server has written a definition's status by the time it serves the kind.
        _await_served(api, manifest.data)
    return Kept(manifest, api.call("GET", api.path_of(manifest.data)))


def _await_served(api: Api, definition: Json) -> None:
    name = definition["metadata"]["name"]
    await_true(partial(_served, api, definition), 60, f"{name} is served", pause=0.05)


def _served(api: Api, definition: Json) -> bool:
    spec = definition["spec"]
    version, plural = spec["versions"][0]["name"], spec["names"]["plural"]
    with suppress(RefusedError):
        api.call("GET", f"/apis/{spec['group']}/{version}/{plural}")
        return True
    return False


def _withdraw(api: Api, definition: Json) -> None:
    api.delete(definition)
    await_true(partial(_gone, api, definition), 60, "a definition is gone", pause=0.05)


def _gone(api: Api, data: Json) -> bool:
    try:
        api.call("GET", api.path_of(data))
    except RefusedError as error:
        return error.code == 404
    return False


def _remove(api: Api, kept: Kept) -> None:
    data = kept.manifest.data
    if data["kind"] == DEFINITION:
        return
    if kept.stored["metadata"].get("finalizers"):
        api.merge(data, {"metadata": {"finalizers": None}})
    api.delete(data, gracePeriodSeconds=0)
    if data["kind"] == "Namespace":
        # The controller that empties namespaces does not run; what was in this one is gone.
        left = api.call("GET", api.path_of(data))
        left["spec"]["finalizers"] = []
        api.call("PUT", f"{api.path_of(data)}/finalize", json.dumps(left).encode())
