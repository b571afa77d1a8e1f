"""Names: made, recognised, and explained when they are wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.model import names

RULES: dict[str, tuple[Callable[[str], bool], Callable[[str], str]]] = {
    "dns_label": (names.is_dns_label, names.dns_label_problem),
    "dns_1035_label": (names.is_dns_1035_label, names.dns_1035_label_problem),
    "dns_subdomain": (names.is_dns_subdomain, names.dns_subdomain_problem),
    "label_value": (names.is_label_value, names.label_value_problem),
    "label_key": (names.is_label_key, names.label_key_problem),
    "port_name": (names.is_port_name, names.port_name_problem),
    "env_name": (names.is_env_name, names.env_name_problem),
}

PROBLEMS = [
    ("dns_label", "", "is empty"),
    ("dns_label", "Store", "has 'S' at position 1"),
    ("dns_label", "a" * 64, "has 64 characters, 1 more than the limit of 63"),
    ("dns_label", "-a", "begins with '-'"),
    ("dns_label", "a-", "ends with '-'"),
    ("dns_label", "a\n", "has '\\n' at position 2"),
    ("dns_1035_label", "1a", "begins with '1'; it must begin with a lower-case letter"),
    ("dns_subdomain", "a..b", "parts between dots"),
    ("dns_subdomain", "a_b", "has '_' at position 2"),
    ("label_value", "a b", "has ' ' at position 2"),
    ("label_key", "Bad/name", "has the prefix 'Bad' before the slash, which has 'B' at position 1"),
    ("label_key", "ok.io/", "has the part '' after the slash, which is empty"),
    ("label_key", "_a", "begins with '_'"),
    ("port_name", "a--b", "two hyphens"),
    ("port_name", "8080", "has no letter"),
    ("port_name", "p" * 16, "1 more than the limit of 15"),
    ("env_name", "1A", "begins with '1'"),
    ("env_name", "A=B", "has '=' at position 2"),
]

GOOD = [
    ("dns_label", "store-001"),
    ("dns_1035_label", "s1"),
    ("dns_subdomain", "a.b-c.d"),
    ("label_value", ""),
    ("label_value", "1.4.0_x"),
    ("label_key", "edgewright.io/job"),
    ("label_key", "app"),
    ("port_name", "http-1"),
    ("env_name", "_RTSP.url-1"),
]


@pytest.mark.parametrize(("rule", "text", "words"), PROBLEMS)
def test_a_wrong_name_is_explained(rule: str, text: str, words: str) -> None:
    accepts, problem = RULES[rule]
    assert not accepts(text)
    assert words in problem(text)


@pytest.mark.parametrize(("rule", "text"), GOOD)
def test_a_good_name_has_no_problem(rule: str, text: str) -> None:
    accepts, problem = RULES[rule]
    assert accepts(text)
    assert problem(text) == ""


@pytest.mark.parametrize("rule", RULES)
@given(text=st.text(alphabet="abZ09-._/ \n=é", max_size=70))
def test_a_rule_and_its_words_agree(rule: str, text: str) -> None:
    accepts, problem = RULES[rule]
    assert accepts(text) == (problem(text) == "")


@given(parts=st.lists(st.text(max_size=60), min_size=1, max_size=4), limit=st.integers(20, 63))
def test_every_made_name_is_a_label_within_its_limit(parts: list[str], limit: int) -> None:
    try:
        made = names.name(*parts, limit=limit)
    except ValueError:
        assert not any(c.isascii() and c.isalnum() for c in "".join(parts).lower())
        return
    assert names.is_dns_label(made)
    assert len(made) <= limit


def test_a_short_name_is_only_joined_and_lowered() -> None:
    assert names.name("Watch", "", "store-001", "1.3.0") == "watch-store-001-1-3-0"


def test_two_long_names_that_differ_at_the_end_stay_apart() -> None:
    first, second = names.name("a" * 80, "one"), names.name("a" * 80, "two")
    assert first != second
    assert len(first) == len(second) == names.LABEL_LIMIT


def test_a_cut_name_is_stable() -> None:
    assert names.name("watch-shelves", "x" * 60) == names.name("watch-shelves", "x" * 60)
    assert names.name("x" * 64).startswith("x" * 54 + "-")


def test_a_suffix_cuts_the_base_and_never_itself() -> None:
    assert names.with_suffix("base", "12345678") == "base-12345678"
    assert names.with_suffix("a" * 53 + "-bcd", "12345678") == "a" * 53 + "-12345678"


@pytest.mark.parametrize("parts", [("",), ("---",), ("é",)])
def test_a_name_of_nothing_is_refused(parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="no name can be made"):
        names.name(*parts)


def test_a_limit_without_room_for_the_hash_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        names.name("a", limit=9)
