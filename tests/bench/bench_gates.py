"""A compile with every gate and five policies of each site, against one without any of them.

Run it as `python tests/bench/bench_gates.py [ROUNDS]`. Both compile the same objects, one after the
other in each round, so that what else the machine does hits both; the ratio of each round is
printed, and the median of them is what counts. Nothing is asserted.
"""

from __future__ import annotations

import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.measuring import HELMET, STORES, Row, compile_fresh, heading, scratch

GOAL = "≤ 1.3 ×"
POLICIES = """
licenses: {allow: [Apache-2.0]}
policies:
  - {name: one-watcher, per: site,
     assert: "objects.filter(o, o.kind == 'Deployment'
       && o.metadata.labels['edgewright.io/job'] == 'watch-shelves').size() == 1"}
  - {name: limits, per: site,
     assert: "objects.all(o, o.kind != 'Deployment'
       || o.spec.template.spec.containers.all(c, has(c.resources.limits)))"}
  - {name: one-config, per: site,
     assert: "objects.exists(o, o.kind == 'ConfigMap' && has(o.data) && 'config.json' in o.data)"}
  - {name: named-after-the-site, per: site,
     assert: "objects.all(o, o.metadata.labels['edgewright.io/site'] == site.name)"}
  - {name: no-cluster-roles, per: site,
     assert: "!objects.exists(o, o.kind in ['ClusterRole', 'ClusterRoleBinding'])"}
"""
GATED = {
    '    target: "1.4.0"\n': '    target: "1.4.0"\n'
    "    gates: [{metric: map50, atLeast: 0.5}, {metric: map50, noWorseBy: 0.02}]\n",
    '      "1.3.0":\n': '      "1.3.0":\n        metrics: [{name: map50, value: 0.60}]\n',
    '      "1.4.0":\n': '      "1.4.0":\n        metrics: [{name: map50, value: 0.61}]\n',
}
UNGATED = {"fleet.yaml": (r"^ +disk: .*\n", ""), "models.yaml": (r"memory: \d+Mi(, )?", "")}
"""What takes the gates of disk and memory out of the fleet and its models, and nothing else."""


@dataclass(frozen=True, slots=True)
class Paired:
    """Ratios of one round: time, and seconds of processors."""

    seconds: float
    processor: float


def rows(rounds: int = 5) -> Iterator[Row]:
    """The one row, the median of all rounds."""
    found = list(measured(rounds))
    seconds = statistics.median(one.seconds for one in found)
    processor = statistics.median(one.processor for one in found)
    yield Row(
        "five policies of each of 2,000 sites and all gates",
        GOAL,
        f"{seconds:.2f} × ({processor:.2f} × of processors) of a compile without any",
    )


def measured(rounds: int) -> Iterator[Paired]:
    """Compile both, one after the other, again and again."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=scratch()) as name:
        folder = Path(name)
        with_, without = gated(folder / "gated"), ungated(folder / "ungated")
        compile_fresh(HELMET, folder / "warm")
        for number in range(rounds):
            order = (without, with_) if number % 2 else (with_, without)
            ran = {spec: compile_fresh(spec, folder / "out", "--no-cache") for spec in order}
            more, less = ran[with_], ran[without]
            yield Paired(more.seconds / less.seconds, more.processor / less.processor)


def gated(target: Path) -> Path:
    """The fleet with gates of its models, licences and policies, beside those that it has."""
    spec = _copy(target)
    models = spec / "models.yaml"
    text = models.read_text(encoding="utf-8")
    for old, new in GATED.items():
        if old not in text:
            raise SystemExit(f"{models} has no {old!r} any more: this bench measures nothing")
        text = text.replace(old, new)
    models.write_text(text + POLICIES, encoding="utf-8")
    return spec


def ungated(target: Path) -> Path:
    """The fleet without the figures that gates of disk and memory need."""
    spec = _copy(target)
    for name, (old, new) in UNGATED.items():
        file = spec / name
        text = file.read_text(encoding="utf-8")
        found, times = re.subn(old, new, text, flags=re.MULTILINE)
        if not times:
            raise SystemExit(f"{file} has no such figure any more: this bench measures nothing")
        file.write_text(found.replace("        needs: {}\n", ""), encoding="utf-8")
    return spec


def _copy(target: Path) -> Path:
    shutil.copytree(STORES, target, ignore=shutil.ignore_patterns(".edgewright"))
    return target


def main() -> None:
    """Print the ratio of each round, and the row."""
    print(heading())
    rounds = int(sys.argv[1]) if sys.argv[1:] else 5
    found = []
    for one in measured(rounds):
        found.append(one)
        print(f"time {one.seconds:.2f} ×, processors {one.processor:.2f} ×", flush=True)
    seconds = statistics.median(one.seconds for one in found)
    processor = statistics.median(one.processor for one in found)
    print(f"median: time {seconds:.2f} ×, processors {processor:.2f} × ({GOAL})")


if __name__ == "__main__":
    main()
