"""How long loading takes, with positions: against libyaml's compose, and for a table of sites.

Run it as a program; it prints medians and their ratio. Goal: at most twice compose, a table of
2,000 sites well under 50 ms.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable

import yaml

from compiler.model import site_table, source
from compiler.model.diagnostics import Diagnostics

SITE = """\
    store-{0:04d}:
      cluster: hub
      layer: edge
      profile: jetson-orin
      hosts: {{edge-{0:04d}a: {{address: 10.20.1.4}}}}
      labels: {{region: north, ring: canary}}
      vars:
        lang: de
        tills: {0}
      link: {{rate: 20Mbit/s, window: "01:00-05:00"}}
"""
HEADER = "name,cluster,layer,profile,hosts,labels.region,labels.ring,vars.lang,link.rate,timezone\n"
ROW = "store-{0:04d},hub,edge,nuc,e-{0}a=10.2.1.4;e-{0}b,north,canary,de,20Mbit/s,Europe/Vienna\n"


def fleet(sites: int) -> str:
    """A spec with that many sites of ten lines each."""
    return "fleet:\n  sites:\n" + "".join(SITE.format(site) for site in range(sites))


def table(sites: int) -> str:
    """The same as a table."""
    return HEADER + "".join(ROW.format(site) for site in range(sites))


def parse(text: str) -> object:
    """What the compiler does with a file."""
    diagnostics = Diagnostics()
    documents = source.parse("fleet.yaml", text, diagnostics)
    diagnostics.raise_errors()
    return documents


def compose(text: str) -> object:
    """The rival: a tree of nodes with marks."""
    return yaml.compose(text, Loader=yaml.CLoader)


def median(work: Callable[[str], object], text: str, runs: int) -> float:
    """The median time of a call in milliseconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        kept = work(text)
        times.append((time.perf_counter() - start) * 1000)
        del kept
    return statistics.median(times)


def main() -> None:
    """Print one row for each size."""
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    print(f"{'YAML':24} {'load':>10} {'compose':>10} {'ratio':>7}")
    for sites, runs in ((4, 300), (2_000, 9)):
        text = fleet(sites)
        ours, theirs = median(parse, text, runs), median(compose, text, runs)
        lines = f"{text.count(chr(10)):,} lines"
        print(f"{lines:24} {ours:8.2f}ms {theirs:8.2f}ms {ours / theirs:7.2f}")
    print(f"{'table of sites':24} {'load':>10}")
    for sites, runs in ((2_000, 9), (20_000, 3)):
        ours = median(
            lambda text: site_table.parse("s.csv", text, Diagnostics()), table(sites), runs
        )
        print(f"{sites:>18,} sites {ours:8.2f}ms")


if __name__ == "__main__":
    main()
