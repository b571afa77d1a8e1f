"""The files of a directory: objects, kustomization, ledger; and what must not meet in one."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

from ryaml import loads  # type: ignore[attr-defined]

from compiler.model.codes import render as codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.ledger import parse_ledger
from compiler.model.manifest import Object, Origin, Unit, UnitRole
from compiler.stages.render.directory import directory, shard_directory
from tests.stages.render.rendering import UNIT

KUBECTL = Path(sys.executable).with_name("kubectl")


def made(name: str, *, file: str = "", job: str = "watch", line: int = 1, **extra: Any) -> Object:
    metadata = {"name": name, **extra}
    data = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    origin = Origin(f"jobs.{job}", "store-001", Span("jobs.yaml", line, 1))
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n"
    return Object(UNIT, origin, data, text, file or f"configmap-{name}.yaml")


def test_files_are_sorted_and_listed(tmp_path: Path) -> None:
    diagnostics = Diagnostics()
    found = directory(UNIT, [made("b"), made("a")], diagnostics)
    assert not diagnostics.found
    assert [item.file for item in found.objects] == ["configmap-a.yaml", "configmap-b.yaml"]
    assert loads(found.files["kustomization.yaml"].decode()) == {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["configmap-a.yaml", "configmap-b.yaml"],
    }
    for file, content in found.files.items():
        (tmp_path / file).write_bytes(content)
    built = subprocess.run([KUBECTL, "kustomize", tmp_path], capture_output=True, check=True)
    assert built.stdout.count(b"kind: ConfigMap") == 2


def test_the_ledger_covers_every_file_but_itself() -> None:
    found = directory(UNIT, [made("a", namespace="x")], Diagnostics())
    ledger = parse_ledger(found.files[".edgewright.ledger"])
    assert {(entry.id, entry.file) for entry in ledger.entries} == {
        ("ConfigMap/x/a", "configmap-a.yaml"),
        ("-", "kustomization.yaml"),
    }
    for entry in ledger.entries:
        assert entry.sha256 == hashlib.sha256(found.files[entry.file]).hexdigest()


def test_the_same_object_twice_names_both_origins() -> None:
    diagnostics = Diagnostics()
    found = directory(UNIT, [made("a", line=1), made("a", job="other", line=9)], diagnostics)
    (complaint,) = diagnostics.in_order()
    assert complaint.code is codes.SAME_OBJECT
    assert "jobs.watch and jobs.other both make ConfigMap a" in complaint.message
    assert complaint.span == Span("jobs.yaml", 9, 1)
    assert complaint.related[0].span == Span("jobs.yaml", 1, 1)
    assert len(found.objects) == 1


def test_one_file_for_two_objects_is_an_error() -> None:
    diagnostics = Diagnostics()
    first, second = made("a-b", file="x.yaml"), made("b", namespace="a", file="x.yaml")
    directory(UNIT, [first, second], diagnostics)
    (complaint,) = diagnostics.in_order()
    assert complaint.code is codes.SAME_FILE
    assert "x.yaml" in complaint.message


def test_a_shard_lists_its_sites_and_nothing_else() -> None:
    unit = Unit("shop/default/hub", UnitRole.SHARDS, "07")
    found = shard_directory(unit, ["store-2", "store-1"])
    assert found.objects == ()
    assert set(found.files) == {"kustomization.yaml", ".edgewright.ledger"}
    resources = loads(found.files["kustomization.yaml"].decode())["resources"]
    assert resources == ["../../sites/store-1", "../../sites/store-2"]


def test_an_empty_directory_lists_nothing() -> None:
    found = shard_directory(Unit("shop/default/hub", UnitRole.SHARDS, "00"), [])
    assert loads(found.files["kustomization.yaml"].decode())["resources"] == []
