"""Argo CD's sync engine applies what is compiled, unit by unit, and then has nothing left to do.

Units, their directories, destinations and policies are read from the compiled Applications. The
agent stands in for the controller's queue and says so; its engine and rules are Argo CD's own.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cluster import argo, control_plane, definitions
from tests.cluster.api import Api
from tests.cluster.argo import APPLICATION, Agent, NotSyncedError
from tests.cluster.argo_stage import (
    TARGETS,
    applied,
    available,
    bring,
    changed,
    checks,
    compiled,
    covering,
    differing,
    drop,
    edit,
    gone,
    names,
    objects,
    start_collector,
    two_versions,
    versions,
)
from tests.cluster.control_plane import ControlPlane
from tests.cluster.process import await_true
from tests.cluster.trees import Manifest, Target

INPUTS, JOBS = -1, 0


@pytest.fixture(scope="module")
def agent(plane: ControlPlane) -> Agent:
    start_collector(plane)
    return Agent.start(plane)


def is_gone(api: Api, application: str) -> bool:
    live = {one["metadata"]["name"] for one in api.items(*APPLICATION, argo.NAMESPACE)}
    return application not in live


@pytest.fixture(scope="module")
def west() -> Target:
    (found,) = (one for one in TARGETS if one.name == "specs:store-vision/sample/west")
    return found


@pytest.fixture(scope="module")
def root(agent: Agent, plane: ControlPlane, west: Target) -> str:
    return bring(agent, plane.api(), west)


@pytest.fixture(scope="module")
def sites(west: Target, root: str) -> list[str]:
    assert root
    found = [name for name in names(west) if "-site-" in name]
    assert len(found) == 10
    return found


class TestOneCluster:
    """The stores of the example's western cluster, from `root/` to the last object."""

    def test_the_root_brings_every_application(self, api: Api, west: Target, root: str) -> None:
        live = {one["metadata"]["name"] for one in api.items(*APPLICATION, argo.NAMESPACE)}
        assert set(names(west)) | {root} <= live

    def test_every_object_is_there(self, api: Api, west: Target, sites: list[str]) -> None:
        assert sites
        assert {one.identity for one in objects(west)} <= versions(api, west).keys()

    def test_a_second_sync_changes_nothing(
        self, agent: Agent, api: Api, west: Target, root: str
    ) -> None:
        before = versions(api, west)
        for name in (root, *names(west)):
            assert agent.sync(name).succeeded
        assert versions(api, west) == before

    def test_drift_is_seen_and_taken_back(self, agent: Agent, api: Api, sites: list[str]) -> None:
        deployment = self.deployment(agent, api, sites[0])
        api.merge(deployment.data, {"spec": {"replicas": 7}})
        await_true(lambda: not agent.is_synced(sites[0]), 10, "the drift is seen")
        agent.await_synced([sites[0]])
        live = api.call("GET", api.path_of(deployment.data))
        assert live["spec"]["replicas"] == deployment.data["spec"]["replicas"]

    def test_what_leaves_a_unit_is_pruned_and_nothing_else(
        self, agent: Agent, api: Api, west: Target, sites: list[str]
    ) -> None:
        site, before = sites[1], versions(api, west)
        (service,) = (one for one in self.parts(agent, api, site) if one.data["kind"] == "Service")
        drop(service.file)
        commit = agent.commit()
        for name in sites:
            agent.await_synced([name], commit)
        assert changed(before, versions(api, west)) == {service.identity}
        assert gone(api, service)

    def test_a_broken_unit_blocks_no_other(
        self, agent: Agent, api: Api, west: Target, sites: list[str]
    ) -> None:
        broken, sound = sites[2], sites[3:5]
        for site in (broken, *sound):
            deployment = self.deployment(agent, api, site)
            replicas = "many" if site == broken else "2"
            edit(deployment.file, "\n  replicas: 1\n", f"\n  replicas: {replicas}\n")
        before = versions(api, west)
        commit = agent.commit()
        with pytest.raises(NotSyncedError, match=r"Failed to compare.*replicas"):
            agent.sync(broken)
        agent.await_synced(sound, commit)
        wanted = {self.deployment(agent, api, site).identity for site in sound}
        assert changed(before, versions(api, west)) == wanted

    def test_a_unit_that_leaves_takes_its_objects_along(
        self, agent: Agent, api: Api, west: Target, root: str, sites: list[str]
    ) -> None:
        site, before = sites[5], versions(api, west)
        parts = self.parts(agent, api, site)
        (file,) = agent.output.rglob(f"application*-{site}.yaml")
        drop(file)
        shutil.rmtree(parts[0].file.parent)
        agent.commit()
        assert agent.sync(root).succeeded
        assert api.get(*APPLICATION, site, argo.NAMESPACE)["metadata"]["deletionTimestamp"]
        assert agent.sync(site).phase == "Deleted"
        assert changed(before, versions(api, west)) == {one.identity for one in parts}
        await_true(lambda: is_gone(api, site), 30, "the Application is gone")

    def test_the_namespace_stays_when_its_unit_goes(
        self, agent: Agent, api: Api, west: Target, root: str
    ) -> None:
        name = names(west)[0]
        (namespace,) = self.parts(agent, api, name)
        (file,) = agent.output.rglob(f"application*-{name}.yaml")
        drop(file)
        agent.commit()
        assert agent.sync(root).succeeded
        await_true(lambda: is_gone(api, name), 30, "the Application is gone")
        assert "deletionTimestamp" not in api.call("GET", api.path_of(namespace.data))["metadata"]

    def deployment(self, agent: Agent, api: Api, site: str) -> Manifest:
        parts = self.parts(agent, api, site)
        (found,) = (one for one in parts if one.data["kind"] == "Deployment")
        return found

    @staticmethod
    def parts(agent: Agent, api: Api, site: str) -> list[Manifest]:
        return applied(agent.output, api.get(*APPLICATION, site, argo.NAMESPACE))


