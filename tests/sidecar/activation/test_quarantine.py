from __future__ import annotations

import os
from pathlib import Path

from sidecar.activation import quarantine
from sidecar.activation.quarantine import Entry
from sidecar.model.config import Activation, Artifact, Hook, Probe, Server, Source, View
from tests.sidecar.activation.given import TENANT, names, opened

ENTRY = Entry("model.det", "LoadFailed", "HTTP 400: no", 5.0)
PROBE = Probe("http://127.0.0.1:8000/ready")
ONE = Artifact(
    "model", "det", "1", "", (Source("https://a.example/m"),), "a" * 64, 1, -1, None, None, (),
    True, False, View("ovms", "det", 1), "", Activation("hot", Hook("ovms"), PROBE),
)  # fmt: skip
SERVER = Server("ovms", "image@1", (8000,))


def test_an_entry_is_found_by_its_key_until_its_group_is_cleared(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    quarantine.add(layout, owner, TENANT, "k", ENTRY)
    assert quarantine.find(layout, TENANT, "k") == ENTRY
    assert quarantine.find(layout, TENANT, "other") is None
    quarantine.clear(layout, TENANT, "model.other")
    assert quarantine.find(layout, TENANT, "k") == ENTRY
    quarantine.clear(layout, TENANT, "model.det")
    assert quarantine.find(layout, TENANT, "k") is None


def test_the_key_changes_with_whatever_may_mend_it() -> None:
    key = quarantine.gate((ONE,), SERVER)
    patient = ONE._replace(activation=ONE.activation._replace(probe=PROBE._replace(timeout=300)))
    assert quarantine.gate((ONE,), SERVER._replace(image="image@2")) != key
    assert quarantine.gate((ONE._replace(sha256="b" * 64),), SERVER) != key
    assert quarantine.gate((patient,), SERVER) != key
    assert quarantine.gate((ONE._replace(view=View("ovms", "det", 2)),), SERVER) != key


def test_the_key_does_not_change_with_labels_places_and_windows() -> None:
    key = quarantine.gate((ONE,), SERVER)
    moved = ONE._replace(version="2", sources=(Source("https://b.example/m"),), link="/x")
    assert quarantine.gate((moved,), SERVER) == key


def test_the_list_never_grows_beyond_its_bound(tmp_path: Path) -> None:
    layout, owner = opened(tmp_path)
    for number in range(quarantine.KEPT + 20):
        quarantine.add(layout, owner, TENANT, f"k{number}", ENTRY)
        path = layout.tenant(TENANT, "quarantine", f"k{number}.json")
        os.utime(path, (number, number))
    assert len(names(layout.tenant(TENANT, "quarantine"))) == quarantine.KEPT
    newest = f"k{quarantine.KEPT + 19}"
    assert quarantine.find(layout, TENANT, newest) == ENTRY
