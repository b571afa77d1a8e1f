"""The Lua that an operator may give to Argo CD."""

from __future__ import annotations

from compiler.backends.argocd_health import RECORD, customizations
from compiler.model.sync import FAILED_PHASES, IN_PROGRESS_PHASES


def test_every_kind_with_a_status_has_a_check_under_argo_cds_own_key() -> None:
    kinds = [key.removeprefix("resource.customizations.health.") for key in customizations()]
    assert kinds == [
        "edgewright.io_Dataset",
        "edgewright.io_InferenceModel",
        "edgewright.io_TrainingModel",
        "sedna.io_IncrementalLearningJob",
        "sedna.io_JointInferenceService",
    ]


def test_the_check_of_a_record_knows_the_phases_that_fluxs_expressions_know() -> None:
    assert (
        f"local in_progress = {{{', '.join(f'{p} = true' for p in IN_PROGRESS_PHASES)}}}" in RECORD
    )
    assert f"local failed = {{{', '.join(f'{p} = true' for p in FAILED_PHASES)}}}" in RECORD
    assert not set(IN_PROGRESS_PHASES) & set(FAILED_PHASES)


def test_every_check_begins_healthy() -> None:
    assert all('status = "Healthy"' in lua for lua in customizations().values())
