"""Text to data with positions: what is read, what is refused, and where the blame falls."""

from __future__ import annotations

import pickle

import pytest

from compiler.model import source
from compiler.model.codes import text as codes
from compiler.model.decoding import STANDARD_LIMITS
from compiler.model.diagnostics import Code, Diagnostic, Diagnostics, Span
from compiler.model.source import Float, Int, Limits, List, Map


def read(text: str, limits: Limits = STANDARD_LIMITS) -> Map:
    """The data of a text without faults, which must be a mapping."""
    diagnostics = Diagnostics()
    documents = source.parse("f.yaml", text, diagnostics, limits)
    assert not diagnostics.found
    assert isinstance(documents[0].data, Map)
    return documents[0].data


def faults(text: str, limits: Limits = STANDARD_LIMITS) -> tuple[Diagnostic, ...]:
    """What is reported about a text, in file order."""
    diagnostics = Diagnostics()
    source.parse("f.yaml", text, diagnostics, limits)
    return diagnostics.in_order()


def at(line: int, column: int) -> Span:
    """A place of the file that the tests read."""
    return Span("f.yaml", line, column)


SAMPLE = """\
# a comment
jobs:
  watch:
    models: [a, {b: c}]
    "quoted key": 'x'
    empty:
    text: |
      two
      lines
"""


def test_every_key_and_value_knows_its_place() -> None:
    data = read(SAMPLE)
    watch = data["jobs"]["watch"]
    assert watch.marks.span == at(4, 5)
    assert data["jobs"].marks.key_span("watch") == at(3, 3)
    assert watch.marks.key_span("quoted key") == at(5, 5)
    assert watch.marks.value_span("quoted key") == at(5, 19)
    assert watch.marks.value_span("models") == at(4, 13)
    assert watch["models"].marks.value_span(1) == at(4, 17)
    assert watch["models"][1].marks.value_span("b") == at(4, 21)
    assert watch.marks.value_span("text") == at(7, 11)


def test_an_empty_value_is_marked_at_its_key() -> None:
    assert read(SAMPLE)["jobs"]["watch"].marks.value_span("empty") == at(6, 5)


def test_a_path_leads_to_the_nearest_place_that_was_written() -> None:
    marks = read(SAMPLE).marks
    assert marks.at(["jobs", "watch", "models", 1, "b"]) == at(4, 21)
    assert marks.at(["jobs", "watch", "models", 7, "b"]) == at(4, 13)
    assert marks.at(["jobs", "watch", "update"]) == at(4, 5)
    assert marks.at([]) == at(2, 1)


def test_marks_of_a_child_stand_for_containers_and_scalars_alike() -> None:
    marks = read(SAMPLE).marks.child("jobs").child("watch")
    assert marks.span == at(4, 5)
    assert marks.child("quoted key").span == at(5, 19)
    assert marks.child("models").child(0).span == at(4, 14)


def test_columns_count_characters_and_not_bytes() -> None:
    assert read("größe: {ä: ü}").marks.child("größe").value_span("ä") == at(1, 12)


def test_containers_are_dicts_and_lists_that_can_be_pickled_with_their_places() -> None:
    data = pickle.loads(pickle.dumps(read(SAMPLE)))
    assert isinstance(data["jobs"]["watch"]["models"], List)
    assert data["jobs"]["watch"].marks.key_span("models") == at(4, 5)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("24:00", "24:00"), ("1_000", "1_000"),
        ("0b1", "0b1"), ("2024-01-01", "2024-01-01"), ("012", 12), ("0o14", 12), ("0x1F", 31),
        ("-7", -7), ("+7", 7), ("1.10", 1.1), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0),
        ("true", True), ("False", False), ("~", None), ("Null", None), ("''", ""), ("'1'", "1"),
        ("nULL", "nULL"), ("-", None), ("1.2.3", "1.2.3"), ("0x", "0x"), ("0o8", "0o8"),
        ("1e", "1e"), ("+", "+"), (".", "."),
    ],
)  # fmt: skip
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    found = read(f"a: [{text}]" if text != "-" else "a:\n  - ")["a"][0]
    assert found == value
    assert isinstance(found, bool) == isinstance(value, bool)
    assert isinstance(found, str) == isinstance(value, str)


