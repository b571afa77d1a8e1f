"""`edgewright lock` on a folder of artifacts: what it writes, refuses and leaves alone."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from compiler.adapters.registry import Registries
from compiler.adapters.stores import AllStores
from compiler.model.diagnostics import CompileError, Diagnostics
from compiler.stages.lock.lock import Choices
from compiler.stages.lock.measure import CHUNK, CHUNKED_FROM
from compiler.workflows import locking
from compiler.workflows.asking import Wishes, World
from sidecar.disk import owner, store
from tests.adapters.test_registry import push
from tests.commands.locking import DIGEST, MODELS, entry, fleet, git, locked, put
from tests.commands.running import run, run_json
from tests.golden import cases
from tests.sidecar.disk import given
from tests.sidecar.support import registry

WORLD = World(stores=AllStores(), registry=Registries())

TWO = MODELS.replace('target: "1"', '  "2": {uri: "main:detector/2.onnx"}\n    target: "1"')


def archive(form: str, files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    if form == "zip":
        with zipfile.ZipFile(made, "w") as pack:
            for name, data in files.items():
                pack.writestr(name, data)
        return made.getvalue()
    with tarfile.open(fileobj=made, mode="w") as pack:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            pack.addfile(info, io.BytesIO(data))
    plain = made.getvalue()
    return gzip.compress(plain) if form == "tar.gz" else plain


def test_what_the_spec_leaves_open_is_written_down_and_compile_uses_it(tmp_path: Path) -> None:
    folder = fleet(tmp_path)
    result = run("lock", at=folder)
    assert result.exit_code == 0, result.output
    digest = put(folder, "detector/1.onnx", b"one")
    assert entry(folder, "artifacts", "models/detector:1") == {
        "uri": "main:detector/1.onnx",
        "sha256": digest,
        "size": 3,
        "serveVersion": 1,
    }
    compiled = run("compile", "--locked", at=folder)
    assert compiled.exit_code == 0, compiled.output
    (config,) = (folder / "generated").rglob("configmap-watch-north-1-sidecar.yaml")
    assert digest in config.read_text()
    assert '"size":3' in config.read_text()


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    folder = fleet(tmp_path)
    run_json("lock", at=folder)
    before = (folder / "specs/edgewright.lock").stat()
    again = run_json("lock", at=folder)
    assert (again["changes"], again["written"]) == ([], False)
    assert (folder / "specs/edgewright.lock").stat().st_mtime_ns == before.st_mtime_ns


def test_other_bytes_under_a_locked_version_are_an_error_until_they_are_accepted(
    tmp_path: Path,
) -> None:
    folder = fleet(tmp_path)
    run_json("lock", at=folder)
    text = (folder / "specs/edgewright.lock").read_text()
    digest = put(folder, "detector/1.onnx", b"another")
    refused = run("lock", at=folder)
    assert refused.exit_code == 1
    assert "E7105 models/detector:1 was locked as" in refused.stderr
    assert (folder / "specs/edgewright.lock").read_text() == text
    run_json("lock", "--accept-changed", "detector:1", at=folder)
    found = entry(folder, "artifacts", "models/detector:1")
    assert (found["sha256"], found["serveVersion"]) == (digest, 2)


def test_bytes_that_are_not_those_of_the_spec_are_an_error_with_their_digest(
    tmp_path: Path,
) -> None:
    models = MODELS.replace('onnx"}', f'onnx", sha256: {"a" * 64}}}')
    folder = fleet(tmp_path, models=models)
    refused = run("lock", at=folder)
    assert refused.exit_code == 1
    assert "E7106" in refused.stderr
    assert put(folder, "detector/1.onnx", b"one") in refused.stderr


def test_what_is_missing_is_named_and_everything_else_is_done(tmp_path: Path) -> None:
    folder = fleet(tmp_path, models=TWO)
    failed = run("lock", at=folder)
    assert failed.exit_code == 6
    assert "E8201 models/detector:2: " in failed.stderr
    assert locked(folder).artifact("default", "models/detector:1") is not None
    assert locked(folder).artifact("default", "models/detector:2") is None


def test_only_touches_what_it_names(tmp_path: Path) -> None:
    folder = fleet(tmp_path, models=TWO)
    run_json("lock", "--only", "detector:1", at=folder)
    assert set(locked(folder).of("default", "artifacts")) == {"models/detector:1"}
    put(folder, "detector/2.onnx", b"two")
    run_json("lock", "--only", "detector", at=folder)
    assert len(locked(folder).of("default", "artifacts")) == 2


def test_a_flag_that_names_nothing_is_an_error_and_nobody_is_asked(tmp_path: Path) -> None:
    folder = fleet(tmp_path)
    result = run("lock", "--update", "detectr", at=folder)
    assert result.exit_code == 1
    assert "E7113 --update detectr" in result.stderr
    assert not (folder / "specs/edgewright.lock").exists()


def test_a_dry_run_says_what_would_change_and_writes_nothing(tmp_path: Path) -> None:
    folder = fleet(tmp_path)
    result = run_json("lock", "--dry-run", at=folder)
    assert [change["entry"] for change in result["changes"]] == [
        "default.artifacts.models/detector:1",
        "default.rollouts.watch/detector",
    ]
    assert not (folder / "specs/edgewright.lock").exists()


def test_offline_takes_what_the_spec_states_and_names_the_rest(tmp_path: Path) -> None:
    digest = "b" * 64
    folder = fleet(tmp_path, models=TWO.replace('2.onnx"', f'2.onnx", sha256: {digest}'), files={})
    result = run("lock", "--offline", at=folder)
    assert result.exit_code == 1
    assert "E7107 models/detector:1 is not in the lock" in result.stderr
    assert entry(folder, "artifacts", "models/detector:2")["sha256"] == digest


@pytest.mark.parametrize("form", ["tar", "tar.gz", "zip"])
def test_the_content_of_an_archive_is_counted(tmp_path: Path, form: str) -> None:
    data = archive(form, {"model.onnx": b"x" * 5000, "labels/names.txt": b"cat"})
    models = MODELS.replace('1.onnx"', f'1.onnx", unpack: {form}')
    folder = fleet(tmp_path, models=models, files={"detector/1.onnx": data})
    run_json("lock", at=folder)
    found = entry(folder, "artifacts", "models/detector:1")
    assert (found["size"], found["unpacked"], found["files"]) == (len(data), 5003, 2)


def test_an_archive_that_a_device_would_refuse_is_refused(tmp_path: Path) -> None:
    models = MODELS.replace('1.onnx"', '1.onnx", unpack: tar')
    data = archive("tar", {"../model.onnx": b"x"})
    folder = fleet(tmp_path, models=models, files={"detector/1.onnx": data})
    result = run("lock", at=folder)
    assert result.exit_code == 1
    assert "E7111 models/detector:1: the name '../model.onnx'" in result.stderr


def test_a_large_artifact_gets_its_chunks_where_their_list_is_in_the_store(tmp_path: Path) -> None:
    size = CHUNKED_FROM + 5
    folder = fleet(tmp_path, files={"detector/1.onnx": os.urandom(size)})
    told = run("lock", at=folder)
    assert told.exit_code == 0
    assert "N7203" in told.stderr
    assert "chunks" not in entry(folder, "artifacts", "models/detector:1")
    run_json("lock", "--push-chunks", at=folder)
    found = entry(folder, "artifacts", "models/detector:1")
    listing = (folder / "store/detector/1.onnx.chunks").read_bytes()
    assert len(listing) == 32 * found["chunks"]["count"] == 32 * -(-size // CHUNK)
    assert "N7203" not in run("lock", at=folder).stderr
    compiled = run("compile", "--locked", at=folder)
    assert compiled.exit_code == 0, compiled.output
    (config,) = (folder / "generated").rglob("configmap-watch-north-1-sidecar.yaml")
    assert f'"chunks":{{"count":{found["chunks"]["count"]},"root":' in config.read_text()


def test_a_target_that_moves_starts_a_rollout_at_its_first_step(tmp_path: Path) -> None:
    folder = fleet(tmp_path, models=TWO)
    put(folder, "detector/2.onnx", b"two")
    run_json("lock", at=folder)
    assert entry(folder, "rollouts", "watch/detector") == {"from": "1", "to": "1", "step": 1}
    (folder / "specs/models.yaml").write_text(TWO.replace('target: "1"', 'target: "2"'))
    run_json("lock", at=folder)
    assert entry(folder, "rollouts", "watch/detector") == {"from": "1", "to": "2", "step": 0}


def test_a_folder_at_the_place_of_the_lock_is_an_error_and_stays(tmp_path: Path) -> None:
    folder = fleet(tmp_path)
    target = folder / "specs/edgewright.lock"
    target.mkdir()
    result = run("lock", at=folder)
    assert result.exit_code == 1
    assert "specs/edgewright.lock: Is a directory" in result.stderr
    assert stat.S_ISDIR(target.stat().st_mode)
    assert sorted(path.name for path in (folder / "specs").iterdir()) == [
        "edgewright.lock",
        "fleet.yaml",
        "models.yaml",
    ]


def test_a_pull_request_cannot_have_a_new_host_asked(tmp_path: Path) -> None:
    folder = fleet(tmp_path)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "specs")
    git(folder, "commit", "-qm", "Begin")
    git(folder, "switch", "-qc", "feature")
    text = MODELS.replace("main:detector/1.onnx", "https://127.0.0.1:9/1.onnx")
    (folder / "specs/models.yaml").write_text(text)
    refused = run("lock", at=folder)
    assert refused.exit_code == 1
    assert "E7110 the spec on main names no 127.0.0.1:9" in refused.stderr
    allowed = run("lock", "--allow-host", "127.0.0.1:9", at=folder)
    assert allowed.exit_code == 6
    assert "E7110" not in allowed.stderr


def test_a_registry_that_only_digests_name_is_reviewed_as_well(tmp_path: Path) -> None:
    folder = fleet(tmp_path)
    assert "@sha256:" in (folder / "specs/fleet.yaml").read_text()
    assert locking.reviewed_hosts(folder / "specs") == {"r.example.com"}


def test_without_a_main_branch_no_host_counts_as_reviewed(tmp_path: Path) -> None:
    text = MODELS.replace("main:detector/1.onnx", "https://127.0.0.1:9/1.onnx")
    folder = fleet(tmp_path, models=text)
    git(folder, "init", "-q", "-b", "topic")
    git(folder, "add", "specs")
    git(folder, "commit", "-qm", "Begin")
    assert "E7110 the main branch is not found" in run("lock", at=folder).stderr
    assert "E7110" not in run("lock", "--main-branch", "topic", at=folder).stderr


def test_an_override_that_gives_a_version_other_bytes_is_an_error(tmp_path: Path) -> None:
    override = (
        "overrides: [{where: {site: north-1}, reason: why, set: {models: {detector: "
        '{versions: {"1": {uri: "main:detector/other.onnx"}}}}}}]\n'
    )
    folder = fleet(tmp_path, models=MODELS + override)
    result = run("lock", at=folder)
    assert result.exit_code == 1
    assert "E7109 models/detector:1 is main:detector/1.onnx and, on some sites," in result.stderr


def test_a_lock_that_somebody_else_wrote_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    folder = fleet(tmp_path)
    diagnostics = Diagnostics()
    with cases.inside(folder):
        opened = locking.open_spec(Path("specs"), (), False, diagnostics)
        made = locking.make(
            opened, Choices(), Wishes(), WORLD, locking.Trust(everything=True), diagnostics
        )
        Path("specs/edgewright.lock").write_text("lock: 1\n")
        with pytest.raises(CompileError, match="E7112"):
            locking.write(opened, made, diagnostics)
        assert Path("specs/edgewright.lock").read_text() == "lock: 1\n"


def test_a_lock_that_cannot_be_written_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    folder = fleet(tmp_path)
    # A name that is taken, for whoever may write everywhere.
    (folder / f"specs/.edgewright.lock.{os.getpid()}.tmp").mkdir()
    result = run("lock", at=folder)
    assert result.exit_code == 6
    assert "E7115 specs/edgewright.lock: Is a directory" in result.stderr
    assert not (folder / "specs/edgewright.lock").exists()


def test_where_nothing_can_be_asked_there_is_no_lock_afterwards(tmp_path: Path) -> None:
    folder = fleet(tmp_path, models=MODELS.replace("main:detector/", "https://127.0.0.1:9/"))
    spec = folder / "specs/fleet.yaml"
    kept = [line for line in spec.read_text().splitlines() if "rollout:" not in line]
    spec.write_text("\n".join(kept) + "\n")
    assert run("lock", at=folder).exit_code == 6
    assert not (folder / "specs/edgewright.lock").exists()


def test_a_store_that_fails_is_named_once_and_the_rest_is_done(tmp_path: Path) -> None:
    far = "".join(
        f'      "{number}": {{uri: "https://127.0.0.1:9/{number}.onnx"}}\n'
        for number in range(2, 50)
    )
    folder = fleet(tmp_path, models=MODELS.replace("    target:", f"{far}    target:"))
    result = run("lock", at=folder)
    assert result.exit_code == 6
    assert result.stderr.count("E8202 models/detector:") == 1
    assert "E8203 47 more of 127.0.0.1:9 were not asked" in result.stderr
    assert set(locked(folder).of("default", "artifacts")) == {"models/detector:1"}
    every = run("lock", "--keep-going", at=folder)
    assert every.stderr.count("E8202 models/detector:") == 48


SHELVES = """datasets:
  shelves:
    format: csv
    classes: [can, box]
    versions: {"2026.1": {uri: "main:shelves/2026.1/"}}
    splits: {seed: 7, parts: {train: 0.5, test: 0.5}}
