"""Which commit may take the place of which: the older never that of the newer.

Reads history as far as the clone has it or can fetch it, and says so where that is not far enough.
"""

from __future__ import annotations

from compiler.adapters.git import Commit, Git, GitError
from compiler.model.codes import git as codes


def check_pushed(git: Git, commit: Commit) -> None:
    """See that a commit is on a branch of a remote, where there is one.

    Raises:
        GitError: it is in this clone alone.
    """
    contains = f"--contains={commit.sha}"
    found = git.run("for-each-ref", "--count=1", contains, "refs/remotes", allowed=(0, 1, 129))
    if git.text("remote") and not found.stdout.strip():
        raise _unpushed(commit)


def check_behind(git: Git, commit: Commit, tip: str, branch: str) -> None:
    """See that a branch's tip is a commit, or holds it.

    Raises:
        GitError: the commit is not pushed, or the two have parted.
    """
    if tip == commit.sha or git.is_ancestor(commit.sha, tip):
        return
    if git.is_ancestor(tip, commit.sha):
        raise _unpushed(commit)
    if git.shallow:
        raise _shallow(f"whether branch {branch} holds {commit.sha[:9]}")
    raise GitError(
        codes.DIVERGED,
        f"{commit.sha[:9]} and branch {branch} have each what the other lacks",
        "git pull --rebase, push, and publish again",
    )


def check_older(git: Git, published: str, commit: Commit, branch: str) -> None:
    """See that a commit holds the one that a branch was made from.

    Raises:
        GitError: the branch is newer, comes from another line, or this clone cannot tell.
    """
    if not git.has(published):
        _fetch(git, published)
    if git.is_ancestor(published, commit.sha):
        return
    about = f"branch {branch} was made from {published[:9]}"
    if git.is_ancestor(commit.sha, published):
        raise GitError(
            codes.DOWNGRADE,
            f"{about}, which holds {commit.sha[:9]} and more",
            "nothing is to be done; to go back on purpose, git revert and publish that",
        )
    if git.shallow:
        raise _shallow(f"whether {commit.sha[:9]} is newer than {published[:9]} on branch {branch}")
    known = git.has(published)
    raise GitError(
        codes.DIVERGED,
        f"{about}, which {commit.sha[:9]} does not contain"
        + ("" if known else "; no remote of this clone has it"),
        "merge it into yours" if known else "publish from a clone of the repository that it is in",
    )


def _fetch(git: Git, sha: str) -> None:
    """Ask the clone's remotes for a commit; no ref of the user's moves."""
    depth = ("--depth=1",) if git.shallow else ()
    for remote in git.text("remote").split():
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", *depth)
        git.run("fetch", *options, "--end-of-options", remote, sha, allowed=range(256))
        if git.has(sha):
            return


def _unpushed(commit: Commit) -> GitError:
    return GitError(
        codes.NOT_PUSHED,
        f"commit {commit.sha[:9]} ({commit.subject}) is on no branch of the remote",
        "git push, then publish",
    )


def _shallow(question: str) -> GitError:
    return GitError(
        codes.SHALLOW,
        f"this clone is too shallow to tell {question}",
        "git fetch --unshallow, or fetch-depth: 0 in CI",
    )
