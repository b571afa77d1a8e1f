"""Selections of sites: what they match, and what is said about one that can match nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.model.diagnostics import Diagnostics
from compiler.model.spec.where import parse_where
from tests.stages.resolving import HEAD, REPO, at_mark, resolved, said

SITES = "".join(
    f"    s-{number:03d}: {{cluster: hub, layer: edge, profile: box, "
    f"labels: {{region: {'west' if number % 2 else 'north'}, ring: {ring}}}}}\n"
    for number, ring in enumerate(["lab"] * 2 + ["prod"] * 8)
)
FLEET = (
    HEAD
    + f"fleet:\n  clusters: {{hub: {{kubernetes: '1.32', gitops: {{engine: flux}}, {REPO}}}}}\n"
    "  profiles: {box: {arch: amd64, cpu: 1, memory: 1Gi}}\n"
    "  sites:\n" + SITES
)
JOB = (
    "models: {m: {versions: {'1': {uri: 'host:/m'}}, target: '1'}}\n"
    "jobs:\n"
    "  watch:\n"
    "    kind: serve\n"
    "    models: [m]\n"
    "    worker: {image: 'r.example.com/x:1'}\n"
)


def found(place: str, rest: str = "", environment: str = "default") -> list[tuple[str, str, str]]:
    """Code, message and hint of what is said about a place; the mark must be where it says."""
    text, span = at_mark(FLEET + JOB + f"    place: {place}\n" + rest)
    diagnostics = Diagnostics()
    resolved(text, diagnostics, environment)
    assert all(d.span == span for d in diagnostics.in_order())
    return [(d.code.id, d.message, d.hint) for d in diagnostics.in_order()]


def test_a_misspelt_value_is_answered_with_the_values_there_are() -> None:
    assert found("{layer: edge, where: {region: §nroth}}") == [
        (
            "E2301",
            "where: {region: nroth} selects 0 of 10 sites; region is north or west",
            "Did you mean north?",
        )
    ]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("{where: {region: §{not: nroth}}}", "where: {region: nroth} excludes 0 of 10 sites"),
        ("{where: {region: §[nroth, west]}}", "where: {region: nroth} selects 0 of 10 sites"),
        ("{where: [{ring: lab}, {region: §nroth}]}", "where: {region: nroth} selects 0 of 10"),
        ("{where: {site: §s-999}}", "where: {site: s-999} selects 0 of 10 sites; site is s-000, "),
        ("{where: {profile: §bax}}", "where: {profile: bax} selects 0 of 10 sites; profile is box"),
    ],
)
def test_a_value_that_no_site_has_is_reported_where_it_stands(place: str, message: str) -> None:
    ((code, said_, _),) = found(place)
    assert code == "E2301"
    assert said_.startswith(message)


def test_a_long_list_of_values_is_cut_with_a_count() -> None:
    ((_, message, hint),) = found("{where: {site: §s-01}}")
    assert message.endswith("s-006, s-007 or one of 2 more")
    assert hint.startswith("Did you mean s-0")


def test_a_key_that_no_site_has_is_answered_with_the_keys_there_are() -> None:
    assert found("{where: {regoin: §north}}") == [
        (
            "E2302",
            "no site has the label regoin; there are: region, ring, site, profile, layer, cluster",
            "Did you mean region?",
        )
    ]


def test_values_that_exist_but_never_together_are_an_error() -> None:
    ((code, message, _),) = found("{layer: cloud, where: §{region: north}}")
    assert code == "E2301"
    assert message == (
        "jobs.watch.place: where and layer: cloud selects 0 of 10 sites: each value exists, "
        "but no site has them together"
    )


def test_a_selection_with_no_site_in_one_environment_only_is_a_note() -> None:
    both = "environments: {lab: {namespace: l, where: {ring: lab}}, prod: {where: {ring: prod}}}\n"
    place = "{where: §{ring: lab}}"
    assert found(place, both, "lab") == []
    assert found(place, both, "prod") == [
        ("N2303", "jobs.watch.place selects no site of environment prod", "")
    ]


def test_steps_of_a_rollout_and_raw_objects_are_selections_too() -> None:
    text, span = at_mark(
        FLEET + JOB + "    place: {layer: edge}\n"
        "    rollout: {steps: [{where: {ring: §lib}}, {percent: 100}]}\n"
    )
    diagnostics = Diagnostics()
    resolved(text, diagnostics)
    assert said(diagnostics.in_order(), "E2301").span == span
    text, span = at_mark(FLEET + "objects: [{from: a.yaml, place: {where: {ring: §lib}}}]\n")
    diagnostics = Diagnostics()
    resolved(text, diagnostics)
    assert said(diagnostics.in_order(), "E2301").span == span


FACTS = st.dictionaries(
    st.sampled_from(["region", "ring", "site"]), st.sampled_from("abc"), max_size=3
)
CONDITIONS = st.dictionaries(
    st.sampled_from(["region", "ring", "site"]),
    st.one_of(
        st.sampled_from("abc"),
        st.lists(st.sampled_from("abc"), min_size=1, max_size=3),
        st.sampled_from("abc").map(lambda value: {"not": value}),
        st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(lambda many: {"not": many}),
    ),
    min_size=1,
    max_size=3,
)


@given(CONDITIONS, FACTS)
def test_a_mapping_matches_when_each_of_its_keys_does(
    conditions: dict[str, object], facts: dict[str, str]
) -> None:
    each = [parse_where({key: value}).matches(facts) for key, value in conditions.items()]
    assert parse_where(conditions).matches(facts) is all(each)


@given(st.lists(CONDITIONS, min_size=1, max_size=3), FACTS)
def test_a_list_matches_when_any_of_its_mappings_does(
    alternatives: list[dict[str, object]], facts: dict[str, str]
) -> None:
    each = [parse_where(entry).matches(facts) for entry in alternatives]
    assert parse_where(alternatives).matches(facts) is any(each)


@given(st.sampled_from(["region", "ring"]), st.lists(st.sampled_from("abc"), min_size=1), FACTS)
def test_not_holds_exactly_where_the_values_do_not_and_so_where_the_label_is_absent(
    key: str, values: list[str], facts: dict[str, str]
) -> None:
    plain, negated = parse_where({key: values}), parse_where({key: {"not": values}})
    assert plain.matches(facts) is not negated.matches(facts)
    if key not in facts:
        assert negated.matches(facts)
