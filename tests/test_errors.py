"""Errors as a whole: every code has a case, and nothing hostile gets through or costs much."""

from __future__ import annotations

import ast
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from compiler.commands.compile import command as compile_command
from compiler.model.codes import all_codes
from compiler.model.diagnostics import Diagnostics
from compiler.stages.write.write import write
from tests.golden import cases, hostile
from tests.spec_cases import EVERY_KEY, judged, read
from tests.stages.check.objects import judge, obj
from tests.stages.write.trees import options, site, tree

ROOT = Path(__file__).parents[1]
LINES_KEPT = 12
MEBIBYTES = 300
SPOKEN = re.compile(r"(?m)^(?:\S+:\d+:\d+: )?([EWN]\d{4}) ")

ELSEWHERE = {
    "N1036": ("stages/test_load.py::"
              "test_one_file_can_be_loaded_alone_and_those_beside_it_are_counted",
              "speaks of an argument, not of the spec"),
    "E1040": ("adapters/test_edit.py::"
              "test_what_an_anchor_shares_is_refused_at_its_place",
              "speaks of a command that edits"),
    "E1041": ("adapters/test_edit.py::"
              "test_a_layout_that_leaves_no_place_is_refused_and_says_so",
              "speaks of a command that edits"),
    "E2205": ("commands/test_compile.py::"
              "test_only_refuses_a_name_that_is_neither_a_site_nor_a_job",
              "speaks of a flag, not of the spec"),
    "E3304": ("backends/test_kubernetes_refusals.py::test_peers_need_addresses",
              "only sync jobs have peers, and they do not compile yet"),
    "E3501": ("stages/check/test_contract.py::"
              "test_a_config_above_half_a_mebibyte_is_reported_with_its_size",
              "takes hundreds of models"),
    "E3503": ("stages/check/test_contract.py::"
              "test_a_broken_rule_is_reported_with_its_path_and_the_meaning_of_the_field",
              "a fault of the compiler, not of a spec"),
    "E4001": ("stages/render/test_render.py::test_a_missing_template_is_reported",
              "every template ships with the compiler"),
    "E4014": ("stages/render/test_render.py::test_an_object_beyond_the_size_limit_is_an_error",
              "files that a spec names are capped before"),
    "E5005": ("test_errors.py::test_an_object_without_a_kind_is_reported_by_the_check",
              "rendering reports it first"),
    "E6001": ("stages/write/test_write.py::test_a_second_run_stops_and_names_the_first", "writing"),
    "E6002": ("stages/write/test_write.py::"
              "test_a_hand_edited_file_is_an_error_that_names_it_and_nothing_is_changed",
              "writing"),
    "E6003": ("stages/write/test_write.py::"
              "test_a_foreign_file_in_the_way_is_an_error_until_overwrite_covers_it", "writing"),
    "E6004": ("stages/write/test_deletes.py::"
              "test_up_to_twenty_objects_may_go_and_one_more_needs_the_number", "writing"),
    "E6005": ("stages/write/test_write.py::test_an_empty_output_is_refused", "writing"),
    "E6006": ("stages/write/test_write.py::"
              "test_an_immutable_field_is_an_error_at_the_line_of_the_spec", "writing"),
    "E6007": ("stages/write/test_write.py::"
              "test_a_file_at_the_place_of_a_folder_is_an_error_and_no_traceback", "writing"),
    "E6008": ("stages/write/test_write.py::"
              "test_a_refusal_of_the_system_is_an_error_and_no_traceback", "writing"),
    "E6009": ("test_errors.py::test_a_stale_output_is_an_error_that_says_what_to_run",
              "comparing with an output"),
    "N6010": ("stages/write/test_write.py::"
              "test_a_directory_that_goes_keeps_foreign_files_and_says_so", "writing"),
    "N6011": ("stages/write/test_merge.py::"
              "test_teams_that_add_different_jobs_merge_and_recompile", "writing"),
    "N6012": ("test_errors.py::test_what_a_dead_run_left_is_removed_and_told", "writing"),
    "E7105": ("commands/test_lock.py::"
              "test_other_bytes_under_a_locked_version_are_an_error_until_they_are_accepted",
              "locking"),
    "E7106": ("commands/test_lock.py::"
              "test_bytes_that_are_not_those_of_the_spec_are_an_error_with_their_digest",
              "locking"),
    "E7107": ("commands/test_lock.py::"
              "test_offline_takes_what_the_spec_states_and_names_the_rest", "locking"),
    "E7109": ("commands/test_lock.py::"
              "test_an_override_that_gives_a_version_other_bytes_is_an_error", "locking"),
    "E7110": ("commands/test_lock.py::"
              "test_a_pull_request_cannot_have_a_new_host_asked", "locking"),
    "E7111": ("commands/test_lock.py::"
              "test_an_archive_that_a_device_would_refuse_is_refused", "locking"),
    "E7112": ("commands/test_lock.py::"
              "test_a_lock_that_somebody_else_wrote_meanwhile_is_not_replaced", "locking"),
    "E7113": ("commands/test_lock.py::"
              "test_a_flag_that_names_nothing_is_an_error_and_nobody_is_asked", "locking"),
    "E7114": ("commands/test_lock.py::"
              "test_a_selection_that_can_compare_nothing_says_why_each_version_fell_out",
              "locking"),
    "E7121": ("commands/test_lock.py::"
              "test_a_metric_without_a_direction_cannot_select", "locking"),
    "E7122": ("commands/test_lock.py::"
              "test_a_bound_in_another_unit_than_the_metric_cannot_select", "locking"),
    "E7115": ("commands/test_lock.py::"
              "test_a_lock_that_cannot_be_written_is_an_error_and_no_traceback", "locking"),
    "E8201": ("commands/test_lock.py::"
              "test_what_is_missing_is_named_and_everything_else_is_done", "locking"),
    "E8202": ("commands/test_lock.py::"
              "test_a_store_that_fails_is_named_once_and_the_rest_is_done", "locking"),
    "E8203": ("commands/test_lock.py::"
              "test_a_store_that_fails_is_named_once_and_the_rest_is_done", "locking"),
    "E8301": ("commands/test_bundle.py::test_other_bytes_than_are_locked_are_refused", "bundling"),
    "E8302": ("stages/pack/test_images.py::test_a_platform_that_an_image_lacks_is_named",
              "bundling"),
    "E8303": ("commands/test_bundle.py::test_what_cannot_be_written_is_told", "bundling"),
    "E8304": ("commands/test_bundle.py::test_what_is_no_bundle_is_told_so", "bundling"),
    "E8305": ("commands/test_bundle.py::test_a_part_that_is_torn_is_named", "bundling"),
    "E8306": ("commands/test_bundle.py::test_what_is_missing_and_what_is_surplus_is_named",
              "bundling"),
    "E8307": ("commands/test_bundle.py::test_what_is_missing_and_what_is_surplus_is_named",
              "bundling"),
    "E8308": ("commands/test_bundle.py::test_more_files_than_the_sidecar_takes_are_refused",
              "bundling"),
    "N7203": ("commands/test_lock.py::"
              "test_a_large_artifact_gets_its_chunks_where_their_list_is_in_the_store", "locking"),
    "E7520": ("commands/test_diff_formats.py::"
              "test_effects_that_nobody_wants_end_with_3_and_are_counted",
              "speaks of a flag, not of the spec"),
    "E7401": ("commands/test_promote.py::"
              "test_a_job_without_a_rollout_and_a_misspelt_one_are_told",
              "a rollout that moves"),
    "E7402": ("commands/test_rollback.py::"
              "test_a_version_that_nobody_knows_to_go_back_to_is_asked_for",
              "a rollout that moves"),
    "E7403": ("commands/test_promote.py::"
              "test_without_reports_in_the_spec_readiness_cannot_be_asked_for",
              "a rollout that moves"),
    "W7404": ("commands/test_promote.py::"
              "test_a_malformed_report_is_named_and_the_others_count",
              "a rollout that moves"),
    "E7405": ("commands/test_promote.py::"
              "test_it_waits_for_reports_then_for_the_soak_then_goes_on",
              "a rollout that moves"),
    "E7406": ("commands/test_promote.py::"
              "test_too_many_failures_restore_the_old_version_and_say_which_and_why",
              "a rollout that moves"),
    "E7601": ("commands/test_models_edit.py::"
              "test_a_version_that_is_there_is_not_changed",
              "a command that edits"),
    "E7602": ("commands/test_models_edit.py::"
              "test_another_value_under_equal_circumstances_needs_replace",
              "a command that edits"),
    "E7603": ("commands/test_models_edit.py::"
              "test_the_digest_of_a_dataset_is_held_against_the_lock",
              "a command that edits"),
    "E7604": ("commands/test_models_edit.py::"
              "test_a_file_about_another_version_is_refused",
              "a command that edits"),
    "E8001": ("adapters/test_cluster.py::"
              "test_a_file_that_is_not_there_is_told",
              "a cluster"),
    "E8002": ("commands/test_check_server.py::"
              "test_of_several_clusters_each_needs_a_context",
              "a cluster"),
    "E8003": ("adapters/test_cluster.py::"
              "test_credentials_that_have_expired_are_told",
              "a cluster"),
    "E8004": ("adapters/test_cluster.py::"
              "test_a_server_that_is_not_there_is_told",
              "a cluster"),
    "E8005": ("adapters/test_cluster.py::"
              "test_a_certificate_of_another_authority_is_refused",
              "a cluster"),
    "E8006": ("cluster/test_check_server.py::"
              "test_a_user_without_a_role_gets_6_and_is_told_what_is_lacking",
              "a cluster"),
    "E8007": ("adapters/test_cluster.py::"
              "test_an_answer_that_no_api_server_gives_is_told",
              "a cluster"),
    "E8008": ("adapters/test_cluster.py::"
              "test_a_kind_that_is_not_served_is_told",
              "a cluster"),
    "E8009": ("commands/test_check_server.py::"
              "test_a_denial_exits_with_3_and_a_silent_webhook_with_6",
              "a cluster"),
    "E8101": ("commands/test_check_server.py::"
              "test_equal_faults_of_many_objects_are_one_finding_on_the_line_of_the_job",
              "a cluster"),
    "E8102": ("cluster/test_check_server.py::"
              "test_a_live_field_that_may_not_change_is_an_error_on_the_line_of_the_job",
              "a cluster"),
    "E8103": ("cluster/test_check_server.py::"
              "test_what_a_policy_says_lands_on_the_line_of_the_job",
              "a cluster"),
    "E8104": ("commands/test_check_server.py::"
              "test_a_kind_of_another_version_is_told_with_its_system",
              "a cluster"),
    "W8110": ("commands/test_check_server.py::"
              "test_a_denial_exits_with_3_and_a_silent_webhook_with_6",
              "a cluster"),
    "W8111": ("cluster/test_check_server.py::"
              "test_another_owner_is_a_warning_that_names_the_owner",
              "a cluster"),
    "W8112": ("cluster/test_check_server.py::"
              "test_a_full_quota_is_a_warning_and_one_too_small_an_error",
              "a cluster"),
    "W8113": ("cluster/test_check_server.py::"
              "test_another_version_than_the_spec_says_is_a_warning",
              "a cluster"),
    "W8114": ("cluster/test_status_write.py::"
              "test_fields_of_another_writer_are_left_to_it",
              "what a cluster's server says"),
    "N8120": ("cluster/test_check_server.py::"
              "test_a_namespace_that_does_not_exist_yet_is_told_and_a_stand_in_judges",
              "a cluster"),
    "N8121": ("cluster/test_check_server.py::"
              "test_a_kind_that_nothing_installs_is_an_error_and_one_of_this_compile_a_note",
              "a cluster"),
    "N8122": ("commands/test_check_server.py::"
              "test_what_is_for_another_argo_cd_is_judged_there_or_not_at_all",
              "a cluster"),
    "N8123": ("commands/test_check_server.py::"
              "test_an_account_that_comes_with_the_namespace_is_no_fault_and_another_is",
              "a cluster"),
    "E9101": ("datasets/test_csv.py::"
              "test_another_encoding_is_refused_with_the_way_to_convert_it",
              "a dataset's files"),
    "E9102": ("datasets/test_csv.py::"
              "test_a_quote_that_is_never_closed_is_refused",
              "a dataset's files"),
    "E9103": ("datasets/test_csv.py::"
              "test_a_field_beyond_the_limit_is_refused",
              "a dataset's files"),
    "E9104": ("datasets/test_voc.py::"
              "test_a_document_type_is_refused_whatever_it_declares",
              "a dataset's files"),
    "E9105": ("datasets/test_csv.py::"
              "test_a_dataset_without_a_table_is_refused",
              "a dataset's files"),
    "E9106": ("datasets/test_csv.py::"
              "test_a_column_that_comes_twice_and_two_tables_with_different_headers_are_refused",
              "a dataset's files"),
    "E9107": ("datasets/test_csv.py::"
              "test_a_column_that_comes_twice_and_two_tables_with_different_headers_are_refused",
              "a dataset's files"),
    "E9108": ("datasets/test_archive.py::"
              "test_what_the_sidecar_would_refuse_is_refused",
              "a dataset's files"),
    "E9109": ("datasets/test_csv.py::"
              "test_columns_are_found_by_the_names_of_the_spec_and_a_missing_one_is_told",
              "a dataset's files"),
    "E9110": ("datasets/test_parquet.py::"
              "test_what_needs_the_library_says_how_to_get_it",
              "a dataset's files"),
    "E9401": ("adapters/test_git.py::test_a_folder_outside_of_any_repository_is_refused", "Git"),
    "E9402": ("adapters/test_git.py::test_a_repository_without_a_commit_is_refused", "Git"),
    "E9412": ("adapters/test_git.py::test_what_names_no_commit_is_refused", "Git"),
    "E9421": ("commands/test_diff.py::"
              "test_without_a_main_branch_the_base_has_to_be_named", "Git"),
    "E9404": ("commands/test_diff.py::"
              "test_a_shallow_clone_is_told_how_to_fetch_the_rest", "Git"),
    "E9423": ("commands/test_diff.py::"
              "test_unrelated_histories_are_told_apart_from_shallow_ones", "Git"),
    "E9424": ("commands/test_diff.py::"
              "test_a_base_whose_spec_is_wrong_is_told_with_its_first_error", "Git"),
    "W9425": ("commands/test_diff.py::test_an_edited_output_of_the_base_is_not_believed", "Git"),
    "E9503": ("adapters/test_git.py::"
              "test_what_git_refuses_is_told_in_its_words_without_credentials", "Git"),
    "E9504": ("adapters/test_git.py::test_a_machine_without_git_is_told_so", "Git"),
    "E9403": ("commands/test_publish.py::"
              "test_a_dirty_spec_is_refused_and_other_files_do_not_matter", "Git"),
    "E9405": ("commands/test_publish.py::"
              "test_without_an_identity_nothing_is_begun", "Git"),
    "E9406": ("commands/test_publish.py::"
              "test_a_branch_of_somebody_else_is_refused_until_it_is_adopted", "Git"),
    "E9407": ("commands/test_publish.py::"
              "test_a_stale_job_cannot_downgrade", "Git"),
    "E9408": ("commands/test_publish.py::"
              "test_another_line_of_history_is_refused", "Git"),
    "E9409": ("commands/test_publish.py::"
              "test_a_hooks_words_are_told", "Git"),
    "E9410": ("commands/test_publish.py::"
              "test_a_branch_that_moves_on_at_every_attempt_is_given_up", "Git"),
    "E9411": ("commands/test_publish.py::"
              "test_a_commit_that_was_not_pushed_is_refused", "Git"),
    "E9501": ("commands/test_publish.py::"
              "test_a_remote_that_is_not_there_is_the_worlds_fault", "Git"),
    "E9502": ("commands/test_publish.py::"
              "test_a_remote_that_may_only_be_read_is_told", "Git"),
}  # fmt: skip
"""Codes that no spec alone can bring about: the test that does, and why."""

