"""Random sequences of trees: the output is always the last tree, with and without a memory."""

from __future__ import annotations

import hashlib
import multiprocessing
import random
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from compiler.model.cache import Known
from compiler.model.diagnostics import Diagnostics
from compiler.model.ledger import LEDGER_FILE
from compiler.model.manifest import Directory
from compiler.stages.write.write import Changes, begin, stage, stale, write
from tests.stages.write.trees import content, expected, options, site, tree


def random_tree(chance: random.Random) -> list[Directory]:
    """Up to eight sites with up to four jobs each, of three versions."""
    return [
        site(
            f"s{number}",
            {job: str(chance.randrange(3)) for job in "abcd" if chance.random() < 0.6},
        )
        for number in range(8)
        if chance.random() < 0.8
    ]


def remember(changes: Changes, directories: list[Directory]) -> dict[str, Known]:
    """What a cache would know after a write."""
    return {
        item.unit.path: Known(
            hashlib.sha256(item.files[LEDGER_FILE]).hexdigest(),
            changes.fingerprints[item.unit.path],
        )
        for item in directories
    }


def meddle(out: Path, chance: random.Random) -> None:
    """Delete a generated file, or touch one, as people do."""
    found = sorted(out.rglob("deployment-*.yaml"))
    if found and chance.random() < 0.3:
        chance.choice(found).unlink()
    if found and chance.random() < 0.3:
        victim = chance.choice(found)
        if victim.exists():
            victim.write_bytes(victim.read_bytes())


def test_any_sequence_ends_in_its_last_tree_with_and_without_a_memory(
    tmp_path: Path, campaign: bool
) -> None:
    chance = random.Random(11)
    known: dict[str, Known] = {}
    for _ in range(500 if campaign else 60):
        current = random_tree(chance) or [site("s0", {"a": "0"})]
        plain = options(allow_deletes=999)
        write(tree(*current), tmp_path / "plain", plain, Diagnostics())
        with_memory = options(allow_deletes=999, known=known)
        changes = write(tree(*current), tmp_path / "memory", with_memory, Diagnostics())
        known = remember(changes, current)
        assert content(tmp_path / "plain") == content(tmp_path / "memory") == expected(*current)
        meddle(tmp_path / "memory", chance)


def test_directories_are_staged_by_several_processes_and_committed_by_one(tmp_path: Path) -> None:
    out = tmp_path / "g"
    chance = random.Random(12)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        for _ in range(3):
            current = random_tree(chance)
            opened = options(roots=("shop/prod",), allow_deletes=999)
            with begin(out, opened, Diagnostics()) as session:
                staged = list(pool.map(partial(stage, area=session.area), current, chunksize=2))
                session.finish(staged, (), Diagnostics())
            assert content(out) == expected(*current)
            assert stale(tree(*current), out) == []
