"""Rollouts of a joint model: reports speak of its parts, the older cloud part stays to the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compiler.commands import promote as promoting
from tests.commands.locking import DIGEST, entry, put
from tests.commands.running import run
from tests.commands.test_promote import NOW, report

WORKER = f'image: "r.example.com/x@{DIGEST}", implements: [sedna-lib]'
SPEC = f"""edgewright: v1
project: {{name: shop}}
sidecar: {{image: "r.example.com/sidecar@{DIGEST}", contract: 1}}
stores: {{main: {{url: "STORE"}}}}
reports: {{uri: "main:reports/"}}
fleet:
  clusters:
    hub: {{kubernetes: "1.34", gitops: {{engine: flux}}, repo: {{url: "https://git.example.com/f.git"}}}}
  profiles: {{box: {{arch: amd64, cpu: 8, memory: 16Gi, disk: 64Gi}}}}
  sites:
    cloud: {{cluster: hub, layer: cloud, profile: box, hosts: {{c: {{}}}}}}
    lab: {{cluster: hub, layer: edge, profile: box, hosts: {{lab-a: {{}}}}, labels: {{ring: lab}}}}
    shop: {{cluster: hub, layer: edge, profile: box, hosts: {{shop-a: {{}}}}}}
models:
  small: {{versions: {{"1": {{uri: "main:s1"}}, "2": {{uri: "main:s2"}}}}, target: "1"}}
  big: {{versions: {{"1": {{uri: "main:b1"}}, "2": {{uri: "main:b2"}}}}, target: "1"}}
  pair:
    versions:
      "1.0": {{edge: "small:1", cloud: "big:1"}}
      "2.0": {{edge: "small:2", cloud: "big:2"}}   # sees more
    target: "1.0"
jobs:
  look:
    kind: joint-inference
    model: pair
    hardExamples: {{algorithm: IBT, params: {{threshold_img: 0.90}}}}
    rollout: {{steps: [{{where: {{ring: lab}}}}, {{percent: 100}}], abortAbove: 2%}}
    workers:
      edge: {{{WORKER}, place: {{layer: edge}}}}
      cloud: {{{WORKER}, place: {{site: cloud}}}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(promoting, "CLOCK", lambda: NOW)
    (tmp_path / "specs").mkdir()
    for name in ("s1", "s2", "b1", "b2"):
        put(tmp_path, name, name.encode())
    spec = tmp_path / "specs/fleet.yaml"
    spec.write_text(SPEC.replace("STORE", (tmp_path / "store").as_uri()))
    assert run("lock", at=tmp_path).exit_code == 0
    spec.write_text(spec.read_text().replace('target: "1.0"', 'target: "2.0"'))
    result = run("lock", at=tmp_path)
    assert result.exit_code == 0, result.output
    return tmp_path


def reported(folder: Path, site: str, version: str, **more: Any) -> None:
    """What the sidecar of an edge stores: it speaks of the part, not of the pair."""
    report(folder, site, version, since=NOW - 60, artifact="models/small", job="look", **more)


def cloud_parts(folder: Path) -> list[str]:
    assert run("compile", "--locked", "--allow-deletes", "50", at=folder).exit_code == 0
    found = (folder / "generated/shop/default/hub/sites/cloud").glob("deployment*.yaml")
    return sorted(path.name.removeprefix("deployment.apps-") for path in found)


def test_the_parts_of_a_pair_let_it_go_on_and_the_old_cloud_part_stays_to_the_end(
    folder: Path,
) -> None:
    both = ["look-1-0-cloud.yaml", "look-2-0-cloud.yaml"]
    assert cloud_parts(folder) == both
    reported(folder, "lab", "2")
    on = run("promote", "look", "--if-ready", at=folder)
    assert on.exit_code == 0, on.output
    assert "look/pair: 1 site should have it, 1 reported within the hour: 1 ready" in on.stdout
    assert "1 site change: shop" in on.stdout
    assert cloud_parts(folder) == both
    reported(folder, "shop", "2")
    assert run("promote", "look", "--if-ready", at=folder).exit_code == 0
    assert cloud_parts(folder) == ["look-2-0-cloud.yaml"]


def test_a_part_that_fails_brings_the_pair_back_with_both_cloud_parts(folder: Path) -> None:
    reported(folder, "lab", "2", state="REFUSED", reason="LoadFailed")
    assert run("promote", "look", "--if-ready", at=folder).exit_code == 3
    assert entry(folder, "rollouts", "look/pair") == {
        "from": "2.0", "to": "1.0", "step": 1, "was": "1.0",
    }  # fmt: skip
    assert cloud_parts(folder) == ["look-1-0-cloud.yaml", "look-2-0-cloud.yaml"]
    result = run("rollback", "pair", at=folder)
    assert result.exit_code == 1
    assert "E7402 the lock does not know what pair was before 1.0" in result.stderr
