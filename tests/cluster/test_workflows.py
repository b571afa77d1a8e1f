"""Workflows by the rules of those who know GitHub's: expressions, contexts, keys, permissions."""

from __future__ import annotations

import subprocess

from tests.cluster.build import binary
from tests.commands.running import ROOT


def test_actionlint_finds_nothing_in_the_workflows() -> None:
    workflows = sorted((ROOT / ".github/workflows").glob("*.yml"))
    assert len(workflows) == 4
    done = subprocess.run(
        [binary("actionlint"), *workflows], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_it_finds_what_is_wrong() -> None:
    text = (ROOT / ".github/workflows/fleet-check.yml").read_text(encoding="utf-8")
    wrong = text.replace("inputs.spec", "inputs.specs").replace("timeout-minutes", "timeout")
    done = subprocess.run(
        [binary("actionlint"), "-"], input=wrong, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert 'property "specs" is not defined' in done.stdout
    assert 'unexpected key "timeout"' in done.stdout
