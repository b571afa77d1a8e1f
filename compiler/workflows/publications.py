"""What the branches that engines read hold now: the newest commit, where it comes from, its files.

Asks only remotes that this clone has, or the one that was named: a spec that somebody proposes
cannot send Git to another address. Fetches into refs of its own; writes nothing else.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from compiler.adapters.git import Commit, Git, GitError
from compiler.adapters.git_branch import Branch
from compiler.adapters.outputs import RevisionOutput
from compiler.model.codes import git as codes
from compiler.model.diagnostics import Diagnostic
from compiler.model.hashing import blob_id
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.model.truth import Column, Mark, Wish
from compiler.stages.render.skeleton import parse_object
from compiler.workflows.branches import Group, groups, remote_of
from compiler.workflows.snapshot import relative

SHORT = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One branch. `commit` is None where there is none, or where `why` says what hinders.

    `source` is the commit of the spec that it was made from, empty where the branch does not say.
    `step` is the command that brings the branch to what is compiled here, or lets it be asked.
    """

    url: str
    branch: str
    targets: tuple[str, ...]
    commit: Commit | None = None
    source: str = ""
    step: str = ""
    why: str = ""
    failed: bool = False
    output: RevisionOutput | None = None

    @property
    def name(self) -> str:
        """The branch with its commit."""
        return f"{self.branch}@{self.commit.sha[:SHORT]}" if self.commit else self.branch


def publications(
    spec: Path, environments: Iterable[Resolved], remote: str
) -> tuple[list[Publication], list[Diagnostic]]:
    """Every branch of some environments, and what stood in the way of asking."""
    found = list(groups(environments, remote))
    try:
        git = Git(spec if spec.is_dir() else spec.parent)
    except GitError as error:
        why = "the spec is in no Git repository" if error.code is codes.NOT_A_REPOSITORY else ""
        return [_unasked(one, why or error.message, "") for one in found], []
    told, problems = [], []
    for one in found:
        try:
            told.append(_asked(git, spec, one, remote))
        except GitError as error:
            problems.append(Diagnostic(error.code, error.message, None, error.hint))
            told.append(_unasked(one, error.message, "", failed=True))
    return told, problems


def published(
    wishes: Sequence[Wish], by_target: Mapping[str, Publication]
) -> list[tuple[Column, str]]:
    """How the files of each wish lie on the branch of its cluster, and what would mend that."""
    differ = [_differing(one, by_target.get(one.cluster.target)) for one in wishes]
    needed: dict[str, list[str]] = {}
    for wish, paths in zip(wishes, differ, strict=True):
        if wish.record in paths and wish.cluster.target in by_target:
            needed.setdefault(wish.cluster.target, []).append(wish.record)
    versions = {
        path: version
        for target, paths in needed.items()
        for path, version in _versions(by_target[target], paths)
    }
    return [
        (
            _column(wish, paths, by_target.get(wish.cluster.target), versions),
            _mending(by_target, wish),
        )
        for wish, paths in zip(wishes, differ, strict=True)
    ]


def _differing(wish: Wish, found: Publication | None) -> list[str]:
    """The files of a wish that the branch has otherwise, or not at all."""
    there = found.output.files if found is not None and found.output else {}
    return [
        path
        for path, text in wish.files.items()
        if path not in there or there[path] != blob_id(text.encode(), there[path])
    ]


def _column(
    wish: Wish, differ: Sequence[str], found: Publication | None, versions: Mapping[str, str]
) -> Column:
    if found is None:
        return Column(Mark.UNASKED)
    if found.failed:
        return Column(Mark.UNKNOWN, "", found.why)
    if found.why:
        return Column(Mark.UNASKED, "", found.why)
    if not differ:
        return Column(Mark.SAME, wish.version, found.name)
    if found.output is None or not any(path in found.output.files for path in wish.files):
        return Column(Mark.ABSENT, "", found.name)
    version = versions.get(wish.record, "") if wish.record in differ else wish.version
    few = f"{len(differ)} of {len(wish.files)} objects differ"
    return Column(Mark.OTHER, version, f"{found.name}, {few}")


def _mending(by_target: Mapping[str, Publication], wish: Wish) -> str:
    found = by_target.get(wish.cluster.target)
    return found.step if found else ""


def _asked(git: Git, spec: Path, group: Group, remote: str) -> Publication:
    address = remote or remote_of(git, group.url)
    if not remote and address == group.url:
        why = f"this clone has no remote for {group.url}"
        return _unasked(group, why, f"git remote add deploy {shlex.quote(group.url)}")
    branch = Branch(git, address, group.branch)
    with branch.alone():
        tip = branch.fetch()
    if not tip.commit:
        step = _step(git, spec, "", remote)
        return Publication(
            url=group.url, branch=group.branch, targets=group.targets, step=step
        )  # fmt: skip
    commit = git.commit(tip.commit)
    source = commit.trailers.get("Dry-Sha", "")
    return Publication(
        url=group.url,
        branch=group.branch,
        targets=group.targets,
        commit=commit,
        source=source,
        step=_step(git, spec, source, remote),
        output=RevisionOutput.of(git, tip.commit, group.prefix.rstrip("/")),
    )


def _unasked(group: Group, why: str, step: str, *, failed: bool = False) -> Publication:
    return Publication(
        url=group.url, branch=group.branch, targets=group.targets, why=why, step=step, failed=failed
    )


def _step(git: Git, spec: Path, source: str, remote: str) -> str:
    """What makes the branch hold what is compiled here, or the other way round."""
    if git.changed(relative(git, spec) or "."):
        return "edgewright diff HEAD"
    head = git.commit().sha
    if source and source != head and git.is_ancestor(head, source):
        return "git pull"
    return "edgewright publish" + (f" --remote {shlex.quote(remote)}" if remote else "")


def _versions(found: Publication, paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The versions that the branch has of some records, by path; all are read at once."""
    there = [path for path in paths if found.output and path in found.output.files]
    for path, data in (found.output.read(there) if found.output else {}).items():
        try:
            spec = parse_object(data.decode("utf-8", "replace")).get("spec")
        except ValueError:
            continue
        yield path, str(spec.get("version") or "") if isinstance(spec, Mapping) else ""