"""


def test_a_dataset_is_counted_once_for_its_bytes_and_its_record_says_so(tmp_path: Path) -> None:
    folder = fleet(tmp_path, models=MODELS + SHELVES)
    put(folder, "detector/1.onnx", b"one")
    put(folder, "shelves/2026.1/labels.csv", b"id,label\n1,can\n2,can\n3,box\n3,box\n")
    run_json("lock", at=folder)
    whole = entry(folder, "artifacts", "datasets/shelves:2026.1")
    counted = entry(folder, "datasets", "shelves:2026.1")
    assert (whole["files"], counted["digest"]) == (1, whole["sha256"])
    assert (counted["samples"], counted["classes"]) == (4, {"can": 2, "box": 2})
    assert sum(counted["splits"].values()) == 4
    assert counted["problems"] == ("duplicate-id: 1",)
    assert run_json("lock", at=folder)["changes"] == []
    assert run("compile", "--locked", at=folder).exit_code == 0
    (record,) = (folder / "generated").rglob("dataset.edgewright.io-shelves.yaml")
    text = record.read_text()
    assert whole["sha256"] in text
    assert "samples: 4\n" in text
    assert "problems: 1\n" in text
    assert "can: 2\n" in text
    models = folder / "specs/models.yaml"
    declared = models.read_text()
    models.write_text(declared.replace("train: 0.5, test: 0.5", "train: 0.25, test: 0.75"))
    assert models.read_text() != declared
    assert run("compile", "--locked", at=folder).exit_code == 0
    assert "samples:" not in record.read_text()
    assert [one["entry"] for one in run_json("lock", at=folder)["changes"]] == [
        "default.datasets.shelves:2026.1"
    ]
    assert run("compile", "--locked", at=folder).exit_code == 0
    assert "samples: 4\n" in record.read_text()
    models.write_text(declared)
    run_json("lock", at=folder)
    put(folder, "shelves/2026.1/labels.csv", b"id,label\n1,can\n")
    refused = run("lock", at=folder)
    assert "E7105 datasets/shelves:2026.1" in refused.stderr
    assert entry(folder, "datasets", "shelves:2026.1") == counted
    run_json("lock", "--accept-changed", "shelves:2026.1", at=folder)
    assert entry(folder, "datasets", "shelves:2026.1")["samples"] == 1


def test_the_digest_of_a_prefix_is_the_name_of_the_tree_that_a_device_would_make(
    tmp_path: Path,
) -> None:
    folder = fleet(tmp_path, models=MODELS + SHELVES)
    files = {"labels.csv": b"id,label\n1,can\n", "pictures/1.jpg": b"jpg", "pictures/a/2.jpg": b""}
    for name, data in files.items():
        put(folder, f"shelves/2026.1/{name}", data)
    run_json("lock", at=folder)
    found = entry(folder, "artifacts", "datasets/shelves:2026.1")
    assert (found["size"], found["files"]) == (sum(map(len, files.values())), 3)
    layout = store.open_store(f"{tmp_path}/device")
    with owner.enter(layout) as own:
        assert found["sha256"] == given.tree(layout, own, files)


def test_an_image_is_locked_once_and_an_arm64_site_needs_an_arm64_image(tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    with registry.running(tmp_path / "registry") as there:
        digest = push(there, "ovms", "1", "linux/amd64")
        folder = fleet(tmp_path)
        spec = folder / "specs/fleet.yaml"
        text = spec.read_text().replace(f"r.example.com/ovms@{DIGEST}", f"{there.host}/ovms:1")
        spec.write_text(text)
        run_json("lock", at=folder)
        assert entry(folder, "images", f"{there.host}/ovms:1") == {
            "digest": digest,
            "platforms": ("linux/amd64",),
        }
        assert run("compile", "--locked", at=folder).exit_code == 0
        (deployment,) = (folder / "generated").rglob("deployment.apps-watch-north-1.yaml")
        assert f"{there.host}/ovms@{digest}" in deployment.read_text()
        both = push(there, "ovms", "1", "linux/amd64", "linux/arm64")
        assert run_json("lock", at=folder)["changes"] == []
        run_json("lock", "--update", f"{there.host}/ovms:1", at=folder)
        assert entry(folder, "images", f"{there.host}/ovms:1")["digest"] == both
        spec.write_text(text.replace("arch: amd64", "arch: arm"))
        refused = run("lock", at=folder)
        assert refused.exit_code == 1
        assert "has no linux/arm, only linux/amd64, linux/arm64" in refused.stderr
        assert "at site north-1" in refused.stderr


def measured(*values: str) -> str:
    """Models whose versions 1, 2, ... have these values of map50 on one dataset."""
    versions = "".join(
        f'      "{n}": {{uri: "main:detector/{n}.onnx", metrics: [{{name: map50, value: {value}, '
        f'dataset: "shelves:2026.1", split: test}}]}}\n'
        for n, value in enumerate(values, 1)
    )
    select = 'select: {metric: map50, dataset: "shelves:2026.1", split: test, improvesBy: 0.01}'
    return f"models:\n  detector:\n    framework: onnx\n    versions:\n{versions}    {select}\n"


def selected(folder: Path) -> dict[str, Any]:
    run_json("lock", at=folder)
    found: dict[str, Any] = entry(folder, "targets", "detector")
    return found


def test_a_selection_takes_the_best_and_stays_until_it_is_beaten_by_enough(tmp_path: Path) -> None:
    folder = fleet(tmp_path, models=measured("0.50", "0.55") + SHELVES)
    put(folder, "shelves/2026.1/labels.csv", b"id,label\n1,can\n")
    for number in range(1, 5):
        put(folder, f"detector/{number}.onnx", f"bytes of {number}".encode())
    assert selected(folder) == {
        "version": "2",
        "reason": "the best map50 0.55 on shelves:2026.1 (test)",
        "metric": "map50",
        "value": "0.55",
        "dataset": "shelves:2026.1",
        "split": "test",
        "profile": "",
        "rejected": {"1": "map50 is 0.50, of 2 0.55"},
    }
    assert run("compile", "--locked", at=folder).exit_code == 0
    models = folder / "specs/models.yaml"
    models.write_text(measured("0.50", "0.55", "0.56") + SHELVES)
    kept = selected(folder)
    assert kept["version"] == "2"
    assert kept["rejected"]["3"] == "map50 0.56 is better by 0.01, and must by more than 0.01"
    models.write_text(measured("0.50", "0.55", "0.56", "0.57") + SHELVES)
    better = selected(folder)
    assert better["version"] == "4"
    assert better["reason"].endswith("beats 2 with 0.55 by 0.02")
    assert entry(folder, "rollouts", "watch/detector")["to"] == "4"


def test_a_selection_that_can_compare_nothing_says_why_each_version_fell_out(
    tmp_path: Path,
) -> None:
    text = measured("0.50", "0.55").replace("name: map50, value: 0.55", "name: map75, value: 0.55")
    text = text.replace("value: 0.50, dataset", "value: 0.50, params: {iou: 0.5}, dataset")
    text = text.replace(
        '{uri: "main:detector/1.onnx",', '{uri: "main:detector/1.onnx", yanked: old,'
    )
    folder = fleet(tmp_path, models=text + SHELVES)
    put(folder, "shelves/2026.1/labels.csv", b"id,label\n1,can\n")
    put(folder, "detector/1.onnx", b"one")
    put(folder, "detector/2.onnx", b"two")
    refused = run("lock", at=folder)
    assert refused.exit_code == 1
    assert (
        "E7114 no version of detector can be selected: 1: yanked: old; "
        "2: map50 on shelves:2026.1 (test) was not measured"
    ) in refused.stderr
    path = folder / "specs/edgewright.lock"
    by_hand = 'default.targets.detector:\n  version: "2"\n  reason: measured elsewhere\n'
    path.write_text(f"{path.read_text()}\n{by_hand}")
    assert selected(folder)["reason"] == "measured elsewhere"


def test_a_selection_follows_licences_to_the_base_that_a_version_is_made_from(
    tmp_path: Path,
) -> None:
    base = 'base: {license: AGPL-3.0, versions: {"1": {uri: "main:base.onnx"}}, target: "1"}'
    text = measured("0.50", "0.55").replace("models:\n", f"models:\n  {base}\n")
    text = text.replace("framework: onnx", "license: MIT OR AGPL-3.0-only").replace(
        '{uri: "main:detector/2.onnx",', '{uri: "main:detector/2.onnx", lineage: {base: base},'
    )
    text = text.replace("improvesBy: 0.01}", "require: {license: [Apache-2.0, mit]}}")
    folder = fleet(tmp_path, models=text + SHELVES)
    put(folder, "shelves/2026.1/labels.csv", b"id,label\n1,can\n")
    for name in ("base.onnx", "detector/1.onnx", "detector/2.onnx"):
        put(folder, name, name.encode())
    found = selected(folder)
    assert found["version"] == "1"
    assert found["rejected"] == {
        "2": "it carries the licence of base:1, that it is made from: AGPL-3.0-only is not accepted"
    }


def test_a_metric_without_a_direction_cannot_select(tmp_path: Path) -> None:
    text = measured("0.50", "0.55").replace("map50", "gap-score")
    folder = fleet(tmp_path, models=text + SHELVES)
    put(folder, "shelves/2026.1/labels.csv", b"id,label\n1,can\n")
    put(folder, "detector/1.onnx", b"one")
    put(folder, "detector/2.onnx", b"two")
    refused = run("lock", at=folder)
    assert refused.exit_code == 1
    assert "E7121 models.detector: nobody says whether a higher or a lower gap-score is better" in (
        refused.stderr
    )
    assert "metrics: {gap-score: {better: higher}}" in refused.stderr
    (folder / "specs/metrics.yaml").write_text("metrics: {gap-score: {better: lower}}\n")
    assert selected(folder)["version"] == "1"


def test_a_bound_in_another_unit_than_the_metric_cannot_select(tmp_path: Path) -> None:
    folder = fleet(tmp_path, models=measured("24ms", "20ms").replace("map50", "p95") + SHELVES)
    put(folder, "shelves/2026.1/labels.csv", b"id,label\n1,can\n")
    put(folder, "detector/1.onnx", b"one")
    put(folder, "detector/2.onnx", b"two")
    refused = run("lock", at=folder)
    assert refused.exit_code == 1
    assert "E7122 models.detector: improvesBy 0.01 has no unit" in refused.stderr


def test_environments_are_locked_apart_and_ask_once_for_the_same_bytes(tmp_path: Path) -> None:
    environments = "environments:\n  staging: {namespace: shop-staging, crds: assume}\n  prod: {}\n"
    folder = fleet(tmp_path, models=MODELS + environments)
    run_json("lock", "--env", "staging", at=folder)
    assert {place[0] for place in locked(folder).entries} == {"staging"}
    run_json("lock", at=folder)
    assert entry(folder, "artifacts", "models/detector:1", "prod") == entry(
        folder, "artifacts", "models/detector:1", "staging"
    )
    (folder / "specs/models.yaml").write_text(
        TWO.replace('target: "1"', 'target: "2"') + environments
    )
    put(folder, "detector/2.onnx", b"two")
    run_json("lock", "--env", "staging", at=folder)
    states = {
        name: entry(folder, "rollouts", "watch/detector", name) for name in ("prod", "staging")
    }
    assert states["staging"] == {"from": "1", "to": "2", "step": 0}
    assert states["prod"] == {"from": "1", "to": "1", "step": 1}
    refused = run("compile", "--locked", at=folder)
    assert refused.exit_code == 1
    assert "E7102 models/detector:2 of environment prod has no entry" in refused.stderr
    # An environment that left the spec leaves the lock.
    (folder / "specs/models.yaml").write_text(TWO.replace('target: "1"', 'target: "2"'))
    run_json("lock", at=folder)
    assert {place[0] for place in locked(folder).entries} == {"default"}
    assert entry(folder, "artifacts", "models/detector:2")["serveVersion"] == 2


def test_a_rollout_that_the_lock_does_not_know_is_named_by_locked(tmp_path: Path) -> None:
    folder = fleet(tmp_path)
    run_json("lock", at=folder)
    path = folder / "specs/edgewright.lock"
    path.write_text(path.read_text().partition("default.rollouts")[0])
    assert run("compile", at=folder).exit_code == 0
    refused = run("compile", "--locked", at=folder)
    assert refused.exit_code == 1
    assert "E7102 how far detector is in the rollout of jobs.watch" in refused.stderr


def test_a_clone_that_git_will_not_read_does_not_count_as_no_clone(tmp_path: Path) -> None:
    folder = fleet(tmp_path)
    git(folder, "init", "-q", "-b", "main")
    (folder / ".git/HEAD").unlink()
    refused = run("lock", at=folder)
    assert refused.exit_code != 0
    assert "E9401" in refused.stderr
    assert not (folder / "specs/edgewright.lock").exists()
