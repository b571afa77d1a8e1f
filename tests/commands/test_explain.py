from __future__ import annotations

from pathlib import Path

import pytest

from compiler.model.codes import all_codes
from tests.commands.running import ROOT, run, run_json, started

STORES = ROOT / "specs/thousand-stores"
HELMET = ROOT / "specs/helmet-detection"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return started(tmp_path_factory.mktemp("explain") / "shop")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("sample")
    done = run("compile", STORES, "--env", "sample", "--output", output, "--no-cache", at=output)
    assert done.exit_code == 0, done.output
    return output


def test_every_code_is_explained_in_either_case() -> None:
    for name, code in all_codes().items():
        result = run("explain", name.lower())
        assert result.exit_code == 0
        assert result.stdout.startswith(f"{name} ({code.severity.value}): {code.title}")


def test_an_unknown_code_is_a_usage_error_that_names_the_codes_near_it() -> None:
    result = run("explain", "E2399")
    assert result.exit_code == 2
    assert "there is no code E2399; there are: E2301, E2302" in result.output.replace("\n", " ")
    assert run("explain", "Z0000").exit_code == 2


def test_a_code_needs_no_spec(tmp_path: Path) -> None:
    assert run_json("explain", "E2301", at=tmp_path)["severity"] == "error"


def test_a_job_shows_its_sites_backend_and_every_field(fleet: Path) -> None:
    facts = run_json("explain", "jobs.watch", at=fleet)["environments"][0]
    assert facts["sites"] == ["store-1", "store-2", "store-3"]
    assert [row["backend"] for row in facts["backends"]] == ["kubernetes"]
    answers = {row["field"]: row for row in facts["fields"]}
    assert answers["worker.image"]["answer"] == "enforced"
    assert answers["worker.image"]["at"].startswith("specs/jobs.yaml:")
    assert answers["replicas"]["at"] == ""


def test_variants_are_grouped_with_the_reason(fleet: Path) -> None:
    jobs = fleet / "specs/jobs.yaml"
    before = jobs.read_text()
    jobs.write_text(before.replace('target: "1.0.0"', 'target: "1.1.0"'))
    rows = run_json("explain", "watch", at=fleet)["environments"][0]["versions"]
    jobs.write_text(before)
    by_variant = {row["variant"]: row for row in rows}
    assert by_variant["int8"]["sites"] == ["store-2", "store-3"]
    assert by_variant["int8"]["variantReason"] == "arm-box meets its needs"
    assert "int8 needs arm64, mini-pc is amd64" in by_variant[""]["variantReason"]


def test_why_a_site_has_its_version_is_one_question() -> None:
    result = run("explain", "watch-shelves", STORES, "--site", "store-0021")
    assert result.exit_code == 0
    assert "shelf-detector:1.3.0: 1 site (store-0021)" in result.stdout
    assert "because rollout to 1.4.0 is at step 1" in result.stdout


def test_an_override_is_named_with_its_line_and_its_reason(tmp_path: Path) -> None:
    fleet = started(tmp_path / "shop")
    (fleet / "specs/overrides.yaml").write_text(
        "overrides:\n"
        "  - where: {site: store-3}\n"
        '    set: {models: {detector: {target: "1.1.0"}}}\n'
        "    reason: camera of the old type, OPS-4711\n"
    )
    rows = run_json("explain", "watch", at=fleet)["environments"][0]["versions"]
    by_version = {row["version"]: row for row in rows}
    assert by_version["1.1.0"]["sites"] == ["store-3"]
    told = "override at specs/overrides.yaml:2: camera of the old type, OPS-4711"
    assert told in by_version["1.1.0"]["reason"]
    assert "override" not in by_version["1.0.0"]["reason"]


def test_a_site_that_is_a_cluster_of_its_own_is_explained(tmp_path: Path) -> None:
    fleet = tmp_path / "shop"
    assert run("init", fleet).exit_code == 0
    path = fleet / "specs/fleet.yaml"
    path.write_text(path.read_text().replace("    hub:\n", "    hub:\n      each: site\n"))
    assert run("compile", "--no-cache", at=fleet).exit_code == 0
    for file in (fleet / "generated/shop/default/hub/store-2").rglob("*.yaml"):
        facts = run_json("explain", file.relative_to(fleet), at=fleet)
        assert facts.get("derived") or facts["stale"] == ""


