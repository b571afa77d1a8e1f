"""A branch that only machines write: fetched, grown by one commit, pushed; never forced.

Works on objects and refs of the user's clone and touches neither its work tree nor its index nor
its branches. A branch and its note go in one atomic push, so that whoever sees one sees the other.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from compiler.adapters.git import Git, GitError, said
from compiler.model.codes import git as codes
from compiler.model.record import dataclass

NOTES = "refs/notes/hydrator.metadata"
"""Where Argo CD's hydrator and GitOps Promoter look for the commit that a branch was made from."""

_MOVED = re.compile(
    r"non-fast-forward|fetch first|stale info|cannot lock ref|failed to update ref|"
    r"incorrect old value|reference already exists|atomic push failed|unable to update|"
    r"remote ref .* is at|failed to lock|Unable to create .*\.lock",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"hook declined|pre-receive|protected branch|GH006|not allowed to push|"
                      r"failed to push some refs.*hook|pre-push", re.IGNORECASE)  # fmt: skip
_READ_ONLY = re.compile(
    r"permission (to .* )?denied|access denied|read.?only|not permitted|403|"
    r"unable to create temporary object directory|insufficient permission|authoriz",
    re.IGNORECASE,
)


class MovedError(Exception):
    """Somebody else wrote the branch or its notes in the meantime; fetch and make it anew."""


@dataclass(frozen=True, slots=True)
class Tip:
    """A branch as it was fetched: `commit` is empty where there is none, `note` what it says."""

    commit: str
    note: Mapping[str, Any]
    notes: str = ""


