from __future__ import annotations

from typing import Any

import pytest

from compiler.model import engines

SHA = "0123456789abcdef0123456789abcdef01234567"


def kustomization(ready: dict[str, Any] | None, generation: int = 1, **spec: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", **ready}] if ready else []
    return {
        "kind": "Kustomization",
        "metadata": {"name": "unit", "namespace": "flux-system", "generation": generation},
        "spec": spec,
        "status": {
            "observedGeneration": 1,
            "conditions": conditions,
            "lastAppliedRevision": f"deploy@sha1:{SHA}",
        },
    }


def application(**status: Any) -> dict[str, Any]:
    metadata = {"name": "unit", "namespace": "argocd"}
    return {"kind": "Application", "metadata": metadata, "spec": {}, "status": status}


FAILED = {"status": "False", "reason": "HealthCheckFailed", "message": "timeout"}
WAITING = {"status": "False", "reason": "DependencyNotReady", "message": "bootstrap"}


@pytest.mark.parametrize(
    ("live", "state"),
    [
        (kustomization({"status": "True"}), "ready"),
        (kustomization({"status": "True"}, generation=2), "progressing"),
        (kustomization({"status": "Unknown", "reason": "Progressing"}), "progressing"),
        (kustomization(WAITING), "progressing"),
        (kustomization(FAILED), "failed"),
        (kustomization({"status": "True"}, suspend=True), "suspended"),
        (kustomization(None), "progressing"),
        (application(), "progressing"),
        (application(sync={"status": "Synced"}, health={"status": "Healthy"}), "ready"),
        (application(sync={"status": "OutOfSync"}, health={"status": "Healthy"}), "progressing"),
        (application(sync={"status": "Synced"}, health={"status": "Degraded"}), "failed"),
        (application(sync={"status": "Synced"}, health={"status": "Suspended"}), "suspended"),
        (application(sync={"status": "Synced"}), "progressing"),
        (application(sync={"status": "OutOfSync"}, operationState={"phase": "Failed"}), "failed"),
        (application(conditions=[{"type": "ComparisonError", "message": "no path"}]), "failed"),
        (application(conditions=[{"type": "OrphanedResourceWarning"}], sync={"status": "Synced"},
                     health={"status": "Healthy"}), "ready"),
        ({"kind": "AppProject", "metadata": {"name": "p"}}, "ready"),
    ],
)  # fmt: skip
def test_the_state_of_a_unit(live: dict[str, Any], state: str) -> None:
    assert engines.engine(live).state == state


def test_a_revision_is_shown_short_and_a_reason_in_the_engine_s_words() -> None:
    found = engines.engine(kustomization(FAILED))
    assert found.revision == "deploy@0123456789ab"
    assert found.message == "HealthCheckFailed: timeout"
    told = engines.engine(application(sync={"status": "OutOfSync", "revisions": [SHA, "x"]}))
    assert (told.revision, told.message) == (SHA[:12], "OutOfSync, Unknown")


def test_a_source_shows_the_revision_of_its_artifact() -> None:
    status = {
        "artifact": {"revision": f"deploy@sha1:{SHA}"},
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    metadata = {"name": "s", "namespace": "flux-system"}
    live = {"kind": "GitRepository", "metadata": metadata, "spec": {}, "status": status}
    assert engines.engine(live).revision == "deploy@0123456789ab"


@pytest.mark.parametrize(
    ("live", "command"),
    [
        (kustomization(FAILED),
         "flux reconcile kustomization unit -n flux-system --with-source"),
        (kustomization(FAILED, suspend=True), "flux resume kustomization unit -n flux-system"),
        (application(), "argocd app get argocd/unit --refresh"),
    ],
)  # fmt: skip
def test_the_command_that_makes_it_look_again(live: dict[str, Any], command: str) -> None:
    assert engines.step(engines.engine(live)) == command
