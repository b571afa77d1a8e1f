"""Which hosts a command may ask: those that the reviewed branch names, and those allowed by a flag.

A proposal must not send credentials to a host that nobody has reviewed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from compiler.commands import common

if TYPE_CHECKING:
    from compiler.locking import Trust

MAIN_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
"""Where the main branch is looked for, in this order: what a remote has cannot be made here."""

host_option = click.option(
    "--allow-host", "hosts", multiple=True, metavar="HOST",
    help="Ask this host though the main branch does not name it; repeatable.",
)  # fmt: skip
branch_option = click.option(
    "--main-branch", metavar="REF", help="The reviewed branch. [default: origin's, else main]"
)


def trusted(spec: Path, main_branch: str | None, allowed: Iterable[str]) -> Trust:
    """What the main branch names; everything where no Git is, so that nobody could propose."""
    from compiler import locking
    from compiler.adapters.git import Git, GitError
    from compiler.model.codes import git as codes

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
    below = folder.relative_to(git.top.resolve()).as_posix()
    for branch in (main_branch,) if main_branch else MAIN_BRANCHES:
        try:
            commit = git.resolve(branch)
            with tempfile.TemporaryDirectory(prefix="edgewright-") as copy:
                at = Path(copy)
                inside = "" if below == "." else below
                git.export(commit, inside, at, f"{inside}/" if inside else "")
                found = locking.reviewed_hosts(at if spec.is_dir() else at / spec.name)
        except GitError as error:
            if error.code is codes.UNKNOWN_REVISION:
                continue
            raise common.failed(error.code, error.message, error.hint) from error
        return locking.Trust(reviewed=found, allowed=names, branch=branch)
    return locking.Trust(reviewed=None, allowed=names)
