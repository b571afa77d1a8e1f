"""The tutorial of one edge pod, followed from step to step."""

from __future__ import annotations

import re
from pathlib import Path

from tests import tutorials
from tests.commands.running import ROOT

CLONE = "git clone https://github.com/edgewright/edgewright && cd edgewright\n"
MAKE = "make .venv/.installed && . .venv/bin/activate    # the compiler and its test tools\n"
ROW = re.compile(r"^model/shelf-detector  (\d) +(\d) +(\w+)", re.M)


def test_the_tutorial_of_an_edge_pod_is_true_from_step_to_step(tmp_path: Path) -> None:
    instead = {CLONE: "", MAKE: "", "edgewright=$PWD": f"edgewright={ROOT}"}
    end = "kill $resident $server"
    told = tutorials.followed("sidecar-tutorial.md", tmp_path, instead, end)
    assert ROW.findall(told) == [
        ("1", "1", "GOOD"), ("2", "2", "GOOD"), ("3", "2", "REFUSED"), ("1", "1", "GOOD"),
    ]  # fmt: skip
    assert "no such operator: Frobnicate" in told
