"""A whole rollout: bump, canary, soak, everybody; a bad version; and everybody back.

The compiler's commands, S3, the sidecars and their reports are real; the clock of `promote` and
the model servers are not.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compiler.commands import promote
from tests.commands.locking import entry
from tests.sidecar.story.shops import SITES, Shops
from tests.sidecar.support.s3 import ACCESS, S3, SECRET

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


@pytest.fixture
def shops(tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shops]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    found = Shops(tmp_path, s3, s3.bucket("rollout"), ARCH)
    for key in s3.keys("rollout", "reports/"):
        s3.client.delete_object(Bucket="rollout", Key=key)
    found.call("lock")
    found.publish()
    with found.open():
        for site in SITES:
            found.wait_served(site, "1")
        yield found


def state(shops: Shops) -> dict[str, Any]:
    return entry(shops.folder, "rollouts", "watch/detector")


def test_a_version_reaches_the_canary_then_everybody_and_a_bad_one_comes_back(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Step 0: the canary alone.
    shops.bump("2")
    assert state(shops) == {"from": "1", "to": "2", "step": 0}
    shops.publish()
    shops.wait_served("north-1", "2")
    for site in SITES[1:]:
        assert shops.sidecars[site].artifact("model/detector")["version"] == "1"

    _asks_why(shops)

    # Before the soak has passed nothing goes on; after it everybody gets the version.
    held = shops.call("promote", "watch", "--if-ready", status=3)
    assert "the soak has not passed" in held.stderr
    assert "the soak counts from" in held.stdout
    assert state(shops)["step"] == 0
    later = time.time() + 31 * 60
    monkeypatch.setattr(promote, "CLOCK", lambda: later)
    on = shops.call("promote", "watch", "--if-ready")
    assert "1 -> 2 at step 1 of 1" in on.stdout
    shops.publish()
    for site in SITES:
        shops.wait_served(site, "2")
    shops.call("promote", "watch", "--if-ready")
    assert state(shops) == {"from": "2", "to": "2", "step": 1, "was": "1"}

    # A bad version never leaves the canary, and the server's own words say why.
    shops.bump("3")
    shops.publish()
    shops.wait_reported("north-1", state="REFUSED", version="3")
    assert shops.servers["north-1"].loaded()["detector"]["number"] == 2
    aborted = shops.call("promote", "watch", "--if-ready", status=3)
    assert "E7406" in aborted.stderr
    assert "north-1  failed   " in aborted.stdout
    assert shops.report("north-1")["artifacts"][0]["detail"] in aborted.stdout
    left = shops.call("status", "north-1", status=3).stdout
    assert "wanted     detector:2" in left
    assert "running    detector:2, on the way to 3: REFUSED" in left
    print(f"\n{aborted.stdout}{aborted.stderr}")
    assert state(shops) == {"from": "3", "to": "2", "step": 1, "was": "2"}
    models = (shops.folder / "specs/models.yaml").read_text()
    assert 'target: "2"   # bumped by hand' in models
    shops.publish()
    shops.wait_served("north-1", "2")

    # Back to the first version, everywhere at once; it is still in every store.
    for key in shops.s3.keys("rollout", "detector/"):
        shops.s3.client.delete_object(Bucket="rollout", Key=key)
    back = shops.call("rollback", "detector", "--to", "1", "--reason", "flickers, OPS-9")
    assert "3 sites change: north-1, north-2, north-3" in back.stdout
    shops.publish()
    for site in SITES:
        shops.wait_served(site, "1")
    models = (shops.folder / "specs/models.yaml").read_text()
    assert (
        '"2": {uri: "main:detector/2.onnx", yanked: "flickers, OPS-9"}   # better at dusk' in models
    )


def _asks_why(shops: Shops) -> None:
    """Whoever asks why a site is on the old version is told, by what is wanted and what runs."""
    why = "rollout to 2 is at step 0 of 1, step 1 takes it"
    assert f"because {why}" in shops.call("explain", "watch", "--site", "north-3").stdout
    told = shops.call("status", "north-3", status=3).stdout
    assert f"wanted     detector:1, because {why}" in told
    assert "its next step waits: the soak has not passed until 2" in told
    assert "running    detector:1: GOOD" in told

    here = shops.call("explain", "north-3").stdout
    assert "step 0: where {ring: canary}, soak 30m: not this site: ring is not set  <- now" in here
    assert "step 1: percent 100: takes it" in here
    fleet = shops.call("status", status=3).stdout.splitlines()
    rows = [line.split() for line in fleet if line.startswith("watch / detector  hub")]
    # Ring, wanted, sites; published and applied are not asked; accepted; running; silent.
    assert [row[4:7] + row[-3:] for row in rows] == [
        ["-", "1", "2", "0", "2", "0"], ["canary", "2", "1", "0", "1", "0"],
    ]  # fmt: skip
