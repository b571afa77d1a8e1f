"""Kill -9 at random moments of a write: every directory wholly old or new, foreign files whole.

The same campaign runs against a writer that removes and renames file by file; if its checker
passed that one, it would prove nothing.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from compiler.model.manifest import Directory
from compiler.stages.write.disk import OWN_PREFIX
from compiler.stages.write.write import stale
from tests.stages.write.kill_trees import CHANGED, FOREIGN, ONLY, trees
from tests.stages.write.trees import TARGET, content, put

CHILD = Path(__file__).with_name("kill_child.py")
TREES = trees()
OTHER = {"old": "new", "new": "old"}
EXCHANGES = len(CHANGED) + len(ONLY["old"]) + len(ONLY["new"])
PAUSE = 0.002


@dataclass
class Campaign:
    """Where the kills fell, and every directory that was neither old nor new."""

    buckets: Counter[str] = field(default_factory=Counter)
    between: int = 0
    mixed: list[str] = field(default_factory=list)

    def histogram(self) -> str:
        """One bar per tenth of the exchanges, with what came before and after."""
        names = ["before", *(f"{tenth}0-{tenth + 1}0 %" for tenth in range(10)), "after"]
        return "\n".join(
            f"{name:>10} {self.buckets[name]:4} {'#' * self.buckets[name]}" for name in names
        )


def run(out: Path, kills: int, seed: int, way: str) -> Campaign:
    """Kill that many writers, look at what each left, let the next run repair it."""
    chance = random.Random(seed)
    campaign = Campaign()
    put(out, *TREES["old"].values(), allow_deletes=1000)
    current = "old"
    for _ in range(kills):
        foreign = add_foreign(out)
        aim = chance.random()
        told = 0 if aim < 0.08 else EXCHANGES if aim > 0.94 else chance.randrange(1, EXCHANGES)
        kill_one(out, OTHER[current], way, told, chance.random() * 2 * PAUSE)
        done = look(out, current, campaign)
        note(campaign, done)
        check_foreign(out, foreign, repaired=False)
        current = OTHER[current]
        if way == "sabotage" and campaign.mixed:
            return campaign
        put(out, *TREES[current].values(), allow_deletes=1000)
        assert stale(TREES[current], out) == []
        assert not [
            path
            for path in out.rglob("*")
            if path.name.startswith(f"{OWN_PREFIX}") and path.is_dir()
        ]
        check_foreign(out, foreign, repaired=True)
    return campaign


def kill_one(out: Path, which: str, way: str, told: int, wait: float) -> None:
    """Start a writer and kill it a moment after its exchange number `told`."""
    pause = 0.0 if way == "unable" else PAUSE
    command = [sys.executable, str(CHILD), str(out), which, way, str(pause)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.read(1 + told)
        time.sleep(wait if told else wait * 2)
        child.kill()
        child.wait()


def look(out: Path, current: str, campaign: Campaign) -> int:
    """Judge every directory as the kill left it; answers how many are new."""
    done = 0
    for path in sorted({*TREES["old"], *TREES["new"]}):
        found = owned_content(out / path)
        old, new = (files_of(TREES[which], path) for which in (current, OTHER[current]))
        if found == new:
            done += 1
        elif found != old:
            campaign.mixed.append(path)
    return done


def owned_content(folder: Path) -> dict[str, bytes]:
    """The files of a directory without those that the campaign itself put there."""
    return {
        name: data
        for name, data in (content(folder) if folder.is_dir() else {}).items()
        if not name.startswith("foreign")
    }


def files_of(tree: dict[str, Directory], path: str) -> dict[str, bytes]:
    """The files that a tree has for a path, none where it lacks the directory."""
    return dict(tree[path].files) if path in tree else {}


def note(campaign: Campaign, done: int) -> None:
    """Count a kill by how much of the work was done."""
    if 0 < done < EXCHANGES:
        campaign.between += 1
        campaign.buckets[f"{10 * done // EXCHANGES}0-{10 * done // EXCHANGES + 1}0 %"] += 1
    else:
        campaign.buckets["after" if done else "before"] += 1


def add_foreign(out: Path) -> dict[Path, bytes]:
    """Put foreign files and folders into some of the directories that there are."""
    made: dict[Path, bytes] = {}
    for name in FOREIGN:
        folder = out / TARGET / "sites" / name
        if folder.is_dir():
            (folder / "foreign.d").mkdir(exist_ok=True)
            for place in (folder / "foreign.txt", folder / "foreign.d" / "deep.txt"):
                place.write_bytes(name.encode())
                made[place] = name.encode()
    return made


def check_foreign(out: Path, foreign: dict[Path, bytes], *, repaired: bool) -> None:
    """No foreign file is lost; after the repair each is where it was."""
    for place, data in foreign.items():
        if repaired or place.name == "foreign.txt":
            assert place.read_bytes() == data
        else:
            assert data in [path.read_bytes() for path in out.rglob(place.name)]


def test_every_directory_is_wholly_old_or_new_after_a_kill(tmp_path: Path, campaign: bool) -> None:
    kills = 200 if campaign else 40
    found = run(tmp_path / "g", kills, seed=1, way="kernel")
    print(f"\n{kills} kills, {found.between} between the first and the last exchange")
    print(found.histogram())
    assert found.mixed == []
    assert found.between >= kills * 3 // 4


def test_the_same_checker_catches_a_writer_that_replaces_file_by_file(tmp_path: Path) -> None:
    assert run(tmp_path / "g", 40, seed=2, way="sabotage").mixed


def test_the_journal_is_brought_to_its_end_by_the_next_run(tmp_path: Path, campaign: bool) -> None:
    found = run(tmp_path / "g", 60 if campaign else 8, seed=3, way="unable")
    assert sum(found.buckets.values()) == (60 if campaign else 8)
