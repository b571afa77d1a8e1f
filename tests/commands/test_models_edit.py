"""Versions and metrics that commands write: exactly what was asked for, and nothing else moves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.model import source
from compiler.model.diagnostics import Diagnostics
from compiler.workflows.recording import Place, added, open_spec
from tests.commands.models import MAP50, P95, SPEC, measured, shop, spec_text
from tests.commands.running import run, run_json


def data(text: str) -> Any:
    diagnostics = Diagnostics()
    (document,) = source.parse("models.yaml", text, diagnostics)
    diagnostics.raise_errors()
    return json.loads(json.dumps(document.data))


def only_added(before: str, after: str) -> str:
    """The lines that are new, where no other line changed."""
    at = next(i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b)
    start = before.rfind("\n", 0, at) + 1
    rest = before[start:]
    assert after.startswith(before[:start])
    assert after.endswith(rest)
    return after[start : len(after) - len(rest)]


def test_a_version_is_added_with_everything_that_is_known_of_it(tmp_path: Path) -> None:
    shop(tmp_path)
    file = measured(tmp_path, MAP50, P95, by="eval@42", lineage={"base": "detector:2"})
    result = run("models", "add", "detector:3", "--uri", "main:detector/3.onnx", "--sha256",
                 "a" * 64, "--needs", "arch=arm64", "--needs", "memory=300Mi", "--needs",
                 "accelerator=orin", "--metrics", file, at=tmp_path)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "detector:3: added to specs/models.yaml\n"
        '  next: edgewright lock; sites get it with `target: "3"`\n'
    )
    new = only_added(SPEC, spec_text(tmp_path))
    assert data(new) == {
        "3": {
            "uri": "main:detector/3.onnx",
            "sha256": "a" * 64,
            "needs": {"arch": ["arm64"], "memory": "300Mi", "accelerator": {"name": "orin"}},
            "metrics": [{**MAP50, "by": "eval@42"}, {**P95, "by": "eval@42"}],
            "lineage": {"base": "detector:2"},
        }
    }
    assert run("check", at=tmp_path).exit_code == 0


def test_a_dry_run_shows_the_change_and_writes_nothing(tmp_path: Path) -> None:
    shop(tmp_path)
    result = run("models", "add", "detector:3", "--uri", "main:3.onnx", "--dry-run", at=tmp_path)
    assert '+      "3": {uri: "main:3.onnx"}\n' in result.stdout, result.stdout
    assert "detector:3: would be added to specs/models.yaml\n" in result.stdout
    assert spec_text(tmp_path) == SPEC


def test_a_version_that_is_there_is_not_changed(tmp_path: Path) -> None:
    shop(tmp_path)
    result = run("models", "add", "detector:2", "--uri", "main:other.onnx", at=tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "specs/models.yaml:18:9: E7601 detector:2 is there already\n"
    ), result.stderr
    assert "`edgewright models record detector:2` adds metrics to it" in result.stderr
    assert spec_text(tmp_path) == SPEC


def test_a_variant_is_added_beside_what_is_there_and_once(tmp_path: Path) -> None:
    shop(tmp_path)
    words = ("models", "add", "detector:2", "--variant", "int8", "--uri", "main:detector/1.onnx",
             "--framework", "openvino", "--needs", "arch=amd64")  # fmt: skip
    assert run(*words, at=tmp_path).exit_code == 0
    new = only_added(SPEC, spec_text(tmp_path))
    assert data(new)["variants"]["int8"] == {
        "uri": "main:detector/1.onnx", "framework": "openvino", "needs": {"arch": ["amd64"]},
    }  # fmt: skip
    again = run(*words, at=tmp_path)
    assert again.exit_code == 1
    assert "E7601 detector:2/int8 is there already" in again.stderr


def test_a_version_of_variants_alone_needs_bytes_in_each(tmp_path: Path) -> None:
    shop(tmp_path)
    words = ("models", "add", "detector:3", "--variant", "int8", "--framework", "openvino")
    assert run(*words, at=tmp_path).exit_code == 1
    assert spec_text(tmp_path) == SPEC
    assert run(*words, "--uri", "main:int8.onnx", at=tmp_path).exit_code == 0
    assert set(data(only_added(SPEC, spec_text(tmp_path)))["3"]) == {"variants"}


def test_every_wrong_name_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    shop(tmp_path)
    file = measured(
        tmp_path,
        {**MAP50, "dataset": "shelfes:2026.1"},
        {**MAP50, "split": "tets"},
        {**P95, "profile": "bocks"},
        lineage={"base": "detector:7"},
    )
    result = run("models", "add", "detector:3", "--uri", "maim:3.onnx", "--metrics", file,
                 at=tmp_path)  # fmt: skip
    assert result.exit_code == 1
    for words in (
        "metrics.json:7:18: E2", "dataset shelfes is not defined", "Did you mean shelves?",
        "dataset shelves has no split tets", "profile bocks is not defined",
        "detector has no version 7", "store maim is not defined", "5 errors",
    ):  # fmt: skip
        assert words in result.stderr, result.stderr
    assert spec_text(tmp_path) == SPEC


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"format": "edgewright-metrics/1", "metrcs": []}', "metrcs"),
        ('{"format": "edgewright-metrics/2", "metrics": [{"name": "f1", "value": 1}]}', "format"),
        ('{"format": "edgewright-metrics/1"}', "the file says nothing"),
        ('{"format": "edgewright-metrics/1", "metrics": [{"name": "f1", "value": "high"}]}',
         "high is no metric value"),
        ('{"format": "edgewright-metrics/1", "metrics": [{"name": "f1", "value": NaN}]}',
         "NaN is no metric value"),
        ('{"format": "edgewright-metrics/1", "metrics": [{"name": "f1", "value": 1}, '
         '{"name": "f1", "value": 2}]}', "measured twice"),
        ('{"format": "edgewright-metrics/1", "metrics": [{"name": "f1", "value": 1, "digest": "'
         + "a" * 64 + '"}]}', "has the digest of a dataset, and no dataset"),
        ('["map50"]', "the file is not one mapping"),
        ('{"format": "edgewright-metrics/1", "metr', "E10"),
        ("", "the file is not one mapping"),
    ],
)  # fmt: skip
def test_a_malformed_file_is_refused_at_its_place(tmp_path: Path, text: str, words: str) -> None:
    shop(tmp_path, locked=False)
    file = tmp_path / "metrics.json"
    file.write_text(text)
    result = run("models", "record", "detector:1", "--metrics", file, at=tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("metrics.json:1:"), result.stderr
    assert words in result.stderr
    assert spec_text(tmp_path) == SPEC


def test_metrics_are_appended_and_recording_twice_changes_nothing(tmp_path: Path) -> None:
    shop(tmp_path)
    file = measured(tmp_path, {**MAP50, "value": 0.61}, P95, by="eval@42")
    assert run_json("models", "record", "detector:2", "--metrics", file, at=tmp_path)[
        "written"
    ] == ["specs/models.yaml"]
    after = spec_text(tmp_path)
    assert data("- " + only_added(SPEC, after).lstrip(" -")) == [{**P95, "by": "eval@42"}]
    result = run("models", "record", "detector:2", "--metrics", file, at=tmp_path)
    assert "nothing to change" in result.stdout
    assert spec_text(tmp_path) == after


def test_another_value_under_equal_circumstances_needs_replace(tmp_path: Path) -> None:
    shop(tmp_path)
    file = measured(tmp_path, MAP50, by="eval@42", lineage={"base": "detector:1"})
    words = ("models", "record", "detector:2", "--metrics", file)
    result = run(*words, at=tmp_path)
    assert result.exit_code == 1
    assert "metrics.json:4:5: E7602 detector:2 has map50 0.61, and the file says 0.65" in (
        result.stderr
    )
    assert "specs/models.yaml:21:13: recorded here" in result.stderr
    assert "E7602 detector:2 has another lineage" in result.stderr
    assert spec_text(tmp_path) == SPEC
    measured(tmp_path, MAP50, by="eval@42")
    assert run(*words, "--replace", at=tmp_path).exit_code == 0
    assert spec_text(tmp_path) == SPEC.replace(
        'value: 0.61, dataset: "shelves:2026.1", split: test}',
        'value: 0.65, dataset: "shelves:2026.1", split: test, by: eval@42}',
    )


def test_a_value_of_other_circumstances_stands_beside_the_old_one(tmp_path: Path) -> None:
    shop(tmp_path)
    file = measured(tmp_path, {**MAP50, "split": "train"}, {**MAP50, "params": {"area": "small"}})
    assert run("models", "record", "detector:2", "--metrics", file, at=tmp_path).exit_code == 0
    metrics = data(spec_text(tmp_path))["models"]["detector"]["versions"]["2"]["metrics"]
    assert [one.get("value") for one in metrics] == [0.61, 0.65, 0.65]


def test_the_digest_of_a_dataset_is_held_against_the_lock(tmp_path: Path) -> None:
    shop(tmp_path)
    lock = (tmp_path / "specs/edgewright.lock").read_text()
    digest = lock.split("datasets/shelves:2026.1")[1].split("sha256: ")[1][1:65].strip('"')
    file = measured(tmp_path, {**MAP50, "digest": "b" * 64})
    words = ("models", "record", "detector:1", "--metrics", file)
    result = run(*words, at=tmp_path)
    assert result.exit_code == 1
    assert "E7603 map50 was measured on shelves:2026.1 as bbbbbbbbbbbb…, and the lock has " in (
        result.stderr
    )
    assert "specs/edgewright.lock:" in result.stderr
    assert spec_text(tmp_path) == SPEC
    measured(tmp_path, {**MAP50, "digest": digest})
    assert run(*words, at=tmp_path).exit_code == 0, run(*words, at=tmp_path).output


def test_a_lineage_that_goes_in_a_circle_is_refused_without_a_line_that_is_not_there(
    tmp_path: Path,
) -> None:
    shop(tmp_path)
    file = measured(tmp_path, lineage={"base": "detector:2"})
    result = run("models", "record", "detector:1", "--metrics", file, at=tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("E2"), result.stderr
    assert "detector:1 is its own ancestor" in result.stderr
    assert spec_text(tmp_path) == SPEC


def test_a_file_about_another_version_is_refused(tmp_path: Path) -> None:
    shop(tmp_path)
    file = measured(tmp_path, MAP50, model="detector:2")
    result = run("models", "record", "detector:1", "--metrics", file, at=tmp_path)
    assert result.exit_code == 1
    assert "E7604 the file is about detector:2, and not about detector:1" in result.stderr
    assert spec_text(tmp_path) == SPEC


def test_a_value_that_fails_a_gate_is_recorded_like_any_other(tmp_path: Path) -> None:
    shop(tmp_path, models=SPEC.replace('target: "2"', 'target: "1"'))
    assert run("check", at=tmp_path).exit_code == 3
    file = measured(tmp_path, {**MAP50, "value": 0.1})
    assert run("models", "record", "detector:1", "--metrics", file, at=tmp_path).exit_code == 0
    assert "map50 0.1 on shelves:2026.1 (test) is not ≥ 0.5" in run("check", at=tmp_path).stderr


def test_names_that_do_not_exist_are_told_with_the_line_of_what_was_meant(tmp_path: Path) -> None:
    shop(tmp_path)
    file = measured(tmp_path, MAP50)
    for words, told in (
        (("detektor:1",), "there is no model detektor; there are: detector. "
         "Did you mean detector (specs/models.yaml:10)?"),
        (("detector:3",), "detector has no version 3; there are: 1, 2."),
        (("detector",), "detector names no version; write NAME:VERSION"),
        (("detector:1", "--variant", "int8"), "detector:1 has no variant int8; there is none"),
    ):  # fmt: skip
        result = run("models", "record", *words, "--metrics", file, at=tmp_path)
        assert result.exit_code == 2
        assert told in result.stderr


def test_a_spec_that_somebody_changes_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop(tmp_path)
    monkeypatch.chdir(tmp_path)
    diagnostics = Diagnostics()
    opened = open_spec(Path("specs"), diagnostics)
    change = added(opened, Place("detector", "3"), {"uri": "main:3.onnx"}, None, diagnostics)
    (tmp_path / "specs/models.yaml").write_text(SPEC + "# somebody else\n")
    with pytest.raises(Exception, match="was changed meanwhile"):
        change.write(diagnostics)
    assert spec_text(tmp_path) == SPEC + "# somebody else\n"


def test_what_yanked_versions_led_to_still_compiles(tmp_path: Path) -> None:
    shop(tmp_path, models=SPEC.replace("1.onnx'}", "1.onnx', yanked: flickers}"))
    result = run("check", at=tmp_path)
    assert result.exit_code == 0, result.output


def test_surrogates_that_json_writes_are_read(tmp_path: Path) -> None:
    shop(tmp_path)
    file = measured(tmp_path, P95, by="eval \U0001f600")
    assert "\\ud83d" in file.read_text()
    assert run("models", "record", "detector:1", "--metrics", file, at=tmp_path).exit_code == 0
    assert "\U0001f600" in spec_text(tmp_path) or "\\U0001F600" in spec_text(tmp_path)


NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=20
).filter(lambda text: text == text.strip())
VALUES = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.integers(-(10**9), 10**9),
    st.builds("{}ms".format, st.integers(0, 9999)),
)
METRICS = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES, "value": VALUES},
        optional={"dataset": st.just("shelves:2026.1"), "by": TEXTS,
                  "params": st.dictionaries(NAMES, st.integers(0, 100), max_size=2)},
    ),
    max_size=4,
    unique_by=lambda one: str(one["name"]),
)  # fmt: skip
ENTRIES = st.fixed_dictionaries(
    {"uri": NAMES.map("main:{}".format), "metrics": METRICS},
    optional={
        "sha256": st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
        "unpack": st.sampled_from(["tar", "tar.gz", "zip"]),
        "lineage": st.fixed_dictionaries({"base": st.sampled_from(["detector:1", "detector:2"])}),
        "needs": st.fixed_dictionaries({"arch": st.lists(st.sampled_from(["arm64", "amd64"]))}),
    },
)
END = '    gates: [{metric: map50, atLeast: 0.5}]\n    target: "2"  # OPS-7\n'
LAYOUTS = (
    SPEC,
    SPEC.replace("\n", "\r\n"),
    "\ufeff" + SPEC,
    SPEC.replace(END, "\n    # the end\n").replace("    task:", '    target: "2"\n    task:'),
)


@settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(
    entry=ENTRIES,
    version=st.from_regex(r"[0-9]{1,2}\.[0-9]{1,2}", fullmatch=True),
    layout=st.sampled_from(LAYOUTS),
)
def test_what_is_added_reads_as_what_was_asked_and_every_other_byte_stays(
    tmp_path: Path, entry: dict[str, Any], version: str, layout: str
) -> None:
    shop(tmp_path, locked=False)
    path = tmp_path / "specs/models.yaml"
    path.write_bytes(layout.encode())
    diagnostics = Diagnostics()
    opened = open_spec(tmp_path / "specs", diagnostics)
    change = added(opened, Place("detector", version), entry, None, diagnostics)
    change.write(diagnostics)
    after = path.read_bytes().decode()
    wanted = data(layout.removeprefix("\ufeff"))
    wanted["models"]["detector"]["versions"][version] = entry
    assert data(after.removeprefix("\ufeff")) == wanted
    # Taken away again, whatever was written leaves the very bytes that were there.
    new = only_added(layout, after)
    assert after.replace(new, "", 1) == layout
