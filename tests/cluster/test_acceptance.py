"""Every compiled object on a real API server: accepted, kept word for word, and without drift.

Every golden tree and every example is applied for real, unit by unit, with strict field
validation and PodSecurity in force. No controller runs, so pods are asked for as dry runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from compiler.model.quantity import canonical_quantity
from tests.cluster import readback, stories
from tests.cluster.api import MANAGER, Api, RefusedError
from tests.cluster.control_plane import ControlPlane
from tests.cluster.readback import Difference
from tests.cluster.stories import Kept, Story
from tests.cluster.trees import Manifest, Target, everything, manifests

LATE_DEFAULTS = {
    "GitRepository": "its definition gives status a default, stored by the first write after",
    "Kustomization": "its definition gives status a default, stored by the first write after",
    "PersistentVolumeClaim": "its phase is set when it is read, and stored by the next write",
}
"""Kinds that the server writes once more when they are applied again, with equal content."""

CONTROL = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "control", "namespace": "default"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "control"}},
        "template": {
            "metadata": {"labels": {"app": "control"}},
            "spec": {
                "containers": [
                    {
                        "name": "one",
                        "image": "registry.example.com/one:1",
                        "env": [{"name": "EMPTY", "value": ""}],
                        "resources": {"requests": {"cpu": "1000m", "memory": "64Mi"}},
                        "ports": [{"containerPort": 8080}],
                    }
                ],
                "volumes": [{"name": "store", "hostPath": {"path": "/srv"}}],
            },
        },
    },
}
"""No product of the compiler: it is written as the server would not keep it."""

NUMBERS = (
    "0",
    "1",
    "250",
    "999",
    "1000",
    "1024",
    "1500",
    "20480",
    "0.5",
    "1.25",
    ".125",
    "+3",
    "7.",
)
UNITS = ("", "m", "u", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti", "e3", "E3", "e-3", "e0")


@pytest.fixture(scope="module")
def prepared(plane: ControlPlane) -> Api:
    api = plane.api()
    stories.prepare(api)
    return api


@pytest.fixture(scope="module", params=everything(), ids=lambda target: target.name)
def story(request: pytest.FixtureRequest, prepared: Api) -> Iterator[Story]:
    target: Target = request.param
    with stories.told(target, prepared) as running:
        yield running


def test_every_object_is_accepted_without_a_warning(story: Story) -> None:
    assert story.refused == []
    assert story.api.warnings == []
    assert len(story.kept) >= 10


def test_every_leaf_reads_back_as_it_was_written(story: Story) -> None:
    found = [
        (kept.where, found)
        for kept in story.kept
        for found in readback.differences(kept.manifest.data, kept.stored)
    ]
    assert found == []


def test_every_entry_of_a_list_is_claimed_once(story: Story) -> None:
    found = [
        (kept.where, fault)
        for kept in story.kept
        for fault in readback.ownership_faults(kept.manifest.data, kept.stored, MANAGER)
    ]
    assert found == []


def test_no_engine_would_see_drift(story: Story) -> None:
    """What Flux and Argo CD compare: an apply as a dry run, and what is stored."""
    changed = [
        kept.where
        for kept in story.kept
        if _content(_foreseen(story.api, kept)) != _content(kept.stored)
    ]
    assert changed == []


def test_applying_again_writes_nothing(story: Story) -> None:
    for kept in story.kept:
        before, manifest = kept.stored, kept.manifest
        after = story.api.apply(manifest.data, manifest.text)
        if manifest.identity[1] in LATE_DEFAULTS:
            assert _content(after) == _content(before), kept.where
            before, after = after, story.api.apply(manifest.data, manifest.text)
        assert after == before, kept.where


def test_every_pod_is_admitted_without_a_warning(story: Story) -> None:
    made = list(_pods(story))
    for pod in made:
        stories.dry_run(story.api, pod)
    assert made
    assert story.api.warnings == []


def test_a_namespace_is_opened_only_where_a_pod_needs_it(story: Story) -> None:
    labels = {
        kept.stored["metadata"]["name"]: kept.stored["metadata"]["labels"]
        for kept in story.kept
        if kept.manifest.identity[1] == "Namespace"
    }
    for name, found in labels.items():
        assert found["pod-security.kubernetes.io/enforce"] == "privileged"
        # Sedna's controller adds host paths of its own to the pods that it makes.
        if any(kept.manifest.identity[0].startswith("sedna.io/") for kept in story.kept):
            continue
        refused = [
            _refused(story.api, pod, "baseline")
            for pod in _pods(story)
            if pod["metadata"]["namespace"] == name
        ]
        assert any("hostPath volumes" in text for text in refused), name


def test_only_the_store_keeps_a_pod_from_the_strictest_level(story: Story) -> None:
    """The exceptions are workers that their spec makes root, and data that lies on the host."""
    for pod in _pods(story):
        bare = readback.without_store(pod)
        if readback.asks_for_more(bare):
            continue
        assert _refused(story.api, bare, "restricted") == ""


def test_most_pods_are_held_to_the_strictest_level() -> None:
    every = [
        pod
        for target in everything()
        for unit in target.ordered()
        for manifest in manifests(unit)
        for pod in _pods_of(manifest)
    ]
    strict = [pod for pod in every if not readback.asks_for_more(readback.without_store(pod))]
    assert len(strict) > len(every) / 2


def _pods(story: Story) -> Iterator[Mapping[str, Any]]:
    for kept in story.kept:
        yield from _pods_of(kept.manifest)


def _pods_of(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    for _, template in readback.pod_templates(manifest.data):
        yield readback.pod(template, manifest.identity[2])


def _refused(api: Api, pod: Mapping[str, Any], level: str) -> str:
    try:
        stories.dry_run(api, {**pod, "metadata": {**pod["metadata"], "namespace": level}})
    except RefusedError as error:
        return str(error)
    return ""


def _foreseen(api: Api, kept: Kept) -> Mapping[str, Any]:
    return api.apply(kept.manifest.data, kept.manifest.text, dry_run=True)


def _content(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = {**stored["metadata"], "resourceVersion": ""}
    return {**stored, "metadata": metadata}


@pytest.fixture
def control(prepared: Api) -> Iterator[Mapping[str, Any]]:
    """The control as the server keeps it."""
    yield prepared.apply(CONTROL)
    prepared.delete(CONTROL)


def test_a_misspelt_field_is_refused(prepared: Api) -> None:
    wrong = {**CONTROL, "spec": {**CONTROL["spec"], "replica": 2}}  # type: ignore[dict-item]
    with pytest.raises(RefusedError, match="replica"):
        prepared.apply(wrong, dry_run=True)


def test_a_pod_beyond_its_namespace_is_refused(prepared: Api) -> None:
    ((_, template),) = readback.pod_templates(CONTROL)
    with pytest.raises(RefusedError, match="hostPath volumes"):
        stories.dry_run(prepared, readback.pod(template, "baseline"))
    bare = readback.without_store(readback.pod(template, "restricted"))
    with pytest.raises(RefusedError, match="runAsNonRoot"):
        stories.dry_run(prepared, bare)


def test_a_rewritten_value_is_noticed(control: Mapping[str, Any]) -> None:
    path = ".spec.template.spec.containers[0]"
    assert list(readback.differences(CONTROL, control)) == [
        Difference(f"{path}.env[0].value", "", readback.ABSENT),
        Difference(f"{path}.resources.requests.cpu", "1000m", "1"),
    ]


def test_a_foreign_hand_is_noticed(prepared: Api, control: Mapping[str, Any]) -> None:
    assert prepared.apply(CONTROL, dry_run=True) == control
    prepared.merge(CONTROL, {"spec": {"replicas": 5}})
    assert prepared.apply(CONTROL, dry_run=True, force=True)["spec"]["replicas"] == 1
    assert prepared.get("apps/v1", "Deployment", "control", "default")["spec"]["replicas"] == 5


def test_claims_are_judged(control: Mapping[str, Any]) -> None:
    """A port's protocol may be left to its default; an empty value is claimed and not kept."""
    (fault,) = readback.ownership_faults(CONTROL, control, MANAGER)
    assert fault.endswith('env.{"name":"EMPTY"}.value: claimed, and not there')
    twice = json.loads(json.dumps(control))
    twice["spec"]["template"]["spec"]["containers"][0]["ports"] *= 2
    faults = list(readback.ownership_faults(CONTROL, twice, MANAGER))
    assert any("1 entries in the file, 2 on the server" in fault for fault in faults)


def test_quantities_are_kept_as_the_compiler_writes_them(prepared: Api) -> None:
    texts = [number + unit for number in NUMBERS for unit in UNITS]
    written = [canonical_quantity(text) for text in texts]
    assert _kept_quantities(prepared, written) == written
    kept = _kept_quantities(prepared, texts)
    assert [canonical_quantity(text) for text in kept] == written
    assert sum(one != other for one, other in zip(texts, kept, strict=True)) > len(texts) / 3


def _kept_quantities(api: Api, texts: list[str]) -> list[str]:
    made = json.loads(json.dumps(CONTROL))
    made["spec"]["template"]["spec"]["containers"] = [
        {"name": f"c{n}", "image": "one", "resources": {"requests": {"cpu": text}}}
        for n, text in enumerate(texts)
    ]
    api.apply(made)
    containers = api.call("GET", api.path_of(made))["spec"]["template"]["spec"]["containers"]
    api.delete(made)
    return [one["resources"]["requests"]["cpu"] for one in containers]