def test_every_site_of_a_rollout_is_counted_once() -> None:
    facts = run_json("explain", "watch-shelves", STORES, "--env", "prod")["environments"][0]
    counts = [len(row["sites"]) for row in facts["versions"] if row["model"] == "shelf-detector"]
    assert sum(counts) == len(facts["sites"]) == 1980


def test_each_backend_that_was_asked_has_its_reason() -> None:
    facts = run_json("explain", "inference", HELMET)["environments"]
    by_environment = {entry["environment"]: entry for entry in facts}
    assert by_environment["sedna"]["backends"][0]["backend"] == "sedna"
    plain = by_environment["plain"]["backends"]
    assert {row["backend"] for row in plain} == {"kubernetes"}
    assert plain[0]["loweredBy"]
    assert plain[0]["chosen"] == "backend: in the spec"


def test_unverified_bytes_and_root_are_said_aloud() -> None:
    text = run("explain", "inference", HELMET, "--env", "sedna").stdout
    assert "UNVERIFIED" in text
    assert "ROOT: edge runs as uid 0" in text


def test_a_privileged_container_is_said_aloud(tmp_path: Path) -> None:
    fleet = started(tmp_path / "shop")
    jobs, sites = fleet / "specs/jobs.yaml", fleet / "specs/fleet.yaml"
    jobs.write_text(
        jobs.read_text().replace("      env:", "      devices: [/dev/video0]\n      env:")
    )
    text = sites.read_text().replace("disk: 64Gi}", "disk: 64Gi, devices: {/dev/video0: {}}}")
    sites.write_text(text.replace("disk: 32Gi}", "disk: 32Gi, devices: {/dev/video0: {}}}"))
    result = run("explain", "watch", at=fleet)
    assert "PRIVILEGED: worker runs in a privileged container for /dev/video0" in result.stdout


@pytest.mark.parametrize("target", ["wtach", "jobs.wtach"])
def test_an_unknown_job_is_a_usage_error_with_a_proposal(fleet: Path, target: str) -> None:
    result = run("explain", target, at=fleet)
    assert result.exit_code == 2
    assert "Did you mean watch?" in result.output


def test_an_unknown_site_is_a_usage_error_with_a_proposal() -> None:
    result = run("explain", "watch-shelves", STORES, "--site", "stor-0217")
    assert result.exit_code == 2
    assert "Did you mean store-0217?" in result.output


