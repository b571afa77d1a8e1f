from __future__ import annotations

import re
from pathlib import Path

import pytest

from compiler.reports.mermaid import Group, Picture, escape, render
from tests.commands.running import ROOT, run, run_json, started

HOSTILE = [
    'evil"] --> x',
    'click a "javascript:alert(1)"',
    "<script>alert(1)</script>",
    "`code`",
    "%%{init: {}}%%",
    "end of it",
    "line\nbreak",
    "#quot;",
    "a|b",
    "semi;colon",
    "ünï",
]


def test_two_thousand_sites_are_one_readable_picture() -> None:
    result = run("graph", ROOT / "specs/thousand-stores", "--env", "prod")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "flowchart LR"
    assert len(lines) < 40
    counts = [int(n.replace(",", "")) for n in re.findall(r": ([\d,]+) sites?\"", result.stdout)]
    assert sum(counts) == 1980
    assert "1.3.0 × 1,409, 1.4.0 × 571" in result.stdout


def test_environments_datasets_and_backends_are_named() -> None:
    text = run("graph", ROOT / "specs/helmet-detection").stdout
    assert 'subgraph cluster0["sedna / hub"]' in text
    assert '[("incremental-dataset")]' in text
    assert "joint-inference on sedna, kubernetes" in text


def test_one_job_is_drawn_alone() -> None:
    text = run("graph", ROOT / "specs/helmet-detection", "--job", "learning").stdout
    assert "incremental-learning" in text
    assert "joint-inference" not in text


def test_a_job_that_is_not_there_is_a_usage_error_with_a_proposal() -> None:
    result = run("graph", ROOT / "specs/helmet-detection", "--job", "lerning")
    assert result.exit_code == 2
    assert "Did you mean learning?" in result.output


def test_json_holds_the_same_picture(tmp_path: Path) -> None:
    fleet = started(tmp_path / "shop")
    assert run_json("graph", at=fleet)["mermaid"] == run("graph", at=fleet).stdout


def test_a_broken_spec_is_told_by_its_lines(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("edgewright: v2\n")
    result = run("graph", tmp_path)
    assert result.exit_code == 1
    assert "a.yaml:1:13" in result.stderr


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_leaves_its_label(text: str) -> None:
    picture = _picture(text)
    harmless = render(_picture("word"))
    hostile = render(picture)
    assert hostile.replace(escape(text), "word") == harmless
    assert not re.search(r'["<>`|{}\[\]\n%\\]', escape(text))


def test_many_clusters_are_drawn_as_one_box_of_the_rest(tmp_path: Path) -> None:
    fleet = started(tmp_path / "shop")
    text = (fleet / "specs/fleet.yaml").read_text()
    head, _, _ = text.partition("  # Hosts are the names")
    head = head.replace("    hub:\n", "    hub:\n      each: site\n")
    sites = "".join(
        f"    s-{n}: {{cluster: c-{n}, layer: edge, profile: mini-pc, hosts: {{n-{n}: {{}}}}}}\n"
        for n in range(60)
    )
    clusters = "".join(
        f"    c-{n}: {{kubernetes: '1.33', gitops: {{engine: flux}}, "
        f"repo: {{url: 'https://git.example.com/shop.git'}}}}\n"
        for n in range(60)
    )
    head = head.replace("  clusters:\n", f"  clusters:\n{clusters}")
    (fleet / "specs/fleet.yaml").write_text(f"{head}  sites:\n{sites}")
    result = run("graph", at=fleet)
    assert result.exit_code == 0, result.stderr
    assert "36 more clusters" in result.stdout
    assert len(result.stdout.splitlines()) < 120


def _picture(text: str) -> Picture:
    return Picture(
        {text: text},
        {("model", text, text): text, ("dataset", text, text): text},
        {(text, Group(text, text)): text},
    )
