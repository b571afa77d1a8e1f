"""Many publishers at once, and publishers that are killed: nothing lost, nothing rewritten.

Each round starts a process per clone that commits a change of its own, pushes it to the main branch
and publishes. The control lets every push win by force; the same judge must then find a loss.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.adapters.test_git import git
from tests.commands.publishing import BRANCH, bare, clone, command, environment, publish
from tests.commands.running import run

WRITER = """
import subprocess, sys
from pathlib import Path
from tests.commands.publishing import command, config_map, environment

at, number, value = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
def git(*words, check=True):
    return subprocess.run(["git", *words], cwd=at, check=check, capture_output=True, text=True)
git("fetch", "-q", "origin")
git("reset", "-q", "--hard", "origin/main")
(at / f"specs/k8s/{number}.yaml").write_text(config_map(number, value))
git("commit", "-qam", f"Set {number} to {value}")
while git("push", "-q", "origin", "HEAD:main", check=False).returncode:
    git("pull", "-q", "--rebase", "origin", "main")
done = subprocess.run(command("publish", "--remote", "origin"), cwd=at, env=environment(),
                      capture_output=True, text=True)
told = [line for line in done.stderr.splitlines() if "E94" in line or "moved on" in line]
print(done.returncode, done.stdout.strip(), told)
sys.exit(0 if done.returncode in (0, 5) else 1)
"""


class Fleet:
    """A bare repository with clones that publish to it."""

    def __init__(self, folder: Path, writers: int) -> None:
        self.folder = folder
        bare(folder, objects=writers)
        self.clones = [clone(folder, f"writer-{number}") for number in range(writers)]
        self.judge = clone(folder, "judge")
        self.said: list[str] = []

    def round(self, value: str, **more: str) -> None:
        """Every writer changes its object and publishes, all at once."""
        words = [
            [sys.executable, "-c", WRITER, str(at), str(number), f"{value}-{number}"]
            for number, at in enumerate(self.clones)
        ]
        running = [
            subprocess.Popen(one, env=environment(**more), stdout=subprocess.PIPE, text=True)
            for one in words
        ]
        for process in running:
            text, _ = process.communicate(timeout=600)
            self.said.append(text.strip())
            assert process.returncode == 0, text

    def tips(self) -> list[str]:
        """Every commit that was ever announced as published."""
        return [text.split(" as ")[1].split()[0] for text in self.said if " as " in text]

    def faults(self) -> list[str]:
        """What is wrong with the branch, in words."""
        git(
            self.judge,
            "fetch",
            "-q",
            "--force",
            "origin",
            "main",
            f"{BRANCH}:refs/remotes/origin/{BRANCH}",
        )
        git(self.judge, "reset", "-q", "--hard", "origin/main")
        found = []
        for tip in self.tips():
            known = subprocess.run(
                ["git", "merge-base", "--is-ancestor", tip, f"origin/{BRANCH}"], cwd=self.judge,
                capture_output=True, check=False,
            )  # fmt: skip
            if known.returncode:
                found.append(f"{tip} was published and is not in the branch's history")
        shutil.rmtree(self.judge / "generated", ignore_errors=True)
        assert run("compile", "--no-cache", at=self.judge).exit_code == 0
        wanted = {
            path.relative_to(self.judge).as_posix(): path.read_bytes()
            for path in (self.judge / "generated").rglob("*")
            if path.is_file()
        }
        names = git(self.judge, "ls-tree", "-r", "--name-only", f"origin/{BRANCH}").splitlines()
        there = {name for name in names if not name.endswith("hydrator.metadata")}
        found += [f"{name} is missing" for name in sorted(wanted.keys() - there)]
        found += [f"{name} is left over" for name in sorted(there - wanted.keys())]
        for name in sorted(there & wanted.keys()):
            data = subprocess.run(
                ["git", "show", f"origin/{BRANCH}:{name}"], cwd=self.judge, capture_output=True,
                check=True,
            ).stdout  # fmt: skip
            if data != wanted[name]:
                found.append(f"{name} is not what the newest spec says")
        return found


def test_every_change_of_twenty_writers_is_published_and_no_history_is_rewritten(
    tmp_path: Path, campaign: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds, writers = (50, 20) if campaign else (2, 10)
    fleet = Fleet(tmp_path, writers)
    for number in range(rounds):
        fleet.round(str(number))
        assert fleet.faults() == []
    stale = sum("E9407" in text for text in fleet.said)
    anew = sum(text.count("moved on") for text in fleet.said)
    with capsys.disabled():
        print(f"\n{rounds} rounds of {writers} writers: {len(fleet.tips())} commits published, "
              f"{stale} stale jobs refused, {anew} made anew")  # fmt: skip
    assert len(fleet.tips()) >= rounds
    assert git(fleet.folder / "fleet.git", "fsck", "--strict", "--no-dangling") == ""


def test_the_judge_finds_what_a_forced_push_loses(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, 6)
    forced = tmp_path / "bin"
    forced.mkdir()
    real = shutil.which("git")
    (forced / "git").write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        "words = ['--force' if word == '--atomic' else word for word in sys.argv[1:]]\n"
        f"os.execv({real!r}, ['git', *words])\n"
    )
    (forced / "git").chmod(0o755)
    path = f"{forced}{os.pathsep}{os.environ['PATH']}"
    for number in range(8):
        fleet.round(str(number), PATH=path)
        if fleet.faults():
            return
    pytest.fail("pushes were forced, and the judge saw nothing")


def test_a_publisher_that_is_killed_leaves_the_remote_whole(tmp_path: Path, campaign: bool) -> None:
    bare(tmp_path, objects=1)
    work, judge = clone(tmp_path, "work"), clone(tmp_path, "judge")
    assert publish(work).returncode == 0
    chance = random.Random(7)
    started = time.monotonic()
    assert publish(work).returncode == 0
    whole = time.monotonic() - started
    for number in range(100 if campaign else 10):
        (work / "README.md").write_text(f"{number}\n")
        (work / "specs/k8s/0.yaml").write_text(
            (judge / "specs/k8s/0.yaml").read_text().replace('"0"', f'"{number + 1}"')
        )
        git(work, "commit", "-qam", f"Set to {number + 1}")
        git(work, "push", "-q", "origin", "HEAD:main")
        before = git(work, "ls-remote", "origin", f"refs/heads/{BRANCH}")
        killed = subprocess.Popen(
            command("publish", "--remote", "origin"), cwd=work, env=environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(chance.uniform(0, whole))
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        assert git(tmp_path / "fleet.git", "fsck", "--strict", "--no-dangling") == ""
        after = git(work, "ls-remote", "origin", f"refs/heads/{BRANCH}")
        assert after
        if after == before:
            continue
        git(judge, "fetch", "-q", "origin", BRANCH)
        assert git(judge, "log", "-1", "--format=%s", "FETCH_HEAD").startswith("default: Set to ")
    assert publish(work).returncode == 0
    git(judge, "fetch", "-q", "origin", BRANCH)
    path = "generated/shop/default/hub/sites/north-1/configmap-own-0-north-1.yaml"
    assert f'"{number + 1}"' in git(judge, "show", f"FETCH_HEAD:{path}")
