"""Writes specs/thousand-stores/sites.csv: the same 2,000 sites every time, or any other number.

Usage: python .ci/stores.py [COUNT] [FILE]
"""

import hashlib
import sys
from pathlib import Path

REGIONS = ("north", "west", "south", "east")
LANGUAGES = ("de", "fr", "it", "en")
PROFILES = ("jetson-orin", "nuc", "box-a53")


def row(number: int) -> str:
    """Return one line of the table, made of nothing but the number."""
    name = f"store-{number:04d}" if number < 10_000 else f"store-{number}"
    spread = hashlib.sha256(name.encode()).digest()
    cluster = "west" if number % 2 else "hub"
    ring = "lab" if number <= 20 else "canary" if spread[0] < 13 else "broad"
    region = spread[1] % 4
    hosts = f"{name}-a=10.{20 + number // 40_000}.{number // 200 % 200}.{number % 200 + 1}"
    cells = [
        name,
        cluster,
        "edge",
        PROFILES[spread[2] % 3],
        hosts,
        REGIONS[region],
        ring,
        LANGUAGES[region],
        "20Mbit/s" if spread[3] % 3 else "8Mbit/s",
        "01:00-05:00",
    ]
    return ",".join(cells)


def main() -> None:
    """Write the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    file = Path(sys.argv[2] if len(sys.argv) > 2 else "specs/thousand-stores/sites.csv")
    head = (
        "name,cluster,layer,profile,hosts,labels.region,labels.ring,vars.lang,link.rate,link.window"
    )
    lines = [head, *(row(number) for number in range(1, count + 1))]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
