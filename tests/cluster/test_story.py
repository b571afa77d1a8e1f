"""The whole story: a bump on a branch becomes a fleet's new version, and one command takes it back.

Git, S3, both API servers, Flux's controller, Argo CD's engine, the compiler's commands and the
sidecars are real. Stand-ins: Flux's source and Argo CD's queue (both get the published branch),
kubelets (`_mount` carries a ConfigMap from the API server to where a sidecar reads it), model
servers, and the clock of `promote`.
"""

from __future__ import annotations

import io
import platform
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from compiler.commands import promote
from tests.adapters.test_git import git
from tests.cluster import argo, control_plane, flux, nodes, prepared
from tests.cluster.argo import Agent
from tests.cluster.argo_stage import names, start_collector
from tests.cluster.control_plane import ControlPlane
from tests.cluster.flux import Flux
from tests.cluster.process import await_true
from tests.cluster.trees import Target, targets
from tests.commands.locking import entry
from tests.commands.running import run_json
from tests.sidecar.story.shops import Shops
from tests.sidecar.support.s3 import ACCESS, S3, SECRET

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
SITES = ("north-1", "north-2", "south-1", "south-2")
CANARIES = ("north-1", "south-1")
BRANCH = "deploy"
REPO = f'repo: {{{{url: "https://git.example.com/shop.git", branch: {BRANCH}}}}}'
SPEC = f"""\
edgewright: v1
project: {{{{name: shop}}}}
sidecar: {{{{image: "r.example.com/sidecar@{{digest}}"}}}}
stores:
  main:
    url: "s3://{{bucket}}"
    endpoint: "{{endpoint}}"
    region: us-east-1
    read: {{{{secret: s3-reader}}}}
    write: {{{{secret: s3-writer}}}}
reports: {{{{uri: "main:reports/"}}}}
fleet:
  clusters:
    north: {{{{kubernetes: "1.33", gitops: {{{{engine: flux}}}}, {REPO}}}}}
    south: {{{{kubernetes: "1.33", gitops: {{{{engine: argocd}}}}, {REPO}}}}}
  profiles: {{{{box: {{{{arch: {{arch}}, cpu: 4, memory: 4Gi, disk: 64Gi}}}}}}}}
  sites:
    north-1: {{{{cluster: north, layer: edge, profile: box, hosts: {{{{north-1-a: {{{{}}}}}}}}, labels: {{{{ring: canary}}}}}}}}
    north-2: {{{{cluster: north, layer: edge, profile: box, hosts: {{{{north-2-a: {{{{}}}}}}}}}}}}
    south-1: {{{{cluster: south, layer: edge, profile: box, hosts: {{{{south-1-a: {{{{}}}}}}}}, labels: {{{{ring: canary}}}}}}}}
    south-2: {{{{cluster: south, layer: edge, profile: box, hosts: {{{{south-2-a: {{{{}}}}}}}}}}}}
jobs:
  watch:
    kind: serve
    models: [detector]
    worker: {{{{image: "r.example.com/ovms@{{digest}}", server: ovms, resources: {{{{cpu: "1", memory: 1Gi}}}}}}}}
    place: {{{{layer: edge}}}}
    rollout:
      steps: [{{{{where: {{{{ring: canary}}}}, soak: 30m}}}}, {{{{percent: 100}}}}]
      ready: 95%
      abortAbove: 2%
"""  # noqa: E501


