"""Files of a folder as one spec: what joins, what agrees and what collides."""

from __future__ import annotations

from itertools import permutations

import pytest

from compiler.model import source
from compiler.model.codes import text as codes
from compiler.model.diagnostics import Diagnostic, Diagnostics
from compiler.model.joining import join
from compiler.model.marks import Map


def joined(*texts: str) -> tuple[Map, tuple[Diagnostic, ...]]:
    """The texts as files `0.yaml`, `1.yaml`, ... joined, and what was reported."""
    diagnostics = Diagnostics()
    parts = [
        source.parse(f"{index}.yaml", text, diagnostics)[0].data for index, text in enumerate(texts)
    ]
    return join(parts, diagnostics), diagnostics.in_order()


def test_sections_join_by_name_with_the_marks_of_their_files() -> None:
    data, found = joined("models: {a: {t: 1}}", "models: {b: {t: 2}}\njobs: {j: {}}")
    assert not found
    assert data == {"models": {"a": {"t": 1}, "b": {"t": 2}}, "jobs": {"j": {}}}
    assert str(data.marks.at(["models", "b", "t"])) == "1.yaml:1:17"
    assert str(data["models"].marks.key_span("b")) == "1.yaml:1:10"
    assert str(data.marks.key_span("jobs")) == "1.yaml:2:1"


def test_the_tables_of_the_fleet_join_too() -> None:
    data, found = joined(
        "fleet: {timezone: UTC, sites: {a: {}}}", "fleet: {sites: {b: {}}, profiles: {p: {}}}"
    )
    assert not found
    assert data["fleet"] == {"timezone": "UTC", "sites": {"a": {}, "b": {}}, "profiles": {"p": {}}}


def test_lists_of_a_section_follow_each_other_with_their_marks() -> None:
    data, found = joined("overrides: [{a: 1}]", "overrides: [{b: 2}, {c: 3}]")
    assert not found
    assert data["overrides"] == [{"a": 1}, {"b": 2}, {"c": 3}]
    assert str(data["overrides"].marks.value_span(2)) == "1.yaml:1:21"
    assert str(data.marks.at(["overrides", 1, "b"])) == "1.yaml:1:17"


@pytest.mark.parametrize(
    "text", ["edgewright: v1", "project: {name: x}", "fleet: {timezone: UTC}", "reports:"]
)
def test_equal_scalars_agree(text: str) -> None:
    assert not joined(text, text)[1]


def test_an_empty_section_defines_nothing_beside_a_full_one() -> None:
    assert joined("models:", "models: {a: {}}") == ({"models": {"a": {}}}, ())


@pytest.mark.parametrize(
    ("one", "other", "path", "first", "again"),
    [
        ("models: {a: {}}", "models: {a: {}}", "models.a", "0.yaml:1:10", "1.yaml:1:10"),
        ("edgewright: v1", "\nedgewright: v2", "edgewright", "0.yaml:1:1", "1.yaml:2:1"),
        ("project: {name: a}", "project: {name: b}", "project.name", "0.yaml:1:11", "1.yaml:1:11"),
        ("a: 1", 'a: "1"', "a", "0.yaml:1:1", "1.yaml:1:1"),
        (
            "fleet: {sites: {s: {}}}", "fleet: {sites: {s: {}}}",
            "fleet.sites.s", "0.yaml:1:17", "1.yaml:1:17",
        ),
        (
            "fleet: {network: {proxy: a}}", "fleet: {network: {noProxy: [b]}}",
            "fleet.network", "0.yaml:1:9", "1.yaml:1:9",
        ),
    ],
)  # fmt: skip
def test_a_second_definition_shows_both_places(
    one: str, other: str, path: str, first: str, again: str
) -> None:
    (found,) = joined(one, other)[1]
    assert found.code == codes.DEFINED_TWICE
    assert found.message == f"{path} is defined twice; first in {first}"
    assert str(found.span) == again
    assert [str(related.span) for related in found.related] == [first]


def test_a_section_with_two_shapes_says_so() -> None:
    (found,) = joined("models: {a: {}}", "models: [a]")[1]
    assert "a list here and a mapping there" in found.message


def test_every_further_definition_is_reported() -> None:
    assert len(joined("jobs: {a: {}}", "jobs: {a: {}}", "jobs: {a: {}}")[1]) == 2


def test_the_order_of_files_changes_no_definition() -> None:
    texts = ["jobs: {a: {x: 1}}", "jobs: {b: {y: 2}}\nmodels: {m: {}}", "fleet: {timezone: UTC}"]
    results = [joined(*order)[0] for order in permutations(texts)]
    assert all(result == results[0] for result in results)
