"""Turns the JSON of `edgewright compile` into annotations, outputs and a job summary."""

import json
import os
import sys
from pathlib import Path


def escape(text: str, *, value: bool = False) -> str:
    """Return text that cannot leave its place in a workflow command."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if value else text


def main() -> None:
    """Read the file named on the command line; write to the places that the runner names."""
    result = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8") or "{}")
    found = result.get("diagnostics", [])
    for item in found:
        level = {"error": "error", "warning": "warning"}.get(item["severity"], "notice")
        place = ""
        if item["file"]:
            name = escape(item["file"], value=True)
            place = f"file={name},line={item['line']},col={item['column']},"
        message = f"{item['message']}\n{item['hint']}".strip()
        print(f"::{level} {place}title={escape(item['code'], value=True)}::{escape(message)}")
    errors = sum(item["severity"] == "error" for item in found)
    changed = len(result.get("changed", []))
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as out:
        out.write(f"errors={errors}\nchanged={changed}\n")
    rows = [f"| {d['code']} | {d['file']}:{d['line']} | {d['message']} |" for d in found[:200]]
    table = ["", "| code | place | what |", "|---|---|---|", *rows] if rows else []
    lines = ["### edgewright", f"{errors} errors, {changed} files differ.", *table]
    with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
