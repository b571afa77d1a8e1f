"""A commit's spec in a folder of its own, compiled as if it were the work tree.

Only the spec and the user's own templates are laid out, byte for byte as Git has them. Files that
no commit has, ignored ones included, are not there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from compiler.adapters.git import Git, GitError
from compiler.model.codes import git as codes
from compiler.pipeline import Request


@contextlib.contextmanager
def snapshot(git: Git, commit: str, spec: Path, templates: Path | None) -> Iterator[Request]:
    """A request for the spec as a commit has it.

    Until the end the working directory is the one below the folder that stands for the present
    one, so that findings name files as their author knows them.
    """
    inside = relative(git, spec)
    given = relative(git, templates) if templates else ""
    here = relative(git, Path.cwd())
    with TemporaryDirectory(prefix="edgewright-") as scratch:
        top = Path(scratch).resolve()
        git.export(commit, inside, top)
        if given:
            git.export(commit, given, top)
        (top / here).mkdir(parents=True, exist_ok=True)
        with contextlib.chdir(top / here):
            root = _shown(top / inside, top / here)
            own = _shown(top / given, top / here) if given else root / "templates"
            yield Request(root=root, templates=own if own.is_dir() else None)


def relative(git: Git, path: Path) -> str:
    """A path as the repository has it, empty for its top.

    Raises:
        GitError: it lies outside.
    """
    found = git.inside(path)
    if found is None:
        message = f"{path} is not in the repository at {git.top}"
        raise GitError(codes.NOT_A_REPOSITORY, message, "run it in the clone that holds the spec")
    return found


def _shown(path: Path, here: Path) -> Path:
    return path.relative_to(here) if path.is_relative_to(here) else path