def test_a_broken_spec_is_told_by_its_lines(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("edgewright: v2\n")
    result = run("explain", "watch", tmp_path)
    assert result.exit_code == 1
    assert "a.yaml:1:13" in result.stderr


SITE = "store-vision/sample/hub/sites/store-0002"
LINES = [
    ('image: "registry.example.com/ovms', "jobs.yaml", "image: registry.example.com/ovms-camera"),
    (
        'image: "registry.example.com/edgewright-sidecar',
        "fleet.yaml",
        "image: registry.example.com",
    ),
    ("name: camera-store-0002", "jobs.yaml", "RTSP_URL:"),
    ("value: de", "jobs.yaml", "LANGUAGE:"),
    ('cpu: "2"', "jobs.yaml", "resources:"),
    ("affinity:", "jobs.yaml", "place:"),
    ("type: Recreate", "jobs.yaml", "update: hot"),
    ("--rest_port=8000", "jobs.yaml", "server: ovms"),
    ("replicas: 1", "jobs.yaml", "kind: serve"),
]


@pytest.mark.parametrize(("text", "file", "source"), LINES)
def test_a_line_leads_to_the_line_of_the_spec_and_of_the_template(
    sample: Path, text: str, file: str, source: str
) -> None:
    path, line = _line(sample, f"{SITE}/deployment.apps-watch-shelves-store-0002.yaml", text)
    facts = run_json("explain", f"{path}:{line}", STORES, "--env", "sample")
    assert text in facts["text"]
    assert facts["spec"]["file"].endswith(file)
    assert source in facts["spec"]["source"]
    assert facts["template"].startswith("templates/kubernetes/deployment.yaml.j2:")
    assert facts["site"] == "store-0002"
    assert facts["subject"] == "jobs.watch-shelves"
    assert facts["stale"] == ""


def test_a_digest_leads_to_its_entry_in_the_lock(sample: Path) -> None:
    path, line = _line(
        sample, f"{SITE}/configmap-watch-shelves-store-0002-sidecar.yaml", "int8-arm64"
    )
    facts = run_json("explain", f"{path}:{line}", STORES, "--env", "sample")
    assert [entry["entry"] for entry in facts["lock"]] == [
        "sample.artifacts.models/shelf-detector:1.4.0/int8-arm64"
    ]
    assert facts["spec"]["source"].strip() == "uri: main:shelf-detector/1.4.0-int8.tar.gz"


def test_a_whole_file_shows_images_and_rollout_of_the_lock(sample: Path) -> None:
    path = sample / SITE / "deployment.apps-watch-shelves-store-0002.yaml"
    entries = {
        entry["entry"] for entry in run_json("explain", path, STORES, "--env", "sample")["lock"]
    }
    assert "sample.rollouts.watch-shelves/shelf-detector" in entries
    assert "sample.images.registry.example.com/ovms-camera:2025.3" in entries


@pytest.mark.parametrize("role", ["root", "apps", "bootstrap", "base", "shards/00"])
def test_every_kind_of_directory_is_explained(sample: Path, role: str) -> None:
    folder = sample / "store-vision/sample/hub" / role
    for path in sorted(folder.glob("*.yaml"))[:3]:
        facts = run_json("explain", path, STORES, "--env", "sample")
        assert facts.get("derived") or facts["spec"]


def test_a_file_that_was_edited_is_said_to_differ(fleet: Path) -> None:
    path = next((fleet / "generated").rglob("deployment*store-1.yaml"))
    before = path.read_text()
    path.write_text(before.replace("replicas: 1", "replicas: 2"))
    result = run("explain", path, at=fleet)
    path.write_text(before)
    assert "differs from what the spec makes now" in result.stdout


def test_a_patched_line_says_that_no_template_made_it(tmp_path: Path) -> None:
    fleet = tmp_path / "shop"
    assert run("init", fleet).exit_code == 0
    patch = "patches: [{job: watch, kind: Deployment, patch: {metadata: {labels: {team: a}}}}]\n"
    (fleet / "specs/patches.yaml").write_text(patch)
    assert run("compile", "--no-cache", at=fleet).exit_code == 0
    path, line = _line(
        fleet,
        "generated/shop/default/hub/sites/store-1/deployment.apps-watch-store-1.yaml",
        "team: a",
    )
    assert run_json("explain", f"{path}:{line}", at=fleet)["template"].startswith("not templates/")


STORE = "generated/shop/default/hub/sites/store-1"
BAD_PATHS = [
    ("elsewhere/x.yaml", "is not below any directory"),
    (
        "generated/shop/default/hub/sites/store-11/x.yaml",
        "Did you mean shop/default/hub/sites/store-1?",
    ),
    (f"{STORE}/service-watch-store-2.yaml", "Did you mean"),
    ("generated/shop/default/hub/x.yaml", "is not below any directory"),
    ("x.yaml:3", "is not below any directory"),
    (f"{STORE}/service-watch-store-1.yaml:9999", "lines; there is no line"),
]


@pytest.mark.parametrize(("path", "message"), BAD_PATHS)
def test_a_file_that_the_spec_does_not_make_is_a_usage_error(
    fleet: Path, path: str, message: str
) -> None:
    result = run("explain", path, at=fleet)
    assert result.exit_code == 2, result.output
    assert message in result.output.replace("\n", " ")


def _line(folder: Path, name: str, text: str) -> tuple[Path, int]:
    path = folder / name
    lines = path.read_text().splitlines()
    return path, next(number for number, line in enumerate(lines, 1) if text in line)