@dataclass(slots=True)
class Story:
    """The repository, its clone with the spec, two clusters with their engines, four shops."""

    shops: Shops
    bare: Path
    checkout: Path
    flux: Flux
    agent: Agent
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def clone(self) -> Path:
        """Where a person works."""
        return self.shops.folder

    def save(self, subject: str) -> None:
        """Commit the spec and push what is checked out."""
        git(self.clone, "add", "specs")
        git(self.clone, "commit", "-qm", subject)
        git(self.clone, "push", "-q", "origin", "HEAD")

    def publish(self) -> None:
        """Bring the commit that is checked out to the engines' branch."""
        self.shops.call("publish", "--remote", "origin")

    def targets(self) -> dict[str, Target]:
        """The clusters as the published branch has them, by name."""
        _export(self.bare, self.checkout)
        return {one.path.split("/")[-1]: one for one in targets(self.checkout / flux.CHECKOUT)}

    def reconcile(self) -> None:
        """Both engines see the branch and apply it."""
        found = self.targets()
        self.flux.publish(self.checkout)
        git(self.agent.repository, "fetch", "-q", f"file://{self.bare}", BRANCH)
        git(self.agent.repository, "reset", "-q", "--hard", "FETCH_HEAD")
        commit = git(self.agent.repository, "rev-parse", "HEAD")
        self.agent.await_synced(names(found["south"]), commit)
        self.flux.await_all_ready()

    def mount(self) -> list[str]:
        """What kubelets do: each site's ConfigMap goes where its pod reads it. Who got another."""
        changed = []
        for site, world in self.shops.worlds.items():
            api = self.flux.api if site.startswith("north") else self.agent.plane.api()
            found = api.get("v1", "ConfigMap", f"watch-{site}-sidecar", "shop")
            text: str = found["data"]["config.json"]
            if self.texts.get(site) != text:
                world.mount_config(self.shops.at_home(site, text))
                self.texts[site] = text
                changed.append(site)
        return changed

    def rollout(self) -> dict[str, Any]:
        """How far the rollout is, by the lock."""
        return entry(self.clone, "rollouts", "watch/detector")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = control_plane.start(tmp_path_factory.mktemp("other"), prepared.store())
    yield running
    running.stop()


@pytest.fixture
def story(
    plane: ControlPlane,
    other: ControlPlane,
    tmp_path: Path,
    s3: S3,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Story]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with ExitStack() as stack:
        made = _begin(plane, other, tmp_path, s3, stack)
        # In this order: `lock` asks only hosts that are reviewed on the main branch.
        made.save("Begin a fleet")
        made.shops.call("lock")
        made.save("Lock")
        made.publish()
        found = made.targets()
        flux.apply_root(plane, found["north"])
        root = argo.settle(other.api(), found["south"])
        git(made.agent.repository, "fetch", "-q", f"file://{made.bare}", BRANCH)
        git(made.agent.repository, "reset", "-q", "--hard", "FETCH_HEAD")
        assert made.agent.sync(root).succeeded
        made.flux.publish(made.checkout)
        made.flux.await_ready(made.flux.kustomizations(suffix="-root"))
        made.reconcile()
        assert made.mount() == list(SITES)
        stack.enter_context(made.shops.open())
        for site in SITES:
            made.shops.wait_served(site, "1")
        yield made


def _begin(
    plane: ControlPlane, other: ControlPlane, folder: Path, s3: S3, stack: ExitStack
) -> Story:
    """Everything that there is before anybody wrote a spec, and the spec."""
    edge = {"node-role.kubernetes.io/edge": ""}
    room = {"cpu": "16", "memory": "64Gi"}
    hosts = [
        nodes.Host(name=f"{site}-a", arch=ARCH, labels=edge, allocatable=room) for site in SITES[:2]
    ]
    nodes.create(plane.api(), hosts)
    plane.start_scheduler()
    plane.start_controllers()
    nodes.start_kubelets(plane)
    engine = Flux.start(plane)
    stack.callback(engine.stop)
    start_collector(other)
    agent = Agent.start(other)
    git(folder, "init", "-q", "--bare", "-b", "main", "fleet.git")
    git(folder, "clone", "-q", f"file://{folder}/fleet.git", "clone")
    for key, value in (("user.name", "story"), ("user.email", "story@example.com")):
        git(folder / "clone", "config", key, value)
    (folder / "clone/.git/info/exclude").write_text("nodes/\n")
    shops = Shops(folder / "clone", s3, s3.bucket("story"), ARCH, SPEC, SITES)
    git(folder / "clone", "checkout", "-q", "-B", "main")
    return Story(shops, folder / "fleet.git", folder / "checkout", engine, agent)


