"""Random sequences of edits: the cache changes neither a byte nor a word of what is said."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from compiler.assembly import Outcome
from compiler.caching import UnitCache
from compiler.model.diagnostics import CompileError, Diagnostic, Diagnostics
from compiler.model.resolved import Resolved
from tests.proof.compiling import changed, read, write
from tests.proof.fleet_states import EDITS, break_spec, first_fleet, write_fleet

SEQUENCES, CAMPAIGN = 40, 500
STEPS = 3
MANY = 10_000
UNDONE = 0.8
"""How often a refused edit is taken back, so that sequences do not stay with one fault."""


@dataclass(frozen=True)
class Run:
    """What one way of compiling said and left behind."""

    files: dict[str, bytes]
    said: tuple[Diagnostic, ...]
    counts: tuple[object, ...]


@dataclass
class Tally:
    """What a campaign met, so that one that met nothing does not count."""

    edits: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    reused: int = 0


def compiled(spec: Path, out: Path, *, cache: bool) -> Run:
    """Compile into a folder of its own, whatever comes of it."""
    diagnostics = Diagnostics()
    counts: tuple[object, ...] = ()
    try:
        outcome = write(spec, out, cache=cache, diagnostics=diagnostics, allow_deletes=MANY)
        counts = counted(outcome)
        said = diagnostics.in_order()
    except CompileError as error:
        said = error.diagnostics
    return Run(read(out), said, counts)


def counted(outcome: Outcome) -> tuple[object, ...]:
    changes = outcome.changes
    assert changes is not None
    return (
        outcome.directories, outcome.objects, changes.added, changes.changed, changes.removed,
        changes.added_objects, changes.changed_objects, changes.deleted_objects,
    )  # fmt: skip


def difference(with_cache: Run, without: Run) -> str:
    """What the cache changed, or nothing."""
    files = changed(without.files, with_cache.files)
    if files:
        return f"{len(files)} files differ: {files[:4]}"
    if with_cache.said != without.said:
        only = set(with_cache.said) ^ set(without.said)
        return "said differently: " + "; ".join(f"{d.code.id} {d.message}" for d in only)
    if with_cache.counts != without.counts:
        return f"counted {with_cache.counts}, not {without.counts}"
    return ""


def sequence(seed: int, folder: Path, tally: Tally) -> str:
    """One fleet edited step by step; the first difference with its history, or nothing."""
    random = Random(seed)
    fleet = first_fleet(random)
    spec = folder / "spec"
    history: list[str] = []
    sound = deepcopy(fleet)
    for _ in range(STEPS + 1):
        write_fleet(fleet, spec)
        runs = [compiled(spec, folder / kind / "out", cache=kind == "cached")
                for kind in ("cached", "plain")]  # fmt: skip
        found = difference(*runs)
        if found:
            return f"seed {seed}, after {' '.join(history)}: {found}"
        if not runs[0].counts:
            tally.refused += 1
            fleet = deepcopy(sound) if random.random() < UNDONE else fleet
        else:
            sound = deepcopy(fleet)
        tally.codes.update(d.code.id for d in runs[0].said)
        names = random.choices(list(EDITS), k=random.choice((1, 1, 2)))
        for name in names:
            EDITS[name](random, fleet)
        if fleet.broken and break_spec.__name__ not in names:
            fleet.broken = ""
        history += names
        tally.edits.update(names)
    return ""


def differences(seeds: range, folder: Path, tally: Tally) -> Iterator[str]:
    """The first difference of each sequence that has one."""
    for seed in seeds:
        own = folder / str(seed)
        found = sequence(seed, own, tally)
        shutil.rmtree(own)
        if found:
            yield found


@pytest.fixture
def reused(monkeypatch: pytest.MonkeyPatch) -> Tally:
    """A tally that also counts the directories taken from the cache."""
    tally = Tally()
    find = UnitCache.find

    def counting(self: UnitCache, resolved: Resolved, sites: list[str]) -> object:
        found = find(self, resolved, sites)
        tally.reused += len(found)
        return found

    monkeypatch.setattr(UnitCache, "find", counting)
    return tally


def test_the_cache_changes_no_byte_and_no_diagnostic(
    tmp_path: Path, campaign: bool, reused: Tally
) -> None:
    found = list(differences(range(CAMPAIGN if campaign else SEQUENCES), tmp_path, reused))
    print(f"{reused.reused} directories reused, {reused.refused} specs refused", reused.codes)
    assert found == []
    assert set(reused.edits) == set(EDITS)
    assert reused.reused > SEQUENCES
    assert reused.refused > 5
    assert len(reused.codes) > 5


def test_a_cache_that_forgets_what_a_site_is_fails_the_campaign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(self: UnitCache, resolved: Resolved, site: str) -> str:
        return f"{self.shared}{resolved.environment}{site}"

    monkeypatch.setattr(UnitCache, "key", careless)
    assert next(differences(range(SEQUENCES), tmp_path, Tally()), "")


def test_a_cache_that_forgets_the_text_of_the_spec_fails_the_campaign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = UnitCache.key

    def careless(self: UnitCache, resolved: Resolved, site: str) -> str:
        self.shared = "always the same"
        return key(self, resolved, site)

    monkeypatch.setattr(UnitCache, "key", careless)
    assert next(differences(range(SEQUENCES), tmp_path, Tally()), "")