Ended = tuple[int, int, str]


@pytest.fixture(scope="session")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Ended]:
    """Every hostile spec compiled: exit status, peak memory in MiB, text."""
    folder = tmp_path_factory.mktemp("hostile")
    result = folder / "result"
    command = [sys.executable, "-m", "tests.golden.hostile_child", str(folder), str(result)]
    subprocess.run(command, cwd=ROOT, check=True)
    found: dict[str, Ended] = pickle.loads(result.read_bytes())
    return found


@pytest.mark.parametrize("name", list(hostile.SPECS))
def test_a_hostile_spec_is_answered_within_its_limits(
    name: str, ended: Mapping[str, Ended], update: bool
) -> None:
    status, mebibytes, text = ended[name]
    assert status == 0, f"status {status}: {text}"
    assert mebibytes <= MEBIBYTES
    lines = text.splitlines(keepends=True)
    more = len(lines) - LINES_KEPT
    short = "".join(lines[:LINES_KEPT]) + (f"... and {more} lines more\n" if more > 0 else "")
    place = hostile.EXPECTED / f"{name}.txt"
    if update:
        cases.write_text(place, short)
    assert cases.read_text(place) == short


def test_no_expected_text_of_a_hostile_spec_is_left_over() -> None:
    assert {path.stem for path in hostile.EXPECTED.glob("*.txt")} == set(hostile.SPECS)


