"""Which hosts a command may ask: those that the reviewed branch names, and those allowed by a flag.

A proposal must not send credentials to a host that nobody has reviewed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from compiler.commands import common

if TYPE_CHECKING:
    from compiler.adapters.git import Git
    from compiler.model.diagnostics import Diagnostics, Span
    from compiler.workflows.locking import Trust

host_option = click.option(
    "--allow-host", "hosts", multiple=True, metavar="HOST",
    help="Ask this host though the main branch does not name it; repeatable.",
)  # fmt: skip
branch_option = click.option(
    "--main-branch", metavar="REF", help="The reviewed branch. [default: origin's, else main]"
)


def trusted(spec: Path, main_branch: str | None, allowed: Iterable[str]) -> Trust:
    """What the main branch names; everything where no Git is, so that nobody could propose."""
    from compiler.adapters.git import Git, GitError
    from compiler.model.codes import git as codes
    from compiler.workflows import locking

    folder = (spec if spec.is_dir() else spec.parent).resolve()
    names = frozenset(allowed)
    try:
        git = Git(folder)
    except GitError as error:
        # Git also says so of a clone that it will not read, such as one that another user owns.
        clone = any((one / ".git").exists() for one in (folder, *folder.parents))
        if error.code is codes.NOT_A_REPOSITORY and not clone:
            return locking.Trust(everything=True)
        raise common.failed(error.code, error.message, error.hint) from error
    try:
        name, commit = (main_branch, _resolved(git, main_branch)) if main_branch else git.main()
        if not commit:
            return locking.Trust(reviewed=None, allowed=names)
        with tempfile.TemporaryDirectory(prefix="edgewright-") as copy:
            at = Path(copy)
            git.export(commit, git.inside(folder) or "", at, flat=True)
            found = locking.reviewed_hosts(at if spec.is_dir() else at / spec.name)
    except GitError as error:
        raise common.failed(error.code, error.message, error.hint) from error
    return locking.Trust(reviewed=found, allowed=names, branch=name)


def check(
    spec: Path,
    wanted: Mapping[str, Span | None],
    main_branch: str | None,
    allowed: Iterable[str],
    diagnostics: Diagnostics,
) -> None:
    """Refuse hosts that nobody has reviewed, each at the line that names it.

    Raises:
        CompileError: one of them may not be asked.
    """
    from compiler.stages.lock.hosts import check_hosts

    if not wanted:
        return
    trust = trusted(spec, main_branch, allowed)
    if not trust.everything:
        check_hosts(dict(wanted), trust.reviewed, trust.allowed, trust.branch, diagnostics)
    diagnostics.raise_errors()


def _resolved(git: Git, name: str) -> str:
    """The commit of a branch that was named; empty where there is none."""
    from compiler.adapters.git import GitError
    from compiler.model.codes import git as codes

    try:
        return git.resolve(name)
    except GitError as error:
        if error.code is not codes.UNKNOWN_REVISION:
            raise
        return ""
