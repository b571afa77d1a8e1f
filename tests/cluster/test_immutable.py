"""Which changes a real API server refuses, and whether the compiler knows it beforehand.

Each old object is applied for real, then every changed one goes to a strict, forced dry run of
the same manager, as an engine would send it, and to `violations`, which `write` asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest

from compiler.model.immutable import violations
from tests.cluster import control_plane, definitions, prepared
from tests.cluster.api import Api, RefusedError
from tests.cluster.immutable_pairs import CHANGES, NAMESPACE, Data, merged

FAST = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "fast"},
    "provisioner": "example.com/disk",
    "allowVolumeExpansion": True,
}


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The administrator's client of a server with every published definition."""
    store = prepared.store(definitions.SYSTEMS)
    plane = control_plane.start(tmp_path_factory.mktemp("immutable"), store)
    api = plane.api()
    try:
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        api.apply(FAST)
        yield api
    finally:
        plane.stop()


def test_the_server_refuses_the_changes_that_we_call_immutable_and_no_others(
    everywhere: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    counts: Counter[tuple[bool, bool]] = Counter()
    differing = []
    for old, changes in CHANGES:
        everywhere.apply(old)
        bound(everywhere, old)
        for change in changes:
            new = merged(old, change)
            theirs, mine = refusal(everywhere, new), violations(old, new)
            counts[bool(theirs), bool(mine)] += 1
            if bool(theirs) is not bool(mine):
                differing.append((old["kind"], change, theirs[:300], mine))
        removed(everywhere, old)
    with capsys.disabled():
        print(f"\n{'both refuse':>14}{'both accept':>14}{'server alone':>14}{'we alone':>14}")
        keys = ((True, True), (False, False), (True, False), (False, True))
        print("".join(f"{counts[key]:14}" for key in keys))
    assert differing == []
    assert counts[(True, True)] >= 60
    assert counts[(False, False)] >= 60


def test_a_change_that_we_overlook_would_be_noticed(everywhere: Api) -> None:
    old = next(one for one, _ in CHANGES if one["kind"] == "Deployment")
    new = merged(old, {"spec": {"selector": {"matchLabels": {"tier": "a"}}}})
    everywhere.apply(old)
    assert "field is immutable" in refusal(everywhere, new)
    assert refusal(everywhere, old) == ""
    assert [path for path, _ in violations(old, new)] == ["spec.selector"]
    removed(everywhere, old)


def refusal(api: Api, new: Data) -> str:
    """Why a forced dry run is refused, or nothing."""
    try:
        api.apply(new, dry_run=True, force=True)
    except RefusedError as error:
        return str(error)
    return ""


def bound(api: Api, old: Data) -> None:
    """Bind a claim, as the volume controller would: only then may it grow."""
    if old["kind"] == "PersistentVolumeClaim":
        api.merge(old, {"spec": {"volumeName": "disk-of-one"}})
        status = {"phase": "Bound", "capacity": old["spec"]["resources"]["requests"]}
        api.merge(old, {"status": status}, "status")


def removed(api: Api, old: Data) -> None:
    """Delete an object at once, so that the next of its name is a new one."""
    with suppress(RefusedError):
        api.merge(old, {"metadata": {"finalizers": None}})
    api.delete(old, gracePeriodSeconds=0, propagationPolicy="Background")
    with suppress(RefusedError):
        # A guard of the server's own may have come back with the deletion.
        api.merge(old, {"metadata": {"finalizers": None}})
