"""`edgewright check --server`: which cluster gets what, and every way in which one is not asked."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.fake_cluster import TOKEN, Asked, FakeCluster, Reply, fake_cluster, status
from tests.commands.running import run
from tests.stages.resolving import FLEET, SHOP

FLUX = SHOP.replace("engine: argocd", "engine: flux")
TWO = FLUX.replace(
    "  profiles:\n",
    '    west: {kubernetes: "1.33", gitops: {engine: argocd}, context: far, '
    "destination: {name: west}, repo: {url: 'https://git.example.com/f.git'}}\n  profiles:\n",
).replace("west-1:\n      {cluster: hub", "west-1:\n      {cluster: west")
EACH = (
    FLUX.replace('hub: {kubernetes: "1.32", provides: {kubeedge: "1.23"}',
                 'hub: {each: site, context: "edge-{site}", kubernetes: "1.32"')
    .replace("    cloud: {cluster: hub, layer: cloud, profile: box, hosts: {cloud-a: {}}}\n", "")
)  # fmt: skip


def spec(folder: Path, text: str = FLUX) -> Path:
    (folder / "specs").mkdir(exist_ok=True)
    (folder / "specs" / "spec.yaml").write_text(text, encoding="utf-8")
    return folder


def check(folder: Path, config: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Exit code and document."""
    words = ("check", "--server", "--kubeconfig", config, "--format", "json", *options)
    result = run(*words, at=folder)
    assert result.stdout, result.output
    assert TOKEN not in result.output
    return result.exit_code, json.loads(result.stdout)


def told(document: dict[str, Any], code: str) -> list[str]:
    return [one["message"] for one in document["diagnostics"] if one["code"] == code]


def applied(fake: FakeCluster) -> set[str]:
    """The addresses of all dry runs."""
    assert all(one.query.get("dryRun") == "All" for one in fake.asked if one.method != "GET")
    return {one.path for one in fake.asked if one.method == "PATCH"}


@pytest.mark.parametrize(
    "options",
    [("--context", "a"), ("--kubeconfig", "a"), ("--cluster", "a"), ("--only", "a"),
     ("--stand-in", "a"), ("--engine-context", "a")],
)  # fmt: skip
def test_what_has_a_meaning_only_with_a_server_is_refused_without(
    options: tuple[str, str], tmp_path: Path
) -> None:
    result = run("check", *options, at=spec(tmp_path))
    assert result.exit_code == 2
    assert f"{options[0]} has a meaning only with --server" in result.stderr


def test_without_the_flag_no_cluster_is_asked(tmp_path: Path) -> None:
    with fake_cluster() as fake:
        fake.kubeconfig(tmp_path)
        assert run("check", at=spec(tmp_path)).exit_code == 0
    assert fake.asked == []


def test_the_text_of_the_files_is_sent_as_the_engine_would(tmp_path: Path) -> None:
    spec(tmp_path)
    with fake_cluster() as fake:
        code, document = check(tmp_path, fake.kubeconfig(tmp_path))
    assert code == 0
    assert run("compile", "--no-cache", at=tmp_path).exit_code == 0
    files = [path for path in (tmp_path / "generated").rglob("*.yaml")
             if path.name != "kustomization.yaml"]  # fmt: skip
    sent = [one for one in fake.asked if one.method == "PATCH" and "/pods/" not in one.path]
    assert {one.body for one in sent} == {path.read_bytes() for path in files}
    managers = {one.query["fieldManager"] for one in sent}
    assert managers == {"kustomize-controller", "kubectl"}
    (cluster,) = document["clusters"]
    assert cluster["accepted"] == cluster["objects"] == len(files)
    assert cluster["context"] == "fake"


def test_the_terminal_gets_one_line_for_each_cluster(tmp_path: Path) -> None:
    with fake_cluster() as fake:
        config = fake.kubeconfig(tmp_path)
        result = run("check", "--server", "--kubeconfig", config, at=spec(tmp_path))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].startswith("hub (context fake, 127.0.0.1:")
    assert result.stdout.endswith(" accepted\n")


