"""Every site goes back at once: what is edited, what is told, and what a killed run leaves."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from compiler.adapters import saving
from tests.commands.running import ROOT, run, run_json
from tests.commands.test_promote import FILES, bump, rollout, shops


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (folder / "specs").iterdir()}


def test_a_rollback_sets_the_target_yanks_the_version_and_reaches_every_site(
    tmp_path: Path,
) -> None:
    folder = shops(tmp_path)
    run("promote", "watch", at=folder)
    before = texts(folder)
    result = run("rollback", "detector", "--reason", "flickers at dusk, OPS-9", at=folder)
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "detector: goes back from 2 to 1 at once\n"
        "  3 sites change: north-1, north-2, north-3\n"
        "  nothing to fetch: the version is still in the store of each of them\n"
        "  worst time until the last of 3 hot sites has switched: 6 min 0 s after the publish, and "
        "what the server takes to load it\n"
        "  next: edgewright compile, publish\n"
    )
    after = texts(folder)
    assert after["models.yaml"] == before["models.yaml"].replace(
        "'main:detector/2.onnx'}", "'main:detector/2.onnx', yanked: \"flickers at dusk, OPS-9\"}"
    ).replace('target: "2"', 'target: "1"')
    assert after["fleet.yaml"] == before["fleet.yaml"]
    assert after["edgewright.lock"] == before["edgewright.lock"].replace(
        'from: "1"\n  step: 1\n  to: "2"', 'from: "2"\n  step: 1\n  to: "1"\n  was: "1"'
    )
    assert run("compile", "--locked", at=folder).exit_code == 0
    # Locking again changes nothing, and the next promotion gives the bad version up.
    assert run("lock", at=folder).exit_code == 0
    assert rollout(folder) == {"from": "2", "to": "1", "step": 1, "was": "1"}
    assert run("promote", "watch", at=folder).exit_code == 0
    assert rollout(folder) == {"from": "1", "to": "1", "step": 1, "was": "1"}


def test_after_a_finished_rollout_the_lock_still_knows_the_version_before(tmp_path: Path) -> None:
    folder = shops(tmp_path)
    run("promote", "watch", at=folder)
    run("promote", "watch", at=folder)
    found = run_json("rollback", "detector", at=folder)
    assert (found["from"], found["to"], found["yanked"]) == ("2", "1", True)
    assert [one["bytes"] for one in found["sites"]] == [0, 0, 0]


def test_another_version_is_named_and_fetched(tmp_path: Path) -> None:
    folder = shops(tmp_path)
    bump(folder, "3")
    found = run_json("rollback", "detector", "--to", "2", "--no-yank", at=folder)
    assert found["yanked"] is False
    assert [one["bytes"] for one in found["sites"]] == [10, 10, 10]
    assert "yanked" not in texts(folder)["models.yaml"]


def test_only_sites_that_have_the_bad_version_change_and_a_dry_run_writes_nothing(
    tmp_path: Path,
) -> None:
    folder = shops(tmp_path)
    before = texts(folder)
    found = run_json("rollback", "detector", "--dry-run", at=folder)
    assert [one["site"] for one in found["sites"]] == ["north-1"]
    assert texts(folder) == before


def test_a_version_that_nobody_knows_to_go_back_to_is_asked_for(tmp_path: Path) -> None:
    folder = shops(tmp_path)
    for _ in range(2):
        run("promote", "watch", at=folder)
    assert run("rollback", "detector", at=folder).exit_code == 0
    for _ in range(2):
        run("promote", "watch", at=folder)
    result = run("rollback", "detector", at=folder)
    assert result.exit_code == 1
    assert "E7402 the lock does not know what detector was before 1" in result.stderr
    assert "name it with --to; there is 3" in result.stderr
    yanked = run("rollback", "detector", "--to", "2", at=folder)
    assert yanked.exit_code == 1
    assert "E2003 detector:2 is yanked: rolled back to 1" in yanked.stderr
    assert run("rollback", "detector", "--to", "9", at=folder).exit_code == 2
    assert "Did you mean detector?" in run("rollback", "detectro", at=folder).output


def test_an_override_that_pins_a_site_is_told_and_stays(tmp_path: Path) -> None:
    folder = shops(tmp_path)
    (folder / "specs/pins.yaml").write_text(
        "overrides:\n- where: {site: north-3}\n"
        '  set: {models: {detector: {target: "3"}}}\n  reason: OPS-3\n'
    )
    assert run("lock", at=folder).exit_code == 0
    run("promote", "watch", at=folder)
    result = run("rollback", "detector", at=folder)
    assert result.exit_code == 0, result.output
    assert "2 sites change: north-1, north-2" in result.stdout
    assert "an override decides at north-3: nothing changes there" in result.stdout


def test_a_fleet_without_a_lock_or_a_rollout_goes_back_to_the_version_that_is_named(
    tmp_path: Path,
) -> None:
    folder = shops(tmp_path)
    (folder / "specs/edgewright.lock").unlink()
    spec, models = folder / "specs/fleet.yaml", folder / "specs/models.yaml"
    spec.write_text("".join(line for line in spec.read_text().splitlines(keepends=True)
                            if "rollout:" not in line))  # fmt: skip
    text = models.read_text()
    for version in "123":
        digest = hashlib.sha256(FILES[f"detector/{version}.onnx"]).hexdigest()
        text = text.replace(f'"{version}": {{', f'"{version}": {{sha256: "{digest}", ')
    models.write_text(text)
    refused = run("rollback", "detector", at=folder)
    assert refused.exit_code == 1
    assert "name it with --to; there is 3, 1" in refused.stderr
    result = run("rollback", "detector", "--to", "1", at=folder)
    assert result.exit_code == 0, result.output
    assert "3 sites change" in result.stdout
    assert 'target: "1"' in models.read_text()
    assert not (folder / "specs/edgewright.lock").exists()


def test_a_selected_version_is_left_by_the_lock_and_yanked_so_that_it_is_not_chosen_again(
    tmp_path: Path,
) -> None:
    folder = shops(tmp_path)
    models, lock = folder / "specs/models.yaml", folder / "specs/edgewright.lock"
    models.write_text(models.read_text().replace('target: "2"', "select: {metric: map50}"))
    lock.write_text(lock.read_text() + CHOSEN)
    result = run("rollback", "detector", "--reason", "OPS-9", at=folder)
    assert result.exit_code == 0, result.output
    assert lock.read_text().endswith(CHOSEN.replace('"2"', '"1"').replace(
        "best map50", '"back to 1: OPS-9"'))  # fmt: skip
    assert 'yanked: "OPS-9"' in models.read_text() or "yanked: OPS-9" in models.read_text()
    assert "select: {metric: map50}" in models.read_text()


CHOSEN = """
"default.targets.detector":
  reason: best map50
  version: "2"
