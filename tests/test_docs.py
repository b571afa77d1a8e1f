"""The pages of docs/ say what is true: generated ones are fresh, links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from compiler import kinds
from compiler.cli import COMMANDS
from compiler.datasets import FORMATS
from compiler.model.codes import all_codes
from compiler.model.counted import PROBLEMS
from compiler.model.spec.reference import entries
from tests.commands.running import ROOT, run, run_json

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
SHORTER = (".how", ".perHost", ".replicas.count", ".update.poll")
"""Keys that nobody writes: the page shows the shorter ways of writing them instead."""
ADR_PARTS = ("Status: ", "## The problem", "## The decision", "## What follows")


def test_generated_pages_are_up_to_date() -> None:
    command = [sys.executable, str(ROOT / ".ci/reference.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_stale_page_is_named(tmp_path: Path) -> None:
    for name in (".ci", "docs", "sidecar", "compiler", "README.md", "templates"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "docs").unlink()
    (tmp_path / "docs").mkdir()
    for path in ROOT.glob("docs/*.*"):
        (tmp_path / "docs" / path.name).write_bytes(path.read_bytes())
    script = tmp_path / "reference.py"
    text = (ROOT / ".ci/reference.py").read_text()
    script.write_text(text.replace("Path(__file__).resolve().parents[1]", "Path(__file__).parent"))
    (tmp_path / "reference_spec.py").write_bytes((ROOT / ".ci/reference_spec.py").read_bytes())
    page = tmp_path / "docs/errors.md"
    page.write_text(page.read_text().replace("E2301", "E2399"))
    command = [sys.executable, str(script), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("stale: docs/errors.md")


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = page if not name else (page.parent / name).resolve()
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            anchors = {_anchor(text) for text in HEADING.findall(file.read_text(encoding="utf-8"))}
            assert anchor in anchors, f"{page.name}: {target}"


def test_every_key_every_code_and_every_command_has_its_place() -> None:
    spec = (ROOT / "docs/spec.md").read_text(encoding="utf-8")
    for entry in entries(kinds.REGISTRY):
        if not entry.path.endswith(SHORTER):
            assert entry.description in spec, entry.path
    errors = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    for name in all_codes():
        assert errors.count(f"### {name}\n") == 1
    commands = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"## {name}\n" in commands


def test_every_kind_of_problem_of_a_dataset_is_explained() -> None:
    page = (ROOT / "docs/datasets.md").read_text(encoding="utf-8")
    for kind, meaning in PROBLEMS.items():
        assert f"| `{kind}` | {meaning} |" in page


def test_every_format_of_a_dataset_is_in_its_table() -> None:
    page = (ROOT / "docs/datasets.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"(?m)^\| `([a-z]+)` \| .* \| .* \|$", page)) == list(FORMATS)


def test_kinds_that_do_not_compile_are_marked() -> None:
    spec = (ROOT / "docs/spec.md").read_text(encoding="utf-8")
    for name in kinds.REGISTRY.names:
        section = spec.split(f"\n## {name}\n")[-1].split("\n## ")[0]
        compiles = kinds.REGISTRY.load(name).plan is not None
        assert ("not compiled yet" in section) is not compiles


def test_argo_cds_health_checks_are_a_patch_of_its_config() -> None:
    patch = yaml.safe_load((ROOT / "docs/argocd-health.yaml").read_text(encoding="utf-8"))
    assert patch["metadata"]["name"] == "argocd-cm"
    assert all(key.startswith("resource.customizations.health.") for key in patch["data"])


def test_decisions_have_the_parts_of_a_decision() -> None:
    found = sorted((ROOT / "docs/adr").glob("*.md"))
    numbers = [path.name[:4] for path in found]
    assert len(set(numbers)) == len(numbers) >= 4
    for path in found:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]}: ")
        for part in ADR_PARTS:
            assert part in text, f"{path.name} lacks {part}"


def test_the_quickstart_is_true_from_step_to_step(tmp_path: Path) -> None:
    """Runs what the page says, in its order, and compares what it shows."""
    text = (ROOT / "docs/quickstart.md").read_text(encoding="utf-8")
    steps = re.split(r"^## \d+\. ", text, flags=re.MULTILINE)[1:]
    fleet = tmp_path / "my-fleet"
    jobs = fleet / "specs/jobs.yaml"
    assert run("init", fleet).exit_code == 0
    _follow(steps[2], fleet)
    _follow(steps[3], fleet)
    target = re.search(r"explain (generated/\S+)", steps[3])
    assert target is not None
    assert run_json("explain", target[1], at=fleet)["spec"]["source"].strip().startswith("CAMERA")
    jobs.write_text(jobs.read_text().replace('target: "1.0.0"', 'target: "1.1.0"'))
    changed = run_json("compile", "--no-cache", at=fleet)["changedObjects"]["changed"]
    assert changed == 7
    assert "Seven objects differ" in steps[4]
    jobs.write_text(jobs.read_text().replace("server: ovms", "server: omvs"))
    result = run("check", at=fleet)
    shown = re.search(r"```text\n(.+?)```", steps[5], re.DOTALL)
    assert shown is not None
    assert result.stderr == shown[1]
    assert (fleet / "generated/my-fleet/default/hub/root/kustomization.yaml").exists()


def test_the_rollout_of_the_concepts_is_rendered_as_told(tmp_path: Path) -> None:
    text = (ROOT / "docs/concepts.md").read_text(encoding="utf-8")
    lock = re.search(r"## Rollouts.+?```yaml\n(.+?)```", text, re.DOTALL)
    assert lock is not None
    assert run("init", tmp_path / "shop").exit_code == 0
    jobs = tmp_path / "shop/specs/jobs.yaml"
    steps = "    rollout: {steps: [{where: {ring: canary}}, {percent: 100}]}\n"
    jobs.write_text(jobs.read_text().replace('target: "1.0.0"', 'target: "1.1.0"') + steps)
    versions = {}
    for step in (0, 1):
        written = lock[1].replace("step: 0", f"step: {step}")
        (tmp_path / "shop/specs/edgewright.lock").write_text(written)
        rows = run_json("explain", "watch", at=tmp_path / "shop")["environments"][0]["versions"]
        versions[step] = {site: row["version"] for row in rows for site in row["sites"]}
    assert versions[0] == {"store-1": "1.1.0", "store-2": "1.0.0", "store-3": "1.0.0"}
    assert set(versions[1].values()) == {"1.1.0"}
    told = run("explain", "watch", "--site", "store-3", at=tmp_path / "shop").stdout
    assert "rollout reached it at step 1 of 1" in told


def _follow(step: str, fleet: Path) -> None:
    commands = re.findall(r"^edgewright (.+)$", step, re.MULTILINE)
    assert commands
    for words in commands:
        result = run(*words.split(), at=fleet)
        assert result.exit_code == 0, f"{words}: {result.output}"


def _anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")
