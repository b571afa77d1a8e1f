"""Keeps one pull request open from a branch: opens it, or changes the title and text of it.

Prints its address. Whoever may not open one is told so, and the branch stays.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from api import Api, ApiError


def main() -> None:
    """`proposal.py BRANCH BASE TITLE FILE`; the token is in TOKEN."""
    branch, base, title, file = sys.argv[1:]
    text = Path(file).read_text(encoding="utf-8")
    try:
        found = propose(Api(os.environ["TOKEN"]), branch, base, {"title": title, "body": text})
    except ApiError as error:
        print(f"::error title=edgewright::no pull request from {branch}: {error}")
        sys.exit(1)
    print(found["html_url"])


def propose(api: Api, branch: str, base: str, said: dict[str, str]) -> Any:
    """The pull request from a branch, opened where there is none.

    Raises:
        ApiError: the server does not allow it, or does not answer.
    """
    owner = os.environ["GITHUB_REPOSITORY"].partition("/")[0]
    head = f"{quote(owner)}:{quote(branch)}"
    query = f"pulls?state=open&head={head}&base={quote(base)}&per_page=1"
    found = next(api.pages(query), None)
    if found is None:
        return api.ask("POST", "pulls", {"head": branch, "base": base, **said})
    if {key: found.get(key) for key in said} == said:
        return found
    return api.ask("PATCH", f"pulls/{found['number']}", said)


if __name__ == "__main__":
    main()
