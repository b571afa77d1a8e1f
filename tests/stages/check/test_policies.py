"""Policies: what each scope sees, what is told of a broken one; a cache changes nothing."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from compiler.stages.check.cel import CelError, evidence_of
from tests.commands.running import run, run_json
from tests.stages.resolving import SHOP


def fleet(folder: Path, *policies: str) -> Path:
    (folder / "specs").mkdir(exist_ok=True)
    listed = "".join(f"  - {{{policy}}}\n" for policy in policies)
    text = f"{SHOP}policies:\n{listed}" if policies else SHOP
    (folder / "specs/spec.yaml").write_text(text, encoding="utf-8")
    return folder


def value(text: str, **variables: Any) -> Any:
    return evidence_of(text, variables)[0](variables)


@pytest.mark.parametrize(
    ("policy", "code", "words"),
    [
        ('name: a, per: site, assert: "objects.size() > 9"', 3, "objects.size() is"),
        ('name: a, per: site, assert: "site.layer == \'cloud\'"', 3, 'site.layer is "edge"'),
        ('name: a, per: cluster, assert: "kinds.Deployment == 7"', 3, "kinds.Deployment is 2"),
        ('name: a, per: fleet, assert: "sites.size() == 3 && environment == \'default\'"', 0, ""),
        ('name: a, per: fleet, assert: "sites.map(s, s.kinds.Deployment).sum() == 2"', 1,
         "no field Deployment"),
        ('name: a, assert: "object.spec.nothing == 1"', 1, "no field"),
        ('name: a, assert: "object.kind"', 1, "neither true nor false"),
        ('name: a, assert: "objec.kind == 1"', 1, "there is no objec; there are object"),
    ],
)  # fmt: skip
def test_a_policy_decides_the_exit_code_and_tells_why(
    tmp_path: Path, policy: str, code: int, words: str
) -> None:
    result = run("compile", at=fleet(tmp_path, policy))
    assert result.exit_code == code, result.stderr
    assert words in result.stderr


def test_nothing_is_written_where_a_policy_is_broken(tmp_path: Path) -> None:
    at = fleet(tmp_path, 'name: a, per: fleet, assert: "false"')
    assert run("compile", at=at).exit_code == 3
    assert not (tmp_path / "generated/shop").exists()


def test_another_error_beside_a_broken_policy_is_the_specs(tmp_path: Path) -> None:
    at = fleet(tmp_path, 'name: a, per: fleet, assert: "false"', 'name: b, assert: "1"')
    assert run("compile", at=at).exit_code == 1


POLICIES = (
    'name: few, per: fleet, assert: "kinds.Deployment <= {}"',
    "name: none, per: cluster, "
    'assert: "sites.all(s, s.layer != \'edge\' || s.kinds.ConfigMap <= {})"',
    'name: size, per: site, assert: "objects.size() <= {}"',
    "name: kind, per: object, "
    'assert: "object.kind != \'Deployment\' || object.spec.replicas <= {}"',
)  # fmt: skip


def test_verdicts_are_the_same_with_and_without_a_cache(tmp_path: Path) -> None:
    chance = random.Random(3)
    cached, plain = tmp_path / "cached", tmp_path / "plain"
    cached.mkdir()
    plain.mkdir()
    seen = set()
    for _ in range(25):
        chosen = [one.format(chance.randint(0, 6)) for one in POLICIES if chance.random() < 0.7]
        for folder in (cached, plain):
            fleet(folder, *chosen)
        first = run("compile", at=cached)
        second = run("compile", "--no-cache", at=plain)
        assert (first.exit_code, first.stderr) == (second.exit_code, second.stderr)
        seen.add(first.exit_code)
    assert seen == {0, 3}


def test_a_policy_about_a_part_of_the_fleet_does_not_judge_the_whole(tmp_path: Path) -> None:
    at = fleet(tmp_path, 'name: a, per: fleet, assert: "kinds.Deployment == 2"')
    assert run_json("compile", at=at)["objects"] > 0
    assert run("compile", "--only", "north-1", at=at).exit_code == 0


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[1, 2].all(x, x > 0)", True),
        ("['a', 1].exists(x, x == 1)", True),
        ("[1].size() == 1", True),
        ("-7 / 2 == -3", True),
        ("-7 % 2 == -1", True),
        ("9007199254740993 / 1 == 9007199254740993", True),
        ("[1, 'b'].exists(x, x > 0)", True),
        ("['b', -1].all(x, x > 0)", False),
        ("!(!true)", True),
        ("--1 == 1", True),
    ],
)
def test_expressions_compute_as_cel_does(text: str, wanted: bool) -> None:
    assert value(text) is wanted


@pytest.mark.parametrize("text", ["(" * 5000, "a" * 5000, "[1].all(", "'", "1 +"])
def test_a_hostile_expression_is_refused_and_not_followed(text: str) -> None:
    with pytest.raises(CelError) as caught:
        evidence_of(text, ("object",))
    assert caught.value.at is None or 0 <= caught.value.at <= len(text)