@pytest.mark.parametrize("text", ["012", "0o14", "+7"])
def test_an_integer_keeps_its_source_text_through_pickling(text: str) -> None:
    number = pickle.loads(pickle.dumps(read(f"a: {text}")["a"]))
    assert isinstance(number, Int)
    assert number.text == text


def test_a_float_keeps_its_source_text_through_pickling() -> None:
    number = pickle.loads(pickle.dumps(read("a: 1.10")["a"]))
    assert isinstance(number, Float)
    assert (number, number.text) == (1.1, "1.10")


def test_a_key_that_looks_like_a_number_or_word_is_its_text() -> None:
    assert list(read("1.10: a\nno: b\nnull: c\n012: d")) == ["1.10", "no", "null", "012"]


def test_an_alias_is_the_marked_value_and_keeps_its_own_place() -> None:
    data = read("a: &x {k: 1}\nb: *x\n")
    assert data["b"] is data["a"]
    assert data.marks.value_span("b") == at(2, 4)
    assert data.marks.at(["b", "k"]) == at(1, 11)


def test_an_anchor_may_mark_a_scalar_a_key_and_be_used_again() -> None:
    assert read("&k a: &x 1\nb: *x\nc: &x 2\nd: [*x, *k]\n") == {
        "a": 1, "b": 1, "c": 2, "d": [2, "a"],
    }  # fmt: skip


def test_a_byte_order_mark_at_the_start_is_accepted_and_moves_no_column() -> None:
    assert read("\ufeffa: 1").marks.key_span("a") == at(1, 1)


def test_several_documents_are_read_and_an_empty_text_has_none() -> None:
    documents = source.parse("f.yaml", "a: 1\n---\n[b]\n---\nc\n", Diagnostics())
    assert [document.data for document in documents] == [{"a": 1}, ["b"], "c"]
    assert documents[2].marks.span == at(5, 1)
    assert source.parse("f.yaml", "# nothing\n", Diagnostics()) == []


