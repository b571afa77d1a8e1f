"""What a `status` of two thousand sites with a report each takes, against one compile of the fleet.

Run it as `python tests/bench/bench_status.py [ROUNDS]`. The store of reports is a folder; neither a
cluster nor a branch is asked. What a store on the network takes on top is one list, page by page,
and one read for each site, sixteen at a time. Nothing is asserted.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.measuring import STORES, Ran, Row, compile_fresh, heading, median, run, scratch

FLEET = """\
stores:
  said: {{url: "{url}"}}
"""
STATUS = f"{sys.executable} -m compiler status"
REPORTS = "  uri: main:reports/"


def rows(rounds: int = 3) -> Iterator[Row]:
    """The status of the whole fleet, then of one site."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=scratch()) as name:
        folder = Path(name)
        whole = median(lambda: compile_fresh(STORES, folder / "cold", "--no-cache"), rounds)
        spec, sites = fleet(folder)
        for words, what, goal in (
            ("", f"status of {sites:,} sites with {sites:,} reports", "≤ 2 ×"),
            ("store-1500", "status of one of them", "≤ 1 ×"),
        ):
            spent = median(lambda words=words: _status(folder, spec, words), rounds)  # type: ignore[misc] # bound here
            ratio = spent.seconds / whole.seconds
            yield Row(
                f"{what}, against one compile", goal,
                f"{ratio:.2f} × ({spent.seconds:.2f} s, {spent.processor:.2f} s of processors, "
                f"{spent.peak:.0f} MiB)",
            )  # fmt: skip


def _status(folder: Path, spec: Path, words: str) -> Ran:
    # The right answer is 3: the reports are of another config than the one that is compiled.
    return run(["/bin/sh", "-c", f"{STATUS} {spec} {words}; test $? -eq 3"], folder)


def fleet(folder: Path) -> tuple[Path, int]:
    """The fleet with a folder of reports, one for each site."""
    spec, store = folder / "specs", folder / "store"
    shutil.copytree(STORES, spec, ignore=shutil.ignore_patterns(".edgewright"))
    fleet = spec / "fleet.yaml"
    fleet.write_text(fleet.read_text().replace(REPORTS, REPORTS.replace("main", "said")))
    (spec / "said.yaml").write_text(FLEET.format(url=store.as_uri()))
    names = [line.partition(",")[0] for line in (spec / "sites.csv").read_text().splitlines()[1:]]
    ring = {
        line.partition(",")[0]: ",lab," in line
        for line in (spec / "sites.csv").read_text().splitlines()[1:]
    }
    for site in names:
        path = store / f"reports/{site}/{site}-a/watch-shelves.worker.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(_report(site, "sample" if ring[site] else "prod")))
    return spec, len(names)


def _report(site: str, environment: str) -> dict[str, object]:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    artifacts = [
        {
            "kind": "model", "name": name, "version": "1.3.0", "wanted": "0" * 64,
            "active": "0" * 64, "serves": "1.3.0", "required": True, "state": "GOOD",
            "phase": "idle", "since": now,
        }
        for name in ("shelf-detector", "people-counter")
    ]  # fmt: skip
    return {
        "report": 1, "sidecar": "1.0", "time": now, "project": "store-vision",
        "environment": environment, "cluster": "hub", "namespace": "store-vision", "site": site,
        "host": f"{site}-a", "job": "watch-shelves", "role": "worker",
        "tenant": "watch-shelves.worker", "revision": "0" * 64, "state": "GOOD", "started": True,
        "ready": True, "artifacts": artifacts, "outbox": [],
    }  # fmt: skip


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(heading())
    for row in rows(rounds):
        print(f"{row.work:68} {row.goal:>7}   {row.measured}", flush=True)


if __name__ == "__main__":
    main()