class Branch:
    """One branch at one remote; `remote` is an address or the name of one of the clone's."""

    def __init__(self, git: Git, remote: str, name: str) -> None:
        key = hashlib.sha256(f"{remote}\n{name}".encode()).hexdigest()[:16]
        self.git = git
        self.remote = remote
        self.name = name
        self.fetched = f"refs/edgewright/{key}"
        self.notes = f"refs/notes/edgewright/{key}"

    def fetch(self) -> Tip:
        """The branch and its note as they are now.

        Raises:
            GitError: the remote cannot be asked.
        """
        there = self._remote_refs()
        branch = there.get(f"refs/heads/{self.name}", "")
        notes = there.get(NOTES, "")
        wanted = [f"+refs/heads/{self.name}:{self.fetched}"] if branch else []
        wanted += [f"+{NOTES}:{self.notes}"] if notes else []
        if wanted:
            depth = ("--depth=1",) if self.git.shallow else ()
            self._world("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", *depth,
                        "--end-of-options", self.remote, *wanted)  # fmt: skip
        branch = self._read(self.fetched) if branch else ""
        notes = self._read(self.notes) if notes else ""
        if not notes:
            self.git.run("update-ref", "-d", self.notes, allowed=(0, 1, 128))
        return Tip(branch, self._note(branch), notes)

    def commit(
        self,
        tip: Tip,
        replaced: Iterable[str],
        files: Path,
        taken: Sequence[str],
        date: str,
        message: str,
    ) -> str:
        """A commit on top of the tip in which `replaced` paths give way to files of a folder.

        `taken` are the files and directories of the folder that go in; everything else of the tip
        stays as it is. The date is given, so that the same content on the same tip makes the same
        commit.

        Raises:
            GitError: Git does not know who commits, or cannot sign.
        """
        with TemporaryDirectory(prefix="edgewright-") as scratch:
            own = {"GIT_INDEX_FILE": f"{scratch}/index"}
            if tip.commit:
                self.git.run("read-tree", tip.commit, environment=own)
            changes = [*self._gone(replaced, files), *self._written(files, taken)]
            self.git.run("update-index", "-z", "--index-info",
                         given=b"".join(changes), environment=own)  # fmt: skip
            tree = self.git.run("write-tree", environment=own).stdout.decode().strip()
        parents = ("-p", tip.commit) if tip.commit else ()
        signed = ("-S",) if self._signs() else ()
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        made = self.git.run("commit-tree", tree, *parents, *signed, "-F", "-",
                                given=message.encode(), environment=dates)  # fmt: skip
        return made.stdout.decode().strip()

    def push(self, tip: Tip, commit: str, note: Mapping[str, Any]) -> None:
        """Move the branch to a commit, or only its note where `commit` is the tip's own.

        Raises:
            MovedError: somebody was faster.
            GitError: the remote refused.
        """
        text = json.dumps(note, sort_keys=True, ensure_ascii=False)
        reference = self.notes.removeprefix("refs/notes/")
        dates = {"GIT_AUTHOR_DATE": "@0 +0000", "GIT_COMMITTER_DATE": "@0 +0000"}
        self.git.run("notes", f"--ref={reference}", "add", "-f", "-F", "-", commit,
                     given=text.encode(), environment=dates)  # fmt: skip
        wanted = [f"{self.notes}:{NOTES}"]
        if commit != tip.commit:
            wanted.append(f"{commit}:refs/heads/{self.name}")
        done = self.git.run("push", "--quiet", "--atomic", "--end-of-options", self.remote, *wanted,
                            allowed=range(256))  # fmt: skip
        if done.returncode:
            self._refused(done.stderr)

    def check_identity(self) -> None:
        """See that Git knows who commits.

        Raises:
            GitError: it does not.
        """
        for who in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"):
            done = self.git.run("var", who, allowed=range(256))
            if done.returncode:
                message = f"Git does not know who commits: {said(done.stderr.splitlines()[-1])}"
                hint = 'git config user.name "NAME" and git config user.email ADDRESS'
                raise GitError(codes.NO_IDENTITY, message, hint)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other publisher works in this clone meanwhile; they would share the fetched refs."""
        path = Path(self.git.text("rev-parse", "--git-common-dir"))
        path = path if path.is_absolute() else self.git.top / path
        with (path / "edgewright-publish.lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield

    def _remote_refs(self) -> dict[str, str]:
        done = self._world("ls-remote", "--end-of-options", self.remote,
                           f"refs/heads/{self.name}", NOTES)  # fmt: skip
        lines = (line.split("\t") for line in done.decode("utf-8", "replace").splitlines())
        return {line[1]: line[0] for line in lines if len(line) == 2}

    def _world(self, *command: str) -> bytes:
        try:
            return self.git.run(*command).stdout
        except GitError as error:
            if error.code is not codes.GIT_FAILED:
                raise
            own = self.git.text("remote").split()
            other = f", or --remote {own[0]} to use this clone's own" if own else ""
            hint = f"try `git ls-remote {said(self.remote.encode())}`{other}"
            raise GitError(codes.UNREACHABLE, error.message, hint) from None

    def _read(self, reference: str) -> str:
        return self.git.text("rev-parse", "--verify", reference)

    def _note(self, commit: str) -> Mapping[str, Any]:
        if not commit:
            return {}
        reference = self.notes.removeprefix("refs/notes/")
        done = self.git.run("notes", f"--ref={reference}", "show", commit, allowed=(0, 1, 128))
        try:
            found = json.loads(done.stdout) if not done.returncode else {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _gone(self, replaced: Iterable[str], files: Path) -> Iterator[bytes]:
        nothing = "0" * 40
        for path in sorted(replaced):
            if not (files / path).exists():
                yield f"0 {nothing}\t{path}\0".encode("utf-8", "surrogateescape")

    def _written(self, files: Path, taken: Sequence[str]) -> Iterable[bytes]:
        found = [one for name in taken for one in (files / name, *(files / name).rglob("*"))]
        paths = sorted(one.relative_to(files).as_posix() for one in found if one.is_file())
        if not paths:
            return []
        given = "".join(f"{files}/{path}\n" for path in paths).encode("utf-8", "surrogateescape")
        done = self.git.run("hash-object", "-w", "--no-filters", "--stdin-paths", given=given)
        names = done.stdout.decode().split()
        return [
            f"100644 {blob}\t{path}\0".encode("utf-8", "surrogateescape")
            for path, blob in zip(paths, names, strict=True)
        ]

    def _signs(self) -> bool:
        done = self.git.run("config", "--type=bool", "commit.gpgSign", allowed=(0, 1))
        return done.stdout.strip() == b"true"

    def _refused(self, words: bytes) -> None:
        text = words.decode("utf-8", "replace")
        told = f"{said(self.remote.encode())} refused branch {self.name}: {said(words)}"
        if _REFUSED.search(text):
            raise GitError(codes.REJECTED, told, "do what the hook or the branch's rules ask for")
        if _MOVED.search(text):
            raise MovedError(text)
        if _READ_ONLY.search(text):
            raise GitError(codes.READ_ONLY, told, "give the account write access")
        raise GitError(codes.UNREACHABLE, told, "see what Git says above")
