"""One Git repository: what it says of itself, its commits and its trees. Reads; writes nothing.

Everything is the user's own `git` with an argument list, never a shell: its credentials, proxies,
`insteadOf` and signing keys hold here as they do at a prompt. No revision is passed where an option
could be meant. What Git refuses becomes a `GitError` with Git's words.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from compiler.model.codes import git as codes
from compiler.model.diagnostics import Code
from compiler.model.record import dataclass

MAIN = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
"""What the main branch may be called, what a remote has first; the first that exists counts."""

WORDS = 600
"""Of Git's own words at most this many characters are shown."""

_SECRET = re.compile(r"(\w+://)[^/@\s]+@")


class GitError(Exception):
    """Git did not do what was asked; says why and what helps, without credentials."""

    def __init__(self, code: Code, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit. `author` is `Name <address>`, `date` as `2026-11-30T10:00:00+00:00`."""

    sha: str
    author: str
    date: str
    subject: str
    body: str
    trailers: Mapping[str, str]


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A file of a tree: its path from the top, Git's mode and the name of its blob."""

    path: str
    mode: str
    blob: str


class Git:
    """The repository that a folder is in.

    Raises:
        GitError: the folder is in none, or there is no Git.
    """

    def __init__(self, folder: Path) -> None:
        self.top = folder
        try:
            self.top = Path(self.text("rev-parse", "--show-toplevel"))
        except GitError as error:
            if error.code is not codes.GIT_FAILED:
                raise
            message = f"{folder} is in no Git repository: {error.message}"
            raise GitError(codes.NOT_A_REPOSITORY, message, "run it in a clone") from None

    def run(
        self,
        *command: str,
        given: bytes = b"",
        environment: Mapping[str, str] | None = None,
        allowed: Sequence[int] = (0,),
    ) -> subprocess.CompletedProcess[bytes]:
        """Run one command of Git in the top folder.

        Raises:
            GitError: it ended with another status than those that are allowed.
        """
        words = ["git", "-c", "core.quotePath=false", *command]
        settings = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", **(environment or {})}
        try:
            done = subprocess.run(  # noqa: S603 - an argument list, and git is the user's own
                words, cwd=self.top, input=given, env=settings, capture_output=True, check=False
            )
        except FileNotFoundError:
            raise GitError(codes.NO_GIT, "there is no git command", "install Git") from None
        if done.returncode not in allowed:
            raise GitError(codes.GIT_FAILED, f"git {command[0]}: {said(done.stderr)}")
        return done

    def text(self, *command: str) -> str:
        """What a command prints, without the last line's end."""
        return self.run(*command).stdout.decode("utf-8", "replace").rstrip("\n")

    @cached_property
    def shallow(self) -> bool:
        """Whether history ends before it begins."""
        return self.text("rev-parse", "--is-shallow-repository") == "true"

    def resolve(self, revision: str) -> str:
        """The full name of the commit that a revision stands for.

        Raises:
            GitError: there is none.
        """
        done = self.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}",
            allowed=(0, 1, 128),
        )  # fmt: skip
        if done.returncode:
            code = codes.NO_COMMIT if revision == "HEAD" else codes.UNKNOWN_REVISION
            hint = "fetch it first" if revision != "HEAD" else "commit the spec first"
            raise GitError(code, f"Git knows no commit {revision}", hint)
        return done.stdout.decode().strip()

    def main(self) -> tuple[str, str]:
        """The main branch's name and commit; both empty where it has none of the usual names."""
        for name in MAIN:
            try:
                return name, self.resolve(name)
            except GitError as error:
                if error.code is not codes.UNKNOWN_REVISION:
                    raise
        return "", ""

    def commit(self, revision: str = "HEAD") -> Commit:
        """A commit by name."""
        return self.commits(self.resolve(revision), 1)[0]

    def commits(self, revisions: str, most: int) -> list[Commit]:
        """The newest commits of a revision, or of a range `OLD..NEW`."""
        form = "%H%x00%an <%ae>%x00%aI%x00%s%x00%b%x00%(trailers:only,unfold)"
        told = self.text("log", "-z", f"--max-count={most}", f"--format={form}", revisions)
        parts = told.split("\0")
        fields = form.count("%x00") + 1
        return [_commit(*parts[at : at + fields]) for at in range(0, len(parts) - 1, fields)]

    def changed(self, *paths: str) -> list[str]:
        """Files at or below the paths that differ from the commit, untracked ones included."""
        found = self.run("status", "--porcelain", "-z", "--untracked-files=all", "--", *paths)
        parts = found.stdout.decode("utf-8", "surrogateescape").split("\0")
        names, skip = [], False
        for part in parts:
            if skip or not part:
                skip = False
                continue
            names.append(part[3:])
            skip = part[0] in "RC"  # the old name follows as a part of its own
        return sorted(names)

    def inside(self, path: Path) -> str | None:
        """A path from the top of the work tree, empty for the top; None for one outside."""
        absolute, top = path.resolve(), self.top.resolve()
        if not absolute.is_relative_to(top):
            return None
        found = absolute.relative_to(top).as_posix()
        return "" if found == "." else found

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `new` contains `old`, as far as this clone's history goes."""
        done = self.run("merge-base", "--is-ancestor", old, new, allowed=(0, 1, 128))
        return done.returncode == 0

    def has(self, sha: str) -> bool:
        """Whether a commit is here."""
        return not self.run("cat-file", "-e", f"{sha}^{{commit}}", allowed=(0, 1, 128)).returncode

    def merge_base(self, one: str, other: str) -> str:
        """The nearest commit that both contain; empty where there is none."""
        done = self.run("merge-base", "--end-of-options", one, other, allowed=(0, 1))
        return done.stdout.decode().strip()

    def entries(self, revision: str, below: str = "") -> list[Entry]:
        """The files of a revision's tree at or below a path, in path order."""
        paths = ("--", below) if below else ()
        found = self.run("ls-tree", "-r", "-z", "--full-tree", revision, *paths)
        entries = []
        for line in found.stdout.decode("utf-8", "surrogateescape").split("\0"):
            about, _, name = line.partition("\t")
            if name:
                mode, kind, blob = about.split()
                if kind == "blob":
                    entries.append(Entry(name, mode, blob))
        return entries

    def blobs(self, names: Sequence[str]) -> Iterator[bytes]:
        """The bytes of blobs, in the order of their names."""
        if not names:
            return
        given = "".join(f"{name}\n" for name in names).encode()
        data = self.run("cat-file", "--batch", given=given).stdout
        place = 0
        for name in names:
            end = data.index(b"\n", place)
            about = data[place:end].split()
            if len(about) != 3:
                raise GitError(codes.GIT_FAILED, f"git cat-file: {name} is not in this clone")
            size = int(about[2])
            yield data[end + 1 : end + 1 + size]
            place = end + 2 + size

    def export(self, revision: str, below: str, folder: Path, *, flat: bool = False) -> int:
        """Write a revision's files at or below a path into a folder; how many.

        They keep their paths from the top; with `flat` those from `below`, a folder. The bytes are
        Git's own: no line ends are converted and no filter runs. Links are left out.
        """
        strip = f"{below}/" if flat and below else ""
        found = [one for one in self.entries(revision, below) if one.mode.startswith("100")]
        made: set[Path] = set()
        for entry, data in zip(found, self.blobs([e.blob for e in found]), strict=True):
            path = folder / entry.path.removeprefix(strip)
            if path.parent not in made:
                path.parent.mkdir(parents=True, exist_ok=True)
                made.add(path.parent)
            path.write_bytes(data)
            if entry.mode == "100755":
                path.chmod(0o755)
        return len(found)


def _commit(sha: str, author: str, date: str, subject: str, body: str, trailers: str) -> Commit:
    lines = [line.partition(": ") for line in trailers.splitlines()]
    known = {key: value for key, separator, value in lines if separator}
    return Commit(sha, author, date, subject, body, known)


def said(output: bytes) -> str:
    """Git's own words on one line, without credentials in addresses."""
    text = output.decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    clean = _SECRET.sub(r"\1", "; ".join(lines))
    printable = "".join(c if c.isprintable() else " " for c in clean)
    return printable[:WORDS] or "it said nothing"
