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
