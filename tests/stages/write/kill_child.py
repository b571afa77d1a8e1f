"""A real process that writes one of two trees slowly enough to be killed in the middle.

`python kill_child.py OUT TREE EXCHANGE PAUSE`: TREE is `old` or `new`, EXCHANGE names the way
directories are replaced, PAUSE is seconds after each exchange. It writes one byte to stdout
when staging begins and one after every exchange.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from compiler.adapters.exchange import KernelExchange
from compiler.model.diagnostics import Diagnostics
from compiler.model.ports import Exchange
from compiler.stages.write.write import WriteOptions, write
from tests.stages.write.kill_trees import trees


class Slow:
    """Does what another exchange does, tells about it, and rests."""

    def __init__(self, real: Exchange, pause: float) -> None:
        self._real = real
        self._pause = pause

    def swap(self, first: str, second: str) -> bool:
        return self._told(self._real.swap(first, second))

    def place(self, source: str, target: str) -> bool:
        return self._told(self._real.place(source, target))

    def _told(self, answer: bool) -> bool:
        os.write(1, b".")
        time.sleep(self._pause)
        return answer


class Sabotage:
    """What a simple tool does: remove the old files one by one, then rename the new ones."""

    def swap(self, first: str, second: str) -> bool:
        staged = sorted(Path(first).iterdir())
        for path in sorted(Path(second).iterdir()):
            if path.is_dir():
                path.rename(Path(first) / path.name)
            else:
                path.unlink()
            time.sleep(0.0005)
        for path in staged:
            path.rename(Path(second) / path.name)
            time.sleep(0.0005)
        return True

    def place(self, source: str, target: str) -> bool:
        return KernelExchange().place(source, target)


class Unable:
    """A file system that cannot exchange directories: forces the journal."""

    def swap(self, first: str, second: str) -> bool:
        return not (first and second)

    def place(self, source: str, target: str) -> bool:
        return not (source and target)


WAYS: dict[str, type[KernelExchange] | type[Sabotage] | type[Unable]] = {
    "kernel": KernelExchange,
    "sabotage": Sabotage,
    "unable": Unable,
}


def main() -> None:
    out, which, way, pause = sys.argv[1:]
    real: Exchange = WAYS[way]()
    options = WriteOptions(Slow(real, float(pause)), allow_deletes=1000)
    tree = trees()[which]
    os.write(1, b"s")
    write(tree, Path(out), options, Diagnostics())


if __name__ == "__main__":
    main()
