"""A joint inference becomes one cascade for each version of its pair that lives."""

from __future__ import annotations

from compiler.model.plan import Cascade, Record
from tests.stages.resolving import HEAD, REPO, STORES, Front, at_mark, front, said

WORKER = "image: 'r.example.com/x:1', implements: [sedna-lib]"
SPEC = f"""{HEAD}{STORES}fleet:
  clusters: {{hub: {{kubernetes: "1.32", gitops: {{engine: argocd}}, {REPO}}}}}
  profiles: {{box: {{arch: amd64, cpu: 8, memory: 16Gi, disk: 64Gi}}}}
  sites:
    cloud: {{cluster: hub, layer: cloud, profile: box, hosts: {{c: {{}}}}}}
    lab: {{cluster: hub, layer: edge, profile: box, hosts: {{l: {{}}}}, labels: {{ring: lab}}}}
    shop: {{cluster: hub, layer: edge, profile: box, hosts: {{s: {{}}}}, labels: {{ring: prod}}}}
models:
  small: {{versions: {{"1": {{uri: "main:s1", sha256: {"a" * 64}}}}}, target: "1"}}
  big: {{versions: {{"1": {{uri: "main:b1", sha256: {"b" * 64}}}}}, target: "1"}}
  small-2: {{versions: {{"1": {{uri: "main:s2", sha256: {"c" * 64}}}}}, target: "1"}}
  pair:
    versions:
      "1.0": {{edge: "small:1", cloud: "big:1"}}
      "2.0": {{edge: "small-2:1", cloud: "big:1"}}
    target: "2.0"
jobs:
  look:
    kind: joint-inference
    model: pair
    hardExamples: {{algorithm: IBT, params: {{threshold_img: 0.90}}}}
    rollout: {{steps: [{{where: {{ring: lab}}}}, {{percent: 100}}]}}
    workers:
      edge: {{{WORKER}, place: {{layer: edge}}}}
      cloud: {{{WORKER}, place: {{site: cloud}}}}
"""


def lock(step: int) -> str:
    return f'lock: 1\ndefault.rollouts.look/pair: {{from: "1.0", to: "2.0", step: {step}}}\n'


def over() -> str:
    return 'lock: 1\ndefault.rollouts.look/pair: {from: "2.0", to: "2.0", step: 1, was: "1.0"}\n'


def cascades(found: Front) -> dict[str, Cascade]:
    return {node.name: node for node in found.nodes if isinstance(node, Cascade)}


def edges(cascade: Cascade) -> list[str]:
    return [member.place.site for member in cascade.edges]


def test_one_version_is_one_cascade_with_one_cloud_part_and_every_edge() -> None:
    found = front(SPEC, lock=over())
    assert not found.errors
    ((name, cascade),) = cascades(found).items()
    assert (name, cascade.version) == ("look-2-0", "2.0")
    assert cascade.cloud.place.site == "cloud"
    assert edges(cascade) == ["lab", "shop"]


def test_two_live_versions_are_two_cascades_with_a_cloud_part_each() -> None:
    found = cascades(front(SPEC, lock=lock(0)))
    assert {name: (c.version, edges(c)) for name, c in found.items()} == {
        "look-1-0": ("1.0", ["shop"]),
        "look-2-0": ("2.0", ["lab"]),
    }
    assert {cascade.cloud.place.site for cascade in found.values()} == {"cloud"}


def test_after_the_last_step_the_old_cloud_part_stays_until_the_rollout_is_over() -> None:
    found = cascades(front(SPEC, lock=lock(1)))
    assert {name: (c.version, edges(c)) for name, c in found.items()} == {
        "look-1-0": ("1.0", []),
        "look-2-0": ("2.0", ["lab", "shop"]),
    }
    assert found["look-1-0"].cloud.place.site == "cloud"


def test_an_edge_and_its_cloud_part_name_the_same_release() -> None:
    found = cascades(front(SPEC, lock=lock(0)))
    releases: list[object] = []
    for cascade in found.values():
        members = (cascade.cloud, *cascade.edges)
        here = {m.delivery.release for m in members if m.delivery}
        assert len(here) == 1
        releases += here
    assert len(set(releases)) == 2


def test_a_release_changes_with_the_bytes_of_either_part() -> None:
    def release(text: str) -> object:
        (cascade,) = cascades(front(text, lock=over())).values()
        assert cascade.cloud.delivery is not None
        return cascade.cloud.delivery.release

    assert release(SPEC) == release(SPEC)
    for letter in "bc":
        assert release(SPEC) != release(SPEC.replace(letter * 64, "d" * 64))
    assert release(SPEC) == release(SPEC.replace("a" * 64, "d" * 64))


def test_parameters_of_the_algorithm_keep_their_source_text() -> None:
    (cascade,) = cascades(front(SPEC, lock=over())).values()
    assert cascade.hard_examples is not None
    assert cascade.hard_examples.params == {"threshold_img": "0.90"}


def test_every_part_of_every_site_has_its_record() -> None:
    found = front(SPEC, lock=lock(0))
    names = [n.name for n in found.nodes if isinstance(n, Record) and n.kind == "InferenceModel"]
    assert sorted(names) == [
        "look-1-0-big-cloud",
        "look-2-0-big-cloud",
        "look-small-2-lab",
        "look-small-shop",
    ]


def test_a_cloud_part_on_several_sites_is_refused_at_its_place() -> None:
    text = SPEC.replace("shop: {cluster: hub, layer: edge", "shop: {cluster: hub, layer: cloud")
    text, span = at_mark(text.replace("place: {site: cloud}", "place: §{layer: cloud}"))
    found = said(front(text, lock=lock(1)).found, "E3015")
    assert found.message.endswith("is placed on 2 sites: cloud, shop")
    assert (found.span, found.hint) == (span, "write place: {site: NAME}")


def test_a_model_that_is_no_pair_is_refused() -> None:
    text, span = at_mark(SPEC.replace("model: pair", "model: §small"))
    assert said(front(text, lock=lock(1)).found, "E2005").span == span
