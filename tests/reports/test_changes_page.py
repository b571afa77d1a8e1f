"""The page of a comparison in a real browser: filters, groups, folds, and what is left without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from compiler.model.changes import Comparison, Cost, Effect, FieldChange, Place
from compiler.reports import changes_html
from tests.reports.chromium import Browser
from tests.reports.test_changes import HOSTILE, comparison, row

COUNT = 2000
SHOWN = (
    "[...document.querySelectorAll('#site-table tr[data-rows]')].filter(one => one.offsetHeight)"
)
CHANGES = "[...document.querySelectorAll('article')].filter(one => one.offsetHeight)"
MEBIBYTE = 1 << 20


def fleet(count: int = COUNT) -> Comparison:
    """A hot swap everywhere, a restart in the west, a removal at one site, and shared records."""
    sites = [
        Place("prod", "west" if number % 4 == 0 else "hub", f"store-{number:04}")
        for number in range(1, count + 1)
    ]
    west = tuple(one for one in sites if one.cluster == "west")
    rows = (
        replace(
            row(Effect.REMOVED, "jobs.till"), places=(sites[216 % count],), summary="its objects go"
        ),
        replace(
            row(Effect.ROLLING_RESTART, "jobs.count"), places=west, summary="pods are replaced",
            fields=tuple(FieldChange(f"env[{n}]", "a", "b") for n in range(9)),
        ),
        replace(row(Effect.HOT_SWAP, "jobs.watch"), places=tuple(sites)),
        replace(row(Effect.METADATA_ONLY, "models.shelf"), places=(Place("prod", "hub", ""),)),
    )  # fmt: skip
    labels = {
        one: {"ring": "canary" if number % 100 == 0 else "rest", "region": f"r{number % 5}"}
        for number, one in enumerate(sites)
    }
    costs = (Cost(places=tuple(sites), artifacts=("shelf 1.4.0",), download=46 * MEBIBYTE),)
    return replace(comparison(*rows, costs=costs), labels=labels)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as running:
        yield running


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "change.html"
    path.write_text(changes_html.render(fleet()), encoding="utf-8")
    return path


@pytest.fixture
def page(browser: Browser, file: Path) -> Iterator[Browser]:
    browser.width(1280)
    browser.open(file)
    yield browser
    assert browser.problems == []


def sites(page: Browser) -> int:
    return int(page.run(f"{SHOWN}.length"))


def subjects(page: Browser) -> list[str]:
    found: list[str] = page.run(f"{CHANGES}.map(one => one.querySelector('h3 code').textContent)")
    return found


def found(page: Browser) -> str:
    return str(page.run("document.getElementById('found').textContent"))


def test_everything_is_there_at_first(page: Browser) -> None:
    assert sites(page) == COUNT
    assert subjects(page) == ["jobs.till", "jobs.count", "jobs.watch", "models.shelf"]
    assert found(page) == "4 changes at 2,000 sites, 89.8 GiB to fetch in all"
    assert page.run("document.getElementById('filters').offsetHeight") > 0


def test_a_cluster_leaves_its_sites_and_their_changes(page: Browser) -> None:
    page.choose("[name=cluster]", "prod/west")
    assert sites(page) == COUNT // 4
    assert subjects(page) == ["jobs.count", "jobs.watch"]
    assert found(page) == "2 changes at 500 sites, 22.5 GiB to fetch in all"
    heads = page.run(
        "[...document.querySelectorAll('.group')].filter(one => one.offsetHeight)"
        ".map(one => one.textContent)"
    )
    assert heads == ["prod/west 500 sites, 22.5 GiB to fetch"]


def test_a_ring_is_chosen_and_grouped_by(page: Browser) -> None:
    page.choose("[name=label]", "ring: canary")
    assert sites(page) == COUNT // 100
    page.run("document.querySelector('form').reset()")
    page.settle()
    page.choose("[name=group]", "ring")
    heads = page.run("[...document.querySelectorAll('.group th')].map(one => one.textContent)")
    assert [head.split(",")[0] for head in heads] == ["ring: canary 20 sites", "ring: rest 1"]


def test_typing_finds_a_site_then_a_job_with_all_its_sites(page: Browser) -> None:
    page.type("[name=search]", "store-0217")
    assert sites(page) == 1
    assert subjects(page) == ["jobs.till", "jobs.watch"]
    page.click("button[type=reset]")
    assert sites(page) == COUNT
    page.type("[name=search]", "JOBS.COUNT")
    assert sites(page) == COUNT // 4
    assert subjects(page) == ["jobs.count"]
    page.type("[name=search]", " nowhere")
    assert (sites(page), subjects(page)) == (0, [])
    assert page.run("document.getElementById('none').offsetHeight") > 0


def test_filters_hold_together(page: Browser) -> None:
    page.choose("[name=effect]", "removed")
    assert (sites(page), subjects(page)) == (1, ["jobs.till"])
    page.choose("[name=cluster]", "prod/west")
    assert (sites(page), subjects(page)) == (0, [])
    page.choose("[name=effect]", "hot-swap")
    page.type("[name=search]", "store-00")
    assert sites(page) == 24
    assert subjects(page) == ["jobs.watch"]


def test_a_site_is_found_without_its_neighbours(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(changes_html.render(fleet(3)), encoding="utf-8")
    browser.open(tmp_path / "page.html")
    browser.type("[name=search]", "store-0002")
    assert sites(browser) == 1


def test_folds_open_by_a_click(page: Browser) -> None:
    where = "article[data-row='2'] details:last-of-type"
    seen = f'document.querySelector("{where} p").checkVisibility()'
    assert page.run(seen) is False
    page.click(f"{where} summary")
    assert page.run(seen) is True
    many = "article[data-row='1'] details"
    assert page.run(f'document.querySelector("{many}").open') is False
    page.click(f"{many} summary")
    assert page.run(f'document.querySelectorAll("{many} tbody tr").length') == 9


def test_without_a_script_everything_stands_there_as_a_table(browser: Browser, file: Path) -> None:
    browser.open(file, script=False)
    assert browser.run("document.getElementById('filters').offsetHeight") == 0
    assert sites(browser) == COUNT
    assert len(subjects(browser)) == 4
    text = browser.run("document.querySelector('#site-table tr[data-rows]').innerText")
    assert text.split("\t")[0] == "store-0001"
    assert browser.problems == []


@pytest.mark.parametrize("pixels", [360, 768, 1280])
def test_nothing_is_wider_than_the_device(browser: Browser, file: Path, pixels: int) -> None:
    browser.width(pixels)
    browser.open(file)
    assert browser.run("document.scrollingElement.scrollWidth") <= pixels
    assert browser.run("document.querySelector('#site-table td .badge').offsetWidth") > 0


def test_no_text_of_a_spec_runs_or_fetches(browser: Browser, tmp_path: Path) -> None:
    words = [*HOSTILE, "<script>window.ran = 1</script>", "'\"><svg onload=window.ran=1>"]
    rows = [
        replace(
            row(Effect.REMOVED), subject=word, summary=word, hint=word,
            fields=(FieldChange(word, word, word),), places=(Place(word, word, word),),
        )
        for word in words
    ]  # fmt: skip
    hostile = replace(comparison(*rows), base=words[-1], head=words[-2], overridden=tuple(words))
    labels = {place: {word: word for word in words} for one in rows for place in one.places}
    (tmp_path / "page.html").write_text(
        changes_html.render(replace(hostile, labels=labels)), encoding="utf-8"
    )
    browser.width(1280)
    browser.open(tmp_path / "page.html")
    browser.settle()
    assert browser.run("window.ran") is None
    assert browser.run("document.images.length") == 0
    assert browser.run("performance.getEntriesByType('resource').length") == 0
    assert sites(browser) == len(words)
    assert browser.problems == []


def test_a_script_that_somebody_adds_is_refused(
    browser: Browser, file: Path, tmp_path: Path
) -> None:
    text = file.read_text(encoding="utf-8")
    (tmp_path / "page.html").write_text(
        text.replace("</main>", "<script>window.ran = 1</script></main>"), encoding="utf-8"
    )
    browser.open(tmp_path / "page.html")
    assert browser.run("window.ran") is None
    assert any("Content Security Policy" in one for one in browser.problems)