def _export(bare: Path, folder: Path) -> None:
    """The published branch as files, which is what Flux's source hands on."""
    done = subprocess.run(
        ["git", "-C", str(bare), "archive", BRANCH], check=True, capture_output=True
    )
    if folder.exists():
        folder.rename(folder.with_name(f"before-{time.monotonic_ns()}"))
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as packed:
        packed.extractall(folder, filter="data")


class Watch:
    """Measures steps one after another; nothing is asserted of what it says."""

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}

    def step(self, name: str, done: Callable[[], Any]) -> Any:
        """Do a step."""
        began = time.monotonic()
        found = done()
        self.steps[name] = time.monotonic() - began
        return found

    def table(self) -> str:
        """Each step and the sum."""
        rows = [*self.steps.items(), ("sum", sum(self.steps.values()))]
        return "\n".join(f"{name:<34} {seconds:6.2f} s" for name, seconds in rows)


def test_a_bump_reaches_the_fleet_in_steps_and_one_command_takes_it_back(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    shops = story.shops
    # A branch bumps the model; `diff` says what that does.
    git(story.clone, "checkout", "-q", "-b", "bump")
    shops.bump("2")
    story.save("Serve version 2")
    told = run_json("diff", at=story.clone)
    loud = [row for row in told["changes"] if row["effect"] != "metadata-only"]
    assert {row["effect"] for row in loud} == {"hot-swap"}
    assert sorted(one["site"] for row in loud for one in row["places"]) == list(CANARIES)

    # Merge, publish; both engines apply, and only the canaries' configs are others.
    git(story.clone, "checkout", "-q", "main")
    git(story.clone, "merge", "-q", "--no-ff", "-m", "Merge bump", "bump")
    git(story.clone, "push", "-q", "origin", "main")
    story.publish()
    story.reconcile()
    assert story.mount() == list(CANARIES)
    for site in CANARIES:
        shops.wait_served(site, "2")
    for site in set(SITES) - set(CANARIES):
        assert shops.sidecars[site].artifact("model/detector")["version"] == "1"

    # The soak has to pass; then everybody swaps.
    shops.call("promote", "watch", "--if-ready", status=3)
    later = time.time() + 31 * 60
    monkeypatch.setattr(promote, "CLOCK", lambda: later)
    shops.call("promote", "watch", "--if-ready")
    story.save("Promote watch")
    story.publish()
    story.reconcile()
    assert story.mount() == ["north-2", "south-2"]
    for site in SITES:
        shops.wait_served(site, "2")
    shops.call("promote", "watch", "--if-ready")
    assert story.rollout() == {"from": "2", "to": "2", "step": 1, "was": "1"}
    story.save("End the rollout of watch")
    story.publish()
    story.reconcile()
    story.mount()
    status = shops.call("status", "south-2", "--remote", "origin", status=3).stdout
    assert "wanted     detector:2" in status
    assert "published  detector:2 (" in status
    assert "running    detector:2: GOOD" in status

    # Back, in one command; the store has lost the bytes, the sites have not.
    for key in shops.s3.keys(shops.bucket, "detector/"):
        shops.s3.client.delete_object(Bucket=shops.bucket, Key=key)
    watch = Watch()
    why = ("--reason", "flickers, OPS-9")
    back = watch.step("rollback", lambda: shops.call("rollback", "detector", *why))
    assert f"4 sites change: {', '.join(SITES)}" in back.stdout
    watch.step("commit and push", lambda: story.save("Roll back detector"))
    watch.step("publish", story.publish)
    watch.step("engines", story.reconcile)
    assert watch.step("config", story.mount) == list(SITES)
    watch.step("switch of the last site", lambda: _await_all(shops, "1"))
    print(f"\n{watch.table()}")
    for site in SITES:
        shops.wait_served(site, "1")


def _await_all(shops: Shops, version: str) -> None:
    def served() -> bool:
        return all(
            one.loaded()["detector"]["number"] == int(version) for one in shops.servers.values()
        )

    await_true(served, 60, f"every server has version {version}")
