"""A folder becomes one spec, with every position in its own file, and nothing from outside."""

from __future__ import annotations

import os
from itertools import permutations
from pathlib import Path

import pytest

from compiler.model.codes import text as codes
from compiler.model.diagnostics import Code, Diagnostic, Diagnostics, Span
from compiler.stages.load import Sources, load

FLEET = """\
fleet:
  sitesFrom: sites.csv
  sites: {cloud: {cluster: hub, layer: cloud, profile: nuc}}
"""
TABLE = "name,cluster,layer,profile,labels.ring\ns-1,hub,edge,nuc,canary\ns-2,hub,edge,nuc,\n"
HERE = Span("specs/a.yaml", 1, 1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder `specs` below the current one."""
    monkeypatch.chdir(tmp_path)
    Path("specs").mkdir()
    return Path("specs")


def fill(folder: Path, **files: str) -> Path:
    """Write files whose names have `_` for the dot and `__` for a folder."""
    for name, text in files.items():
        stem, _, suffix = name.replace("__", "/").rpartition("_")
        path = folder / f"{stem}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def tried(root: Path, files: list[Path] | None = None) -> tuple[Sources, tuple[Diagnostic, ...]]:
    """The loaded folder and what was reported."""
    diagnostics = Diagnostics()
    return load(root, diagnostics, files), diagnostics.in_order()


def test_the_files_of_a_folder_are_one_spec_with_their_own_positions(folder: Path) -> None:
    fill(folder, a_yaml="edgewright: v1\n", b_yml="jobs:\n  j: {kind: serve}\n")
    sources, found = tried(folder)
    assert not found
    assert sources.data == {"edgewright": "v1", "jobs": {"j": {"kind": "serve"}}}
    assert sources.files == ("specs/a.yaml", "specs/b.yml")
    assert str(sources.data.marks.at(["jobs", "j", "kind"])) == "specs/b.yml:2:13"
    assert str(sources.data.marks.key_span("edgewright")) == "specs/a.yaml:1:1"
    assert sources.line("specs/b.yml", 2) == "  j: {kind: serve}"
    assert not sources.line("specs/b.yml", 9)


def test_only_visible_yaml_files_right_in_the_folder_belong_to_the_spec(folder: Path) -> None:
    fill(folder, a_yaml="a: 1", readme_md="- x", below__b_yaml="b: 2")
    (folder / ".hidden.yaml").write_text("c: [", encoding="utf-8")
    (folder / "folder.yaml").mkdir()
    sources, found = tried(folder)
    assert not found
    assert sources.files == ("specs/a.yaml",)


def test_one_file_can_be_loaded_alone_and_those_beside_it_are_counted(folder: Path) -> None:
    fill(folder, b_yaml="b: 2", readme_md="- x", below__c_yaml="c: 3")
    sources, found = tried(folder / "b.yaml")
    assert (sources.data, found) == ({"b": 2}, ())
    fill(folder, a_yaml="a: 1")
    sources, (told,) = tried(folder / "b.yaml")
    assert sources.data == {"b": 2}
    assert (told.code, told.message) == (
        codes.ONE_FILE,
        "only specs/b.yaml is read; 1 more file of specs is not",
    )
    assert told.hint == "name the folder to read them all: specs"


def test_the_order_of_files_changes_nothing(folder: Path) -> None:
    fill(folder, a_yaml="l: [1]\nm: {a: 1}", b_yaml="l: [2]\nm: {b: 1}", c_yaml="m: {a: 2}")
    orders = permutations(sorted(folder.iterdir()))
    results = [tried(folder, list(order)) for order in orders]
    assert results[0][0].data["l"] == [1, 2]
    assert len(results[0][1]) == 1
    for sources, found in results:
        assert (sources.data, sources.files, found) == (
            results[0][0].data,
            results[0][0].files,
            results[0][1],
        )


def test_names_are_as_typed_where_the_folder_lies_elsewhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, a_yaml="a: 1")
    absolute = folder.resolve()
    assert tried(absolute)[0].files == ("specs/a.yaml",)
    other = absolute.parent / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    assert tried(Path("../specs"))[0].files == ("../specs/a.yaml",)


def test_a_definition_in_two_files_shows_both(folder: Path) -> None:
    fill(folder, a_yaml="jobs: {j: {}}", b_yaml="\njobs: {j: {}}")
    (found,) = tried(folder)[1]
    assert found.code == codes.DEFINED_TWICE
    assert str(found.span) == "specs/b.yaml:2:8"
    assert str(found.related[0].span) == "specs/a.yaml:1:8"


def test_faults_of_every_file_are_reported_in_one_run(folder: Path) -> None:
    fill(folder, a_yaml="a: [", b_yaml="b: 1\nb: 2", c_yaml="- c", d_yaml="d: 1")
    sources, found = tried(folder)
    assert [str(one.span) for one in found] == [
        "specs/a.yaml:1:5",
        "specs/b.yaml:2:1",
        "specs/c.yaml:1:1",
    ]
    assert [one.code.id for one in found] == ["E1001", "E1009", "E1033"]
    assert sources.data["d"] == 1


def test_text_that_is_not_utf_8_is_placed_in_its_file(folder: Path) -> None:
    (folder / "a.yaml").write_bytes(b"a: 1\nb: \xe4\n")
    (found,) = tried(folder)[1]
    assert (found.code, str(found.span)) == (codes.ENCODING, "specs/a.yaml:2:4")


def test_a_table_gives_sites_beside_those_in_yaml(folder: Path) -> None:
    sources, found = tried(fill(folder, fleet_yaml=FLEET, sites_csv=TABLE))
    assert not found
    sites = sources.data["fleet"]["sites"]
    assert list(sites) == ["cloud", "s-1", "s-2"]
    assert sites["s-1"]["labels"] == {"ring": "canary"}
    marks = sources.data.marks
    assert str(marks.at(["fleet", "sites", "s-1"])) == "specs/sites.csv:2:1"
    assert str(marks.at(["fleet", "sites", "s-1", "labels", "ring"])) == "specs/sites.csv:2:18"
    assert str(marks.at(["fleet", "sites", "cloud", "layer"])) == "specs/fleet.yaml:3:40"
    assert str(sites.marks.key_span("s-2")) == "specs/sites.csv:3:1"
    assert sources.line("specs/sites.csv", 3) == "s-2,hub,edge,nuc,"


def test_a_table_alone_gives_all_sites(folder: Path) -> None:
    fill(folder, fleet_yaml="fleet: {sitesFrom: sites.csv}", sites_csv=TABLE)
    sources, found = tried(folder)
    assert not found
    assert list(sources.data["fleet"]["sites"]) == ["s-1", "s-2"]
    assert str(sources.data["fleet"].marks.key_span("sites")) == "specs/fleet.yaml:1:20"
    assert str(sources.data.marks.at(["fleet", "sites", "s-2"])) == "specs/sites.csv:3:1"


def test_a_site_in_yaml_and_in_the_table_shows_both(folder: Path) -> None:
    fill(folder, fleet_yaml=FLEET.replace("cloud:", "s-2:"), sites_csv=TABLE)
    (found,) = tried(folder)[1]
    assert found.code == codes.DEFINED_TWICE
    assert str(found.span) == "specs/sites.csv:3:1"
    assert str(found.related[0].span) == "specs/fleet.yaml:3:11"


def test_a_spec_with_wrong_types_around_the_table_is_left_to_validation(folder: Path) -> None:
    for text in ("fleet: 1", "fleet: {sitesFrom: [a]}", "fleet: {sites: 1, sitesFrom: sites.csv}"):
        fill(folder, fleet_yaml=text, sites_csv=TABLE)
        assert not tried(folder)[1]


def test_a_file_that_the_spec_names_is_read_relative_to_the_one_that_names_it(
    folder: Path,
) -> None:
    fill(folder, a_yaml="a: 1", app__app_yaml="x: {y: 1}\n")
    sources, _ = tried(folder)
    assert sources.read("specs/a.yaml", "app/app.yaml", HERE) == "x: {y: 1}\n"
    (document,) = sources.parse("specs/a.yaml", "./app/app.yaml", HERE)
    assert str(document.data.marks.at(["x", "y"])) == "specs/app/app.yaml:1:8"
    assert sources.read("specs/app/app.yaml", "app.yaml", HERE) == "x: {y: 1}\n"
    assert sources.line("specs/app/app.yaml", 1) == "x: {y: 1}"


def test_a_file_is_read_once(folder: Path) -> None:
    fill(folder, a_yaml="a: 1", x_txt="before")
    sources, _ = tried(folder)
    assert sources.read("specs/a.yaml", "x.txt", HERE) == "before"
    (folder / "x.txt").unlink()
    assert sources.read("specs/a.yaml", "x.txt", HERE) == "before"


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("../secret", codes.OUTSIDE, "not a path below"),
        ("app/../../secret", codes.OUTSIDE, "not a path below"),
        ("/etc/hostname", codes.OUTSIDE, "not a path below"),
        ("app\\x.txt", codes.OUTSIDE, "not a path below"),
        ("", codes.OUTSIDE, "not a path below"),
        ("a\0b", codes.OUTSIDE, "not a path below"),
        ("link", codes.OUTSIDE, "link"),
        ("way/secret", codes.OUTSIDE, "link"),
        ("app/x.tx", codes.FILE_MISSING, "specs/app/x.tx does not exist"),
        ("app", codes.UNREADABLE, "not a regular file"),
        ("pipe", codes.UNREADABLE, "not a regular file"),
        ("gone", codes.UNREADABLE, "No such file"),
        ("large", codes.FILE_TOO_LARGE, "1 MiB"),
        ("latin", codes.ENCODING, "0xE4"),
    ],
)
def test_a_file_that_may_not_or_cannot_be_read_is_refused(
    folder: Path, path: str, code: Code, words: str
) -> None:
    fill(folder, a_yaml="a: 1", app__x_txt="x")
    Path("secret").write_text("x", encoding="utf-8")
    (folder / "link").symlink_to("../secret")
    (folder / "way").symlink_to("..")
    (folder / "gone").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    (folder / "large").write_bytes(b"x" * (2**20 + 1))
    (folder / "latin").write_bytes(b"\xe4")
    sources, _ = tried(folder)
    diagnostics = Diagnostics()
    assert not sources.read("specs/a.yaml", path, HERE, diagnostics)
    (found,) = diagnostics.found
    assert found.code == code
    assert words in found.message


def test_a_misspelt_file_gets_a_proposal(folder: Path) -> None:
    fill(folder, a_yaml="a: 1", app__settings_yaml="x")
    sources, _ = tried(folder)
    sources.read("specs/a.yaml", "app/setings.yaml", HERE)
    sources.read("specs/a.yaml", "settings.yaml", Span("specs/a.yaml", 2, 1))
    found = sources._diagnostics.in_order()
    assert [one.hint for one in found] == ["Did you mean app/settings.yaml?"] * 2
    assert [str(one.span) for one in found] == ["specs/a.yaml:1:1", "specs/a.yaml:2:1"]


def test_a_missing_table_is_reported_where_it_is_named(folder: Path) -> None:
    (found,) = tried(fill(folder, fleet_yaml=FLEET))[1]
    assert (found.code, str(found.span)) == (codes.FILE_MISSING, "specs/fleet.yaml:2:14")


def test_a_yaml_file_that_links_out_of_the_folder_is_refused(folder: Path) -> None:
    Path("outside.yaml").write_text("a: 1", encoding="utf-8")
    (folder / "a.yaml").symlink_to("../outside.yaml")
    sources, (found,) = tried(folder)
    assert found.code == codes.OUTSIDE
    assert not sources.data


def test_a_link_inside_the_folder_and_a_folder_behind_a_link_are_fine(folder: Path) -> None:
    fill(folder, real_txt="x", a_yaml="a: 1")
    (folder / "b.txt").symlink_to("real.txt")
    Path("door").symlink_to("specs")
    sources, found = tried(Path("door"))
    assert not found
    assert sources.read("door/a.yaml", "b.txt", HERE) == "x"


@pytest.mark.parametrize(
    ("root", "hint"),
    [("spec", "Did you mean specs?"), ("specs", "Did you mean specs/shop?"), ("zzz", "existing")],
)
def test_a_folder_without_a_spec_gets_a_proposal(folder: Path, root: str, hint: str) -> None:
    fill(folder, shop__a_yaml="a: 1")
    sources, (found,) = tried(Path(root))
    assert found.code == codes.NO_FILES
    assert hint in found.hint
    assert sources.data == {}
