"""Quantities, held against the examples and rules of the Kubernetes API."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.model.quantity import (
    add_requests,
    canonical_quantities,
    canonical_quantity,
    compare_quantities,
    format_memory,
    format_quantity,
    is_quantity,
    parse_quantity,
    sum_quantities,
)


@pytest.mark.parametrize(
    ("text", "milli"),
    [
        ("0", 0),
        ("1", 1000),
        ("100m", 100),
        ("1.5", 1500),
        (".5", 500),
        ("5.", 5000),
        ("+3", 3000),
        ("-3", -3000),
        ("1k", 1_000_000),
        ("1Ki", 1_024_000),
        ("1.5Gi", 1_610_612_736_000),
        ("1M", 1_000_000_000),
        ("1E", 10**21),
        ("1e3", 1_000_000),
        ("1E3", 1_000_000),
        ("1e-3", 1),
        ("12e+2", 1_200_000),
        ("1u", 1),
        ("1n", 1),
        ("1500u", 2),
        ("-1n", -1),
        ("9223372036854775807", (2**63 - 1) * 1000),
        ("1e999999999999", (2**63 - 1) * 1000),
        ("100Ei", (2**63 - 1) * 1000),
    ],
)
def test_a_quantity_is_read_as_the_api_server_reads_it(text: str, milli: int) -> None:
    assert parse_quantity(text) == milli


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 ",
        " 1",
        "1 Gi",
        "1gi",
        "1GB",
        "1K",
        "Gi",
        ".",
        "1..2",
        "1e",
        "1e1.5",
        "0x10",
        "1_0",
        "\u0661",
        "--1",
        "1mi",
        "NaN",
        "1\n",
    ],
)
def test_what_is_no_quantity_is_refused(text: str) -> None:
    assert not is_quantity(text)
    with pytest.raises(ValueError, match="is not a quantity"):
        parse_quantity(text)


def test_equal_amounts_compare_equal_whatever_their_suffix() -> None:
    assert compare_quantities("1", "1000m") == 0
    assert compare_quantities("1Gi", "1024Mi") == 0
    assert compare_quantities("1G", "1Gi") == -1
    assert compare_quantities("2", 1) == 1


def test_sums_are_exact() -> None:
    assert sum_quantities(["100m", "0.9", 2]) == 3000
    assert add_requests({"cpu": 1}, {"cpu": 2, "memory": 3}) == {"cpu": 3, "memory": 3}


def test_the_written_form_is_the_shortest_exact_one() -> None:
    assert format_quantity(250) == "250m"
    assert format_quantity(3_000_000) == "3k"
    assert format_quantity(0) == "0"
    assert format_quantity(512 * 2**20 * 1000, binary=True) == "512Mi"
    assert format_quantity(1500 * 1000, binary=True) == "1500"
    assert format_memory(1536 * 2**20 * 1000) == "1.5Gi"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"),
        ("1500k", "1500k"),
        ("5.125M", "5125k"),
        ("+2", "2"),
        ("100.", "100"),
        ("1E3", "1k"),
        ("1u", "1m"),
        ("0.0", "0"),
        ("1000Ei", "1000Ei"),
    ],
)
def test_the_canonical_text_is_the_one_that_a_server_keeps(text: str, kept: str) -> None:
    assert canonical_quantity(text) == kept
    assert canonical_quantity(kept) == kept
    assert canonical_quantities({"cpu": text}) == {"cpu": kept}


@given(st.integers(min_value=-(2**62), max_value=2**62), st.booleans())
def test_what_is_written_reads_back_equal(milli: int, binary: bool) -> None:
    assert parse_quantity(format_quantity(milli, binary=binary)) == milli


@given(
    st.integers(0, 10**6),
    st.text("0123456789", max_size=12),
    st.sampled_from(["n", "u", "m", "", "k", "M", "G", "Ki", "Mi", "e3", "E-2"]),
)
def test_rounding_is_away_from_zero_and_never_by_a_whole_thousandth(
    whole: int, part: str, suffix: str
) -> None:
    scale = {
        "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "": Fraction(1),
        "k": Fraction(1000), "M": Fraction(10**6), "G": Fraction(10**9), "Ki": Fraction(1024),
        "Mi": Fraction(1024**2), "e3": Fraction(1000), "E-2": Fraction(1, 100),
    }[suffix]  # fmt: skip
    exact = Fraction(f"{whole}.{part or '0'}") * scale * 1000
    assert 0 <= parse_quantity(f"{whole}.{part}{suffix}") - exact < 1
