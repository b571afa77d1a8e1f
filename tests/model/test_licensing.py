"""Licences as SPDX expressions: what is accepted, what stands in the way, what was meant."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.model.licensing import LicenseError, Rules, canonical

MIT, APACHE, GPL, AGPL = "MIT", "Apache-2.0", "GPL-2.0-only", "AGPL-3.0-only"
CLASSPATH = f"{GPL} WITH Classpath-exception-2.0"


@pytest.mark.parametrize(
    ("expression", "in_the_way"),
    [
        ("MIT", ()),
        ("mit", ()),
        ("MIT OR AGPL-3.0-only", ()),
        ("AGPL-3.0-only OR MIT", ()),
        ("MIT AND AGPL-3.0-only", (AGPL,)),
        ("AGPL-3.0-only AND GPL-2.0-only", (AGPL, GPL)),
        ("(AGPL-3.0-only AND GPL-2.0-only) OR (MIT AND GPL-2.0-only)", (GPL,)),
        ("MIT AND (AGPL-3.0-only OR Apache-2.0)", ()),
        ("MIT OR AGPL-3.0-only AND GPL-2.0-only", ()),
        ("AGPL-3.0", (AGPL,)),
        ("Apache-2.0+", ()),
        ("LicenseRef-Own", ("LicenseRef-Own",)),
    ],
)
def test_an_expression_is_told_by_the_fewest_licences_that_stand_in_the_way(
    expression: str, in_the_way: tuple[str, ...]
) -> None:
    assert Rules.of([MIT, APACHE]).refused(expression) == in_the_way


def test_an_exception_only_adds_to_what_its_licence_grants() -> None:
    assert Rules.of([GPL]).refused(CLASSPATH) == ()
    assert Rules.of([CLASSPATH]).refused(GPL) == (GPL,)
    assert Rules.of([], [GPL]).refused(CLASSPATH) == (CLASSPATH,)
    assert Rules.of([CLASSPATH], [GPL]).refused(CLASSPATH) == ()
    assert Rules.of([CLASSPATH], [CLASSPATH]).refused(CLASSPATH) == (CLASSPATH,)


def test_or_later_leaves_the_choice_to_whoever_holds_the_licence() -> None:
    assert Rules.of([GPL]).refused("GPL-2.0-or-later") == ()
    assert Rules.of(["GPL-2.0-or-later"]).refused(GPL) == (GPL,)
    assert Rules.of([], [GPL]).refused("GPL-3.0-or-later") == ()
    assert Rules.of([], [GPL]).refused("GPL-2.0-or-later") == ("GPL-2.0-or-later",)
    assert Rules.of(["GPL-2.0-or-later"], [GPL]).refused("GPL-2.0-or-later") == ()


def test_without_a_list_of_accepted_ones_all_are_but_the_denied() -> None:
    assert Rules.of([], [AGPL]).refused("MIT AND Apache-2.0") == ()
    assert Rules.of([], [AGPL]).refused("MIT AND AGPL-3.0-only") == (AGPL,)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Apache 2.0", "Did you mean Apache-2.0?"),
        ("apache license 2.0", "Did you mean Apache-2.0?"),
        ("BSD 3-Clause", "Did you mean BSD-3-Clause?"),
        ("GPLv3", "Did you mean GPL-3.0-only?"),
        ("MIT OR GPLv2", "Did you mean GPL-2.0-only?"),
        ("proprietary", "Write a licence that is not on the SPDX list as LicenseRef-NAME."),
        ("MIT AND", "Example: Apache-2.0 OR MIT."),
        ("(MIT", "Example: Apache-2.0 OR MIT."),
        ("(" * 480 + "MIT" + ")" * 480, "Example: Apache-2.0 OR MIT."),
        ("", "Example: Apache-2.0 OR MIT."),
    ],
)
def test_what_is_no_licence_is_told_with_what_was_meant(text: str, hint: str) -> None:
    with pytest.raises(LicenseError) as refused:
        canonical(text)
    assert refused.value.hint == hint


def test_names_that_spdx_gave_up_mean_what_they_meant() -> None:
    assert canonical("gpl-2.0") == "GPL-2.0-only"
    assert canonical("LGPL-2.1+ OR (agpl-3.0 and MIT)") == (
        "LGPL-2.1-or-later OR (AGPL-3.0-only AND MIT)"
    )


ATOMS = (MIT, APACHE, GPL, AGPL, CLASSPATH)


def expressions() -> st.SearchStrategy[str]:
    return st.recursive(
        st.sampled_from(ATOMS),
        lambda one: st.tuples(one, st.sampled_from(("AND", "OR")), one).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        ),
        max_leaves=12,
    )


@given(expressions(), st.sets(st.sampled_from(ATOMS), min_size=1))
def test_what_is_refused_is_the_smallest_list_that_would_have_to_be_accepted(
    expression: str, allowed: set[str]
) -> None:
    """Against the truth table of the expression, as Python itself evaluates it."""
    rules = Rules.of(sorted(allowed))
    missing = [one for one in ATOMS if not rules.accepts(one)]
    fewest = next(
        len(added)
        for size in range(len(missing) + 1)
        for added in itertools.combinations(missing, size)
        if holds(expression, rules, added)
    )
    refused = rules.refused(expression)
    assert holds(expression, rules, refused)
    assert (len(refused) == 0) is (fewest == 0)
    assert fewest <= len(refused) <= len(missing)


def holds(expression: str, rules: Rules, added: tuple[str, ...]) -> bool:
    # The longer name first: the other one is a part of it.
    text = expression.replace("AND", "and").replace("OR", "or")
    for number, atom in sorted(enumerate(ATOMS), key=lambda one: -len(one[1])):
        text = text.replace(atom, f"v{number}")
    values = {f"v{i}": rules.accepts(one) or one in added for i, one in enumerate(ATOMS)}
    return bool(eval(text, {}, values))


WORDS = st.sampled_from(("MIT", "AND", "or", "WITH", "(", ")", "+", "GPL-2.0", "LicenseRef-", " "))


@given(st.one_of(st.text(max_size=40), st.lists(WORDS, max_size=12).map(" ".join)))
def test_any_text_is_a_licence_or_told_with_a_hint(text: str) -> None:
    found = understood(text)
    if isinstance(found, LicenseError):
        assert found.hint
        return
    assert canonical(found) == found
    assert Rules.of([MIT]).refused(text) == Rules.of([MIT]).refused(found)


def understood(text: str) -> str | LicenseError:
    try:
        return canonical(text)
    except LicenseError as error:
        return error
