"""The ledger's lines, alone and with Git's conflict markers in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from compiler.model.ledger import LedgerEntry, format_ledger, has_conflict_markers, parse_ledger

ONE = LedgerEntry("1" * 64, "deployment.apps/shop/a", "deployment-a.yaml")
TWO = LedgerEntry("2" * 64, "deployment.apps/shop/a", "deployment-a.yaml")
KUSTOMIZATION = LedgerEntry("3" * 64, "-", "kustomization.yaml")


def test_lines_are_sorted_and_read_back_equal() -> None:
    data = format_ledger([KUSTOMIZATION, ONE])
    assert data == (
        b"1111111111111111111111111111111111111111111111111111111111111111"
        b" deployment.apps/shop/a deployment-a.yaml\n"
        b"3333333333333333333333333333333333333333333333333333333333333333 - kustomization.yaml\n"
    )
    ledger = parse_ledger(data)
    assert ledger.entries == (ONE, KUSTOMIZATION)
    assert ledger.objects == {"deployment.apps/shop/a": "deployment-a.yaml"}
    assert not ledger.conflicted


def test_both_sides_of_a_conflict_are_owned_and_what_both_changed_is_contested() -> None:
    text = (
        f"{KUSTOMIZATION}\n<<<<<<< HEAD\n{ONE}\n||||||| base\n{'4' * 64} - gone.yaml\n"
        f"=======\n{TWO}\n{'5' * 64} x/y/z new.yaml\n>>>>>>> other\n"
    )
    ledger = parse_ledger(text.encode())
    assert ledger.conflicted
    assert ledger.digests["deployment-a.yaml"] == ("1" * 64, "2" * 64)
    assert ledger.digests["new.yaml"] == ("5" * 64,)
    assert "gone.yaml" not in ledger.digests
    assert ledger.contested == {"deployment-a.yaml"}


def test_lines_that_lead_out_of_the_directory_or_are_no_entry_are_not_believed() -> None:
    lines = [f"{'1' * 64} - {name}" for name in ("../up", "a/b", "..", ".", "", "a\0b")]
    data = "\n".join([*lines, "no entry", "", f"{'1' * 63} - short.yaml"])
    assert parse_ledger(data.encode()).entries == ()


def test_markers_count_only_at_the_start_of_a_line_and_only_in_pairs() -> None:
    assert has_conflict_markers(b"a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> x\n")
    assert not has_conflict_markers(b"text: |\n  <<<<<<< HEAD\n  >>>>>>> x\n")
    assert not has_conflict_markers(b"<<<<<<< HEAD\n")


@given(st.binary(max_size=400))
def test_no_bytes_at_all_make_the_reader_fail(data: bytes) -> None:
    for entry in parse_ledger(data).entries:
        assert "/" not in entry.file


@given(
    st.lists(
        st.builds(
            LedgerEntry,
            st.text("0123456789abcdef", min_size=64, max_size=64),
            st.from_regex(r"[a-z.]{1,9}/[a-z-]{1,9}/[a-z-]{1,9}", fullmatch=True),
            st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}", fullmatch=True),
        ),
        unique=True,
    )
)
def test_any_ledger_reads_back(entries: list[LedgerEntry]) -> None:
    assert list(parse_ledger(format_ledger(entries)).entries) == sorted(entries)
