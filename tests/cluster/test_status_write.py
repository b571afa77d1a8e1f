"""`status --write` against a real API server: what sidecars reported, as statuses."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from compiler.adapters import cluster_status
from compiler.commands import status as showing
from tests.cluster import control_plane
from tests.cluster.api import Api, RefusedError
from tests.cluster.control_plane import ControlPlane
from tests.cluster.trees import manifests, targets
from tests.commands.running import run
from tests.commands.test_promote import NOW, report, shops

KIND = ("edgewright.io/v1alpha1", "InferenceModel")
HOUR = 3600.0


class Fleet:
    """Three shops whose records are in the cluster, and the user who writes."""

    def __init__(self, folder: Path, plane: ControlPlane) -> None:
        self.folder, self.plane, self.api = folder, plane, plane.api()

    def write(self, *words: str, status: int = 0, user: str = "") -> Any:
        """`status --write`, which is to end with `status`."""
        config = self.plane.kubeconfig(user) if user else self.plane.kubeconfig()
        result = run("status", "--write", "--kubeconfig", config, *words, at=self.folder)
        assert result.exit_code == status, result.output
        return result

    def record(self, site: str) -> dict[str, Any]:
        """A site's record as the server has it."""
        return dict(self.api.get(*KIND, f"watch-detector-{site}", "shop"))

    def status(self, site: str) -> dict[str, Any]:
        return dict(self.record(site).get("status") or {})

    def accepted(self, site: str, path: Path) -> None:
        """Let a report name the config that is compiled for its site."""
        found = json.loads(run("status", site, "--format", "json", at=self.folder).stdout)
        wanted = found["models"][0]["hosts"][0]["wantedRevision"]
        path.write_text(json.dumps(json.loads(path.read_text()) | {"revision": wanted}))
        os.utime(path, (NOW, NOW))


@pytest.fixture
def fleet(tmp_path: Path, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    monkeypatch.setattr(showing, "CLOCK", lambda: NOW + 300)
    made = Fleet(shops(tmp_path), plane)
    result = run("compile", "--no-cache", at=made.folder)
    assert result.exit_code == 0, result.output
    (target,) = targets(made.folder / "generated")
    mine = [
        one for directory in target.ordered() for one in manifests(directory)
        if one.data["kind"] == "InferenceModel"
    ]  # fmt: skip
    made.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
                   force=True)  # fmt: skip
    for one in mine:
        made.api.apply(one.data, one.text)
    yield made
    for one in mine:
        made.api.delete(one.data)


def test_reports_become_statuses_and_silence_becomes_none(fleet: Fleet) -> None:
    fleet.accepted("north-1", report(fleet.folder, "north-1", "2", since=NOW - 60))
    report(fleet.folder, "north-3", "1", state="REFUSED", since=NOW - 60,
           reason="LoadFailed", detail="no such operator")  # fmt: skip
    told = fleet.write().stdout
    assert told == "statuses of shop/default/hub: 2 written, 1 unchanged\n"
    good = fleet.status("north-1")
    assert (good["phase"], good["version"]) == ("Ready", "2")
    assert good["digest"] == fleet.record("north-1")["spec"]["digest"]
    assert good["observedGeneration"] == fleet.record("north-1")["metadata"]["generation"]
    assert good["reportedAt"] == "2027-01-15T08:00:00Z"
    (ready,) = good["conditions"]
    assert (ready["type"], ready["status"]) == ("Ready", "True")
    bad = fleet.status("north-3")
    assert (bad["phase"], bad["reason"], bad["message"]) == (
        "RolledBack", "LoadFailed", "no such operator",
    )  # fmt: skip
    assert bad["conditions"][0]["status"] == "False"
    assert fleet.status("north-2") == {}


