"""One comment on a pull request: posted once, changed where it is, and never somebody else's."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actions.github import LONGEST, TOKEN, GitHub, script
from tests.sidecar.support.web import Reply

MARK = "<!-- edgewright diff specs -->\n"


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub(page=3) as running:
        yield running


def comment(
    github: GitHub, folder: Path, text: str = "4 hot swaps\n", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the step; it never fails the job."""
    (folder / "diff.md").write_text(text)
    environment = github.environment(folder, **{"PULL_REQUEST": "7", "KEY": "specs", **more})
    done = script("comment.py", folder / "diff.md", env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert TOKEN not in done.stdout
    return done


def summary(folder: Path) -> str:
    path = folder / "summary.md"
    return path.read_text() if path.exists() else ""


def test_the_first_run_posts_and_the_next_ones_change_what_is_there(
    github: GitHub, tmp_path: Path
) -> None:
    assert "comment posted" in comment(github, tmp_path).stdout
    assert [one["body"] for one in github.comments] == [f"{MARK}4 hot swaps\n"]
    assert "comment changed" in comment(github, tmp_path, "1 outage\n").stdout
    assert [one["body"] for one in github.comments] == [f"{MARK}1 outage\n"]
    assert "comment unchanged" in comment(github, tmp_path, "1 outage\n").stdout
    assert github.writes == ["POST", "PATCH"]
    assert summary(tmp_path) == ""


def test_a_comment_on_the_third_page_is_found(github: GitHub, tmp_path: Path) -> None:
    for number in range(7):
        github.add(f"looks good {number}", "User", "MEMBER")
    github.add(f"{MARK}old\n")
    comment(github, tmp_path)
    assert len(github.comments) == 8
    assert github.comments[-1]["body"] == f"{MARK}4 hot swaps\n"


def test_each_fleet_of_a_repository_has_its_comment(github: GitHub, tmp_path: Path) -> None:
    comment(github, tmp_path)
    comment(github, tmp_path, KEY="specs/other")
    comment(github, tmp_path, "changed\n", KEY="specs/other")
    assert [one["body"].partition("\n")[2] for one in github.comments] == [
        "4 hot swaps\n", "changed\n",
    ]  # fmt: skip


@pytest.mark.parametrize("where", ["begins with the mark", "quotes it"])
def test_the_comment_of_a_stranger_who_copied_the_mark_is_left_alone(
    github: GitHub, tmp_path: Path, where: str
) -> None:
    body = f"{MARK}no change at all" if where == "begins with the mark" else f"> {MARK}"
    github.add(body, "User", "NONE" if where == "begins with the mark" else "MEMBER")
    comment(github, tmp_path)
    assert [one["body"] for one in github.comments] == [body, f"{MARK}4 hot swaps\n"]


def test_a_key_cannot_end_the_mark(github: GitHub, tmp_path: Path) -> None:
    comment(github, tmp_path, KEY="a --><b>\nc")
    first = github.comments[0]["body"].splitlines()[0]
    assert first == "<!-- edgewright diff a-b-c -->"


def test_a_fork_that_may_not_comment_gets_the_summary(github: GitHub, tmp_path: Path) -> None:
    github.may_write = False
    done = comment(github, tmp_path)
    assert "::notice title=edgewright::no comment (the token may not comment)" in done.stdout
    assert summary(tmp_path) == "4 hot swaps\n\n"
    assert github.comments == []


@pytest.mark.parametrize("lacking", ["TOKEN", "PULL_REQUEST"])
def test_without_a_token_or_a_pull_request_nobody_is_asked(
    github: GitHub, tmp_path: Path, lacking: str
) -> None:
    comment(github, tmp_path, **{lacking: ""})
    assert github.asked == []
    assert summary(tmp_path) == "4 hot swaps\n\n"


@pytest.mark.parametrize("fence", ["", "```mermaid\n"])
def test_what_is_too_long_is_cut_at_a_line_and_says_so(
    github: GitHub, tmp_path: Path, fence: str
) -> None:
    comment(github, tmp_path, fence + "a line of ünïcode 🛑\n" * 8000)
    (one,) = github.comments
    assert LONGEST - 2000 < len(one["body"]) < LONGEST
    assert one["body"].endswith(
        "\n\nThe rest is too long for a comment: see the page of the run.\n"
    )
    assert one["body"].count("\n```") % 2 == 0
    comment(github, tmp_path, fence + "a line of ünïcode 🛑\n" * 8000)
    assert github.writes == ["POST"]


def test_a_server_that_is_busy_is_asked_again(github: GitHub, tmp_path: Path) -> None:
    github.faults = [Reply(502), Reply(429, {"Retry-After": "0"})]
    assert "comment posted" in comment(github, tmp_path).stdout
    assert len(github.comments) == 1


def test_nothing_is_posted_twice_where_an_answer_is_lost(github: GitHub, tmp_path: Path) -> None:
    github.loses_answers = True
    done = comment(github, tmp_path)
    assert "no comment (502: no reason given)" in done.stdout
    assert len(github.comments) == 1
    assert github.writes == ["POST"]
    assert summary(tmp_path) == "4 hot swaps\n\n"


def test_a_wait_that_is_too_long_is_not_waited(github: GitHub, tmp_path: Path) -> None:
    github.faults = [Reply(429, {"Retry-After": "3600"})]
    assert "no comment (429: no reason given)" in comment(github, tmp_path).stdout


@pytest.mark.parametrize("way", ["redirect", "page"])
def test_the_token_goes_to_no_other_server(github: GitHub, tmp_path: Path, way: str) -> None:
    with GitHub() as stranger:
        there = (
            stranger.environment(tmp_path)["GITHUB_API_URL"] + "/repos/shop/fleet/issues/7/comments"
        )
        if way == "redirect":
            github.faults = [Reply(302, {"Location": there})]
        else:
            link = {"Link": f'<{there}>; rel="next"', "Content-Type": "application/json"}
            github.faults = [Reply(200, link, b"[]")]
        comment(github, tmp_path)
        assert stranger.asked == []


def test_a_server_that_is_not_there_fails_nothing(github: GitHub, tmp_path: Path) -> None:
    done = comment(github, tmp_path, GITHUB_API_URL="http://127.0.0.1:9")
    assert "::notice title=edgewright::no comment (" in done.stdout
    assert summary(tmp_path) == "4 hot swaps\n\n"
