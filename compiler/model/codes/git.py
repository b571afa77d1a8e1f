"""E94xx: Git repositories that disagree (exit code 5). E95xx: Git that failed (exit code 6)."""

from __future__ import annotations

from compiler.model.diagnostics import Code

NOT_A_REPOSITORY = Code(
    "E9401",
    "The spec is in no Git repository",
    "What is published names the commit that it was made from, and what is compared needs one to "
    "compare with. A folder without Git has neither.",
    "Run the command in a clone of the repository, or `git init` and commit.",
)
NO_COMMIT = Code(
    "E9402",
    "The repository has no commit yet",
    "Nothing can be published from, or compared with, a repository without history.",
    "Commit the spec first.",
)
DIRTY = Code(
    "E9403",
    "The spec has changes that are not committed",
    "What is published names its commit. Built from files that are in no commit, it could be built "
    "by nobody else, and nobody reviewed it.",
    "Commit the files, or put them aside with `git stash`.",
)
SHALLOW = Code(
    "E9404",
    "The clone is too shallow",
    "CI clones often hold one commit. Where a branch left another, and which of two commits is the "
    "older one, can only be seen in the history between them; a stale job must never replace what "
    "a newer commit published.",
    "Fetch the whole history: `fetch-depth: 0` in GitHub's checkout, `GIT_DEPTH: 0` in GitLab, or "
    "`git fetch --unshallow`.",
)
NO_IDENTITY = Code(
    "E9405",
    "Git does not know who commits",
    "A commit has an author. Git was told none, and would refuse to make one.",
    "Run `git config user.name` and `git config user.email`, or set GIT_AUTHOR_NAME, "
    "GIT_AUTHOR_EMAIL, GIT_COMMITTER_NAME and GIT_COMMITTER_EMAIL.",
)
FOREIGN_BRANCH = Code(
    "E9406",
    "The branch holds something that edgewright did not publish",
    "A branch with files and no word of which commit they were made from is somebody's work. To "
    "write into it unasked could lose it.",
    "Name another branch in `repo.branch`, or take this one with `--adopt`: what is there stays.",
)
DOWNGRADE = Code(
    "E9407",
    "A newer commit is published already",
    "The branch was made from a descendant of this commit. Publishing the older one would take the "
    "newer changes back at every site.",
    "Do nothing: the newer commit holds these changes. To go back on purpose, `git revert` and "
    "publish that.",
)
DIVERGED = Code(
    "E9408",
    "What is published comes from another line of history",
    "Neither commit contains the other, so publishing one would take back what only the other has.",
    "Merge or rebase onto the branch that was published, then publish the result.",
)
REJECTED = Code(
    "E9409",
    "The repository refused the push",
    "A hook or a rule of the branch's protection said no; the message has its words. Nothing was "
    "changed there.",
    "Do what the hook asks for, or let the publisher's account write to the branch.",
)
RACE = Code(
    "E9410",
    "The branch moved on at every attempt",
    "Others published all the while. Each time the push was refused and everything was made anew "
    "from where the branch then was; nothing is lost and nothing was changed.",
    "Run it again; let CI run one publisher at a time.",
)
NOT_PUSHED = Code(
    "E9411",
    "The commit is on no branch of the remote",
    "What is published names its commit. One that exists in this clone alone cannot be looked at, "
    "and no other publisher can tell whether it is older than its own.",
    "Push the commit first.",
)
UNKNOWN_REVISION = Code(
    "E9412",
    "Git knows no such revision",
    "The name is no commit, branch or tag in this clone.",
    "Look at `git branch -a`, or fetch it first.",
)
UNREACHABLE = Code(
    "E9501",
    "A repository cannot be reached",
    "The address, the network or the credentials are not right; the message has Git's own words. "
    "Nothing was changed.",
    "Try `git ls-remote URL` with the same account.",
)
READ_ONLY = Code(
    "E9502",
    "The account may read the repository and not write to it",
    "The push was refused before any branch was looked at. Nothing was changed.",
    "Give the account write access; in GitHub Actions `permissions: {contents: write}`.",
)
GIT_FAILED = Code(
    "E9503",
    "A Git command failed",
    "Git ended with an error that says more than we know; the message has its words.",
    "Run the command by hand.",
)
NO_GIT = Code(
    "E9504",
    "There is no `git` command",
    "Comparing and publishing are done by the Git that you have.",
    "Install Git 2.31 or later.",
)
NO_MAIN = Code(
    "E9421",
    "The main branch is not known",
    "Without a name, a change is compared with the commit at which its branch left the main "
    "branch: origin/HEAD, origin/main, origin/master, main or master, the first that exists.",
    "Name what to compare with: `edgewright diff BASE`.",
)
UNRELATED = Code(
    "E9423",
    "Two branches have no common commit",
    "A merge base is what a change is compared with, and unrelated histories have none. A branch "
    "that only holds output, as `deploy/prod`, is such a history.",
    "Name what to compare with: `edgewright diff BASE`.",
)
NO_BASE_OUTPUT = Code(
    "E9424",
    "The base has neither output nor a spec that compiles",
    "A change is told by comparing two outputs. The one of the base is read where it is committed, "
    "and else compiled from the base's own spec with this release.",
    "Compare with a revision that compiles, or with a folder of output: `edgewright diff FOLDER`.",
)
EDITED_BASE = Code(
    "W9425",
    "The base's committed output is not what its ledger says",
    "A file that somebody edited, or that Git merged, is not what the base's spec says, so it "
    "tells nothing of what this change does. The base's spec was compiled instead.",
    "Run `edgewright compile` on the base and commit the result.",
)