def test_every_code_is_spoken_in_a_golden_text_or_by_the_test_that_is_named() -> None:
    texts = [cases.read_text(cases.ERRORS / name / "expected.txt") for name in _errors()]
    texts += [cases.read_text(cases.TREES / name / "notes.txt") for name in _trees()]
    texts += [path.read_text(encoding="utf-8") for path in hostile.EXPECTED.glob("*.txt")]
    spoken = {code for text in texts for code in SPOKEN.findall(text)}
    assert set(all_codes()) - spoken == set(ELSEWHERE)


@pytest.mark.parametrize("code", ELSEWHERE)
def test_the_test_that_is_named_for_a_code_exists(code: str) -> None:
    file, _, name = ELSEWHERE[code][0].partition("::")
    tree_ = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree_.body if isinstance(node, ast.FunctionDef)}


def test_no_golden_text_shows_a_credential_or_where_it_was_made() -> None:
    for name in _errors():
        text = cases.read_text(cases.ERRORS / name / "expected.txt")
        assert "not-shown" not in text
        assert "not shown here" not in text
        assert str(ROOT) not in text


def test_faults_of_one_run_stand_in_the_order_of_files_and_lines() -> None:
    several = 0
    for name in _errors():
        text = cases.read_text(cases.ERRORS / name / "expected.txt")
        found = re.findall(r"(?m)^(\S+):(\d+):(\d+): [EWN]\d{4} ", text)
        places = [(file, int(line), int(column)) for file, line, column in found]
        assert places == sorted(places), name
        several += len({file for file, _, _ in places}) > 1
    assert several > 3


