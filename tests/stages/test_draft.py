"""What raw objects become before they are rendered, and what follows from it for the engines."""

from __future__ import annotations

from typing import Any, cast

import pytest

from compiler.model.diagnostics import CompileError, Diagnostics
from compiler.model.spec.sections import ObjectSpec
from compiler.stages.draft import object_drafts, object_namespaces
from tests.stages.resolving import SHOP, front, resolved

EDGE = ObjectSpec.model_validate({"from": "a.yaml", "place": {"layer": "edge"}})
EACH = SHOP.replace('"1.32", provides: {kubeedge: "1.23"}', '"1.32", each: site')


def config(namespace: str) -> dict[str, Any]:
    """A ConfigMap in a namespace."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace}}


@pytest.mark.parametrize(
    ("namespace", "wanted"),
    [
        ("monitoring", {"monitoring"}),
        ("{project}-{environment}", {"shop-default"}),
        ("note-{site}", {"note-north-1", "note-west-1"}),
    ],
)
def test_the_namespaces_of_raw_objects_are_those_that_the_objects_get(
    namespace: str, wanted: set[str]
) -> None:
    context = front(SHOP).context
    entries = [(EDGE, [config(namespace)])]
    made = {
        cast("Any", draft.raw)["metadata"]["namespace"] for draft in object_drafts(entries, context)
    }
    assert made == wanted
    assert object_namespaces(entries, context, context.clusters["hub"]) == wanted


def test_a_cluster_without_a_site_of_the_object_needs_no_namespace_of_it() -> None:
    context = front(EACH).context
    here = context.clusters["hub/cloud"]
    assert object_namespaces([(EDGE, [config("monitoring")])], context, here) == frozenset()


def destination(text: str, cluster: str) -> dict[str, str]:
    """How Argo CD addresses a cluster, with `text` as the cluster's destination."""
    spec = EACH.replace("gitops:", f"destination: {text}, gitops:", 1)
    return dict(resolved(spec, Diagnostics()).clusters[cluster].destination)


def test_each_site_has_a_destination_of_its_own() -> None:
    name = "{name: 'edge-{site}'}"
    assert destination(name, "hub/west-1") == {"name": "edge-west-1"}
    assert destination(name, "hub/cloud") == {"name": "edge-cloud"}


@pytest.mark.parametrize("text", ["{name: edge}", "{server: 'https://10.0.0.1:6443'}"])
def test_one_destination_for_clusters_of_one_site_each_is_refused(text: str) -> None:
    with pytest.raises(CompileError, match="E1305 destination is one cluster for all sites"):
        destination(text, "hub/cloud")
