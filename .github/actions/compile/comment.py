"""Keeps one comment on a pull request: posts it, or changes the one that is there.

The comment is known by a hidden mark, and only where somebody wrote it who may write to the
repository: anybody can copy a mark. Where the token may not comment, as on a pull request from a
fork, the text goes to the job's summary. No text ever fails the job.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from api import Api, ApiError

LIMIT = 65_000
"""Characters; the server takes 65,536."""
OURS = ("OWNER", "MEMBER", "COLLABORATOR")


def main() -> None:
    """Bring the file that the command line names to whoever reads the pull request."""
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    number, token = os.environ.get("PULL_REQUEST", ""), os.environ.get("TOKEN", "")
    if not (number.isdigit() and token):
        summarise(text)
        return
    try:
        done = comment(Api(token), int(number), body(text, mark(os.environ.get("KEY", ""))))
    except ApiError as error:
        reason = "the token may not comment" if error.status in (401, 403, 404) else error
        print(f"::notice title=edgewright::no comment ({reason}); see the job's summary")
        summarise(text)
    else:
        print(f"edgewright: comment {done}")


def mark(key: str) -> str:
    """What the comment of one fleet is known by, as no reader sees it."""
    return f"<!-- edgewright diff {re.sub('[^A-Za-z0-9._/]+', '-', key)} -->"


def body(text: str, marked: str) -> str:
    """The comment, cut at the end of a line where it is too long."""
    whole = f"{marked}\n{text}"
    if len(whole) <= LIMIT:
        return whole
    cut = whole[: LIMIT - 500].rpartition("\n")[0]
    fence = "\n```" if cut.count("\n```") % 2 else ""
    return f"{cut}{fence}\n\nThe rest is too long for a comment: see the page of the run.\n"


def comment(api: Api, number: int, text: str) -> str:
    """Post or change the comment; what was done, in a word.

    Raises:
        ApiError: the server does not allow it, or does not answer.
    """
    first = text.partition("\n")[0]
    found = next((one for one in _comments(api, number) if _is_ours(one, first)), None)
    if found is None:
        api.ask("POST", f"issues/{number}/comments", {"body": text})
        return "posted"
    if str(found["body"]).replace("\r\n", "\n").rstrip() == text.rstrip():
        return "unchanged"
    api.ask("PATCH", f"issues/comments/{found['id']}", {"body": text})
    return "changed"


def summarise(text: str) -> None:
    """Append to the summary of the job."""
    with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as out:
        out.write(f"{text}\n")


def _comments(api: Api, number: int) -> Any:
    return api.pages(f"issues/{number}/comments?per_page=100")


def _is_ours(one: Any, marked: str) -> bool:
    author = one.get("user") or {}
    trusted = author.get("type") == "Bot" or one.get("author_association") in OURS
    return trusted and str(one.get("body") or "").startswith(marked)


if __name__ == "__main__":
    main()
