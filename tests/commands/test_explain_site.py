"""Everything that comes to a site, with the line, the step and the reason that brings it there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from compiler import pipeline
from compiler.commands.explain_site import site_facts
from compiler.model.choice import percentile
from compiler.model.diagnostics import Diagnostics
from tests.commands.running import ROOT, run, run_json
from tests.commands.test_promote import shops
from tests.model.cluster_said import TREES

STORES = ROOT / "specs/thousand-stores"


@pytest.fixture(scope="module")
def sample() -> pipeline.Prepared:
    return pipeline.prepare(pipeline.Request(root=STORES, environments=("sample",)), Diagnostics())


def test_a_site_says_what_it_is_and_where_that_is_written() -> None:
    (facts,) = run_json("explain", "store-0021", STORES)["environments"]
    assert facts["at"].endswith("specs/thousand-stores/sites.csv:22")
    assert (facts["cluster"], facts["profile"], facts["engine"]) == ("west", "box-a53", "argocd")
    assert facts["labels"] == {"region": "north", "ring": "broad"}
    assert facts["link"] == {
        "rate": "20Mbit/s", "window": "01:00-05:00", "timezone": "Europe/Vienna",
    }  # fmt: skip
    assert facts["environmentWhere"] == "{ring: {not: lab}}"


def test_why_a_site_is_on_the_old_version_is_told_step_by_step() -> None:
    text = run("explain", "store-0021", STORES).stdout
    place = percentile("watch-shelves", "store-0021")
    assert place > 25
    assert "because rollout to 1.4.0 is at step 1 of 2, step 2 takes it" in text
    assert "where {ring: [lab, canary]}, soak 24h: not this site: ring is broad" in text
    assert f"not this site: its place by hash is {place:.1f} of 100  <- now" in text
    assert "step 2: percent 100: takes it" in text
    assert "people-counter: rollout: 2.0.0 is everywhere" in text


def test_every_site_is_told_the_versions_that_are_compiled_for_it(
    sample: pipeline.Prepared,
) -> None:
    tree = pipeline.build_tree(sample, Diagnostics())
    compiled: dict[str, set[tuple[str, str, str, str]]] = {}
    for directory in tree.directories.values():
        for one in directory.objects:
            if one.identity.kind == "InferenceModel":
                spec = one.data["spec"]
                told = (spec["model"], spec["version"], spec.get("variant", ""), spec["digest"])
                compiled.setdefault(spec["site"], set()).add(told)
    (front,) = sample.workshop.fronts
    assert len(compiled) == len(front.context.sites) == 20
    for site, wanted in compiled.items():
        facts = site_facts(sample, front, site)
        models = [model for job in facts["jobs"] for model in job["models"]]
        keys = ("model", "version", "variant", "digest")
        assert {tuple(model[key] for key in keys) for model in models} == wanted


def test_the_bytes_are_those_of_the_lock_and_the_time_that_of_the_link(
    sample: pipeline.Prepared,
) -> None:
    (front,) = sample.workshop.fronts
    facts = site_facts(sample, front, "store-0001")
    sizes = [model["size"] for job in facts["jobs"] for model in job["models"]]
    assert facts["costs"]["download"] == sum(sizes) > 0
    assert facts["costs"]["seconds"] == -(-sum(sizes) // 2_500_000)


def test_what_a_site_has_to_hold_is_the_sum_that_compile_judges(
    sample: pipeline.Prepared,
) -> None:
    (front,) = sample.workshop.fronts
    fit = site_facts(sample, front, "store-0001")["fit"]
    (host,) = fit["hosts"]
    assert (host["host"], host["disk"], host["fits"]) == ("store-0001-a", 128 * 2**30, True)
    assert host["needs"] == sum(part["bytes"] for part in host["parts"])
    assert {part["part"] for part in host["parts"]} == {"now", "before", "coming", "store", "floor"}
    (now, *_) = host["parts"]
    assert now["of"] == "shelf-detector:1.4.0"
    assert now["bytes"] == 48_910_336 + 51_380_224
    assert now["from"].endswith("edgewright.lock:72")
    back = [(one["model"], one["before"], one["offline"]) for one in fit["returns"]]
    assert ("shelf-detector", "1.3.0", True) in back
    assert fit["memory"]["needs"] == 2**31 + 96 * 2**20


def test_the_way_back_of_a_site_is_told_in_words() -> None:
    text = run("explain", "store-0001", STORES, "--env", "sample").stdout
    assert "  disk of store-0001-a: 32.3Gi of 128Gi\n" in text
    back = "from shelf-detector:1.4.0 to shelf-detector:1.3.0 without a network"
    assert f"  way back of watch-shelves: {back}\n" in text


def test_an_override_is_told_with_its_line_what_it_sets_and_its_reason(tmp_path: Path) -> None:
    folder = shops(tmp_path)
    (folder / "specs/overrides.yaml").write_text(
        "overrides:\n"
        "  - where: {site: north-1}\n"
        '    set: {models: {detector: {target: "1"}}}\n'
        "    reason: camera of the old type, OPS-4711\n"
    )
    text = run("explain", "north-1", at=folder).stdout
    assert "override at specs/overrides.yaml:2: camera of the old type, OPS-4711\n" in text
    assert "    sets models.detector.target: 1\n" in text
    assert "model detector:1" in text
    assert "because named for this site; override at specs/overrides.yaml:2" in text
    assert "override" not in run("explain", "north-2", at=folder).stdout
    named = run("explain", "models.detector", at=folder).stdout
    assert "named by an override, so no step: north-1" in named


def test_a_version_that_selection_kept_back_is_told_with_the_figures(tmp_path: Path) -> None:
    folder = shops(tmp_path)
    models = folder / "specs/models.yaml"
    text = models.read_text().replace('target: "2"', "select: {metric: map50}")
    for version, value in (("1", "0.60"), ("2", "0.55"), ("3", "0.58")):
        for quote in ('"', "'", ""):
            old = f"{version}.onnx{quote}}}"
            new = f"{version}.onnx{quote}, metrics: [{{name: map50, value: {value}}}]}}"
            text = text.replace(old, new)
    models.write_text(text)
    assert run("lock", at=folder).exit_code == 0
    told = run("explain", "sites.north-3", at=folder).stdout
    assert "selected: 1, " in told
    assert "specs/edgewright.lock:" in told
    assert re.search(r"\n +not 2: .*0\.55", told), told


def test_a_rollback_is_told_with_its_reason(tmp_path: Path) -> None:
    folder = shops(tmp_path)
    assert run("promote", "watch", at=folder).exit_code == 0
    assert run("rollback", "detector", "--reason", "OPS-9", at=folder).exit_code == 0
    text = run("explain", "north-3", at=folder).stdout
    assert "back from 2, which is yanked: OPS-9" in text


def test_a_site_that_two_environments_have_is_told_for_each(tmp_path: Path) -> None:
    folder = shops(tmp_path)
    fleet = folder / "specs/fleet.yaml"
    fleet.write_text(
        fleet.read_text()
        + "environments:\n  one: {namespace: one, crds: assume}\n  two: {namespace: two}\n"
    )
    assert run("lock", at=folder).exit_code == 0
    found = run_json("explain", "north-1", at=folder)["environments"]
    assert [one["namespace"] for one in found] == ["one", "two"]
    alone = run_json("explain", "north-1", "--env", "two", at=folder)["environments"]
    assert [one["environment"] for one in alone] == ["two"]


@pytest.mark.parametrize("case", ["each-site", "joint-inference", "overrides", "objects"])
def test_every_site_of_every_kind_of_fleet_is_explained(case: str) -> None:
    request = pipeline.Request(root=TREES / case / "spec")
    for front in pipeline.prepare(request, Diagnostics()).workshop.fronts:
        for site in front.context.sites:
            result = run("explain", f"sites.{site}", TREES / case / "spec")
            assert result.exit_code == 0, result.output
            assert f"What runs there: edgewright status {site}" in result.stdout


def test_a_name_of_several_things_has_to_be_told_apart(tmp_path: Path) -> None:
    folder = shops(tmp_path)
    jobs = folder / "specs/fleet.yaml"
    jobs.write_text(jobs.read_text().replace("  watch:\n", "  detector:\n"))
    assert run("lock", at=folder).exit_code == 0
    result = run("explain", "detector", at=folder)
    assert result.exit_code == 2
    told = " ".join(result.output.split())
    assert "detector is a job and a model; write jobs.detector or models.detector" in told
    assert "kind" in json.dumps(run_json("explain", "jobs.detector", at=folder))
    assert run_json("explain", "models.detector", at=folder)["model"] == "detector"
    assert run_json("explain", "detector:1", at=folder)["model"] == "detector"


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("store-217", "there is no job, site or model store-217"),
        ("sites.store-217", "there is no site store-217. Did you mean store-"),
        ("models.shelf-detektor", "Did you mean shelf-detector?"),
        ("shelf-detektor:1.4.0", "Did you mean shelf-detector?"),
        ("shelf-detector:1.4", "shelf-detector has no version 1.4; there are: 1.3.0, 1.4.0."),
    ],
)
def test_unknown_names_are_usage_errors_with_a_proposal(target: str, told: str) -> None:
    result = run("explain", target, STORES, "--env", "sample")
    assert result.exit_code == 2
    assert told in " ".join(result.output.split())
