"""What hostile files cost: seconds and peak memory of reading each, in a process of its own.

Run it as a program. Goal: every file is answered within 2 s and 300 MiB.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable

from compiler.model import source
from compiler.model.diagnostics import Diagnostics

MIB = 2**20


def bomb() -> str:
    """Aliases of aliases that stand for 9^30 values."""
    rows = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)]
    return "a0: &a0 [x]\n" + "".join(rows)


FILES: dict[str, Callable[[], str]] = {
    "50,000 brackets": lambda: "[" * 50_000,
    "50,000 dashes": lambda: "- " * 50_000,
    "10,000 levels": lambda: "".join(" " * level + "a:\n" for level in range(10_000)),
    "10 MB scalar": lambda: "a: " + "x" * 10_000_000,
    "8 MB plain scalar": lambda: "a: " + "x" * (8 * MIB - 9),
    "8 MB of escapes": lambda: 'a: "' + "\\n" * (4 * MIB - 9) + '"',
    "8 MB of line breaks": lambda: "\n" * (8 * MIB - 9),
    "8 MB of spaces": lambda: " " * (8 * MIB - 9),
    "4,000,000 items": lambda: "[" + "a," * (4 * MIB - 9) + "]",
    "480,000 keys": lambda: "".join(f"k{i}: v\n" for i in range(480_000)),
    "240,000 mappings": lambda: "- {a: 1}\n" * 240_000,
    "nested flow lists": lambda: "- [[[[[[[[[[a]]]]]]]]]]\n" * 45_000,
    "1,000,000 duplicates": lambda: "a: 1\n" * 1_000_000,
    "300,000 anchors": lambda: "".join(f"- &a{i} x\n" for i in range(300_000)),
    "alias bomb": bomb,
    "500,000 aliases": lambda: "- &a x\n" + "- *a\n" * 500_000,
    "1,000,000 documents": lambda: "---\n" * 1_000_000,
    "100,000 directives": lambda: "".join(f"%TAG !a{i}! b\n" for i in range(100_000)),
    "number of 7 MB": lambda: "a: " + "9" * (7 * MIB),
    "fault at the end": lambda: "".join(f"k{i}: v\n" for i in range(480_000)) + "x: [\n",
    "NUL after 8 MB": lambda: "\r" * (8 * MIB - 9) + "\0",
}


def measure(name: str) -> None:
    """Read one file and print the row of the table."""
    data = FILES[name]().encode()
    diagnostics, start = Diagnostics(), time.perf_counter()
    text = source.decode("f.yaml", data, diagnostics)
    documents = source.parse("f.yaml", text, diagnostics) if text is not None else []
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer = ", ".join(sorted({found.code.id for found in diagnostics.found}))
    print(f"{name:24} {seconds:6.2f}s {peak:6.0f} MiB  {answer or f'{len(documents)} read'}")


def main() -> None:
    """Measure one file, or each in a process of its own."""
    if len(sys.argv) > 1:
        measure(sys.argv[1])
        return
    for name in FILES:
        subprocess.run([sys.executable, __file__, name], check=True)


if __name__ == "__main__":
    main()