FAULTS: list[tuple[str, Code, int, int, str]] = [
    ("a:\n\tb: 1", codes.TAB, 2, 1, "tab"),
    ("a:\n  b: 1\n\tc: 2", codes.TAB, 3, 1, "tab"),
    ("a: |\n\tx", codes.TAB, 2, 1, "tab"),
    ("a: b: c", codes.SYNTAX, 1, 5, "a second `: `"),
    ("a: 1\nfoo\nb: 2", codes.SYNTAX, 2, 1, "`foo` is neither a key"),
    ("a: [1,\nb: 3", codes.SYNTAX, 1, 4, "`[` is never closed"),
    ("a: {x: 1\nb: 3", codes.SYNTAX, 1, 4, "`{` is never closed"),
    ("a: [1 2, b: c: d]", codes.SYNTAX, 1, 14, "`,` or `]` expected before `: d]`"),
    ('a: "foo\nb: c', codes.SYNTAX, 1, 4, 'the quote " is never closed'),
    (r'a: "\d"', codes.SYNTAX, 1, 5, r"the escape \d does not exist"),
    (r'a: "\ud83d"', codes.SYNTAX, 1, 7, r"\ud83d is no character"),
    ("a: @b", codes.SYNTAX, 1, 4, "cannot begin with `@`"),
    ("a: 1\n  b: 2", codes.SYNTAX, 2, 4, "the value above goes on"),
    ("a:\n    b: 1\n  c: 2", codes.SYNTAX, 3, 3, "the indentation fits no mapping"),
    ("a: - b", codes.SYNTAX, 1, 4, "a list cannot begin on the line of its key"),
    ("a: {site}-x", codes.SYNTAX, 1, 10, "`-x` after the end of the value"),
    ("a: *.txt", codes.SYNTAX, 1, 4, "`*` without a name"),
    ("- a\nb: c", codes.SYNTAX, 2, 1, "no item"),
    ("a: 1\n- b", codes.SYNTAX, 2, 1, "a list item among keys"),
    ("a: [", codes.SYNTAX, 1, 5, "the file ends too early"),
    ("a: {b: 1, , c: 2}", codes.SYNTAX, 1, 11, "a value is missing before `,`"),
    ("%YAML 1.2\na: 1", codes.SYNTAX, 2, 1, "`---`"),
    ("a: |x\n  b", codes.SYNTAX, 1, 5, "text after `|`"),
    ("a: |0\n b", codes.SYNTAX, 1, 5, "must be 1 to 9"),
    ("k" * 1100 + ": 1", codes.SYNTAX, 1, 1101, "more than 1024 characters"),
    ("a: b\x00", codes.CONTROL_CHARACTER, 1, 5, "U+0000 (NUL)"),
    ("a: b\x07", codes.CONTROL_CHARACTER, 1, 5, "U+0007"),
    ("a: 1\nb: \ufeffc", codes.CONTROL_CHARACTER, 2, 4, "U+FEFF (a byte order mark)"),
    ("a: b\u2028c", codes.CONTROL_CHARACTER, 1, 5, "U+2028 (a line separator)"),
    ("a: b\x85c", codes.CONTROL_CHARACTER, 1, 5, "U+0085"),
    ("a: \ud800", codes.CONTROL_CHARACTER, 1, 4, "U+D800 (half of a surrogate pair)"),
    (
        "a: 1\nb: 2\na: 3",
        codes.DUPLICATE_KEY,
        3,
        1,
        "a stands twice in this mapping; first in line 1",
    ),
    ('a: {1: x, "1": y}', codes.DUPLICATE_KEY, 1, 11, "1 stands twice"),
    ("{a: 1}: b", codes.COMPLEX_KEY, 1, 1, "a mapping cannot be a key"),
    ("[a]: b", codes.COMPLEX_KEY, 1, 1, "a list cannot be a key"),
    ("a: {{ x }}", codes.COMPLEX_KEY, 1, 5, "a mapping cannot be a key"),
    ("a: &x b\n*x : c", codes.COMPLEX_KEY, 2, 1, "an alias cannot be a key"),
    (": x", codes.COMPLEX_KEY, 1, 1, "a key is missing"),
    ("a: {: x}", codes.COMPLEX_KEY, 1, 5, "a key is missing"),
    ("a: &x {b: 1}\nc: {<<: *x}", codes.MERGE_KEY, 2, 5, "merge key"),
    ("a: !!python/object:os.system x", codes.TAG, 1, 4, "!!python/object:os.system"),
    ("a: !foo {b: 1}", codes.TAG, 1, 4, "!foo"),
    ("!foo a: 1", codes.TAG, 1, 1, "!foo"),
    ("a: !e!x b", codes.TAG, 1, 4, "tag"),
    ("%YAML 1.1\n---\na: 1", codes.DIRECTIVE, 1, 1, "%YAML 1.1"),
    ("%YAML 2.0\n---\na: 1", codes.DIRECTIVE, 1, 1, "%YAML 2.0"),
    ("%TAG !e! x:\n---\na: 1", codes.DIRECTIVE, 1, 1, "%TAG"),
    ("%FOO\n---\na: 1", codes.DIRECTIVE, 1, 5, "%FOO"),
    ("a: &foo 1\nb: *fo", codes.ALIAS, 2, 4, "*fo refers to nothing"),
    ("a: &x [*x]", codes.ALIAS, 1, 8, "*x lies inside the value"),
    ("a: .inf", codes.NUMBER, 1, 4, ".inf is infinite"),
    ("a: 1e999", codes.NUMBER, 1, 4, "beyond the range"),
    ("a: " + "9" * 200, codes.NUMBER, 1, 4, "more than 100 characters"),
    ("a: 1\n<<<<<<< HEAD\nb: 1\n=======\n", codes.CONFLICT_MARKERS, 2, 1, "<<<<<<< HEAD"),
    ("[" * 50_000, codes.TOO_DEEP, 1, 101, "100 levels"),
    ("- " * 50_000, codes.TOO_DEEP, 1, 201, "100 levels"),
    ("{a: " * 50_000, codes.TOO_DEEP, 1, 401, "100 levels"),
    ("a: '" + "x" * 2_000_000 + "'", codes.SCALAR_TOO_LONG, 1, 4, "1 MiB"),
    ("x" * (8 * 2**20 + 1), codes.FILE_TOO_LARGE, 1, 1, "8 MiB"),
    ("- &a x\n" + "- *a\n" * 10_001, codes.TOO_MUCH, 10_002, 3, "10,000 aliases"),
    ("---\n" * 101, codes.TOO_MUCH, 101, 1, "100 documents"),
    ("%TAG !a! b\n" * 101, codes.DIRECTIVE, 1, 1, "%TAG"),
]


