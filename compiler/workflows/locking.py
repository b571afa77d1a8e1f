"""Makes the lock anew, from the spec to the file: the whole of `edgewright lock` but its words.

What fails keeps the entry that it has, everything else is done all the same, and the file is
replaced in one step or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from compiler import pipeline
from compiler.adapters.saving import replace_text
from compiler.model import lock as locks
from compiler.model.codes import lock as codes
from compiler.model.diagnostics import CompileError, Diagnostics
from compiler.model.lock import Lock
from compiler.model.lockable import image_names
from compiler.model.record import dataclass
from compiler.stages.load import Sources, load, lock_path, read_lock, shown
from compiler.stages.lock.hosts import check_hosts, hosts, hosts_of_reports, registry_of
from compiler.stages.lock.lock import Asked, Choices, asked, named, relock
from compiler.stages.lock.nouns import Change, changes
from compiler.workflows.asking import Wishes, World, ask, count_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Which hosts may be asked: `reviewed` on `branch` (None: no such branch), and `allowed`."""

    reviewed: frozenset[str] | None = None
    allowed: frozenset[str] = frozenset()
    branch: str = ""
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A spec and its lock, read. `text` is the lock's own, empty where there is none."""

    root: Path
    sources: Sources
    asked: tuple[Asked, ...]
    lock: Lock
    text: str


@dataclass(frozen=True, slots=True)
class Made:
    """The new lock, what is different in it, and the file that is to hold it."""

    lock: Lock
    changes: tuple[Change, ...]
    text: str
    file: str


def open_spec(
    root: Path, environments: Sequence[str], repair: bool, diagnostics: Diagnostics
) -> Opened:
    """Read a spec and its lock. With `repair` what is malformed in the lock is left out.

    Raises:
        CompileError: with everything that is wrong in them.
    """
    sources = load(root, diagnostics)
    diagnostics.raise_errors()
    faults = Diagnostics()
    lock = read_lock(root, sources, faults) or Lock()
    if not repair or _beyond_repair(faults):
        diagnostics.extend(faults.in_order())
        diagnostics.raise_errors()
    request = pipeline.Request(root=root, environments=tuple(environments))
    _, resolved = pipeline.resolve_environments(request, sources, lock, diagnostics)
    wanted = tuple(asked(one, diagnostics) for one in resolved)
    for one in resolved if not repair else ():
        locks.check_numbers(lock, one.environment, diagnostics)
    diagnostics.raise_errors()
    return Opened(root, sources, wanted, lock, sources.texts.get(shown(lock_path(root)), ""))


def reviewed_hosts(root: Path) -> frozenset[str]:
    """Every host that a spec names, as it lies in a folder; none where it is no spec."""
    try:
        opened = open_spec(root, (), True, Diagnostics())
    except CompileError:
        return frozenset()
    reports = hosts_of_reports(one.resolved for one in opened.asked)
    # What is named by digest is not asked when locking, and is when it is carried somewhere.
    images = (registry_of(name) for one in opened.asked for name in image_names(one.resolved))
    return frozenset((*hosts(opened.asked), *reports, *images))


def make(
    opened: Opened,
    choices: Choices,
    wishes: Wishes,
    world: World,
    trust: Trust,
    diagnostics: Diagnostics,
) -> Made:
    """Ask, and make the new lock.

    Raises:
        CompileError: a flag names nothing, or a host may not be asked; then nothing was asked.
    """
    _check_words(opened, choices, wishes, diagnostics)
    if not wishes.offline and not trust.everything:
        wanted = hosts(opened.asked, choices.only)
        check_hosts(wanted, trust.reviewed, trust.allowed, trust.branch, diagnostics)
    diagnostics.raise_errors()
    answers = ask(opened.asked, opened.lock, world, wishes, diagnostics)
    if not wishes.offline:
        counts = count_all(opened.asked, opened.lock, answers, world, wishes, diagnostics)
        answers = replace(answers, datasets=counts)
    new = relock(opened.lock, opened.asked, answers, choices, diagnostics)
    text = locks.dump(new)
    file = shown(lock_path(opened.root))
    return Made(new, tuple(changes(opened.lock, new)), text, file)


def write(opened: Opened, made: Made, diagnostics: Diagnostics) -> bool:
    """Replace the file where its text differs; whether it did.

    Raises:
        CompileError: somebody else wrote it meanwhile, or it cannot be written.
    """
    path = lock_path(opened.root)
    # Where nothing could be asked, no lock is better than one that knows nothing.
    if made.text == opened.text or not (opened.text or made.lock.entries):
        return False
    replace_text(path, shown(path), opened.text, made.text, diagnostics)
    return True


def _beyond_repair(faults: Diagnostics) -> bool:
    """Whether more is wrong than entries that can be made again from the spec."""
    return any(
        one.code not in (codes.LOCK_KEY, codes.LOCK_ENTRY) or ".rollouts." in one.message
        for one in faults.in_order()
    )


def _check_words(
    opened: Opened, choices: Choices, wishes: Wishes, diagnostics: Diagnostics
) -> None:
    names = [name for one in opened.asked for name in (*one.artifacts, *one.images)]
    names += [name for one in opened.asked for name in one.resolved.base.models]
    for flag, words in (
        ("--only", choices.only),
        ("--update", wishes.update),
        ("--accept-changed", choices.accept),
    ):
        for word in sorted(words):
            if not any(named(name, {word}) for name in names):
                diagnostics.add(
                    codes.UNKNOWN_ENTRY,
                    f"{flag} {word}: nothing of that name is locked",
                    None,
                    "name a model, dataset or code, MODEL:VERSION, or an image as the spec has it",
                )