def test_what_has_not_changed_is_not_written_and_a_stale_run_takes_nothing_back(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = report(fleet.folder, "north-1", "2", since=NOW - 60)
    fleet.accepted("north-1", path)
    fleet.write()
    before = fleet.record("north-1")["metadata"]["resourceVersion"]
    os.utime(path, (NOW + 200, NOW + 200))
    assert "3 unchanged" in fleet.write().stdout
    assert fleet.record("north-1")["metadata"]["resourceVersion"] == before

    # A later run tells of a rollback; an older one, which still has the older report, comes last.
    old = path.read_text()
    document = json.loads(old)
    document["artifacts"][0] |= {"state": "REFUSED", "serves": "1", "reason": "LoadFailed"}
    path.write_text(json.dumps(document))
    os.utime(path, (NOW + 250, NOW + 250))
    assert "1 written" in fleet.write().stdout
    path.write_text(old)
    os.utime(path, (NOW, NOW))
    assert "3 unchanged" in fleet.write().stdout
    assert fleet.status("north-1")["phase"] == "RolledBack"

    # The time moves on by itself once it is an hour old, and a site that fell silent is told.
    document["time"] = "2027-01-15T10:00:00Z"
    path.write_text(json.dumps(document))
    os.utime(path, (NOW + 2 * HOUR, NOW + 2 * HOUR))
    monkeypatch.setattr(showing, "CLOCK", lambda: NOW + 2 * HOUR + 60)
    assert "1 written" in fleet.write().stdout
    assert fleet.status("north-1")["reportedAt"] == "2027-01-15T10:00:00Z"
    monkeypatch.setattr(showing, "CLOCK", lambda: NOW + 9 * HOUR)
    assert "1 written" in fleet.write().stdout
    gone = fleet.status("north-1")
    assert (gone["phase"], gone["reason"]) == ("Offline", "NotReported")
    assert gone["conditions"][0]["status"] == "Unknown"


def test_a_dry_run_asks_the_server_and_stores_nothing(fleet: Fleet) -> None:
    report(fleet.folder, "north-1", "2", since=NOW - 60)
    assert "1 would be written, 2 unchanged" in fleet.write("--dry-run").stdout
    assert fleet.status("north-1") == {}
    found = json.loads(fleet.write("--dry-run", "--format", "json").stdout)
    (one,) = found["written"]
    assert (one["dryRun"], one["counts"]) == (True, {"unchanged": 2, "written": 1})
    assert [record["name"] for record in one["records"]] == ["watch-detector-north-1"]


def test_fields_of_another_writer_are_left_to_it(fleet: Fleet) -> None:
    report(fleet.folder, "north-1", "2", since=NOW - 60)
    data = {"apiVersion": KIND[0], "kind": KIND[1],
            "metadata": {"name": "watch-detector-north-1", "namespace": "shop"}}  # fmt: skip
    status = {"phase": "Blocked", "message": "said by somebody else"}
    fleet.api.apply({**data, "status": status}, manager="somebody", subresource="status")
    result = fleet.write()
    assert "1 left to another writer" in result.stdout
    assert "W8114 status of shop/watch-detector-north-1" in result.stderr
    assert "owned by somebody" in result.stderr
    assert fleet.status("north-1")["phase"] == "Blocked"


def test_writers_that_race_leave_the_newest_report_and_no_other(fleet: Fleet) -> None:
    stale = {**fleet.record("north-1"), "kind": KIND[1]}
    connection = cluster_status.writer(fleet.plane.kubeconfig(), "")

    def told(second: int) -> cluster_status.Make:
        wanted = {"phase": "Ready", "reportedAt": f"2027-01-15T08:00:{second:02}Z"}

        def make(live: cluster_status.Live) -> dict[str, str] | None:
            known = (live.get("status") or {}).get("reportedAt", "")
            return wanted if known < wanted["reportedAt"] else None

        return make

    # Each begins from what was there before any of them wrote.
    with ThreadPoolExecutor(8) as crew:
        done = [
            crew.submit(cluster_status.write_all, connection, [(stale, told(n))], dry_run=False)
            for n in range(24)
        ]
        outcomes = [str(one.result()[0].outcome) for one in done]
    assert set(outcomes) <= {"written", "unchanged", "refused"}
    assert "written" in outcomes
    fleet_says = fleet.status("north-1")["reportedAt"]
    refused = [n for n, word in enumerate(outcomes) if word == "refused"]
    newest = max(n for n in range(24) if n not in refused)
    assert fleet_says == f"2027-01-15T08:00:{newest:02}Z"


def test_a_user_who_may_only_look_is_told_what_is_lacking(fleet: Fleet) -> None:
    report(fleet.folder, "north-1", "2", since=NOW - 60)
    blind = fleet.write(status=6, user=control_plane.NOBODY)
    assert "user nobody may not list inferencemodels.edgewright.io" in blind.stderr
    _allow(fleet.api, ["list", "get"], [])
    looking = fleet.write(status=6, user=control_plane.NOBODY)
    assert "user nobody may not patch inferencemodels/status.edgewright.io" in looking.stderr
    assert fleet.status("north-1") == {}
    _allow(fleet.api, ["list", "get"], ["patch"])
    assert "1 written" in fleet.write(user=control_plane.NOBODY).stdout


def test_a_record_that_is_not_applied_yet_is_counted(fleet: Fleet) -> None:
    report(fleet.folder, "north-1", "2", since=NOW - 60)
    fleet.api.delete(fleet.record("north-2"))
    assert fleet.write().stdout.endswith("1 written, 1 unchanged, 1 not in the cluster\n")
    (target,) = targets(fleet.folder / "generated")
    for directory in target.ordered():
        for one in manifests(directory):
            if one.data["metadata"]["name"] == "watch-detector-north-2":
                fleet.api.apply(one.data, one.text)


def test_without_a_cluster_to_write_to_it_says_so(fleet: Fleet) -> None:
    result = run("status", "--write", at=fleet.folder)
    assert result.exit_code == 6
    assert "E8002 no status of cluster hub is written" in result.stderr
    assert run("status", "--write", "--no-cluster", at=fleet.folder).exit_code == 2
    assert run("status", "--dry-run", at=fleet.folder).exit_code == 2


def _allow(api: Api, verbs: list[str], on_status: list[str]) -> None:
    """A role in the namespace, as the page of `status --write` shows it."""
    group = ["edgewright.io"]
    rules = [{"apiGroups": group, "resources": ["inferencemodels"], "verbs": verbs}]
    if on_status:
        rules.append({"apiGroups": group, "resources": ["inferencemodels/status"],
                      "verbs": on_status})  # fmt: skip
    head = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    metadata = {"name": "reporter", "namespace": "shop"}
    role = {**head, "kind": "Role", "metadata": metadata, "rules": rules}
    subject = {"kind": "User", "name": control_plane.NOBODY,
               "apiGroup": "rbac.authorization.k8s.io"}  # fmt: skip
    binding = {**head, "kind": "RoleBinding", "metadata": metadata, "subjects": [subject],
               "roleRef": {"kind": "Role", "name": "reporter",
                           "apiGroup": "rbac.authorization.k8s.io"}}  # fmt: skip
    for one in (role, binding):
        with contextlib.suppress(RefusedError):
            api.delete(one)
        api.create(one)