@pytest.fixture(scope="module")
def helmets(tmp_path_factory: pytest.TempPathFactory) -> Target:
    folder = tmp_path_factory.mktemp("helmets")
    engine = ("gitops: {engine: flux}", "gitops: {engine: argocd}")
    return compiled(folder, "joint-inference", engine, environment="sedna")


@pytest.fixture(scope="module")
def job(helmets: Target) -> str:
    (found,) = (one for one in argo.units(helmets) if len(argo.sources(one)) > 1)
    assert [source["path"].split("/")[-2] for source in argo.sources(found)] == [
        "inputs",
        "jobs",
    ]
    name: str = found["metadata"]["name"]
    return name


class TestInputsAndJob:
    """A Sedna service, whose Models and job are two sources of one Application.

    Nothing here answers for Sedna: the objects are there and no controller acts on them.
    """

    def test_the_jobs_wait_until_the_inputs_are_healthy(
        self, agent: Agent, api: Api, helmets: Target, job: str
    ) -> None:
        root = argo.settle(api, helmets)
        agent.commit(helmets)
        assert agent.sync(root).succeeded
        agent.await_synced(names(helmets)[:1])
        script = "return {status = 'Progressing', message = 'held by a test'}"
        with checks(api, {"resource.customizations.health.sedna.io_Model": script}):
            outcome = agent.sync(job, patience=5)
            assert not outcome.succeeded
            assert self.kinds(agent, api, job) == {"Model"}
        assert agent.sync(job).succeeded
        assert self.kinds(agent, api, job) == {"Model", "JointInferenceService"}

    def test_the_inputs_are_a_wave_of_their_own(
        self, agent: Agent, api: Api, helmets: Target, job: str
    ) -> None:
        parts = applied(helmets.output, api.get(*APPLICATION, job, argo.NAMESPACE))
        for one in parts:
            api.delete(one.data)
        await_true(lambda: not agent.is_synced(job), 10, "what was deleted is missed")
        outcome = agent.sync(job)
        assert outcome.succeeded
        assert list(outcome.waves) == [INPUTS, JOBS]
        born = {
            (
                one.identity[1],
                int(api.call("GET", api.path_of(one.data))["metadata"]["resourceVersion"]),
            )
            for one in parts
        }
        last_model = max(when for kind, when in born if kind == "Model")
        assert last_model < min(when for kind, when in born if kind != "Model")

    def test_without_the_annotation_nothing_waits(self, agent: Agent, api: Api, job: str) -> None:
        """The control: it is the compiled annotation that the engine heeds."""
        parts = applied(agent.output, api.get(*APPLICATION, job, argo.NAMESPACE))
        for one in parts:
            text = one.text.replace('argocd.argoproj.io/sync-wave: "-1"', 'example.com/wave: "-1"')
            one.file.write_text(text, encoding="utf-8")
            api.delete(one.data)
        agent.commit()
        await_true(lambda: not agent.is_synced(job), 10, "what was deleted is missed")
        assert list(agent.sync(job).waves) == [JOBS]

    @staticmethod
    def kinds(agent: Agent, api: Api, job: str) -> set[str]:
        parts = applied(agent.output, api.get(*APPLICATION, job, argo.NAMESPACE))
        return {one.identity[1] for one in parts if not gone(api, one)}