"""

ENVIRONMENTS = """\
environments:
  lab: {namespace: lab, where: {ring: canary}}   # the lab
  shops: {namespace: shops, where: {ring: {not: canary}}}
"""


def test_one_environment_goes_back_alone_and_the_version_of_another_is_not_yanked(
    tmp_path: Path,
) -> None:
    folder = shops(tmp_path)
    (folder / "specs/environments.yaml").write_text(ENVIRONMENTS)
    (folder / "specs/edgewright.lock").unlink()
    assert run("lock", at=folder).exit_code == 0
    result = run("rollback", "detector", "--to", "1", "--env", "shops", at=folder)
    assert result.exit_code == 0, result.output
    assert "is not yanked: it may be used again, and lab still has it" in result.stdout
    assert texts(folder)["environments.yaml"] == ENVIRONMENTS.replace(
        "canary}}}", 'canary}}, set: {models: {detector: {target: "1"}}}}'
    )
    assert 'target: "2"' in texts(folder)["models.yaml"]
    assert run("compile", "--locked", at=folder).exit_code == 0


def test_a_run_that_dies_between_spec_and_lock_is_refused_by_compile_and_ended_by_the_next(
    tmp_path: Path,
) -> None:
    folder = shops(tmp_path)
    run("promote", "watch", at=folder)
    killed = "import os, signal; from pathlib import Path; from compiler.adapters import saving; "
    killed += "save = saving.save; count = []; "
    killed += "saving.save = lambda *a: os.kill(os.getpid(), signal.SIGKILL) if count else "
    killed += "(count.append(1), save(*a)); from compiler.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", killed, "rollback", "detector"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False, capture_output=True,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    assert 'target: "1"' in texts(folder)["models.yaml"]
    assert rollout(folder)["to"] == "2"
    refused = run("compile", at=folder)
    assert refused.exit_code == 1
    assert "E7101" in refused.stderr
    result = run("rollback", "detector", at=folder)
    assert result.exit_code == 0, result.output
    assert rollout(folder) == {"from": "2", "to": "1", "step": 1, "was": "1"}
    assert "yanked" in texts(folder)["models.yaml"]
    assert run("compile", "--locked", at=folder).exit_code == 0


def test_a_file_that_somebody_writes_meanwhile_is_left_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shops(tmp_path)
    models = folder / "specs/models.yaml"
    save = saving.save

    def late(path: Path, old: str, new: str) -> None:
        if path.name == "models.yaml":
            models.write_text(models.read_text() + "# mine\n")
        save(path, old, new)

    monkeypatch.setattr(saving, "save", late)
    result = run("rollback", "detector", at=folder)
    assert result.exit_code == 1
    assert "E7112" in result.stderr
    assert models.read_text().endswith("# mine\n")
    assert 'target: "2"' in models.read_text()


def test_an_override_of_something_else_does_not_take_a_site_out_of_the_rollout(
    tmp_path: Path,
) -> None:
    folder = shops(tmp_path)
    (folder / "specs/notes.yaml").write_text(
        "overrides:\n- where: {site: north-3}\n  set: {models: {detector: {license: MIT}}}\n"
    )
    found = run_json("promote", "watch", at=folder)
    assert [one["site"] for one in found["rollouts"][0]["changes"]] == ["north-2", "north-3"]


def test_a_store_that_keeps_no_version_before_fetches_it_again(tmp_path: Path) -> None:
    folder = shops(tmp_path)
    run("promote", "watch", at=folder)
    spec = folder / "specs/fleet.yaml"
    text = spec.read_text()
    spec.write_text(text.replace("disk: 64Gi", "disk: 64Gi, cache: {previous: 0}"))
    found = run("rollback", "detector", "--dry-run", at=folder)
    assert found.exit_code == 0, found.output
    assert "nothing to fetch" not in found.stdout
    assert "to fetch at 3 of them" in found.stdout
