"""Argo CD's own rules let every unit of every compiled cluster sync, and nothing beside it.

The AppProjects are the compiled ones, judged by Argo CD's code with what the Applications name.
Nothing is synced here.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import argo, control_plane, definitions
from tests.cluster.api import Api, Json
from tests.cluster.argo import APPLICATION, PROJECT, Agent, NotSyncedError
from tests.cluster.argo_stage import IDS, TARGETS, applied, key
from tests.cluster.build import PARTS
from tests.cluster.control_plane import ControlPlane
from tests.cluster.trees import Target, everything, manifests

PREFIX = "argocd.argoproj.io/"
MODULES = ("github.com/argoproj/argo-cd/v3", "github.com/argoproj/gitops-engine")
FOLDERS = ("common", "controller", "pkg", "util", "reposerver")


@pytest.fixture(scope="module")
def agent(plane: ControlPlane) -> Agent:
    """An agent whose repository holds every cluster, whose Applications the server has."""
    api = plane.api()
    control_plane.define(api, [definitions.of_a_user()])
    running = Agent.start(plane)
    running.commit(*TARGETS)
    for target in TARGETS:
        argo.settle(api, target)
        for application in argo.units(target):
            api.apply(application)
    return running


@pytest.mark.parametrize("target", TARGETS, ids=IDS)
def test_the_project_permits_every_object_of_every_unit(agent: Agent, target: Target) -> None:
    for application in argo.units(target):
        found = agent.rendered(application["metadata"]["name"])
        assert set(found.values()) == {""}
        assert set(found) == {key(one) for one in applied(target.output, application)}


@pytest.mark.parametrize("target", TARGETS, ids=IDS)
def test_the_root_may_keep_applications_and_nothing_else(agent: Agent, target: Target) -> None:
    root = next(
        one.data for one in manifests(target.folder / "root") if one.data["kind"] == APPLICATION[1]
    )
    found = agent.rendered(root["metadata"]["name"])
    wanted = {
        f"argoproj.io/Application/argocd/{one['metadata']['name']}" for one in argo.units(target)
    }
    assert set(found) == wanted
    assert set(found.values()) == {""}
    (project,) = (
        one.data
        for one in manifests(target.folder / "root")
        if one.data["metadata"]["name"] == root["spec"]["project"]
        and one.data["kind"] == PROJECT[1]
    )
    assert project["spec"]["namespaceResourceWhitelist"] == [
        {"group": "argoproj.io", "kind": "Application"}
    ]
    assert project["spec"]["clusterResourceWhitelist"] == []


@pytest.mark.parametrize("target", TARGETS, ids=IDS)
def test_an_object_of_the_cluster_is_permitted_by_its_name(target: Target) -> None:
    """Argo CD 3.2 knows kinds alone; the rule for names, of 3.3 and later, is restated here."""
    allowed = {
        (entry["group"], entry["kind"], entry.get("name", "*"))
        for one in manifests(target.folder / "root")
        if one.data["kind"] == PROJECT[1]
        for entry in one.data["spec"]["clusterResourceWhitelist"]
    }
    for application in argo.units(target):
        for one in applied(target.output, application):
            version, kind, namespace, name = one.identity
            group = version.partition("/")[0] if "/" in version else ""
            if not namespace:
                assert any(
                    (group, kind) == entry[:2] and fnmatchcase(name, entry[2]) for entry in allowed
                )


class TestRefusals:
    """The controls: a project that lacks what a unit needs does refuse it."""

    TARGET = next(one for one in TARGETS if one.name == "specs:store-vision/sample/west")

    @pytest.fixture
    def unit(self) -> str:
        name: str = list(argo.units(self.TARGET))[-1]["metadata"]["name"]
        return name

    def project(self) -> Json:
        name = next(argo.units(self.TARGET))["spec"]["project"]
        return next(
            one.data
            for one in manifests(self.TARGET.folder / "root")
            if (one.data["kind"], one.data["metadata"]["name"]) == (PROJECT[1], name)
        )

    def changed(self, api: Api, **change: Any) -> None:
        data = self.project()
        api.merge(data, {"spec": change})

    @pytest.fixture(autouse=True)
    def _restored(self, plane: ControlPlane) -> Iterator[None]:
        yield
        plane.api().apply(self.project(), force=True)

    def test_a_kind_that_is_not_listed(self, agent: Agent, api: Api, unit: str) -> None:
        kinds = self.project()["spec"]["namespaceResourceWhitelist"]
        kept = [kind for kind in kinds if kind["kind"] != "Deployment"]
        self.changed(api, namespaceResourceWhitelist=kept)
        refused = {name for name, why in agent.rendered(unit).items() if why}
        assert [name.split("/")[1] for name in refused] == ["Deployment"]

    def test_a_cluster_kind_that_is_not_listed(self, agent: Agent, api: Api) -> None:
        self.changed(api, clusterResourceWhitelist=[])
        bootstrap = next(argo.units(self.TARGET))["metadata"]["name"]
        assert all("not permitted" in why for why in agent.rendered(bootstrap).values())

    def test_another_repository(self, agent: Agent, api: Api, unit: str) -> None:
        self.changed(api, sourceRepos=["https://git.example.com/other.git"])
        with pytest.raises(NotSyncedError, match=r"repo .* is not permitted"):
            agent.rendered(unit)

    def test_another_namespace(self, agent: Agent, api: Api, unit: str) -> None:
        (destination,) = self.project()["spec"]["destinations"]
        self.changed(api, destinations=[{**destination, "namespace": "elsewhere"}])
        with pytest.raises(NotSyncedError, match=r"destination .* is not permitted"):
            agent.rendered(unit)


@cache
def spoken() -> str:
    """The Go source of Argo CD and of its engine, without tests."""
    found = []
    for module in MODULES:
        said = subprocess.run(
            ["go", "list", "-m", "-json", module],
            cwd=PARTS / "argo",
            check=True,
            capture_output=True,
            text=True,
        )
        root = Path(json.loads(said.stdout)["Dir"])
        for folder in FOLDERS:
            files = (root / folder).rglob("*.go") if (root / folder).is_dir() else ()
            found += [file.read_text() for file in files if not file.name.endswith("_test.go")]
    return "\n".join(found)


def is_known(word: str) -> bool:
    return f'"{word}"' in spoken()


def words() -> Iterator[str]:
    """Every annotation of Argo CD and every option word that any compiled object carries."""
    for target in everything():
        for unit in target.ordered():
            for one in manifests(unit):
                for name, value in (one.data["metadata"].get("annotations") or {}).items():
                    if name.startswith(PREFIX):
                        yield name
                        if name.endswith("-options"):
                            yield from value.split(",")
                if one.identity[:2] == APPLICATION:
                    yield from one.data["metadata"].get("finalizers") or ()
                    yield from one.data["spec"]["syncPolicy"]["syncOptions"]


def test_argo_knows_every_annotation_and_option() -> None:
    found = set(words())
    assert found >= {f"{PREFIX}sync-wave", f"{PREFIX}sync-options", "ServerSideApply=true"}
    assert {word for word in found if not is_known(word)} == set()


def test_a_word_that_argo_does_not_know_is_seen() -> None:
    """The control."""
    assert not is_known(f"{PREFIX}sync-waves")
    assert not is_known("ServerSideApply=yes")


@pytest.mark.parametrize("target", TARGETS, ids=IDS)
def test_a_wave_is_a_whole_number(target: Target) -> None:
    """Anything else would count as wave 0 without a word."""
    for unit in target.ordered():
        for one in manifests(unit):
            wave = (one.data["metadata"].get("annotations") or {}).get(f"{PREFIX}sync-wave", "0")
            assert str(int(wave)) == wave
