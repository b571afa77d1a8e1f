"""The tutorial of a fleet, followed from step to step."""

from __future__ import annotations

import re
from pathlib import Path

from tests import tutorials
from tests.commands.running import ROOT


def test_the_tutorial_of_a_fleet_is_true_from_step_to_step(tmp_path: Path) -> None:
    instead = {"edgewright=$PWD": f"edgewright={ROOT}"}
    told = tutorials.followed("fleet-tutorial.md", tmp_path, instead, "kill $sidecars $store")
    served = re.findall(r"^shop-(\d) serves version (\d)$", told, re.M)
    assert served == [tuple(word) for word in ["11", "21", "12", "21", "12", "22", "11", "21"]]
    assert "hot swap  jobs.watch  shop-1" in told
    assert re.search(r"running +detector:2: GOOD", told)
    assert "2 sites change: shop-1, shop-2" in told