HOSTILE_TEXTS = (
    "{{ 7 * 7 }}", "{% include 'x' %}", "{# x #}", "${{ github.token }}", "{sites}", "{ site }",
    "{site.vars}", "x{{", "{%",
)  # fmt: skip
FREE = ("reason", "yanked", "released", "assert", "message", "patch", "set")
"""Prose for people, CEL, and Kubernetes' own YAML: kept as written, evaluated by nobody here."""


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_template_syntax_is_refused_in_every_text_of_the_language(text: str) -> None:
    data = read(EVERY_KEY.read_text(encoding="utf-8"), "every_key.yaml")
    places = dict(_injected(data, text, ()))
    assert len(places) > 150
    _, found = judged(data)
    told = {diagnostic.span for diagnostic in found}
    silent = [path for path, span in places.items() if span not in told]
    # A fault of `update: {hot: {poll: ...}}` is told where its mapping begins.
    assert silent == [("jobs", "improve", "update", "hot", "poll")]
    assert data["jobs"]["improve"].marks.value_span("update") in told


def test_an_object_without_a_kind_is_reported_by_the_check() -> None:
    (found,) = judge(obj({"apiVersion": "v1", "metadata": {"name": "a", "namespace": "shop"}}))
    assert found.code.id == "E5005"


def test_what_a_dead_run_left_is_removed_and_told(tmp_path: Path) -> None:
    left = tmp_path / ".edgewright-0badcafe.staging"
    (left / "new").mkdir(parents=True)
    diagnostics = Diagnostics()
    write(tree(site("s1", {"watch": "1"})), tmp_path, options(), diagnostics)
    assert [item.code.id for item in diagnostics.in_order()] == ["N6012"]
    assert not left.exists()


def test_a_stale_output_is_an_error_that_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_text(hostile.FLEET, encoding="utf-8")
    told = CliRunner().invoke(
        compile_command,
        [str(tmp_path), "--output", str(tmp_path / "out"), "--check", "--no-cache",
         "--processes", "1"],
    )  # fmt: skip
    assert told.exit_code == 4
    assert "E6009" in told.output
    assert "edgewright compile" in told.output


def _errors() -> list[str]:
    return cases.names(cases.ERRORS)


def _trees() -> list[str]:
    return cases.names(cases.TREES)


def _injected(data: Any, text: str, path: tuple[str | int, ...]) -> Iterator[tuple[Any, Any]]:
    """Put the text in place of every text below, and tell where each was written."""
    entries = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in list(entries):
        here = (*path, key)
        if isinstance(value, dict | list):
            if key not in FREE:
                yield from _injected(value, text, here)
        elif isinstance(value, str) and key not in (*FREE, "kind"):
            data[key] = text
            yield here, data.marks.value_span(key)
