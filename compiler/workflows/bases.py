"""What a change is compared with: a revision of Git, a folder of output, or a folder of a spec.

A name is a revision before it is a folder. Reads Git and folders; what is found to be missing is
told with the way to it. Compiles nothing.
"""

from __future__ import annotations

from dataclasses import field, replace
from pathlib import Path, PurePosixPath
from typing import NoReturn

from compiler.adapters.git import MAIN, Git, GitError
from compiler.adapters.outputs import FolderOutput, RevisionOutput, is_output
from compiler.model.codes import git as codes
from compiler.model.diagnostics import Diagnostics
from compiler.model.record import dataclass
from compiler.pipeline import Request
from compiler.stages.load import shown


@dataclass(slots=True)
class Found:
    """A base: its name in words, and what is known of it.

    `output` is a finished one, committed or in a folder. `commit` is empty for a folder.
    """

    name: str
    output: FolderOutput | RevisionOutput | None = None
    folder: Path | None = None
    git: Git | None = None
    commit: str = ""
    spec: str = ""
    root: Path = field(default_factory=Path)

    def texts(self) -> dict[str, str] | None:
        """The texts of a revision's spec by the names that the work tree has for them."""
        if self.git is None or not self.commit:
            return None
        found = self.git.entries(self.commit, self.spec)
        below = [one.path[len(self.spec) :].lstrip("/") for one in found]
        names = [shown(self.root / path if path else self.root) for path in below]
        blobs = self.git.blobs([one.blob for one in found])
        texts = zip(names, blobs, strict=True)
        return {name: data.decode("utf-8", "replace") for name, data in texts}


def find(name: str, root: Path, out: Path, diagnostics: Diagnostics) -> Found:
    """The base that a name stands for; `root` is the spec, `out` the output of the work tree.

    Raises:
        CompileError: there is no such base, or Git does not answer.
    """
    folder = Path(name) if name and Path(name).is_dir() else None
    try:
        git = Git(root if root.is_dir() else root.parent)
        commit = _commit(git, name, diagnostics)
        return _of_commit(git, commit, name, (root, out))
    except GitError as error:
        if folder is None:
            _fail(error, diagnostics)
    output = FolderOutput.of(folder) if is_output(folder) else None
    return Found(str(folder), output, folder)


def base_spec(
    found: Found, request: Request, made: Path, diagnostics: Diagnostics
) -> Request | None:
    """What compiles a base's spec, which is put below `made`; None where it has none.

    Raises:
        CompileError: Git does not answer.
    """
    root = found.folder if found.output is None else None
    if found.git is not None:
        try:
            root = _exported(found, request, found.git, made)
        except GitError as error:
            _fail(error, diagnostics)
    if root is None:
        return None
    own = _templates(found, request, root, made)
    return replace(request, root=root, templates=own, locked=False)


def _of_commit(git: Git, commit: str, name: str, places: tuple[Path, Path]) -> Found:
    root, out = places
    spec, output = git.inside(root), git.inside(out)
    words = f"{name or 'the merge base'} ({commit[:12]})"
    found = None if output is None else RevisionOutput.of(git, commit, output)
    if found is not None and not found.files:
        found = None
    return Found(words, found, None, git, commit, spec or "", root)


def _commit(git: Git, name: str, diagnostics: Diagnostics) -> str:
    if not name:
        return _merge_base(git, diagnostics)
    try:
        return git.resolve(name)
    except GitError:
        if git.shallow and not Path(name).is_dir():
            _shallow(name, diagnostics)
        raise


def _merge_base(git: Git, diagnostics: Diagnostics) -> str:
    head = git.resolve("HEAD")
    main, at = git.main()
    if not at:
        diagnostics.fail(codes.NO_MAIN, f"none of {', '.join(MAIN)} exists", hint=_NAME_IT)
    base = git.merge_base(at, head)
    if not base and git.shallow:
        _shallow(f"the commit at which this branch left {main}", diagnostics)
    if not base:
        message = f"this branch and {main} have no common commit"
        diagnostics.fail(codes.UNRELATED, message, hint=f"{_NAME_IT}, such as {main}")
    return base.split()[0]


_NAME_IT = "name what to compare with: `edgewright diff BASE`"


def _shallow(what: str, diagnostics: Diagnostics) -> NoReturn:
    hint = "fetch the history: `git fetch --unshallow`; in CI `fetch-depth: 0` at actions/checkout"
    diagnostics.fail(codes.SHALLOW, f"{what} is not in this shallow clone", hint=hint)


def _fail(error: GitError, diagnostics: Diagnostics) -> NoReturn:
    diagnostics.fail(error.code, error.message, hint=error.hint)


def _templates(found: Found, request: Request, root: Path, made: Path) -> Path | None:
    """The base's own templates: beside its spec, or where the work tree's lie, as they were."""
    beside = (root if root.is_dir() else root.parent) / "templates"
    given, here = request.templates, request.root
    if beside.is_dir():
        return beside
    if given is None or given == (here if here.is_dir() else here.parent) / "templates":
        return None
    inside = found.git.inside(given) if found.git is not None else None
    if found.git is None or inside is None:
        # A folder outside of the repository has no past.
        return given
    target = made / "templates-of-base"
    return target if found.git.export(found.commit, inside, target, flat=True) else None


def _exported(found: Found, request: Request, git: Git, made: Path) -> Path | None:
    """The base's spec as files; None where it has none."""
    whole = request.root.is_dir()
    below = found.spec if whole else str(PurePosixPath(found.spec).parent)
    count = git.export(found.commit, "" if below == "." else below, made, flat=True)
    root = made if whole else made / request.root.name
    return root if count and root.exists() else None