@pytest.mark.parametrize(("text", "code", "line", "column", "words"), FAULTS)
def test_a_fault_is_reported_where_it_stands(
    text: str, code: Code, line: int, column: int, words: str
) -> None:
    (found,) = faults(text)
    assert (found.code.id, found.span) == (code.id, at(line, column))
    assert words in found.message


def test_thousands_of_levels_of_indentation_are_refused() -> None:
    nested = "".join(" " * level + "a:\n" for level in range(3_000))
    (found,) = faults(nested)
    assert (found.code, found.span) == (codes.TOO_DEEP, at(101, 101))


def test_an_alias_bomb_is_refused_before_it_can_grow() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    aliases = [", ".join([f"*a{level}"] * 9) for level in range(29)]
    lines += [f"a{level}: &a{level} [{nine}]" for level, nine in enumerate(aliases, 1)]
    (found,) = faults("\n".join(lines))
    assert found.code == codes.TOO_MUCH
    assert "1,000,000" in found.message


def test_a_flat_file_is_refused_at_the_cap_on_nodes() -> None:
    (found,) = faults("a: [" + "x," * 1_000 + "]", Limits(nodes=500))
    assert found.code == codes.TOO_MUCH


def test_every_fault_of_a_file_is_reported_up_to_a_syntax_fault() -> None:
    found = faults("a: 1\na: !x 2\n<<: 3\nb: [\n")
    assert [one.code.id for one in found] == ["E1009", "E1012", "E1011", "E1001"]


def test_reading_ends_after_a_hundred_problems() -> None:
    found = faults("a: 1\n" * 1_000)
    assert codes.TOO_MANY_PROBLEMS in {one.code for one in found}
    assert len(found) == 101


def test_a_duplicate_key_names_both_places_and_the_first_stands() -> None:
    diagnostics = Diagnostics()
    (document,) = source.parse("f.yaml", "a: 1\nb: 2\na: 3\n", diagnostics)
    (found,) = diagnostics.in_order()
    assert found.related[0].span == at(1, 1)
    assert document.data == {"a": 1, "b": 2}


def test_a_misspelt_alias_gets_a_proposal() -> None:
    assert faults("a: &foo 1\nb: *fo")[0].hint == "Did you mean *foo?"


def test_bytes_decode_as_utf_8_without_their_byte_order_mark() -> None:
    diagnostics = Diagnostics()
    assert source.decode("f.yaml", b"\xef\xbb\xbfa: \xc3\xa4", diagnostics) == "a: ä"
    assert not diagnostics.found


@pytest.mark.parametrize(
    ("data", "line", "column", "words"),
    [
        (b"a: 1\nb: gr\xfc\xdfe", 2, 6, "0xFC"),
        (b"\xef\xbb\xbf\xff", 1, 1, "0xFF"),
        (b"a: \xc3", 1, 4, "0xC3"),
        (b"\xff\xfea\x00", 1, 1, "UTF-16"),
    ],
)
def test_bytes_that_are_not_utf_8_are_placed(
    data: bytes, line: int, column: int, words: str
) -> None:
    diagnostics = Diagnostics()
    assert source.decode("f.yaml", data, diagnostics) is None
    (found,) = diagnostics.in_order()
    assert (found.code, found.span) == (codes.ENCODING, at(line, column))
    assert words in found.message


def test_a_file_above_the_cap_is_not_decoded() -> None:
    diagnostics = Diagnostics()
    assert source.decode("f.yaml", b"x" * 11, diagnostics, Limits(size=10)) is None
    assert [found.code for found in diagnostics.found] == [codes.FILE_TOO_LARGE]
