"""What spec and lock say of the versions around the one that a config names."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.model.diagnostics import Diagnostics
from compiler.model.figures import Figures, Neighbours, stored
from compiler.model.fit import Slot
from tests.stages.resolving import HEAD, REPO, STORES, resolved

MI = 1024**2
SPEC = f"""{HEAD}{STORES}fleet:
  clusters: {{hub: {{kubernetes: "1.34", gitops: {{engine: flux}}, {REPO}}}}}
  profiles:
    box: {{arch: amd64, cpu: 8, memory: 16Gi, disk: 64Gi}}
    orin: {{arch: arm64, cpu: 8, memory: 8Gi, accelerator: {{name: orin, resource: x/y}}}}
  sites:
    cloud: {{cluster: hub, layer: cloud, profile: box, hosts: {{c: {{}}}}}}
    shop: {{cluster: hub, layer: edge, profile: box, hosts: {{s: {{}}}}}}
    kiosk: {{cluster: hub, layer: edge, profile: orin, hosts: {{k: {{}}}}}}
models:
  m:
    versions:
      "1": {{uri: "main:m1.tar.gz", unpack: tar.gz, needs: {{memory: 300Mi}}}}
      "2":
        uri: "main:m2.tar.gz"
        unpack: tar.gz
        needs: {{memory: 500Mi}}
        variants:
          small: {{uri: "main:m2s", needs: {{memory: 100Mi, accelerator: {{name: orin}}}}}}
    target: "2"
  lite: {{versions: {{"1": {{uri: "main:l1"}}, "2": {{uri: "main:folder/"}}}}, target: "2"}}
  big: {{versions: {{"1": {{uri: "main:b1"}}, "2": {{uri: "main:b2"}}}}, target: "2"}}
  pair:
    versions: {{"8": {{edge: "lite:1", cloud: "big:1"}}, "9": {{edge: "lite:2", cloud: "big:2"}}}}
    target: "9"
jobs:
  watch:
    kind: serve
    models: [m]
    worker: {{image: "r.example.com/x:1", server: triton, resources: {{cpu: 1, memory: 1Gi}}}}
    place: {{layer: edge}}
