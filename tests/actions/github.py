"""GitHub's API as far as the actions use it, on loopback: comments, pull requests, pages, refusals.

It answers as the documentation of the API says: lists in pages with `Link` headers, 422 for bodies
that are too long or wrong, 403 for tokens that may only read.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.commands.running import ROOT
from tests.sidecar.support.proxy import Asked
from tests.sidecar.support.web import Reply, Web

ACTION = ROOT / ".github/actions/compile"
REPOSITORY = "shop/fleet"
TOKEN = "test-token"
LONGEST = 65_536


class GitHub:
    """The API of one repository. `comments` and `pulls` are what it holds."""

    def __init__(self, page: int = 100) -> None:
        self.comments: list[dict[str, Any]] = []
        self.pulls: list[dict[str, Any]] = []
        self.may_write = True
        self.loses_answers = False
        """Whether what is posted is taken, and the answer is that of a broken proxy."""
        self.faults: list[Reply] = []
        """Answers that come before any other."""
        self._page = page
        self._web = Web(script=self._answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._web.close()

    @property
    def writes(self) -> list[str]:
        """The requests that change something."""
        return [one.method for one in self._web.asked if one.method != "GET"]

    @property
    def asked(self) -> list[Asked]:
        """Every request so far."""
        return self._web.asked

    def environment(self, folder: Path, **more: str) -> dict[str, str]:
        """What a runner tells a step."""
        return {
            **os.environ,
            "GITHUB_API_URL": self._web.url(""),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            "GITHUB_OUTPUT": str(folder / "output.txt"),
            "TOKEN": TOKEN,
            **more,
        }

    def add(self, body: str, kind: str = "Bot", association: str = "NONE") -> dict[str, Any]:
        """A comment that somebody wrote."""
        made = {
            "id": len(self.comments) + 1,
            "body": body,
            "user": {"login": "somebody", "type": kind},
            "author_association": association,
        }
        self.comments.append(made)
        return made

    def _answer(self, asked: Asked) -> Reply:
        if self.faults:
            return self.faults.pop(0)
        data = json.loads(asked.body) if asked.body else {}
        return self._refused(asked, data) or self._allowed(asked, data)

    def _refused(self, asked: Asked, data: Mapping[str, Any]) -> Reply | None:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return _said(401, "Bad credentials")
        if asked.method != "GET" and not self.may_write:
            return _said(403, "Resource not accessible by integration")
        if len(data.get("body", "")) > LONGEST:
            return _said(422, "Validation Failed")
        return None

    def _allowed(self, asked: Asked, data: Mapping[str, Any]) -> Reply:
        path = urlsplit(asked.target).path.removeprefix(f"/repos/{REPOSITORY}/")
        if path == "issues/7/comments":
            return self._comments(asked, data)
        if match := re.fullmatch(r"issues/comments/(\d+)", path):
            return self._changed(self.comments, "id", int(match[1]), data)
        if path == "pulls":
            return self._pulls(asked, data)
        if match := re.fullmatch(r"pulls/(\d+)", path):
            return self._changed(self.pulls, "number", int(match[1]), data)
        return _said(404, "Not Found")

    def _comments(self, asked: Asked, data: Mapping[str, Any]) -> Reply:
        if asked.method == "POST":
            made = self.add(data["body"])
            return Reply(502) if self.loses_answers else _json(201, made)
        query = parse_qs(urlsplit(asked.target).query)
        number = int(query.get("page", ["1"])[0])
        start = (number - 1) * self._page
        here = self.comments[start : start + self._page]
        more = start + self._page < len(self.comments)
        following = self._web.url(f"/repos/{REPOSITORY}/issues/7/comments?page={number + 1}")
        return _json(200, here, {"Link": f'<{following}>; rel="next"'} if more else {})

    def _pulls(self, asked: Asked, data: Mapping[str, Any]) -> Reply:
        if asked.method == "POST":
            number = len(self.pulls) + 1
            url = f"https://github.example.com/{REPOSITORY}/pull/{number}"
            self.pulls.append({**data, "number": number, "state": "open", "html_url": url})
            return _json(201, self.pulls[-1])
        query = {key: value[0] for key, value in parse_qs(urlsplit(asked.target).query).items()}
        owner = REPOSITORY.partition("/")[0]
        return _json(200, [
            one for one in self.pulls
            if (one["state"], f"{owner}:{one['head']}", one["base"])
            == (query["state"], query["head"], query["base"])
        ])  # fmt: skip

    def _changed(
        self, among: list[dict[str, Any]], key: str, value: int, data: Mapping[str, Any]
    ) -> Reply:
        found = next((one for one in among if one[key] == value), None)
        if found is None:
            return _said(404, "Not Found")
        found.update(data)
        return _json(200, found)


def script(name: str, *words: object, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a script of the action as a runner does."""
    command = [sys.executable if name.endswith(".py") else "bash", str(ACTION / name)]
    return subprocess.run(
        [*command, *map(str, words)], capture_output=True, text=True, check=False, **more
    )


def _json(status: int, found: Any, headers: Mapping[str, str] | None = None) -> Reply:
    told = {"Content-Type": "application/json", **(headers or {})}
    return Reply(status, told, json.dumps(found).encode())


def _said(status: int, message: str) -> Reply:
    return _json(status, {"message": message})
