from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.sidecar.support.cases import World, free_port
from tests.sidecar.support.running import Sidecar, surroundings

SCRIPT = Path(__file__).with_name("offline_days.py")


def test_n10_without_a_network_for_a_month_nothing_grows_and_what_is_active_serves(
    tmp_path: Path, campaign: bool
) -> None:
    world = World(tmp_path)
    first = world.file("det", b"1")
    world.mount_config(world.document(first))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        sidecar.end()
    nowhere = f"http://127.0.0.1:{free_port()}"
    newer = world.file("det", b"2", sources=[{"url": f"{nowhere}/m"}])
    reports = {"url": f"{nowhere}/reports/", "interval": 300}
    world.mount_config(world.document(newer, reports=reports))
    cycles = 17_280 if campaign else 120
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(world.config), str(world.view), str(cycles)],
        capture_output=True, text=True, env=surroundings(), check=True,
    )  # fmt: skip
    seen = json.loads(done.stdout)
    print(f"{cycles} cycles: {seen}")
    assert seen["ready"]
    assert seen["offline"]
    assert (world.view / "models/det").read_bytes() == b"1"
    assert seen["failures"]["Offline"] > cycles / 4
    assert seen["last"]["anonymous"] - seen["first"]["anonymous"] < 512
    assert seen["last"]["files"][0] <= seen["first"]["files"][0] + 4
    assert seen["last"]["files"][1] <= 600_000
    assert done.stderr.count('"event":"waits"') <= 2
