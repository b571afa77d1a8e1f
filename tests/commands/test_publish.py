"""`edgewright publish` against real repositories: what lands on a branch, and what is refused."""

from __future__ import annotations

import json
import shutil
import socket
import stat
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from compiler.workflows import publishing
from tests.adapters.test_git import git
from tests.commands.publishing import BRANCH, bare, change, clone, config_map, publish
from tests.commands.running import run


@pytest.fixture
def work(tmp_path: Path) -> Path:
    bare(tmp_path, objects=2)
    return clone(tmp_path, "work")


def shown(work: Path, path: str = "", branch: str = BRANCH) -> str:
    git(work, "fetch", "-q", "origin")
    return git(work, "show", f"origin/{branch}:{path}")


def files(work: Path, branch: str = BRANCH) -> list[str]:
    git(work, "fetch", "-q", "origin")
    return git(work, "ls-tree", "-r", "--name-only", f"origin/{branch}").splitlines()


def test_a_branch_gets_exactly_what_compile_makes(work: Path) -> None:
    done = publish(work)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("deploy of origin: created as ")
    assert run("compile", "--no-cache", at=work).exit_code == 0
    made = sorted(
        path.relative_to(work).as_posix()
        for path in (work / "generated").rglob("*")
        if path.is_file()
    )
    metadata = ["generated/shop/default/hydrator.metadata", "hydrator.metadata"]
    there = [file for file in files(work) if not file.endswith("hydrator.metadata")]
    assert there == [file for file in made if "/.edgewright/" not in file]
    assert [file for file in files(work) if file.endswith("hydrator.metadata")] == metadata
    for path in there:
        assert shown(work, path) == (work / path).read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("signed", [True, False])
def test_a_commit_is_signed_where_git_is_told_to(work: Path, tmp_path: Path, signed: bool) -> None:
    keygen = shutil.which("ssh-keygen")
    if keygen is None:
        pytest.skip("no ssh-keygen: install openssh-client")
    key = tmp_path / "key"
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (tmp_path / "signers").write_text(f"work@example.com {key.with_suffix('.pub').read_text()}")
    for name, value in (
        ("gpg.format", "ssh"),
        ("user.signingKey", f"{key}.pub"),
        ("gpg.ssh.allowedSignersFile", str(tmp_path / "signers")),
        ("commit.gpgSign", "true" if signed else "false"),
    ):
        git(work, "config", name, value)
    done = publish(work)
    assert done.returncode == 0, done.stderr
    git(work, "fetch", "-q", "origin")
    # `%G?` is G for a good signature and N for none.
    assert git(work, "log", "-1", "--format=%G?", f"origin/{BRANCH}") == ("G" if signed else "N")


def test_the_commit_says_where_it_comes_from(work: Path) -> None:
    publish(work)
    change(work, "1")
    done = publish(work)
    assert "published" in done.stdout
    assert "(0 added, 1 changed, 0 deleted; 1 site)" in done.stdout
    git(work, "fetch", "-q")
    head = git(work, "rev-parse", "HEAD")
    body = git(work, "log", "-1", "--format=%B", f"origin/{BRANCH}")
    assert body.splitlines() == [
        f"default: Set 0 to 1 ({head[:7]})", "", "Sites: north-1", "",
        f"Dry-Sha: {head}", "Sites-Changed: 1", "Objects: +0 ~1 -0",
        "Effects: 1 config-reload",
    ]  # fmt: skip
    assert json.loads(shown(work, "hydrator.metadata"))["drySha"] == head
    git(work, "fetch", "-q", "origin", "refs/notes/*:refs/notes/*")
    note = git(work, "notes", "--ref=hydrator.metadata", "show", f"origin/{BRANCH}")
    assert json.loads(note)["drySha"] == head
    dates = git(work, "log", "-1", "--format=%aI %cI", f"origin/{BRANCH}").split()
    assert set(dates) == {git(work, "log", "-1", "--format=%aI")}


