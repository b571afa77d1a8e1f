"""Publishes a commit of the spec: compiles it and brings the output to the engines' branches.

What is compiled is the commit, never the work tree. A branch is fetched, grown by one commit and
pushed, never forced; when somebody was faster, everything is made anew from where the branch then
is. Decides which branch may be written; how Git does it is the adapter's, what may be deleted or
overwritten in the output the write stage's.
"""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from compiler import pipeline
from compiler.adapters.git import Commit, Git, GitError
from compiler.adapters.git_branch import Branch, MovedError, Tip
from compiler.adapters.git_order import check_behind, check_older, check_pushed
from compiler.adapters.outputs import FolderOutput, RevisionOutput
from compiler.model.codes import git as codes
from compiler.model.diagnostics import Diagnostics
from compiler.model.ledger import LEDGER_FILE, Ledger, parse_ledger
from compiler.model.published import METADATA, Published, message, metadata
from compiler.model.record import dataclass
from compiler.stages.compare.compare import compare
from compiler.stages.render.skeleton import parse_object
from compiler.workflows.branches import Group, groups, remote_of
from compiler.workflows.snapshot import relative, snapshot
from compiler.workflows.standing import policies, standings

ATTEMPTS = 20
"""How often a push that came too late is made anew."""
LONGEST_PAUSE = 2.0
"""Seconds; pauses are drawn at random and grow to this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishWishes:
    """What to publish and what is allowed. `spec` and `templates` lie in the clone.

    `remote` replaces the address of every cluster's repository. `proposed` writes to
    `<branch>-next`, which somebody else merges. `adopt` takes branches that hold foreign files.
    `overwrite` are paths of the output as the branch has them.
    """

    spec: Path
    templates: Path | None = None
    environments: tuple[str, ...] = ()
    remote: str = ""
    proposed: bool = False
    adopt: bool = False
    dry_run: bool = False
    allow_deletes: int | None = None
    overwrite: tuple[str, ...] = ()
    processes: int = 1
    told: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class _Source:
    """The commit that is compiled. `same` says that the output lies beside the spec itself."""

    commit: Commit
    same: bool


def publish(wishes: PublishWishes, diagnostics: Diagnostics) -> list[Published]:
    """Bring every branch up to the commit; what was done for each.

    Raises:
        GitError: Git or a branch stands in the way.
        CompileError: the spec or the written output does.
    """
    git = Git(wishes.spec if wishes.spec.is_dir() else wishes.spec.parent)
    head = git.commit()
    _check_clean(git, wishes)
    with snapshot(git, head.sha, wishes.spec, wishes.templates) as there:
        request = replace(there, environments=wishes.environments)
        resolution = pipeline.resolve_all(request, diagnostics)
    done = []
    for group in groups(resolution.environments, wishes.remote):
        remote = wishes.remote or remote_of(git, group.url)
        name = f"{group.branch}-next" if wishes.proposed else group.branch
        work = _Work(git, Branch(git, remote, name), group, head, wishes, diagnostics)
        done.append(work.bring())
    return done


@dataclass(slots=True)
class _Work:
    git: Git
    branch: Branch
    group: Group
    head: Commit
    wishes: PublishWishes
    diagnostics: Diagnostics

    def bring(self) -> Published:
        """Bring one branch up to the commit."""
        self.branch.check_identity()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self.branch.alone():
                    return replace(self._once(), attempts=attempt)
            except MovedError:
                if self.wishes.told:
                    self.wishes.told(f"{self.branch.name} moved on; making it anew")
                time.sleep(random.uniform(0, min(LONGEST_PAUSE, 0.1 * 2**attempt)))  # noqa: S311
        message = f"branch {self.branch.name} moved on at each of {ATTEMPTS} attempts"
        raise GitError(codes.RACE, message, "run it again, one publisher at a time")

    def _once(self) -> Published:
        tip = self.branch.fetch()
        source = self._source(tip)
        since = "" if source.same else self._guard(tip, source.commit)
        with (
            TemporaryDirectory(prefix="edgewright-") as scratch,
            snapshot(self.git, source.commit.sha, self.wishes.spec, self.wishes.templates) as there,
        ):
            files = Path(scratch) / "files"
            self._lay_out(tip, files)
            before = self._ledgers(files)
            resolution = self._resolved(there)
            changed = self._compile(resolution, files, source, since)
            after = self._ledgers(files)
            outcome = Published.of(
                remote=self.group.url,
                branch=self.branch.name,
                environments=self.group.environments,
                source=source.commit.sha,
                before=before,
                after=after,
            )
            if not changed and tip.commit:
                return self._note_only(tip, source, outcome)
            outcome = replace(
                outcome,
                gates=standings(resolution),
                policies=len(policies(resolution)),
                effects=self._effects(tip, files),
            )
            return self._push(tip, source, files, outcome)

    def _note_only(self, tip: Tip, source: _Source, outcome: Published) -> Published:
        note = _note(tip, self.group, source.commit.sha)
        if not self.wishes.dry_run and note != tip.note:
            self.branch.push(tip, tip.commit, note)
        return replace(outcome, commit=tip.commit, state="unchanged")

    def _push(self, tip: Tip, source: _Source, files: Path, outcome: Published) -> Published:
        if not source.same:
            _add_metadata(files, self.group, source.commit, tip, self.git)
        gone = [entry.path for entry in self._ours(tip)]
        text = message(outcome, source.commit.subject, source.commit.sha)
        commit = self.branch.commit(tip, gone, files, self.group.taken, source.commit.date, text)
        if self.wishes.dry_run:
            return replace(outcome, state="would be published")
        self.branch.push(tip, commit, _note(tip, self.group, source.commit.sha))
        return replace(outcome, commit=commit, state="published" if tip.commit else "created")

    def _source(self, tip: Tip) -> _Source:
        """The commit to compile: the clone's, or the branch's own where the spec lies on it."""
        spec = relative(self.git, self.wishes.spec)
        if not tip.commit or not self.git.entries(tip.commit, spec):
            check_pushed(self.git, self.head)
            return _Source(self.head, same=False)
        check_behind(self.git, self.head, tip.commit, self.branch.name)
        return _Source(self.git.commit(tip.commit), same=True)

    def _guard(self, tip: Tip, commit: Commit) -> str:
        """The commit that the branch was made from; refuses what must not be replaced by ours."""
        if not tip.commit:
            return ""
        known = {self._made_from(tip, root) for root in self.group.roots} - {""}
        if not known:
            self._check_foreign(tip)
            return ""
        for sha in sorted(known - {commit.sha}):
            check_older(self.git, sha, commit, self.branch.name)
        return next(iter(known)) if len(known) == 1 else ""

    def _made_from(self, tip: Tip, root: str) -> str:
        told = (tip.note.get("environments") or {}).get(root)
        if isinstance(told, str) and told:
            return told
        for path in (f"{self.group.prefix}{root}/{METADATA}", METADATA):
            for entry in self.git.entries(tip.commit, path):
                with contextlib.suppress(ValueError):
                    found = json.loads(next(self.git.blobs([entry.blob])))
                    return str(found.get("drySha", ""))
        return ""

    def _check_foreign(self, tip: Tip) -> None:
        entries = self.git.entries(tip.commit)
        ours = any(entry.path.endswith(f"/{LEDGER_FILE}") for entry in entries)
        if ours or self.wishes.adopt or not entries:
            return
        listed = ", ".join(entry.path for entry in entries[:3])
        more = f" and {len(entries) - 3} more" if len(entries) > 3 else ""
        raise GitError(
            codes.FOREIGN_BRANCH,
            f"branch {self.branch.name} of {self.group.url} holds {listed}{more}, and nothing that "
            "edgewright published",
            "name another branch in repo.branch, or add --adopt",
        )

    def _ours(self, tip: Tip) -> list[Any]:
        if not tip.commit:
            return []
        below = [f"{self.group.prefix}{root}" for root in self.group.roots]
        return [entry for path in below for entry in self.git.entries(tip.commit, path)]

    def _lay_out(self, tip: Tip, files: Path) -> None:
        """Write what the branch has of ours into a folder."""
        files.mkdir()
        if tip.commit:
            for root in self.group.roots:
                self.git.export(tip.commit, f"{self.group.prefix}{root}", files)

    def _ledgers(self, files: Path) -> dict[str, Ledger]:
        found = {}
        for path in sorted(files.rglob(LEDGER_FILE)):
            folder = path.parent.relative_to(files).as_posix()
            if self.group.has(f"{folder}/"):
                found[folder] = parse_ledger(path.read_bytes())
        return found

    def _resolved(self, there: pipeline.Request) -> pipeline.Resolution:
        request = replace(there, environments=self.group.environments)
        return pipeline.resolve_all(request, self.diagnostics)

    def _effects(self, tip: Tip, files: Path) -> Mapping[str, int]:
        """How many objects of this branch have each effect; empty where all of it is new."""
        if not tip.commit:
            return {}
        before = RevisionOutput.of(self.git, tip.commit, self.group.prefix.rstrip("/"))
        after = FolderOutput.of(files / self.group.prefix)
        old, new = (
            replace(one, files={p: i for p, i in one.files.items() if self._mine(p)})
            for one in (before, after)
        )
        found = compare(old, new, parse_object)
        return {effect.value: count for effect, count in found.effects.items()}

    def _mine(self, path: str) -> bool:
        """Whether a path below the branch's prefix is of a cluster that reads the branch."""
        return any(path.startswith(f"{target}/") for target in self.group.targets)

    def _compile(
        self, resolution: pipeline.Resolution, files: Path, source: _Source, since: str
    ) -> bool:
        out = files / self.group.prefix if self.group.prefix else files
        allowed = self.wishes.allow_deletes
        wishes = pipeline.Wishes(
            out=out,
            allow_deletes=self._allowed(source, since) if allowed is None else allowed,
            overwrite=tuple(files / path for path in self.wishes.overwrite),
            cache=False,
            processes=self.wishes.processes,
        )
        outcome = pipeline.compile_and_write(resolution, wishes, self.diagnostics)
        return outcome.changes is not None and outcome.changes.any

    def _allowed(self, source: _Source, since: str) -> int | None:
        """What the trailers `Allow-Deletes: N` of the published commits allow; None: the usual."""
        commits = [source.commit]
        if since and self.git.has(since):
            commits += self.git.commits(f"{since}..{source.commit.sha}", 200)
        given = [one.trailers.get("Allow-Deletes", "") for one in commits]
        numbers = [int(text) for text in given if text.isdigit()]
        return max(numbers, default=None)


def _check_clean(git: Git, wishes: PublishWishes) -> None:
    paths = [relative(git, path) or "." for path in (wishes.spec, wishes.templates) if path]
    found = git.changed(*paths)
    if not found:
        return
    listed = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    raise GitError(
        codes.DIRTY,
        f"{listed} {'is' if len(found) == 1 else 'are'} not committed",
        "commit, or git stash --include-untracked",
    )


def _note(tip: Tip, group: Group, sha: str) -> Mapping[str, Any]:
    known = tip.note.get("environments")
    others = known if isinstance(known, dict) else {}
    return {"drySha": sha, "environments": {**others, **dict.fromkeys(group.roots, sha)}}


def _add_metadata(files: Path, group: Group, commit: Commit, tip: Tip, git: Git) -> None:
    text = metadata(commit.sha, commit.author, commit.date, commit.subject, commit.body)
    for root in group.roots:
        (files / f"{group.prefix}{root}" / METADATA).write_text(text, encoding="utf-8")
    if not tip.commit or git.entries(tip.commit, METADATA):
        (files / METADATA).write_text(text, encoding="utf-8")
