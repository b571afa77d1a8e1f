"""Two teams on two branches: plain Git merges what was generated, the next write mends it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from compiler.model.diagnostics import CompileError, Diagnostics
from compiler.model.ledger import LEDGER_FILE, parse_ledger
from compiler.model.manifest import Directory, Unit, UnitRole
from compiler.stages.write.write import stale, write
from tests.stages.write.trees import (
    TARGET,
    body,
    content,
    directory,
    expected,
    options,
    put,
    site,
    tree,
)


class Repository:
    """A real Git repository whose `generated/` is written by compiles."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "generated"
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Team")
        self.git("config", "user.email", "team@example.com")
        (folder / ".gitignore").write_text(".edgewright/\n")

    def git(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = ["git", "-C", str(self.folder), *arguments]
        return subprocess.run(command, check=check, capture_output=True, text=True)

    def compile(self, *directories: Directory) -> None:
        """Write a tree and commit it."""
        put(self.out, *directories, allow_deletes=99)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "compile")

    def merge(self, sides: Sequence[Sequence[Directory]], base: Sequence[Directory]) -> list[str]:
        """Commit the base and one branch a side, merge them; the conflicted files."""
        self.compile(*base)
        for number, side in enumerate(sides):
            self.git("checkout", "--quiet", "-b", f"team-{number}", "main")
            self.compile(*side)
        self.git("merge", "--quiet", "team-0", check=False)
        return self.git("diff", "--name-only", "--diff-filter=U").stdout.split()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "fleet")


def apps(*names: str) -> Directory:
    """The directory that every team's job adds an object to."""
    return directory(
        Unit(TARGET, UnitRole.APPS),
        {
            f"application-{name}.yaml": body(f"jobs.{name}", "", name, name, "Application")
            for name in names
        },
    )


JOBS = {"watch": "1"}


def test_teams_that_add_different_jobs_merge_and_recompile(repository: Repository) -> None:
    base = [apps("watch"), site("a", JOBS), site("b", JOBS)]
    ours = [apps("watch", "zeta"), site("a", {**JOBS, "zeta": "1"}), site("b", JOBS)]
    theirs = [apps("watch", "xeno"), site("a", {**JOBS, "xeno": "1"}), site("b", JOBS)]
    conflicts = repository.merge([ours, theirs], base)
    assert any(name.endswith(LEDGER_FILE) for name in conflicts)
    both = [
        apps("watch", "zeta", "xeno"),
        site("a", {**JOBS, "zeta": "1", "xeno": "1"}),
        site("b", JOBS),
    ]
    found = Diagnostics()
    write(tree(*both), repository.out, options(), found)
    assert {item.code.id for item in found.found} == {"N6011"}
    assert content(repository.out) == expected(*both)
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message", "merge")
    assert stale(tree(*both), repository.out) == []


def test_teams_that_change_the_same_object_merge_and_recompile(repository: Repository) -> None:
    base = [site("a", {"watch": "1", "count": "1"})]
    ours = [site("a", {"watch": "2", "count": "1"})]
    theirs = [site("a", {"watch": "3", "count": "1"})]
    conflicts = repository.merge([ours, theirs], base)
    assert len(conflicts) == 2
    both = [site("a", {"watch": "4", "count": "1"})]
    put(repository.out, *both)
    assert content(repository.out) == expected(*both)


def test_a_file_that_git_merged_by_itself_counts_as_owned(repository: Repository) -> None:
    def lines(first: str, last: str) -> Directory:
        config = body("jobs.watch", "a", "c", "x", "ConfigMap")
        head, data = config.split(b"\n", 1)
        middle = b"\n" * 12
        return directory(
            Unit(TARGET, UnitRole.SITES, "a"),
            {"configmap-c.yaml": head + b"\n" + middle.join([*_around(data, first, last)])},
        )

    conflicts = repository.merge([[lines("2", "1")], [lines("1", "2")]], [lines("1", "1")])
    assert [Path(name).name for name in conflicts] == [LEDGER_FILE]
    both = lines("2", "3")
    put(repository.out, both)
    assert content(repository.out) == expected(both)


def _around(data: bytes, first: str, last: str) -> tuple[bytes, bytes]:
    text = data.decode().replace('"kind"', f'"first": "{first}", "kind"', 1).rstrip()
    return text[:-1].encode(), f', "last": "{last}"}}\n'.encode()


def test_one_team_removes_a_directory_that_the_other_changes(repository: Repository) -> None:
    base = [site("a", JOBS), site("b", JOBS)]
    conflicts = repository.merge(
        [[site("a", JOBS)], [site("a", JOBS), site("b", {"watch": "2"})]], base
    )
    assert conflicts
    put(repository.out, site("a", JOBS), allow_deletes=9)
    assert content(repository.out) == expected(site("a", JOBS))


def test_a_hand_edit_beside_a_conflict_is_still_an_error(repository: Repository) -> None:
    base = [site("a", {"watch": "1", "count": "1"})]
    sides = [[site("a", {"watch": version, "count": "1"})] for version in ("2", "3")]
    repository.merge(sides, base)
    edited = repository.out / TARGET / "sites/a/deployment-a-count.yaml"
    edited.write_text("edited")
    with pytest.raises(CompileError) as fault:
        put(repository.out, site("a", {"watch": "4", "count": "1"}))
    assert [item.code.id for item in fault.value.diagnostics] == ["E6002"]
    ledger = repository.out / TARGET / "sites/a" / LEDGER_FILE
    assert parse_ledger(ledger.read_bytes()).conflicted