def test_what_changes_nothing_makes_no_commit_but_is_noted(work: Path) -> None:
    publish(work)
    before = git(work, "ls-remote", "origin", f"refs/heads/{BRANCH}")
    (work / "README.md").write_text("Other words.\n")
    git(work, "commit", "-qam", "Reword")
    git(work, "push", "-q")
    done = publish(work)
    assert "nothing changed since" in done.stdout
    assert git(work, "ls-remote", "origin", f"refs/heads/{BRANCH}") == before
    git(work, "fetch", "-q", "origin", "refs/notes/*:refs/notes/*", f"{BRANCH}:seen")
    note = json.loads(git(work, "notes", "--ref=hydrator.metadata", "show", "seen"))
    assert note["drySha"] == git(work, "rev-parse", "HEAD")


def test_a_stale_job_cannot_downgrade(work: Path, tmp_path: Path) -> None:
    stale = clone(tmp_path, "stale")
    change(work, "new")
    assert publish(work).returncode == 0
    before = git(work, "ls-remote", "origin")
    done = publish(stale)
    assert done.returncode == 5
    assert "E9407" in done.stderr
    assert git(work, "ls-remote", "origin") == before


def test_a_stale_job_is_refused_also_where_the_newer_commit_changed_nothing(
    work: Path, tmp_path: Path
) -> None:
    publish(work)
    change(work, "1")
    stale = clone(tmp_path, "stale")
    git(work, "revert", "--no-edit", "HEAD")
    git(work, "push", "-q")
    assert "nothing changed" in publish(work).stdout
    done = publish(stale)
    assert done.returncode == 5
    assert "E9407" in done.stderr


def test_another_line_of_history_is_refused(work: Path, tmp_path: Path) -> None:
    other = clone(tmp_path, "other")
    change(work, "1")
    assert publish(work).returncode == 0
    git(other, "switch", "-qc", "side")
    change(other, "2", number=1)
    done = publish(other)
    assert done.returncode == 5
    assert "E9408" in done.stderr
    assert "does not contain" in done.stderr


def test_a_dirty_spec_is_refused_and_other_files_do_not_matter(work: Path) -> None:
    (work / "README.md").write_text("Not committed.\n")
    (work / "specs/k8s/0.yaml").write_text(config_map(0, "dirty"))
    (work / "specs/extra.yaml").write_text("policies: []\n")
    done = publish(work)
    assert done.returncode == 5
    assert "E9403 specs/extra.yaml, specs/k8s/0.yaml are not committed" in done.stderr
    git(work, "checkout", "-q", "specs")
    (work / "specs/extra.yaml").unlink()
    assert publish(work).returncode == 0


def test_what_git_ignores_is_not_published(work: Path) -> None:
    (work / ".gitignore").write_text("specs/mine.yaml\n")
    git(work, "add", ".")
    git(work, "commit", "-qm", "Ignore")
    git(work, "push", "-q")
    (work / "specs/mine.yaml").write_text("nonsense: true\n")
    assert publish(work).returncode == 0


def test_a_commit_that_was_not_pushed_is_refused(work: Path) -> None:
    (work / "specs/k8s/0.yaml").write_text(config_map(0, "mine"))
    git(work, "commit", "-qam", "Mine")
    done = publish(work)
    assert done.returncode == 5
    assert "E9411" in done.stderr
    assert f"refs/heads/{BRANCH}" not in git(work, "ls-remote", "origin")


def test_a_branch_of_somebody_else_is_refused_until_it_is_adopted(work: Path) -> None:
    git(work, "switch", "-q", "--orphan", BRANCH)
    (work / "notes.txt").write_text("Mine.\n")
    git(work, "add", "notes.txt")
    git(work, "commit", "-qm", "Mine")
    git(work, "push", "-q", "origin", BRANCH)
    git(work, "switch", "-q", "main")
    done = publish(work)
    assert done.returncode == 5
    assert "E9406" in done.stderr
    assert "notes.txt" in done.stderr
    assert publish(work, "--adopt").returncode == 0
    assert shown(work, "notes.txt") == "Mine."


def edit_branch(work: Path, path: str, text: str, mode: str = "w") -> None:
    git(work, "fetch", "-q")
    git(work, "switch", "-q", "-C", "hand", f"origin/{BRANCH}")
    (work / path).parent.mkdir(parents=True, exist_ok=True)
    with (work / path).open(mode) as stream:
        stream.write(text)
    git(work, "add", ".")
    git(work, "commit", "-qm", "By hand")
    git(work, "push", "-q", "origin", f"HEAD:{BRANCH}")
    git(work, "switch", "-q", "main")


