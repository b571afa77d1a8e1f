from __future__ import annotations

import json
import tarfile
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.commands.running import run, run_json

FLEET = """\
edgewright: v1
project: {name: demo, namespace: demo}
stores: {main: {url: "%s"}}
fleet:
  clusters:
    hub:
      gitops: {engine: flux}
      repo: {url: "https://git.example.com/f.git", branch: d, path: g}
      kubernetes: "1.32"
  profiles: {nuc: {arch: amd64, cpu: 4, memory: 8Gi, disk: 64Gi}}
  sites: {store-1: {cluster: hub, layer: edge, profile: nuc}}
datasets:
  shelves:
    format: coco
    classes: [bottle, can]
    versions: {"2026.1": {uri: "main:shelves/", annotations: a.json}}
    splits: {seed: 7, parts: {train: 0.7, test: 0.3}}
  tables:
    format: csv
    columns: {label: species}
    versions: {"1": {uri: "main:one.csv"}, "2": {uri: "main:two.tar.gz", unpack: tar.gz}}
  born:
    format: txt
    local: {path: "/data/{site}/train.txt", where: {layer: edge}}
"""
EVIL = "<script>alert(1)</script>"
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360f8cf500f0003830181a2bd3b6a0000000049454e44ae426082"
)


def coco() -> str:
    images = [{"id": i, "file_name": f"{i}.png", "width": 100, "height": 50} for i in range(3)] + [
        {"id": 9, "file_name": f"{EVIL}.png", "width": 10, "height": 10}
    ]
    annotations = [
        {"id": i, "image_id": i % 3, "category_id": 1 + (i == 0), "bbox": [1, 2, 30, 20]}
        for i in range(6)
    ]
    categories = [{"id": 1, "name": "bottle"}, {"id": 2, "name": EVIL}]
    return json.dumps({"images": images, "annotations": annotations, "categories": categories})


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    store = tmp_path / "store"
    (store / "shelves").mkdir(parents=True)
    (store / "shelves/a.json").write_text(coco())
    for i in range(2):
        (store / f"shelves/{i}.png").write_bytes(PIXEL)
    (store / "shelves/2.png").write_bytes(b"<svg onload=alert(1)>")
    (store / "one.csv").write_text("species,x\noak,1\nbeech,2\noak,3\n")
    with tarfile.open(store / "two.tar.gz", "w:gz") as archive:
        archive.add(store / "one.csv", "data/one.csv")
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/fleet.yaml").write_text(FLEET % store.as_uri())
    return tmp_path / "specs"


def test_what_is_found_is_printed(spec: Path) -> None:
    done = run("dataset", "shelves:2026.1", str(spec))
    assert done.exit_code == 0
    assert done.stdout.startswith("shelves:2026.1 (coco): 4 samples, 6 labels in 3 classes\n")
    assert "  bottle                     5   83.3 %  ####" in done.stdout
    assert "splits (seed 7)\n  train" in done.stdout
    assert "  1  missing-file: files that the labels name and that are not there\n" in done.stdout


def test_json_holds_the_same_numbers(spec: Path) -> None:
    result = run_json("dataset", "tables:1", str(spec))
    assert result["samples"] == 3
    assert result["classes"] == {"beech": 1, "oak": 2}
    assert result["imbalance"] == 2.0
    archive = run_json("dataset", "tables:2", str(spec))
    assert archive["classes"] == result["classes"]


def test_a_local_copy_is_counted_instead_and_a_folder_needs_no_unpacking(spec: Path) -> None:
    copy = spec.parent / "copy"
    copy.mkdir()
    (copy / "t.csv").write_text("species\nfir\n")
    for name in ("tables:2", "tables:1"):
        result = run_json("dataset", name, str(spec), "--at", str(copy))
        assert result["classes"] == {"fir": 1}
    (copy / "list.txt").write_text("a.jpg cat\n")
    result = run_json("dataset", "born", str(spec), "--at", str(copy / "list.txt"))
    assert result["samples"] == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shelvs", "Did you mean shelves?"),
        ("shelves:2026.2", "Did you mean 2026.1?"),
        ("tables", "write tables:2"),
        ("born", "--at PATH"),
    ],
)
def test_a_name_that_means_nothing_is_a_fault_of_usage_with_what_there_is(
    spec: Path, name: str, words: str
) -> None:
    done = run("dataset", name, str(spec))
    assert done.exit_code == 2
    assert words in done.stderr


def test_a_refused_file_is_a_finding_on_the_line_of_the_version(spec: Path) -> None:
    (spec.parent / "store/one.csv").write_bytes("species\noak\n".encode("utf-16"))
    done = run("dataset", "tables:1", str(spec))
    assert done.exit_code == 1
    assert "fleet.yaml:21:" in done.stderr
    assert "E9101 tables:1: one.csv:1: this is UTF-16, not UTF-8 (byte 0)" in done.stderr
    assert "iconv -f UTF-16" in done.stderr


def test_bytes_that_are_not_there_are_a_failure_of_the_outside_world(spec: Path) -> None:
    (spec.parent / "store/one.csv").unlink()
    done = run("dataset", "tables:1", str(spec))
    assert done.exit_code == 6
    assert "Traceback" not in done.stderr


FETCHING = ("src", "href", "srcset", "data", "action")


class Page(HTMLParser):
    """What a page would do: its tags, and everything that it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [
            value or ""
            for name, value in attrs
            if name in ("src", "href", "srcset", "data", "action")
        ]
        assert not [name for name, _ in attrs if name.startswith("on")]


def test_the_page_stands_alone_and_nothing_of_the_dataset_is_markup(spec: Path) -> None:
    page = spec.parent / "page.html"
    done = run("dataset", "shelves", str(spec), "--report", str(page))
    assert done.exit_code == 0
    text = page.read_text()
    found = Page(text)
    assert "script" not in found.tags
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "default-src &#x27;none&#x27;" in text
    assert len(found.fetched) == 2
    assert all(source.startswith("data:image/png;base64,") for source in found.fetched)
    assert text.count('class="box ') == 4
    assert "no picture that a browser shows" in text
    assert text.count("<rect ") == 1


def test_the_page_is_the_same_every_time(spec: Path) -> None:
    pages = [spec.parent / f"{i}.html" for i in range(2)]
    for page in pages:
        run("dataset", "shelves", str(spec), "--report", str(page))
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_a_picture_beyond_the_cap_is_told_and_not_shown(
    spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compiler.commands.dataset.LARGEST_PICTURE", 10)
    page = spec.parent / "page.html"
    run("dataset", "shelves", str(spec), "--report", str(page))
    assert "too large to be shown here" in page.read_text()
    assert Page(page.read_text()).fetched == []
