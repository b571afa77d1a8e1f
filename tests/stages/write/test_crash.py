"""A writer that dies before its first file operation, its second, and so on to its last.

Where the kill campaign is random, this one is complete: Python reports each file operation
before it is done, and a forked writer kills itself at the one that the test names.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from compiler.adapters.exchange import KernelExchange
from compiler.model.diagnostics import Diagnostics
from compiler.model.ports import Exchange
from compiler.stages.write.disk import OWN_PREFIX
from compiler.stages.write.write import WriteOptions, stale, write
from tests.stages.write.kill_child import Sabotage, Unable
from tests.stages.write.trees import content, put, site, tree

OLD = tree(
    site("changed", {"watch": "1", "count": "1", "gone": "1"}),
    site("kept", {"watch": "1"}),
    site("removed", {"watch": "1"}),
    site("half-removed", {"watch": "1"}),
)
NEW = tree(
    site("added", {"watch": "2"}),
    site("changed", {"watch": "2", "count": "1", "come": "2"}),
    site("kept", {"watch": "1"}),
)
FOREIGN = {
    f"shop/prod/hub/sites/{name}": name.encode()
    for name in (
        "changed/foreign.txt",
        "changed/foreign.d/deep.txt",
        "half-removed/foreign.txt",
        "half-removed/foreign.d/deep.txt",
    )
}
EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.scandir"}
LONG_ENOUGH = 400


def write_new(out: Path, exchange: Exchange) -> None:
    write(NEW, out, WriteOptions(exchange, allow_deletes=9), Diagnostics())


def dies_at(number: int, work: Callable[[], None]) -> bool:
    """Run `work` in a fork that is killed before its operation `number`; False if it ended."""
    child = os.fork()
    if child == 0:
        left = number

        def count(event: str, _: object) -> None:
            nonlocal left
            if event in EVENTS:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def prepare(out: Path) -> None:
    put(out, *OLD.values())
    for name, data in FOREIGN.items():
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_bytes(data)


def states(out: Path) -> dict[str, bool]:
    """For each directory whether it is wholly old or wholly new."""
    found = {}
    for path in {*OLD, *NEW}:
        folder = out / path
        files = content(folder) if folder.is_dir() else {}
        owned = {name: data for name, data in files.items() if "foreign" not in name}
        allowed = [dict(side[path].files) if path in side else {} for side in (OLD, NEW)]
        found[path] = owned in allowed
    return found


def check_repaired(out: Path) -> None:
    assert stale(NEW, out) == []
    assert {path: (out / path).read_bytes() for path in FOREIGN} == FOREIGN
    assert not [path for path in out.rglob(f"{OWN_PREFIX}*") if path.is_dir()]
    assert not list(out.rglob("*recovered*"))


@pytest.mark.parametrize("exchange", [KernelExchange(), Unable()], ids=["exchange", "journal"])
def test_no_moment_of_death_leaves_what_the_next_run_cannot_repair(
    tmp_path: Path, exchange: Exchange
) -> None:
    whole = isinstance(exchange, KernelExchange)
    for number in range(LONG_ENOUGH):
        out = tmp_path / str(number)
        prepare(out)
        died = dies_at(number, lambda: write_new(out, exchange))  # noqa: B023
        assert not whole or all(states(out).values()), f"mixed after operation {number}"
        if died and number % 4 == 3:
            dies_at(number // 2, lambda: write_new(out, exchange))  # noqa: B023
        write_new(out, exchange)
        check_repaired(out)
        if not died:
            break
    assert 50 < number < LONG_ENOUGH - 1


def test_the_same_checker_catches_a_writer_that_replaces_file_by_file(tmp_path: Path) -> None:
    for number in range(LONG_ENOUGH):
        out = tmp_path / str(number)
        prepare(out)
        assert dies_at(number, lambda: write_new(out, Sabotage()))  # noqa: B023
        if not all(states(out).values()):
            return
    pytest.fail("the checker let a mixed directory pass")
