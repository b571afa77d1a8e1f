"""The control plane of the tier is what it claims to be: without this, nothing else here counts."""

from __future__ import annotations

import pytest

from tests.cluster import control_plane, definitions
from tests.cluster.api import Api, RefusedError
from tests.cluster.build import KUBERNETES
from tests.cluster.control_plane import ControlPlane
from tests.cluster.prepared import EMITTED

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "one", "namespace": "default"},
    "spec": {"containers": [{"name": "one", "image": "registry.example.com/one:1"}]},
}


def test_the_server_is_the_pinned_release(api: Api) -> None:
    assert api.call("GET", "/version")["gitVersion"] == f"v{KUBERNETES}"


def test_every_definition_is_served(api: Api) -> None:
    given = (*definitions.published(*EMITTED), *definitions.own())
    assert len(given) == 22
    for definition in given:
        version = next(one for one in definition["spec"]["versions"] if one["served"])
        api_version = f"{definition['spec']['group']}/{version['name']}"
        plural = api.resource(api_version, definition["spec"]["names"]["kind"]).plural
        assert plural == definition["spec"]["names"]["plural"]


def test_an_unknown_field_is_refused(api: Api) -> None:
    wrong = {**POD, "spec": {**POD["spec"], "hostnetwork": True}}  # type: ignore[dict-item]
    with pytest.raises(RefusedError, match="hostnetwork"):
        api.apply(wrong, dry_run=True)
    assert api.apply(POD, dry_run=True)["spec"]["containers"][0]["imagePullPolicy"]


def test_a_user_without_a_role_sees_nothing(plane: ControlPlane) -> None:
    with pytest.raises(RefusedError) as refused:
        plane.api(control_plane.NOBODY).apply(POD, dry_run=True)
    assert refused.value.code == 403