def test_a_file_that_was_edited_by_hand_is_not_lost(work: Path) -> None:
    publish(work)
    path = "generated/shop/default/hub/sites/north-1/configmap-own-0-north-1.yaml"
    edit_branch(work, path, "# mine\n", "a")
    change(work, "1")
    done = publish(work)
    assert done.returncode == 1
    assert "configmap-own-0-north-1.yaml" in done.stderr
    assert "# mine" in shown(work, path)
    assert publish(work, "--overwrite", path).returncode == 0
    assert "# mine" not in shown(work, path)


def test_files_of_others_on_the_branch_stay(work: Path) -> None:
    publish(work)
    edit_branch(work, "CODEOWNERS", "* @platform\n")
    edit_branch(work, "generated/shop/default/hub/sites/north-1/OWNERS.txt", "us\n")
    change(work, "1")
    assert publish(work).returncode == 0
    assert shown(work, "CODEOWNERS") == "* @platform"
    assert shown(work, "generated/shop/default/hub/sites/north-1/OWNERS.txt") == "us"


def without(work: Path, number: int) -> None:
    text = (work / "specs/spec.yaml").read_text()
    entry = f"{{from: k8s/{number}.yaml, place: {{site: north-1}}}}"
    (work / "specs/spec.yaml").write_text(text.replace(f", {entry}", "").replace(f"{entry}, ", ""))
    (work / f"specs/k8s/{number}.yaml").unlink()


def test_deletions_beyond_the_limit_need_a_trailer(work: Path) -> None:
    publish(work)
    text = (work / "specs/spec.yaml").read_text()
    gone = text.replace("    place: {layer: edge}", "    place: {site: north-1}")
    assert gone != text
    (work / "specs/spec.yaml").write_text(gone)
    git(work, "commit", "-qam", "Leave the west")
    git(work, "push", "-q")
    done = publish(work)
    assert done.returncode == 1
    assert "E6" in done.stderr
    git(work, "commit", "-q", "--allow-empty", "-m", "Mean it\n\nAllow-Deletes: 30")
    git(work, "push", "-q")
    done = publish(work)
    assert done.returncode == 0, done.stderr
    assert "sites/west-1" not in "\n".join(files(work))


def test_a_file_that_is_no_longer_wanted_leaves_the_branch(work: Path) -> None:
    publish(work)
    without(work, 1)
    git(work, "commit", "-qam", "Without the second")
    git(work, "push", "-q")
    done = publish(work)
    assert done.returncode == 0, done.stderr
    assert not [file for file in files(work) if "own-1" in file]


def test_a_shallow_clone_cannot_tell_which_is_older(work: Path, tmp_path: Path) -> None:
    publish(work)
    change(work, "1")
    change(work, "2")
    shallow = clone(tmp_path, "shallow", "--depth=1")
    done = publish(shallow)
    assert done.returncode == 5
    assert "E9404" in done.stderr
    assert "fetch-depth: 0" in done.stderr
    git(shallow, "fetch", "-q", "--unshallow")
    assert publish(shallow).returncode == 0


def test_a_shallow_clone_does_where_the_branch_is_new(work: Path, tmp_path: Path) -> None:
    change(work, "1")
    shallow = clone(tmp_path, "shallow", "--depth=1")
    assert publish(shallow).returncode == 0
    assert publish(shallow).returncode == 0


def test_a_detached_head_is_as_good_as_a_branch(work: Path) -> None:
    git(work, "switch", "-q", "--detach", "origin/main")
    assert publish(work).returncode == 0


def test_without_an_identity_nothing_is_begun(work: Path) -> None:
    git(work, "config", "--unset", "user.name")
    git(work, "config", "--unset", "user.email")
    git(work, "config", "user.useConfigOnly", "true")
    done = publish(work)
    assert done.returncode == 5
    assert "E9405" in done.stderr
    assert "git config user.name" in done.stderr


