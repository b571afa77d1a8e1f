"""Where a model runs and why, how its versions spread, and what they were chosen and judged by."""

from __future__ import annotations

from pathlib import Path

from tests.commands.running import ROOT, run, run_json
from tests.commands.test_promote import shops

STORES = ROOT / "specs/thousand-stores"


def test_every_site_of_a_rollout_belongs_to_one_step_and_runs_one_version() -> None:
    facts = run_json("explain", "shelf-detector", STORES, "--env", "prod")
    (rollout,) = facts["rollouts"]
    taken = [site for step in rollout["steps"] for site in step["takes"]]
    assert len(taken) == len(set(taken)) == 1980
    reached = {site for step in rollout["steps"][: rollout["step"] + 1] for site in step["takes"]}
    runs = {
        one["version"]: {site for run in one["runs"] for site in run["sites"]}
        for one in facts["versions"]
    }
    assert runs[rollout["to"]] == reached
    assert runs[rollout["from"]] == set(taken) - reached


def test_a_version_alone_is_told_with_its_sites_and_their_reason() -> None:
    text = run("explain", "shelf-detector:1.3.0", STORES, "--env", "prod").stdout
    assert "shelf-detector:1.4.0" not in text.partition("\n\n")[2].partition("rollout:")[0]
    assert "rollout to 1.4.0 is at step 1 of 2, step 2 takes it" in text
    assert "rollout: 1.3.0 -> 1.4.0, at step 1 of 2" in text
    assert "edgewright.lock:" in text


def test_one_site_of_a_model_is_one_question() -> None:
    facts = run_json("explain", "shelf-detector", STORES, "--site", "store-0021")
    assert [run["sites"] for one in facts["versions"] for run in one["runs"]] == [["store-0021"]]
    (rollout,) = facts["rollouts"]
    assert [step["takes"] for step in rollout["steps"]] == [[], [], ["store-0021"]]


def test_gates_and_lineage_come_with_it(tmp_path: Path) -> None:
    folder = shops(tmp_path)
    models = folder / "specs/models.yaml"
    text = models.read_text()
    measured = "metrics: [{name: map50, value: 0.61}]"
    text = text.replace('1.onnx"}', f'1.onnx", {measured}}}')
    text = text.replace("2.onnx'}", f'2.onnx\', {measured}, lineage: {{base: "detector:1"}}}}')
    models.write_text(text + "    gates: [{metric: map50, atLeast: 0.5}]\n")
    told = run("explain", "detector:2", at=folder).stdout
    assert "passes the gate on map50" in told
    assert "base detector:1" in told
    assert "step 0: where {ring: canary}, soak 24h: 1 site (north-1)  <- now" in told
