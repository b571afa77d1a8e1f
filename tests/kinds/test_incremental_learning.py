"""An incremental learning job becomes one loop for each site, with its data and its slot."""

from __future__ import annotations

import pytest

from compiler.model.inputs import HostData
from compiler.model.plan import Loop, Record
from tests.stages.resolving import HEAD, REPO, Front, at_mark, front, said

WORKER = "image: 'r.example.com/x:1', implements: [sedna-lib]"
SPEC = f"""{HEAD}fleet:
  clusters:
    hub: {{kubernetes: "1.32", provides: {{kubeedge: "1.23", sedna: "0.7"}},
      gitops: {{engine: argocd}}, {REPO}}}
  profiles: {{box: {{arch: amd64, cpu: 8, memory: 16Gi, disk: 64Gi}}}}
  sites:
    gate: {{cluster: hub, layer: edge, profile: box, hosts: {{gate-a: {{}}}}}}
    dock: {{cluster: hub, layer: edge, profile: box, hosts: {{dock-a: {{}}}}}}
models:
  base: {{versions: {{"1": {{uri: "host:/models/base", format: ckpt}}}}, target: "1"}}
datasets:
  frames:
    format: txt
    splits: {{parts: {{train: 0.5, test: 0.5}}}}
    local: {{sites: {{gate: /data/gate.txt, dock: /data/dock.txt}}}}
jobs:
  learn:
    kind: incremental-learning
    model: base
    dataset: frames
    splits: {{parts: {{train: 0.8, test: 0.2}}}}
    place: {{layer: edge}}
    trigger: {{newSamples: 500, every: 60s, window: "02:00-20:00"}}
    hardExamples: {{algorithm: IBT, params: {{threshold_img: 0.9, threshold_box: 0.9}}}}
    gate: {{metric: precision, improvesBy: 0.1}}
    deploy: {{uri: "host:/models/{{site}}/deploy.pb", format: pb}}
    update: {{hot: {{poll: 2m}}}}
    results: {{uri: "host:/output/{{site}}"}}
    workers:
      train: {{{WORKER}}}
      evaluate: {{{WORKER}}}
      infer: {{{WORKER}}}
"""


def loops(found: Front) -> dict[str, Loop]:
    assert not found.errors
    return {n.infer.place.site: n for n in found.nodes if isinstance(n, Loop)}


def test_each_site_has_a_loop_of_its_own_on_its_own_host() -> None:
    found = loops(front(SPEC))
    assert {site: (loop.name, loop.infer.place.host) for site, loop in found.items()} == {
        "dock": ("learn-dock", "dock-a"),
        "gate": ("learn-gate", "gate-a"),
    }


def test_a_loop_learns_from_its_own_sites_share() -> None:
    for site, loop in loops(front(SPEC)).items():
        share = loop.dataset.input
        assert isinstance(share, HostData)
        assert share.path == f"/data/{site}.txt"


def test_splits_of_the_job_replace_the_parts_and_inherit_the_seed() -> None:
    found = front(
        SPEC.replace("splits: {parts: {train: 0.5", "splits: {seed: 7, parts: {train: 0.5")
    )
    loop = next(node for node in found.nodes if isinstance(node, Loop))
    assert loop.dataset.split == {"train": 0.8, "test": 0.2}
    assert loop.dataset.seed == 7


def test_trigger_gate_slot_and_results_say_what_was_written() -> None:
    loop = loops(front(SPEC))["gate"]
    assert (loop.trigger.new_samples, loop.trigger.every, loop.trigger.window) == (
        500,
        60,
        "02:00-20:00",
    )
    gate = loop.gate
    assert gate is not None
    assert loop.deploy is not None
    assert loop.results is not None
    assert (gate.metric, gate.comparison, float(gate.value)) == ("precision", "improves_by", 0.1)
    assert loop.deploy.location.path == "/models/gate/deploy.pb"
    assert loop.results.path == "/output/gate"
    assert loop.hot_poll == 120


def test_the_model_that_it_starts_from_has_its_record_at_each_site() -> None:
    found = front(SPEC)
    records = [n for n in found.nodes if isinstance(n, Record) and n.kind == "InferenceModel"]
    assert [record.name for record in records] == [
        "learn-base-dock-dock-a",
        "learn-base-gate-gate-a",
    ]


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        ('    deploy: {uri: "host:/models/{site}/deploy.pb", format: pb}\n', "", "E3019",
         "jobs.learn does not say where the loop puts a model that passed its gate"),
        ("{gate: /data/gate.txt, dock: /data/dock.txt}", "{gate: /data/gate.txt}", "E3014", "dock"),
        ("hosts: {dock-a: {}}", "hosts: {dock-a: {}, dock-b: {}}", "E3018",
         "site dock has 2 hosts, and a loop keeps its data on one"),
    ],
)  # fmt: skip
def test_what_a_loop_cannot_do_without_is_asked_for(
    old: str, new: str, code: str, message: str
) -> None:
    assert old in SPEC
    found = {d.message for d in front(SPEC.replace(old, new)).errors if d.code.id == code}
    assert any(message in text for text in found)


def test_the_same_path_on_two_hosts_is_two_slots() -> None:
    text = SPEC.replace("/models/{site}/deploy.pb", "/models/deploy.pb")
    assert len(loops(front(text))) == 2


def test_a_site_that_an_override_takes_out_has_no_loop() -> None:
    text = SPEC + "overrides: [{where: {site: dock}, set: {jobs: {learn: null}}}]\n"
    assert list(loops(front(text))) == ["gate"]


def test_a_dataset_that_is_not_defined_is_refused_at_its_name() -> None:
    text, span = at_mark(SPEC.replace("dataset: frames", "dataset: §frame"))
    found = said(front(text).found, "E2001")
    assert (found.span, found.hint) == (span, "Did you mean frames?")
