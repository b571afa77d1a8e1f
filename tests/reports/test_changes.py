"""Comparisons as text, Markdown and JSON: bounded, in order, and nothing gets out of its place."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import jsonschema
import pytest

from compiler.model.changes import Comparison, Cost, Effect, FieldChange, Place, Row
from compiler.model.changes_schema import schema
from compiler.model.diagnostics import Span
from compiler.reports import changes_json, changes_markdown, changes_text
from compiler.reports.changes import sites

HOSTILE = (
    "@everyone", "<img src=x onerror=alert(1)>", "](https://example.com)", "`` ` ``", "| a | b |",
    "</details>", "```\nrm -rf\n```", "#12 and GH-1", "\x1b[31mred", "a\u202eb", "&lt;script&gt;",
    "<!-- ", "**bold** __x__ ~~y~~", "https://example.com/@user", ":smile:", "\r\n# Heading",
)  # fmt: skip


def places(count: int, cluster: str = "hub") -> tuple[Place, ...]:
    return tuple(Place("prod", cluster, f"store-{number:04}") for number in range(1, count + 1))


def row(effect: Effect = Effect.HOT_SWAP, subject: str = "jobs.watch", count: int = 1) -> Row:
    return Row(
        effect=effect,
        subject=subject,
        summary="the running server loads shelf 1.4.0",
        kinds={"ConfigMap": count},
        fields=(FieldChange("model shelf", "1.3.0 aaaa", "1.4.0 bbbb"),),
        places=places(count),
        example="shop/prod/hub/sites/store-0001/configmap-x.yaml",
        cause=Span("specs/models.yaml", 9, 5),
    )


def comparison(*rows: Row, costs: tuple[Cost, ...] = ()) -> Comparison:
    objects = sum(one.objects for one in rows)
    return Comparison(base="main", head="here", rows=rows, costs=costs, objects=objects)


def test_a_small_comparison_as_text() -> None:
    cost = Cost(places=places(2), artifacts=("shelf 1.4.0",), download=46 << 20, seconds=20,
                window="01:00-05:00", nights=1, disk_before=10 << 20, disk_after=58 << 20,
                returns_offline=True)  # fmt: skip
    assert changes_text.render(comparison(row(count=2), costs=(cost,))) == (
        "here, compared with main\n"
        "2 objects at 2 sites: 2 hot swap\n"
        "\n"
        "hot swap  jobs.watch  2 sites (prod/hub)\n"
        "  2 ConfigMap: the running server loads shelf 1.4.0\n"
        "  model shelf: 1.3.0 aaaa → 1.4.0 bbbb\n"
        "  from specs/models.yaml:9:5\n"
        "  store-0001 – store-0002\n"
        "\n"
        "What it asks of each site\n"
        "  2 sites (prod/hub)\n"
        "    fetches   shelf 1.4.0: 46.0 MiB\n"
        "    takes     20 s in one window 01:00-05:00, at the latest after 20.0 h\n"
        "    disk      10.0 MiB → 58.0 MiB\n"
        "    way back  offline, at once\n"
    )


def test_nothing_is_said_in_one_line() -> None:
    assert changes_text.render(comparison()) == "here, compared with main\nnothing changes\n"
    assert changes_markdown.render(comparison()).startswith("### nothing changes\n")


def test_what_destroys_and_what_is_privileged_comes_first() -> None:
    found = comparison(row(Effect.DATA_LOSS), row(Effect.REMOVED), replace(row(), privileged=True))
    found = replace(found, overridden=("kubernetes/deployment.yaml.j2",))
    text = changes_text.render(found)
    first = text[text.index("Look first") : text.index("\ndata loss")]
    assert [line.split(":")[0].strip() for line in first.splitlines()[1:5]] == [
        "a template of your own", "data loss", "removed", "privileged container",
    ]  # fmt: skip
    markdown = changes_markdown.render(found)
    assert markdown.index("[!CAUTION]") < markdown.index("| | What |")


@pytest.mark.parametrize("count", [1, 40, 400, 4000])
def test_markdown_stays_below_the_limit_whatever_the_change(count: int) -> None:
    rows = [
        replace(
            row(effect, f"jobs.{'long-name-' * 6}{number}", 7),
            fields=tuple(FieldChange(f"{i}.{'x' * 60}", "y" * 100, "z" * 100) for i in range(9)),
            hint="do " * 60,
        )
        for number, effect in enumerate(list(Effect) * count)
    ]
    rows.sort(key=lambda one: one.effect.severity)
    cost = [Cost(places=places(3), artifacts=(f"a {n}",), download=n + 1) for n in range(count)]
    text = changes_markdown.render(comparison(*rows, costs=tuple(cost)))
    assert len(text) < 60_000
    assert text.count("<details>") == text.count("</details>")
    assert text.count("```") == 2
    assert "immutable field" in text


def test_a_change_of_two_thousand_sites_is_short() -> None:
    every = [row(effect, count=2000) for effect in Effect]
    text = changes_markdown.render(comparison(*every))
    assert len(text) < 12_000
    assert "store-0001 – store-2000" in text


@pytest.mark.parametrize("word", HOSTILE)
def test_no_text_of_a_spec_leaves_its_place(word: str) -> None:
    hostile = replace(
        row(count=2),
        subject=word,
        summary=word,
        hint=word,
        kinds={word: 2},
        fields=(FieldChange(word, word, word),),
        places=tuple(Place(word, word, f"{word}{number}") for number in range(2)),
        cause=Span(word, 1, 1),
    )
    plain = comparison(replace(row(Effect.REMOVED, count=2), hint="x"))
    bad = comparison(replace(hostile, effect=Effect.REMOVED))
    text = changes_markdown.render(replace(bad, overridden=(word,), base=word, head=word))
    without_picture = text[: text.index("```mermaid")]
    expected = changes_markdown.render(replace(plain, overridden=("x",)))
    expected = expected[: expected.index("```mermaid")]
    for sign in "@`[]*_~|<>\x1b\u202e":
        assert without_picture.count(sign) == expected.count(sign), sign
    # A code for the sign alone would be a mention or a reference again once it is shown.
    assert not re.search(r"&#(64|35);[^&]", without_picture)
    assert "://" not in without_picture
    shown = changes_text.render(bad)
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_a_terminal_gets_colours_only_when_asked() -> None:
    found = comparison(row(Effect.OUTAGE))
    assert "\033[31m" in changes_text.render(found, colour=True)
    assert "\033" not in changes_text.render(found)


def test_json_follows_its_schema() -> None:
    cost = Cost(places=places(2), artifacts=("a",), unsized=1, memory_before=1, memory_after=2)
    found = comparison(*(row(effect) for effect in Effect), costs=(cost,))
    jsonschema.validate(json.loads(changes_json.render(found)), schema())
    broken = {**changes_json.document(found), "format": "other"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema())


def test_sites_that_follow_each_other_are_one_range() -> None:
    listed = [Place("e", "c", name) for name in ("a-9", "b-001", "b-002", "b-003", "b-005", "")]
    assert sites(listed) == ["a-9", "b-001 – b-003", "b-005"]
    many = [Place("e", "c", f"s{number * 2:03}") for number in range(60)]
    assert sites(many)[-1] == "and 20 more"