"""
LOCK = f"""lock: 1
default.artifacts.models/lite:1: {{uri: "main:l1", sha256: {"a" * 64}, size: 10}}
default.artifacts.models/lite:2: {{uri: "main:folder/", sha256: {"b" * 64}, size: 70, unpacked: 70, manifest: {{size: 7, entries: 3}}}}
default.artifacts.models/big:1: {{uri: "main:b1", sha256: {"c" * 64}, size: 30}}
default.artifacts.models/m:1: {{uri: "main:m1.tar.gz", sha256: {"d" * 64}, size: 100, unpacked: 150}}
default.artifacts.models/m:2: {{uri: "main:m2.tar.gz", sha256: {"e" * 64}, size: 200, unpacked: 250}}
default.artifacts.models/m:2/small: {{uri: "main:m2s", sha256: {"f" * 64}, size: 40, unpacked: 60}}
"""  # noqa: E501


def figures(rollout: str) -> Figures:
    diagnostics = Diagnostics()
    found = resolved(SPEC, diagnostics, "default", LOCK + rollout)
    diagnostics.raise_errors()
    return Figures(found)


def config(site: str, name: str, version: str, digest: str, **more: Any) -> dict[str, Any]:
    artifact = {"kind": "model", "name": name, "version": version, "sha256": digest * 64}
    return {"node": {"site": site}, "tenant": {"job": "watch", "role": "worker"},
            "artifacts": [{**artifact, "size": 1, **more}]}  # fmt: skip


def slot(found: Figures, document: dict[str, Any]) -> Slot:
    return found.slot(document, document["artifacts"][0])


ON = "default.rollouts.watch/m: {from: '1', to: '2', step: 0}\n"


def test_the_lock_says_what_a_rollout_leaves_and_what_it_brings() -> None:
    found = figures(ON)
    new, old = (slot(found, config("shop", "m", v, v)) for v in ("2", "1"))
    assert new.before is not None
    assert (new.before.title, new.before.size, new.coming) == ("m:1", 250, None)
    assert new.before.source.endswith(":5")
    assert old.coming is not None
    assert (old.coming.title, old.coming.size, old.before) == ("m:2", 450, None)


def test_a_site_gets_the_variant_for_its_hardware() -> None:
    coming = slot(figures(ON), config("kiosk", "m", "1", "1")).coming
    assert coming is not None
    assert (coming.title, coming.blob, coming.tree) == ("m:2/small", 40, 60)


def test_memory_is_that_of_the_variant_with_its_line() -> None:
    found = figures(ON)
    document = config("kiosk", "m", "1", "1")
    served = found.served(document, document["artifacts"][0])
    assert (served.needs, served.coming) == (300 * MI, 100 * MI)
    assert served.source.endswith(":17")


@pytest.mark.parametrize(
    ("state", "version", "around"),
    [
        ("{from: '1', to: '2', step: 0}", "2", Neighbours("1", moving=True)),
        ("{from: '1', to: '2', step: 0}", "1", Neighbours(coming="2", moving=True)),
        ("{from: '2', to: '2', step: 1, was: '1'}", "2", Neighbours("1")),
        ("{from: '2', to: '2', step: 1}", "2", Neighbours()),
        ("{from: '2', to: '1', step: 1, was: '1'}", "1", Neighbours("2", left=True, moving=True)),
        ("{from: '1', to: '2', step: 0}", "3", Neighbours()),
    ],
)
def test_the_versions_around_one(state: str, version: str, around: Neighbours) -> None:
    found = figures(f"default.rollouts.watch/m: {state}\n")
    assert found.around("watch", "m", version) == around
    assert found.around("other", "m", version) == Neighbours()


@pytest.mark.parametrize(("role", "before"), [("edge", "lite:1"), ("cloud", "big:1")])
def test_of_a_pair_each_role_had_its_own_part(role: str, before: str) -> None:
    found = figures("default.rollouts.watch/pair: {from: '8', to: '9', step: 0}\n")
    name = "lite" if role == "edge" else "big"
    document = config("shop", name, "2", "b")
    document["tenant"]["role"] = role
    document["release"] = {"model": "pair", "version": "9"}
    held = slot(found, document).before
    assert held is not None
    assert held.title == before
    served = found.served(document, document["artifacts"][0])
    assert (served.model, served.of) == ("pair", "9")


def test_of_a_prefix_the_list_and_each_file_are_fetched_and_the_tree_links_to_them() -> None:
    found = figures("default.rollouts.watch/lite: {from: '1', to: '2', step: 0}\n")
    coming = slot(found, config("shop", "lite", "1", "a")).coming
    assert coming is not None
    assert (coming.form, coming.blob, coming.tree) == ("manifest", 7, 70)
    private = {"sha256": "b", "size": 7, "unpacked": 70, "unpack": {"format": "manifest"}}
    assert stored({**private, "private": True}).tree == 140


def test_a_version_that_nobody_sized_is_unknown_and_one_without_a_digest_is_none() -> None:
    big = slot(figures("default.rollouts.watch/big: {from: '1', to: '2', step: 0}\n"),
               config("shop", "big", "1", "c"))  # fmt: skip
    assert big.coming is None
    assert stored({"kind": "model", "name": "m", "version": "1", "sha256": "a"}).size is None


def test_what_is_served_is_called_as_the_lock_calls_it() -> None:
    code = stored({"kind": "code", "name": "io", "version": "abc", "sha256": "a", "size": 3})
    assert (code.title, code.size) == ("code io", 3)
    assert stored({"kind": "dataset", "name": "d", "version": "1"}).title == "d:1"
