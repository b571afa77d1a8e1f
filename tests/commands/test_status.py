from __future__ import annotations

import json
from pathlib import Path

from compiler.commands.status_wanted import compiled
from compiler.model import wanted
from compiler.model.diagnostics import Diagnostics
from compiler.pipeline import Request
from tests.commands.running import ROOT, run, started
from tests.model.cluster_said import TREES

NO_CLUSTER = ("--kubeconfig", "no-such-file")


def test_a_cluster_that_cannot_be_asked_is_shown_and_ends_with_6(tmp_path: Path) -> None:
    fleet = started(tmp_path / "shop")
    result = run("status", *NO_CLUSTER, at=fleet)
    assert result.exit_code == 6, result.output
    assert "not seen: there is no kubeconfig no-such-file" in result.stdout
    assert "E8001" in result.stderr
    found = json.loads(run("status", *NO_CLUSTER, "--format", "json", at=fleet).stdout)
    assert {row["verdict"] for row in found["rows"]} == {"unknown"}
    assert {row["job"] for row in found["rows"]} >= {"(root)"}
    assert found["clusters"][0]["problem"] == "there is no kubeconfig no-such-file"


def test_several_clusters_need_contexts_of_their_own() -> None:
    spec = ROOT / "specs/thousand-stores"
    result = run("status", spec, "--env", "sample", *NO_CLUSTER)
    assert result.exit_code == 6
    assert "E8002 no context is known for cluster west" in result.stderr
    refused = run("status", spec, "--env", "sample", "--context", "x", *NO_CLUSTER)
    assert refused.exit_code == 2
    assert "choose with --cluster: hub, west" in " ".join(refused.output.split())
    chosen = run(
        "status", spec, "--env", "sample", "--context", "x", "--cluster", "west", *NO_CLUSTER
    )
    assert chosen.exit_code == 6
    assert "hub" not in chosen.stdout


def test_a_site_that_is_a_cluster_of_its_own_can_be_chosen_as_one() -> None:
    spec = TREES / "each-site/spec"
    found = json.loads(
        run("status", spec, "--cluster", "shop/kiosk-2", *NO_CLUSTER, "--format", "json").stdout
    )
    assert {row["target"] for row in found["rows"]} == {"kiosks/default/shop/kiosk-2"}
    assert [one["site"] for one in found["clusters"]] == ["kiosk-2"]


def test_names_that_are_not_there_are_usage_errors_with_a_proposal() -> None:
    spec = TREES / "shards/spec"
    for words, told in (
        (
            ("s-01",),
            "there is no site s-01; the sites are: s-001, s-002, s-003, s-004. Did you mean s-001?",
        ),
        (("--job", "cuont"), "there is no job cuont; the jobs are: count. Did you mean count?"),
        (("--cluster", "hubb"), "in what is compiled, only hub. Did you mean hub?"),
    ):
        result = run("status", spec, *words, *NO_CLUSTER)
        assert result.exit_code == 2, result.output
        assert told in " ".join(result.output.split())


def test_names_that_exclude_each_other_are_usage_errors() -> None:
    spec = TREES / "each-site/spec"
    for words, told in (
        (("kiosk-1", "--cluster", "shop/kiosk-2"),
         "site kiosk-1 is on cluster shop/kiosk-1, not on shop/kiosk-2"),
        (("kiosk-2", "kiosk-1", "--cluster", "shop/kiosk-2"), "site kiosk-1 is on cluster"),
    ):  # fmt: skip
        result = run("status", spec, *words, *NO_CLUSTER)
        assert result.exit_code == 2, result.output
        assert told in " ".join(result.output.split())
    agreed = run("status", spec, "kiosk-1", "--cluster", "shop/kiosk-1", *NO_CLUSTER)
    assert agreed.exit_code == 6
    assert "kiosk-1" in agreed.stdout


def test_a_path_where_nothing_is_is_no_site(tmp_path: Path) -> None:
    fleet = started(tmp_path / "shop")
    for word in ("./spces", "spces/", "specs.old"):
        result = run("status", word, *NO_CLUSTER, at=fleet)
        assert result.exit_code == 2, result.output
        assert f"there is no folder {word}" in result.output


def test_a_cluster_that_is_not_reached_is_told_what_to_do_about_that(tmp_path: Path) -> None:
    fleet = started(tmp_path / "shop")
    result = run("status", *NO_CLUSTER, at=fleet)
    assert "auth can-i" not in result.output
    assert "--kubeconfig" in result.stdout.partition("What to do next")[2]
    found = json.loads(run("status", *NO_CLUSTER, "--format", "json", at=fleet).stdout)
    (step,) = found["next"]
    assert step["command"] is None
    assert step["hint"].startswith("Name the right file")


def test_a_wrong_spec_ends_with_1_before_any_cluster_is_asked(tmp_path: Path) -> None:
    fleet = started(tmp_path / "shop")
    (fleet / "specs" / "wrong.yaml").write_text("jobs: {x: {kind: srve}}\n")
    result = run("status", *NO_CLUSTER, at=fleet)
    assert result.exit_code == 1
    assert "no-such-file" not in result.output


def test_a_site_shows_its_rows_and_what_they_share() -> None:
    spec = TREES / "shards/spec"
    found = json.loads(run("status", spec, "s-002", *NO_CLUSTER, "--format", "json").stdout)
    assert [(row["job"], row["site"]) for row in found["rows"]] == [
        ("count", "s-002"), ("(root)", None),
    ]  # fmt: skip


def test_what_is_compiled_for_one_site_is_what_is_compiled_for_it_with_all() -> None:
    for name in ("shards", "serve-hot", "each-site", "joint-inference", "objects", "overrides"):
        request = Request(root=TREES / name / "spec")
        whole = compiled(request, (), Diagnostics())
        site = sorted(whole.sites)[0]
        part = compiled(request, (site,), Diagnostics())
        rows = [
            {
                (row.cluster.target, row.job): row
                for row in wanted.wanted_rows(one.tree, one.clusters)
                if row.site == site
            }
            for one in (whole, part)
        ]
        assert rows[0] == rows[1], name
        assert rows[0], name


def test_the_number_of_questions_does_not_grow_with_the_fleet() -> None:
    request = Request(root=ROOT / "specs/thousand-stores", environments=("sample",))
    found = compiled(request, (), Diagnostics())
    rows = wanted.wanted_rows(found.tree, found.clusters)
    asked = wanted.questions(rows)
    assert {target: len(some) <= 11 for target, some in asked.items()} == dict.fromkeys(asked, True)
    some = [row for row in rows if row.site in ("store-0001", "store-0003")]
    assert wanted.narrowed(rows) == frozenset()
    narrow = wanted.narrowed(some)
    assert narrow == {"store-0001", "store-0003"}
    (questions,) = wanted.questions(some, narrow).values()
    selectors = {one.selector.rpartition("edgewright.io/")[2] for one in questions}
    assert selectors == {
        "", "environment=sample", "site in (store-0001,store-0003)",
        "kubernetes.io/metadata.name=argocd",
    }  # fmt: skip


def test_no_cluster_library_is_imported_for_other_commands() -> None:
    import subprocess
    import sys

    code = "import sys, compiler.cli, compiler.commands.status; print('kubernetes' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