def test_equal_faults_of_many_objects_are_one_finding_on_the_line_of_the_job(
    tmp_path: Path,
) -> None:
    def rule(asked: Asked) -> Reply | None:
        if "deployments" not in asked.path or asked.method == "GET":
            return None
        name = asked.path.rpartition("/")[2]
        causes = [{"field": "spec.x", "message": "Required value", "reason": "FieldValueRequired"}]
        return status(422, f'Deployment.apps "{name}" is invalid: …', "Invalid", causes=causes)

    with fake_cluster(rule) as fake:
        code, document = check(spec(tmp_path), fake.kubeconfig(tmp_path))
        assert not [path for path in applied(fake) if "/pods/" in path]
    assert code == 1
    (message,) = told(document, "E8101")
    assert "spec.x: Required value (and 1 more with the same fault)" in message
    (found,) = [one for one in document["diagnostics"] if one["code"] == "E8101"]
    assert found["file"] == "specs/spec.yaml"
    assert "kind: serve" in FLUX.splitlines()[found["line"] - 1]


def test_a_refusal_of_what_is_live_already_says_that_a_live_value_may_be_at_fault(
    tmp_path: Path,
) -> None:
    causes = [{"field": "spec.ports[1].name", "message": 'Duplicate value: "a"'}]
    refusal = status(422, 'Deployment.apps "a" is invalid: …', "Invalid", causes=causes)
    for live in (True, False):

        def rule(asked: Asked, live: bool = live) -> Reply | None:
            if "/deployments/" not in asked.path:
                return None
            if asked.method == "PATCH":
                return refusal
            return Reply(body={"kind": "Deployment"}) if live else None

        with fake_cluster(rule) as fake:
            code, document = check(spec(tmp_path), fake.kubeconfig(tmp_path))
        assert code == 1
        (found,) = [one for one in document["diagnostics"] if one["code"] == "E8101"]
        assert ("A value of the live object may be at fault" in (found["hint"] or "")) is live


def test_a_denial_exits_with_3_and_a_silent_webhook_with_6(tmp_path: Path) -> None:
    for reply, code, sort in (
        (status(400, 'admission webhook "w" denied the request: no'), 3, "E8103"),
        (status(500, 'failed calling webhook "w": refused', "InternalError"), 6, "E8009"),
        (status(400, 'admission webhook "w" does not support dry run'), 0, "N8123"),
        (Reply(200, {"kind": "X"}, (("Warning", '299 - "goes away"'),)), 0, "W8110"),
    ):
        with fake_cluster(
            lambda asked, reply=reply: reply if asked.method == "PATCH" else None  # type: ignore[misc]
        ) as fake:
            found, document = check(spec(tmp_path), fake.kubeconfig(tmp_path))
        assert found == code
        assert told(document, sort)


@pytest.mark.parametrize(("name", "expected"), [("default", 0), ("stranger", 3)])
def test_an_account_that_comes_with_the_namespace_is_no_fault_and_another_is(
    name: str, expected: int, tmp_path: Path
) -> None:
    words = f'error looking up service account shop/{name}: serviceaccount "{name}" not found'
    refusal = status(403, f'pods "p" is forbidden: {words}', "Forbidden")
    with fake_cluster(lambda asked: refusal if "/pods/" in asked.path else None) as fake:
        code, document = check(spec(tmp_path), fake.kubeconfig(tmp_path))
    assert code == expected
    assert told(document, "E8103" if expected else "N8123")
    (cluster,) = document["clusters"]
    assert cluster["accepted"] < cluster["objects"]