def test_a_new_version_of_a_hot_model_moves_no_pod(agent: Agent, api: Api, tmp_path: Path) -> None:
    earlier, later = two_versions(tmp_path, "hot")
    bring(agent, api, earlier)
    before = versions(api, earlier)
    agent.await_synced(names(later), agent.commit(later))
    found = changed(before, versions(api, earlier))
    assert found == differing(earlier, later)
    assert {kind for _, kind, _, _ in found} == {"ConfigMap", "InferenceModel", "TrainingModel"}


def test_a_rolling_update_prunes_last_and_only_when_the_new_pods_are_there(
    agent: Agent, api: Api, tmp_path: Path
) -> None:
    """The control of the hot model; nothing plays kubelet, so a test says when pods are ready."""
    earlier, later = two_versions(tmp_path, "rolling")
    bring(agent, api, earlier)
    before = versions(api, earlier)
    commit = agent.commit(later)
    site = next(name for name in names(later) if "-site-" in name)
    outcome = agent.sync(site, patience=3)
    assert outcome.phase == "Running"
    assert "waiting for healthy state of apps/Deployment" in outcome.message
    parts = {
        one.identity: one for one in applied(earlier.output, api.get(*APPLICATION, site, "argocd"))
    }
    deployment = next(one for one in parts.values() if one.identity[1] == "Deployment")
    moved = changed(before, versions(api, earlier))
    assert deployment.identity in moved
    left = differing(earlier, later) & parts.keys() - {one.identity for one in objects(later)}
    assert {kind for _, kind, _, _ in left} == {"ConfigMap"}
    assert not any(gone(api, parts[name]) for name in left)
    for name in names(later):
        for one in applied(later.output, api.get(*APPLICATION, name, "argocd")):
            if one.data["kind"] == "Deployment":
                api.merge(one.data, {"status": available(api, one)}, subresource="status")
    agent.await_synced(names(later), commit)
    assert all(gone(api, parts[name]) for name in left)
    assert changed(before, versions(api, earlier)) == differing(earlier, later)


@pytest.mark.parametrize("target", covering(TARGETS), ids=lambda target: target.name)
def test_every_kind_syncs_once_and_then_rests(agent: Agent, api: Api, target: Target) -> None:
    control_plane.define(api, [definitions.of_a_user()])
    root = bring(agent, api, target)
    before = versions(api, target)
    assert {one.identity for one in objects(target)} <= before.keys()
    for name in (root, *names(target)):
        assert agent.sync(name).succeeded
    assert versions(api, target) == before
