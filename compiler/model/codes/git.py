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
UNKNOWN_REVISION = Code(
    "E9412",
    "Git knows no such revision",
    "The name is no commit, branch or tag in this clone.",
    "Look at `git branch -a`, or fetch it first.",
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
SHALLOW = Code(
    "E9422",
    "This clone is too shallow to compare",
    "CI clones often hold one commit. Where a branch left another is in none of it.",
    "Fetch the history: `git fetch --unshallow`, or `fetch-depth: 0` at actions/checkout.",
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