def test_a_cluster_that_cannot_be_asked_exits_with_6_and_the_rest_is_judged(
    tmp_path: Path,
) -> None:
    with socket.socket() as closed, fake_cluster() as fake:
        closed.bind(("127.0.0.1", 0))
        config = fake.kubeconfig(tmp_path, "near", "far")
        document = json.loads(config.read_text())
        address = f"https://127.0.0.1:{closed.getsockname()[1]}"
        document["clusters"].append({"name": "two", "cluster": {"server": address}})
        document["contexts"][1]["context"]["cluster"] = "two"
        config.write_text(json.dumps(document))
        text = TWO.replace('hub: {kubernetes: "1.32"', 'hub: {context: near, kubernetes: "1.32"')
        code, found = check(spec(tmp_path, text), config)
    assert code == 6
    assert len(told(found, "E8004")) == 1
    hub, west = found["clusters"]
    assert hub["accepted"] == hub["objects"] > 0
    assert west["judged"] == 0 < west["objects"]


def test_of_several_clusters_each_needs_a_context(tmp_path: Path) -> None:
    with fake_cluster() as fake:
        config = fake.kubeconfig(tmp_path, "far")
        code, document = check(spec(tmp_path, TWO), config)
        assert code == 6
        assert told(document, "E8002") == ["no context is known for cluster hub"]
        result = run("check", "--server", "--kubeconfig", config, "--context", "far", at=tmp_path)
        assert result.exit_code == 2
        assert "--context is for one cluster; choose with --cluster: hub, west" in result.stderr
        assert check(tmp_path, config, "--cluster", "hub", "--context", "far")[0] == 0


def test_what_is_for_another_argo_cd_is_judged_there_or_not_at_all(tmp_path: Path) -> None:
    spec(tmp_path, TWO)
    with fake_cluster() as fake:
        config = fake.kubeconfig(tmp_path, "far", "control")
        code, document = check(tmp_path, config, "--cluster", "west")
        assert code == 0
        assert "objects for Argo CD were not judged" in told(document, "N8122")[0]
        assert not [path for path in applied(fake) if "argoproj.io" in path]
        words = ("--cluster", "west", "--engine-context", "control")
        code, document = check(tmp_path, config, *words)
        assert code == 0
        assert [one["context"] for one in document["clusters"]] == ["far", "control"]
        assert [path for path in applied(fake) if "argoproj.io" in path]


def test_one_cluster_needs_no_context_where_argo_cd_runs_elsewhere(tmp_path: Path) -> None:
    spec(tmp_path, TWO.replace("context: far, ", ""))
    with fake_cluster() as fake:
        config = fake.kubeconfig(tmp_path, "current", "control")
        words = ("--cluster", "west", "--engine-context", "control")
        code, document = check(tmp_path, config, *words)
        assert code == 0, document
        assert [one["context"] for one in document["clusters"]] == ["current", "control"]


def test_each_site_that_is_a_cluster_is_asked_in_its_own_context(tmp_path: Path) -> None:
    spec(tmp_path, EACH)
    with fake_cluster() as fake:
        config = fake.kubeconfig(tmp_path, "edge-north-1", "edge-west-1")
        code, document = check(tmp_path, config)
        assert code == 0, document
        found = [(one["cluster"], one["context"]) for one in document["clusters"]]
        assert found == [("hub/north-1", "edge-north-1"), ("hub/west-1", "edge-west-1")]
        code, document = check(tmp_path, config, "--cluster", "hub/west-1")
        assert [one["cluster"] for one in document["clusters"]] == ["hub/west-1"]


def test_a_context_must_tell_sites_apart_where_each_is_a_cluster(tmp_path: Path) -> None:
    for text in (
        EACH.replace("edge-{site}", "edge"),
        SHOP.replace("hub: {", 'hub: {context: "edge-{site}", '),
    ):
        result = run("check", at=spec(tmp_path, text))
        assert result.exit_code == 1
        assert "context" in result.stderr
        assert "each: site" in result.stderr
    arn = "arn:aws:eks:eu-west-1:111122223333:cluster/{environment}"
    assert FLEET in SHOP
    text = SHOP.replace("hub: {", f'hub: {{context: "{arn}", ')
    with fake_cluster() as fake:
        config = fake.kubeconfig(tmp_path, arn.replace("{environment}", "default"))
        assert check(spec(tmp_path, text), config)[0] == 0


