"""What a repository says of itself, by real Git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from compiler.adapters.git import Git, GitError
from compiler.model.codes import git as codes

IDENTITY = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgSign=false")


def git(folder: Path, *command: str) -> str:
    done = subprocess.run(
        ["git", *IDENTITY, *command], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main", "fleet")
    folder = tmp_path / "fleet"
    (folder / "specs").mkdir()
    (folder / "specs/fleet.yaml").write_text("a: 1\n")
    (folder / "notes.txt").write_bytes(b"one\r\ntwo\r\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "Begin\n\nWith a body.\n\nAllow-Deletes: 12\nDry-Sha: abc")
    return folder


def test_a_folder_outside_of_any_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GitError) as caught:
        Git(tmp_path)
    assert caught.value.code is codes.NOT_A_REPOSITORY


def test_a_repository_without_a_commit_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", ".")
    with pytest.raises(GitError) as caught:
        Git(tmp_path).commit()
    assert caught.value.code is codes.NO_COMMIT


def test_a_machine_without_git_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError) as caught:
        Git(tmp_path)
    assert caught.value.code is codes.NO_GIT


@pytest.mark.parametrize("revision", ["no-such", "-n1", "--all", "main:specs", ""])
def test_what_names_no_commit_is_refused(clone: Path, revision: str) -> None:
    with pytest.raises(GitError) as caught:
        Git(clone).resolve(revision)
    assert caught.value.code is codes.UNKNOWN_REVISION


def test_what_git_refuses_is_told_in_its_words_without_credentials(clone: Path) -> None:
    with pytest.raises(GitError) as caught:
        Git(clone).run("fetch", "https://user:hidden@localhost:1/fleet.git")
    assert caught.value.code is codes.GIT_FAILED
    assert "localhost:1/fleet.git" in caught.value.message
    assert "hidden" not in caught.value.message


def test_a_commit_has_its_trailers(clone: Path) -> None:
    commit = Git(clone / "specs").commit()
    assert commit.subject == "Begin"
    assert commit.author == "A <a@example.com>"
    assert commit.trailers == {"Allow-Deletes": "12", "Dry-Sha": "abc"}
    assert commit.body.startswith("With a body.")


def test_what_differs_from_the_commit_is_listed_below_a_path(clone: Path) -> None:
    (clone / "specs/new file.yaml").write_text("b: 2\n")
    (clone / "notes.txt").write_text("other")
    repository = Git(clone)
    assert repository.changed("specs") == ["specs/new file.yaml"]
    git(clone, "add", "specs")
    git(clone, "mv", "specs/fleet.yaml", "specs/renamed.yaml")
    assert repository.changed("specs") == ["specs/new file.yaml", "specs/renamed.yaml"]
    assert repository.changed() == ["notes.txt", "specs/new file.yaml", "specs/renamed.yaml"]


def test_a_tree_is_exported_byte_for_byte(clone: Path, tmp_path: Path) -> None:
    (clone / ".gitattributes").write_text("* text=auto eol=crlf\n")
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "Convert line ends")
    out = tmp_path / "out"
    assert Git(clone).export("HEAD", "specs", out) == 1
    assert (out / "specs/fleet.yaml").read_bytes() == b"a: 1\n"
    assert Git(clone).export("HEAD", "specs", out / "bare", flat=True) == 1
    assert (out / "bare/fleet.yaml").is_file()


def test_which_commit_contains_which(clone: Path) -> None:
    repository = Git(clone)
    first = repository.resolve("HEAD")
    (clone / "notes.txt").write_text("x")
    git(clone, "commit", "-qam", "Two")
    second = repository.resolve("HEAD")
    git(clone, "checkout", "-q", "-b", "side", first)
    (clone / "notes.txt").write_text("y")
    git(clone, "commit", "-qam", "Three")
    third = repository.resolve("HEAD")
    assert repository.is_ancestor(first, second)
    assert not repository.is_ancestor(second, third)
    assert repository.merge_base(second, third) == first
    assert repository.has(first)
    assert not repository.has("0" * 40)
    assert not repository.shallow


def test_several_commits_are_read_at_once_newest_first(clone: Path) -> None:
    repository = Git(clone)
    first = repository.commit()
    for number in (2, 3):
        (clone / "notes.txt").write_text(str(number))
        git(clone, "commit", "-qam", f"Note {number}\n\nSeveral\nlines.\n\nNumber: {number}")
    found = repository.commits(f"{first.sha}..HEAD", 9)
    assert [(one.subject, one.trailers) for one in found] == [
        ("Note 3", {"Number": "3"}),
        ("Note 2", {"Number": "2"}),
    ]
    assert repository.commits("HEAD", 1) == [repository.commit()]
    assert repository.commits("HEAD..HEAD", 9) == []
    assert repository.main() == ("main", repository.resolve("main"))
