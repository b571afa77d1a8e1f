"""Memory while a version is loaded: limits of workers, and hosts that request too little."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.model.diagnostics import CompileError, Diagnostics
from compiler.pipeline import Request, compile_tree
from tests.stages.resolving import HEAD, REPO, STORES

MODELS = f"""models:
  m:
    versions:
      "1": {{uri: "main:m1", sha256: {"a" * 64}, needs: {{memory: 300Mi}}}}
      "2": {{uri: "main:m2", sha256: {"b" * 64}, needs: {{memory: 500Mi}}}}
    target: "2"
  n:
    versions: {{"7": {{uri: "main:n7", sha256: {"c" * 64}, needs: {{memory: 200Mi}}}}}}
    target: "7"
  mute: {{versions: {{"1": {{uri: "main:x", sha256: {"d" * 64}}}}}, target: "1"}}
"""


def job(name: str, models: str, resources: str, more: str = "") -> str:
    return f"""  {name}:
    kind: serve
    models: [{models}]
    worker: {{image: "r.example.com/x:1", server: triton, resources: {resources}}}
    place: {{layer: edge}}
    {more}
"""


def told(tmp_path: Any, jobs: str, memory: str = "16Gi", lock: str = "") -> list[str]:
    """What compiling says of memory, as code, message and hint."""
    text = f"""{HEAD}{STORES}fleet:
  clusters: {{hub: {{kubernetes: "1.34", gitops: {{engine: flux}}, {REPO}}}}}
  profiles: {{box: {{arch: amd64, cpu: 8, memory: {memory}}}}}
  sites: {{shop: {{cluster: hub, layer: edge, profile: box, hosts: {{s: {{}}}}}}}}
{MODELS}jobs:
{jobs}"""
    (tmp_path / "fleet.yaml").write_text(text)
    if lock:
        (tmp_path / "edgewright.lock").write_text(f"lock: 1\n{lock}")
    diagnostics = Diagnostics()
    try:
        compile_tree(Request(root=tmp_path), diagnostics)
    except CompileError as error:
        diagnostics.extend(error.diagnostics)
    found = diagnostics.in_order()
    codes = ("E7511", "E7512", "E5050")
    return [f"{d.code.id} {d.message} | {d.hint}" for d in found if d.code.id in codes]


@pytest.mark.parametrize(("limit", "count"), [("1200Mi", 0), ("1199Mi", 1)])
def test_the_largest_model_counts_twice_while_it_is_swapped(
    tmp_path: Any, limit: str, count: int
) -> None:
    found = told(tmp_path, job("watch", "m, n", f"{{cpu: 1, memory: {limit}}}"))
    assert len(found) == count
    for one in found:
        assert "its models need 1.2Gi of memory while one is swapped at site shop" in one
        assert one.endswith(
            "give it 1200Mi of memory, or write update: rolling, "
            "which gives a new version its own worker"
        )


def test_a_worker_that_is_replaced_loads_each_version_once(tmp_path: Any) -> None:
    jobs = job("watch", "m, n", "{cpu: 1, memory: 700Mi}", "update: rolling")
    assert told(tmp_path, jobs) == []
    (found,) = told(tmp_path, jobs.replace("700Mi", "699Mi"))
    assert found.endswith("its models need 700Mi of memory at site shop | give it 700Mi of memory")


def test_what_a_rollout_brings_counts_with_its_own_memory(tmp_path: Any) -> None:
    steps = "rollout: {steps: [{percent: 1}, {percent: 100}]}"
    jobs = job("watch", "m", "{cpu: 1, memory: 700Mi}", steps)
    lock = "default.rollouts.watch/m: {from: '1', to: '2', step: 0}\n"
    (found,) = told(tmp_path, jobs, lock=lock)
    assert "its models need 800Mi of memory" in found


def test_a_model_that_says_no_needs_adds_nothing_and_is_said_to(tmp_path: Any) -> None:
    assert told(tmp_path, job("watch", "mute", "{cpu: 1, memory: 10Mi}")) == []
    (found,) = told(tmp_path, job("watch", "mute, n", "{cpu: 1, memory: 10Mi}"))
    assert "its models need at least 400Mi of memory" in found


def test_a_worker_without_a_limit_is_held_against_its_host(tmp_path: Any) -> None:
    jobs = job("watch", "m", "{requests: {cpu: 1, memory: 100Mi}}") + job(
        "count", "n", "{requests: {cpu: 1, memory: 900Mi}}"
    )
    assert told(tmp_path, jobs, "1900Mi") == []
    (found,) = told(tmp_path, jobs, "1899Mi")
    assert found.startswith("E7512 shop/s: while versions are loaded the work here takes memory")
    assert "watch 1000Mi (m:2 500Mi, 500Mi more while m:2 is swapped)" in found
    assert "count" not in found


def test_what_pods_request_is_told_before_what_they_need(tmp_path: Any) -> None:
    found = told(tmp_path, job("watch", "m", "{requests: {cpu: 1, memory: 2Gi}}"), "1Gi")
    assert [one[:5] for one in found] == ["E5050"]
