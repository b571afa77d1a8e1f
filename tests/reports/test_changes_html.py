"""The page of a comparison: whole, escaped, and closed to everything but its own script."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from compiler.model.changes import Comparison, Cost, Effect, FieldChange, Place
from compiler.reports import changes_html
from tests.reports.test_changes import HOSTILE, comparison, places, row


class Reader(HTMLParser):
    """Every tag with its attributes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))


def labelled(found: Comparison) -> Comparison:
    sites = {place for one in found.rows for place in one.places}
    return replace(found, labels={place: {"ring": "canary"} for place in sites})


def test_the_policy_lets_in_exactly_the_pages_own_script_and_style() -> None:
    text = changes_html.render(comparison(row()))
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"(?:src|href)=[\"'](?!#)", text)


@pytest.mark.parametrize("word", HOSTILE)
def test_no_text_of_a_spec_becomes_a_tag_or_an_attribute(word: str) -> None:
    def page(text: str) -> str:
        one = replace(
            row(Effect.REMOVED, count=2), subject=text, summary=text, hint=text, kinds={text: 2},
            fields=(FieldChange(text, text, text),),
            places=tuple(Place(text, text, f"{text}{number}") for number in range(2)),
        )  # fmt: skip
        cost = Cost(places=one.places, artifacts=(text,), download=5)
        found = replace(comparison(one, costs=(cost,)), base=text, head=text, overridden=(text,))
        return changes_html.render(
            replace(found, labels={place: {text: text} for place in one.places})
        )

    assert Reader(page(word)).tags == Reader(page("x")).tags
    assert "\x1b" not in page(word)
    assert "\u202e" not in page(word)


def test_every_site_is_a_row_of_the_table_without_any_script() -> None:
    text = changes_html.render(labelled(comparison(row(count=2000))))
    assert text.count("<tr data-rows=") == 2000
    assert "<th scope=row>store-2000</th>" in text
    assert text.count("ring: canary</td>") == 2000
    assert '<form id="filters" hidden' in text
    assert len(text) < 1_500_000


def test_nothing_changed_is_a_page_too() -> None:
    text = changes_html.render(comparison())
    assert "<h1>nothing changes</h1>" in text
    assert '<p class="empty" id="none">' in text
    assert places(1)[0].site not in text
