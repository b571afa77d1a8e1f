"""The two trees of the kill campaign: forty directories, of which some come and some go."""

from __future__ import annotations

from compiler.model.manifest import Directory
from tests.stages.write.trees import site, tree

CHANGED = [f"s{number:02}" for number in range(34)]
ONLY = {"old": ["x1", "x2", "x3"], "new": ["y1", "y2", "y3"]}
FOREIGN = ["s03", "s11", "s19", "x2", "y2"]
"""Sites with foreign files and folders; those of x2 and y2 keep the directory alive."""


def trees() -> dict[str, dict[str, Directory]]:
    """The old and the new tree; each directory differs in two of its four files."""
    return {
        "old": tree(*(_site(name, "1") for name in [*CHANGED, *ONLY["old"]])),
        "new": tree(*(_site(name, "2") for name in [*CHANGED, *ONLY["new"]])),
    }


def _site(name: str, version: str) -> Directory:
    jobs = {"watch": version, "count": "same", f"only-{version}": version}
    return site(name, jobs)
