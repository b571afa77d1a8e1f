"""The reference of the language lists every key once, with words for people."""

from __future__ import annotations

from compiler.kinds import KINDS, REGISTRY
from compiler.model.spec.reference import Entry, entries

ENTRIES = tuple(entries(REGISTRY))
BY_PATH = {entry.path: entry for entry in ENTRIES}


def test_every_key_has_one_place_and_a_sentence() -> None:
    assert len(BY_PATH) == len(ENTRIES)
    for entry in ENTRIES:
        assert entry.description.endswith("."), entry
        assert entry.description[0].isupper() or entry.description.split(":")[0].islower(), entry
        assert entry.type, entry
        assert "Pydantic" not in entry.default + entry.type, entry


def test_every_kind_has_its_keys() -> None:
    for name in KINDS:
        assert f"jobs.NAME ({name}).kind" in BY_PATH


def test_what_a_job_needs_is_marked_as_required() -> None:
    assert BY_PATH["jobs.NAME (train).model"].default == "required"
    assert BY_PATH["project.name"].default == "required"
    assert BY_PATH["project.namespace"].default == ""
    assert BY_PATH["fleet.clusters.NAME.crds"].default == "assume"


def test_placeholders_are_named_where_they_are_allowed_and_only_there() -> None:
    assert "{environment}" in BY_PATH["fleet.clusters.NAME.repo.branch"].placeholders
    assert "{site}" not in BY_PATH["fleet.clusters.NAME.repo.branch"].placeholders
    assert "{site.vars.NAME}" in BY_PATH["datasets.NAME.local.path"].placeholders
    assert BY_PATH["project.name"].placeholders == ""


def test_a_model_that_was_described_is_referred_to() -> None:
    assert BY_PATH["fleet.clusters.NAME.network"].type == "like fleet.network"
    assert "fleet.clusters.NAME.network.proxy" not in BY_PATH


def test_keys_are_written_as_in_yaml() -> None:
    assert BY_PATH["objects[].from"] == Entry(
        "objects[].from",
        "file: a path relative to this file, without '..'",
        "required",
        "The file, relative to this file of the spec.",
        "",
        "app/app.yaml",
    )
    assert "fleet.sitesFrom" in BY_PATH
    assert "moved[].from" in BY_PATH
    assert "policies[].assert" in BY_PATH