def hook(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fleet.git/hooks/pre-receive"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_a_hooks_words_are_told(work: Path, tmp_path: Path) -> None:
    hook(tmp_path, "echo 'no push on Fridays' >&2; exit 1")
    done = publish(work)
    assert done.returncode == 5
    assert "E9409" in done.stderr
    assert "no push on Fridays" in done.stderr
    assert f"refs/heads/{BRANCH}" not in git(work, "ls-remote", "origin")


FASTER = """#!/bin/sh
git fetch -q origin refs/notes/hydrator.metadata 2>/dev/null && parent="-p FETCH_HEAD"
tree=$(git hash-object -t tree -w /dev/null)
new=$(git commit-tree $tree $parent -m "$(date +%N)")
git push -q --no-verify origin "$new:refs/notes/hydrator.metadata"
"""


def test_a_branch_that_moves_on_at_every_attempt_is_given_up(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = work / ".git/hooks/pre-push"
    path.write_text(FASTER)
    path.chmod(0o755)
    monkeypatch.setattr(publishing, "ATTEMPTS", 3)
    done = run("publish", "--remote", "origin", at=work)
    assert done.exit_code == 5
    assert done.stderr.count("deploy moved on; making it anew") == 3
    assert "E9410" in done.stderr
    assert f"refs/heads/{BRANCH}" not in git(work, "ls-remote", "origin")


def test_a_remote_that_is_not_there_is_the_worlds_fault(work: Path, tmp_path: Path) -> None:
    (tmp_path / "fleet.git").rename(tmp_path / "moved.git")
    done = publish(work)
    assert done.returncode == 6
    assert "E9501" in done.stderr


def test_a_remote_that_may_only_be_read_is_told(work: Path, tmp_path: Path) -> None:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["git", "daemon", "--listen=127.0.0.1", f"--port={port}", "--export-all"]
    daemon = subprocess.Popen([*words, f"--base-path={tmp_path}", "--reuseaddr"])
    try:
        git(work, "remote", "add", "daemon", f"git://127.0.0.1:{port}/fleet.git")
        awaited(port)
        done = publish(work, "--remote", "daemon")
    finally:
        daemon.terminate()
        daemon.wait(10)
    assert done.returncode == 6, done.stderr
    assert "E9502" in done.stderr


def awaited(port: int) -> None:
    """Wait until something listens."""
    for _ in range(100):
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("git daemon did not come up")


def test_what_is_written_beside_the_spec_grows_on_its_own_branch(tmp_path: Path) -> None:
    bare(tmp_path, objects=1)
    work, other = clone(tmp_path, "work"), clone(tmp_path, "other")
    text = (work / "specs/spec.yaml").read_text().replace(f"branch: {BRANCH}", "branch: main")
    (work / "specs/spec.yaml").write_text(text)
    git(work, "commit", "-qam", "Output beside the spec")
    git(work, "push", "-q")
    assert "published" in publish(work).stdout
    git(work, "pull", "-q", "--rebase")
    assert (work / "generated/shop/default/hub").is_dir()
    assert run("compile", "--check", "--no-cache", at=work).exit_code == 0
    assert "nothing changed" in publish(work).stdout
    git(other, "pull", "-q", "--rebase")
    change(work, "1")
    # The other clone is behind; what is compiled is what the branch now says.
    assert "published" in publish(other).stdout
    git(work, "pull", "-q", "--rebase")
    assert run("compile", "--check", "--no-cache", at=work).exit_code == 0


def test_a_dry_run_pushes_nothing(work: Path) -> None:
    done = publish(work, "--dry-run")
    assert "would be published" in done.stdout
    assert f"refs/heads/{BRANCH}" not in git(work, "ls-remote", "origin")


def test_a_proposal_goes_to_the_branch_that_a_promoter_reads(work: Path) -> None:
    assert publish(work, "--proposed").returncode == 0
    refs = git(work, "ls-remote", "origin")
    assert f"refs/heads/{BRANCH}-next" in refs
    assert f"refs/heads/{BRANCH}\n" not in refs + "\n"


def test_the_clone_itself_is_left_as_it_was(work: Path) -> None:
    before = (
        git(work, "status", "--porcelain"),
        git(work, "branch", "-a"),
        git(work, "stash", "list"),
    )
    publish(work)
    assert before[::2] == (git(work, "status", "--porcelain"), git(work, "stash", "list"))
    assert git(work, "branch") == "* main"


def test_the_result_can_be_read_by_a_program(work: Path) -> None:
    done = publish(work, "--format", "json")
    (one,) = json.loads(done.stdout)["branches"]
    assert one["state"] == "created"
    assert one["branch"] == BRANCH
    assert one["sites"] == ["north-1", "west-1"]
    assert one["source"] == git(work, "rev-parse", "HEAD")