def test_only_some_sites_or_jobs_are_sent(tmp_path: Path) -> None:
    with fake_cluster() as fake:
        config = fake.kubeconfig(tmp_path)
        assert check(spec(tmp_path), config, "--only", "north-1")[0] == 0
        assert applied(fake)
        assert not [path for path in applied(fake) if "west-1" in path]
        code, document = check(tmp_path, config, "--only", "nroth-1")
        assert code == 1
        (found,) = [one for one in document["diagnostics"] if one["code"] == "E2205"]
        assert "--only nroth-1 is neither" in found["message"]
        assert found["hint"] == "Did you mean north-1?"
        result = run("check", "--server", "--kubeconfig", config, "--cluster", "x", at=tmp_path)
        assert result.exit_code == 2


def test_only_a_job_sends_every_object_of_the_job(tmp_path: Path) -> None:
    with fake_cluster() as fake:
        code, document = check(spec(tmp_path), fake.kubeconfig(tmp_path), "--only", "watch")
    assert code == 0, document
    sent = {path for path in applied(fake) if "/pods/" not in path}
    assert document["clusters"][0]["objects"] == len(sent)
    assert {name for name in ("north-1", "west-1") for path in sent if name in path} == {
        "north-1", "west-1"
    }  # fmt: skip
    assert not [path for path in sent if "kustomizations" in path or path.endswith("/shop")]


def test_what_leaves_nothing_to_judge_is_refused(tmp_path: Path) -> None:
    spec(tmp_path, TWO)
    with fake_cluster() as fake:
        config = fake.kubeconfig(tmp_path, "far")
        words = ("check", "--server", "--kubeconfig", config, "--context", "far")
        for options, text in (
            (("--only", "west-1", "--cluster", "hub"), "--only west-1 has no object on --cluster"),
            (("--only", "cloud"), "--only cloud has no object in what is compiled"),
        ):
            result = run(*words, *options, at=tmp_path)
            assert result.exit_code == 2
            assert text in result.stderr
    assert fake.asked == []


def test_a_limit_changes_no_answer_about_what_bootstrap_brings(tmp_path: Path) -> None:
    def rule(asked: Asked) -> Reply | None:
        if "/namespaces/shop/" in asked.path:
            return status(404, 'namespaces "shop" not found', "NotFound", kind="namespaces")
        return Reply(404, "gone") if asked.path == "/apis/edgewright.io/v1alpha1" else None

    text = FLUX.replace("gitops: {engine: flux}", "crds: install, gitops: {engine: flux}")
    for options in ((), ("--only", "north-1"), ("--only", "watch", "--stand-in", "shop")):
        with fake_cluster(rule) as fake:
            code, document = check(spec(tmp_path, text), fake.kubeconfig(tmp_path), *options)
        assert code == 0, document
        assert "InferenceModel" in told(document, "N8121")[0]
        (found,) = [one for one in document["diagnostics"] if one["code"] == "N8120"]
        if "--stand-in" in options:
            assert "the stand-in shop does not exist either" in found["message"]
        else:
            assert found["hint"] == "Apply bootstrap/ of the cluster first."


def test_a_kind_of_another_version_is_told_with_its_system(tmp_path: Path) -> None:
    def rule(asked: Asked) -> Reply | None:
        gone = asked.path == "/apis/kustomize.toolkit.fluxcd.io/v1"
        return Reply(404, "404 page not found") if gone else None

    with fake_cluster(rule) as fake:
        code, document = check(spec(tmp_path), fake.kubeconfig(tmp_path))
    assert code == 1
    (found,) = [one for one in document["diagnostics"] if one["code"] == "E8104"]
    assert "hub does not serve Kustomization of kustomize.toolkit.fluxcd.io/v1" in found["message"]
    assert found["hint"] == "The kind belongs to Flux."


def test_a_wrong_spec_is_told_before_any_cluster_is_asked(tmp_path: Path) -> None:
    with fake_cluster() as fake:
        text = FLUX.replace("models: [detector]", "models: [detecter]")
        code, document = check(spec(tmp_path, text), fake.kubeconfig(tmp_path))
    assert code == 1
    assert told(document, "E2001")
    assert fake.asked == []
