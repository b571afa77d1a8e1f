"""The image's recipe, held to the rules that matter where no daemon is there to build it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

RECIPE = Path(__file__).parents[3] / "sidecar" / "Containerfile"


def steps(text: str) -> list[tuple[str, str]]:
    """The instructions with their arguments, lines joined and comments left out."""
    lines = re.sub(r"\\\n", " ", text).splitlines()
    found = [line.split(None, 1) for line in lines if line.strip() and not line.startswith("#")]
    return [(word.upper(), rest.strip()) for word, rest in found]


def faults(text: str) -> list[str]:
    """What is wrong with a recipe."""
    found = []
    listed = steps(text)
    for word, rest in listed:
        if word == "FROM" and "${BASE}" not in rest and "@sha256:" not in rest:
            found.append("an image that is not named by digest")
        if word in ("RUN", "CMD", "ENTRYPOINT") and not exec_form(rest):
            found.append(f"{word} needs a shell")
        if word == "ADD":
            found.append("ADD unpacks and downloads")
        if word == "ENV" and re.search("SECRET|TOKEN|PASSWORD|KEY", rest):
            found.append("a secret in the image")
    users = [rest for word, rest in listed if word == "USER"]
    if not users or not re.fullmatch("[1-9][0-9]*:[1-9][0-9]*", users[-1]):
        found.append("no user by number")
    if "tzdata" not in text:
        found.append("no time zones")
    return found


def exec_form(rest: str) -> bool:
    try:
        words = json.loads(rest)
    except ValueError:
        return False
    return isinstance(words, list) and not {"sh", "bash", "/bin/sh", "-c"} & set(words)


def test_the_recipe_keeps_the_rules() -> None:
    assert faults(RECIPE.read_text()) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("FROM ${BASE}", "FROM python:latest", "an image that is not named by digest"),
        ("USER 65532:65532", "USER nobody", "no user by number"),
        ("USER 65532:65532", "USER 0:0", "no user by number"),
        ('["apt-get", "update"]', "apt-get update", "RUN needs a shell"),
        ('CMD ["--help"]', 'CMD ["sh", "-c", "x"]', "CMD needs a shell"),
        (', "tzdata"', "", "no time zones"),
        ("COPY", "ADD", "ADD unpacks and downloads"),
    ],
)
def test_a_recipe_that_breaks_a_rule_is_noticed(old: str, new: str, fault: str) -> None:
    text = RECIPE.read_text()
    assert old in text
    assert faults(text.replace(old, new)) == [fault]


def test_what_is_copied_and_started_is_what_the_build_makes() -> None:
    listed = dict(steps(RECIPE.read_text()))
    assert listed["COPY"].split()[1:] == ["dist/edgewright-sidecar.pyz", "/edgewright-sidecar.pyz"]
    assert json.loads(listed["ENTRYPOINT"])[-1] == "/edgewright-sidecar.pyz"
