"""Edits of YAML texts: what was asked for, and every other byte as it was."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from compiler.adapters.edit import Append, Edit, Remove, Set, edited, edited_spec
from compiler.adapters.edit_wanted import plain, same, wanted
from compiler.model.diagnostics import CompileError, Diagnostics
from compiler.model.source import parse
from compiler.stages.load import load


def change(text: str, *edits: Edit) -> str:
    return edited("spec.yaml", text, edits, Diagnostics())


def refused(text: str, *edits: Edit) -> tuple[str, str]:
    with pytest.raises(CompileError) as error:
        change(text, *edits)
    (found,) = error.value.diagnostics
    return f"{found.span} {found.code.id}", found.message


MODELS = """\
# the fleet's models
models:
  shelf:        # the detector
    target: "1.3.0"   # OPS-12
    versions:
      "1.3.0": {uri: "main:a", sha256: '77'}
      "1.2.0":
        uri: main:b
        # why it is old
        needs: {memory: 1Gi}

    # about the licence
    license: Apache-2.0
  other: {target: 1.0.0}
"""


def test_a_scalar_changes_in_its_quotes_and_its_comment_stays() -> None:
    old, new = 'target: "1.3.0"   # OPS-12', 'target: "1.4.0"   # OPS-12'
    assert change(MODELS, Set(("models", "shelf", "target"), "1.4.0")) == MODELS.replace(old, new)


def test_a_plain_scalar_stays_plain_where_it_still_reads_as_text() -> None:
    path = ("models", "other", "target")
    assert "other: {target: 1.0.1}" in change(MODELS, Set(path, "1.0.1"))
    assert 'other: {target: "1.10"}' in change(MODELS, Set(path, "1.10"))


def test_a_new_entry_follows_the_style_of_its_siblings_and_precedes_the_blank_line() -> None:
    path = ("models", "shelf", "versions", "1.4.0")
    new = change(MODELS, Set(path, {"uri": "main:c"}, after="1.3.0"))
    assert new == MODELS.replace(
        "sha256: '77'}\n", 'sha256: \'77\'}\n      "1.4.0": {uri: "main:c"}\n'
    )
    new = change(MODELS, Set(path, {"uri": "main:c"}))
    assert new == MODELS.replace("1Gi}\n", '1Gi}\n      "1.4.0": {uri: "main:c"}\n')


def test_an_entry_of_a_version_in_one_line_is_added_in_that_line() -> None:
    path = ("models", "shelf", "versions", "1.3.0", "yanked")
    new = change(MODELS, Set(path, "flickers, OPS-1"))
    assert new == MODELS.replace("sha256: '77'}", "sha256: '77', yanked: \"flickers, OPS-1\"}")


def test_what_is_missing_on_the_way_is_written_as_well() -> None:
    new = change("jobs:\n  a: {kind: serve}\n", Set(("models", "m", "target"), "2"))
    assert new == 'jobs:\n  a: {kind: serve}\nmodels:\n  m:\n    target: "2"\n'


def test_a_removed_entry_takes_its_lines_and_leaves_comments_of_their_own() -> None:
    new = change(MODELS, Remove(("models", "shelf", "versions", "1.2.0", "needs")))
    assert new == MODELS.replace("        needs: {memory: 1Gi}\n", "")
    assert change(MODELS, Remove(("models", "shelf", "versions", "1.3.0", "uri"))) == (
        MODELS.replace('uri: "main:a", ', "")
    )
    assert change(MODELS, Remove(("models", "shelf", "versions", "1.3.0", "sha256"))) == (
        MODELS.replace(", sha256: '77'", "")
    )


def test_line_breaks_and_a_byte_order_mark_stay() -> None:
    text = "\ufeff" + MODELS.replace("\n", "\r\n")
    new = change(text, Set(("models", "shelf", "versions", "9"), {"uri": "x"}))
    assert new.startswith("\ufeff# the")
    assert new.count("\n") == new.count("\r\n") == text.count("\n") + 1


def test_a_file_without_a_last_line_break_stays_so() -> None:
    assert change("a: 1", Set(("b",), 2)) == "a: 1\nb: 2"
    assert change("a: 1\nb: 2", Remove(("b",))) in ("a: 1\n", "a: 1")


def test_lists_grow_in_both_styles() -> None:
    assert change("a: [x, y] # c\n", Append(("a",), "z")) == "a: [x, y, z] # c\n"
    assert change("a:\n- x # c\n# d\n", Append(("a",), "z")) == "a:\n- x # c\n- z\n# d\n"
    assert change("a:\n", Append(("a",), "z")) == "a: [z]\n"
    assert change("a: []\n", Append(("a",), {"b": 1})) == "a: [{b: 1}]\n"
    assert change("b: 1\n", Append(("a",), "z")) == "b: 1\na: [z]\n"


def test_entries_on_lines_of_their_own_between_brackets_stay_so() -> None:
    text = "a: {\n  x: 1, # one\n  y: 2 # two\n}\n"
    assert change(text, Set(("a", "z"), 3)) == "a: {\n  x: 1, # one\n  y: 2, # two\n  z: 3\n}\n"
    assert change(text, Remove(("a", "x"))) == "a: {\n   # one\n  y: 2 # two\n}\n"
    text = "a: [\n  x,\n  y,\n]\n"
    assert change(text, Append(("a",), "z")) == "a: [\n  x,\n  y,\n  z,\n]\n"
    assert change(text, Remove(("a", 0))) == "a: [\n  y,\n]\n"


def test_the_last_entry_leaves_an_empty_mapping() -> None:
    assert change("a:\n  b: 1\nc: 2\n", Remove(("a", "b"))) == "a:\n  {}\nc: 2\n"
    assert change("a: {b: 1}\n", Remove(("a", "b"))) == "a: {}\n"


@pytest.mark.parametrize(
    ("text", "edit", "place"),
    [
        ("a: &x 1\nb: *x\n", Set(("a",), 2), "spec.yaml:1:4"),
        ("a: &x 1\nb: *x\n", Set(("b",), 2), "spec.yaml:2:4"),
        ("a: &x {c: 1}\nb: *x\n", Set(("b", "c"), 2), "spec.yaml:2:4"),
        ("a: {c: &x 1}\nb: *x\n", Remove(("a",)), "spec.yaml:1:4"),
        ("a: &x [1]\nb: *x\n", Append(("b",), 2), "spec.yaml:2:4"),
    ],
)
def test_what_an_anchor_shares_is_refused_at_its_place(text: str, edit: Edit, place: str) -> None:
    at, message = refused(text, edit)
    assert at == f"{place} E1040"
    assert "anchor or alias" in message


def test_an_entry_beside_an_anchor_can_be_changed() -> None:
    text = "a: &x 1\nb: *x\nc: 3 # c\n"
    assert change(text, Set(("c",), 4)) == text.replace("3", "4")


def test_a_layout_that_leaves_no_place_is_refused_and_says_so() -> None:
    at, message = refused("a:\n- x: 1\n  # about y\n  y: 2\n", Remove(("a", 0, "x")))
    assert at == "spec.yaml:2:6 E1041"
    assert message == (
        "a.0.x cannot be edited by a program: a comment stands between it and the next entry"
    )


def test_a_text_with_a_fault_is_told_as_by_a_compile() -> None:
    assert refused("a: 1\na: 2\n", Set(("a",), 3))[0] == "spec.yaml:2:1 E1009"


def test_a_path_to_remove_has_to_exist() -> None:
    with pytest.raises(KeyError):
        change(MODELS, Remove(("models", "none")))


def test_each_edit_lands_in_the_file_that_holds_its_key(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("models:\n  one: {target: '1'} # a\n")
    (tmp_path / "b.yaml").write_text("models:\n  two:\n    target: '1' # b\n")
    (tmp_path / "c.yaml").write_text("jobs: {}\n")
    diagnostics = Diagnostics()
    sources = load(tmp_path, diagnostics)
    found = edited_spec(
        sources.data,
        sources.texts,
        [Set(("models", "two", "target"), "2"), Set(("models", "two", "license"), "MIT")],
        diagnostics,
    )
    assert {Path(name).name: text for name, text in found.items()} == {
        "b.yaml": "models:\n  two:\n    target: '2' # b\n    license: MIT\n"
    }


# Texts in any layout, and any edit of them.

KEYS = ("a", "target", "1.2.0", "with space", "x-y")
STRINGS = ("plain", "1.3.0", "no", "", "two words", "a: b", "it's", 'q"q', "# no comment", "ä")
WORDS = st.one_of(st.sampled_from(STRINGS), st.integers(-5, 500), st.booleans(), st.none())
DATA = st.recursive(
    WORDS,
    lambda below: st.one_of(
        st.dictionaries(st.sampled_from(KEYS), below, max_size=4), st.lists(below, max_size=3)
    ),
    max_leaves=12,
)
ROOTS = st.dictionaries(st.sampled_from(KEYS), DATA, min_size=1, max_size=4)


class Writer:
    """Writes data in a layout that chance decides, with a numbered comment wherever one may be."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.count = 0

    def comment(self) -> str:
        if self.chance.random() < 0.6:
            return ""
        self.count += 1
        return f"  # c{self.count}."

    def comma(self, last: bool) -> str:
        return "" if last and self.chance.random() < 0.5 else ","

    def own_line(self, pad: str) -> str:
        text = self.comment()
        blank = "\n" if self.chance.random() < 0.15 else ""
        return f"{pad}{text.strip()}\n{blank}" if text else blank

    def word(self, value: Any, *, flow: bool, block: bool = True) -> str:
        if value is None and block and not flow and self.chance.random() < 0.5:
            return ""
        if not isinstance(value, str):
            return json.dumps(value)
        styles = ['"']
        if '"' not in value and value.isascii():
            styles.append("'")
        if value and value.replace(".", "").replace(" ", "").isalnum() and value != "no":
            styles.append("")
        style = self.chance.choice(styles)
        if style == "'":
            return "'" + value.replace("'", "''") + "'"
        return f'"{value}"'.replace('q"q', 'q\\"q') if style else value

    def key(self, name: str) -> str:
        return self.chance.choice([f'"{name}"', f"'{name}'", name])

    def flow(self, value: Any, pad: str) -> str:
        if not isinstance(value, dict | list):
            return self.word(value, flow=True)
        is_map = isinstance(value, dict)
        parts = [
            f"{self.key(k)}: {self.flow(v, pad)}" for k, v in value.items()
        ] if isinstance(value, dict) else [self.flow(v, pad) for v in value]  # fmt: skip
        opening, closing = "{}" if is_map else "[]"
        if parts and self.chance.random() < 0.3:
            lines = "".join(
                f"{pad}    {part}{self.comma(place + 1 == len(parts))}{self.comment()}\n"
                for place, part in enumerate(parts)
            )
            return f"{opening}{self.comment()}\n{lines}{pad}  {closing}"
        trailing = ", " if parts and self.chance.random() < 0.2 else ""
        return f"{opening}{', '.join(parts)}{trailing}{closing}"

    def after(self, value: Any, pad: str, deeper: int) -> str:
        """What follows `key:` or a dash."""
        if isinstance(value, str) and value and self.chance.random() < 0.1:
            return f" |-{self.comment()}\n{pad}    {value}\n"
        if not isinstance(value, dict | list) or not value or self.chance.random() < 0.4:
            written = (
                self.flow(value, pad) if isinstance(value, dict | list)
                else self.word(value, flow=False)
            )  # fmt: skip
            return f"{' ' if written else ''}{written}{self.comment()}\n"
        indent = pad + " " * deeper
        head = f"{self.comment()}\n"
        return head + (
            self.mapping(value, indent) if isinstance(value, dict) else self.list(value, indent)
        )

    def mapping(self, value: dict[str, Any], pad: str) -> str:
        return "".join(
            f"{self.own_line(pad)}{pad}{self.key(k)}:"
            f"{self.after(v, pad, self.chance.choice([1, 2, 4]))}"
            for k, v in value.items()
        )

    def list(self, value: Sequence[Any], pad: str) -> str:
        lines = []
        for item in value:
            lead = f"{self.own_line(pad)}{pad}-"
            if isinstance(item, dict) and item and self.chance.random() < 0.5:
                inner = self.mapping(item, f"{pad}  ").lstrip()
                lines.append(
                    f"{lead} {inner}" if not inner.startswith("#") else f"{lead}\n{pad}  {inner}"
                )
            else:
                lines.append(lead + self.after(item, pad, 2))
        return "".join(lines)


def read(text: str) -> Any:
    diagnostics = Diagnostics()
    (document,) = parse("spec.yaml", text, diagnostics)
    assert not diagnostics.in_order(), (text, diagnostics.in_order())
    return plain(document.data)


def paths(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = data.items() if isinstance(data, dict) else enumerate(data)
    found = []
    for step, value in pairs:
        found.append((*path, step))
        if isinstance(value, dict | list):
            found += paths(value, (*path, step))
    return found


def part(data: Any, path: Sequence[Any]) -> Any:
    for step in path:
        data = data[step]
    return data


def is_subsequence(short: str, long: str) -> bool:
    rest = iter(long)
    return all(character in rest for character in short)


def node_of(text: str, path: Sequence[Any]) -> Any:
    """The node at a path by the other reader of YAML 1.2."""
    node = YAML().compose(text)
    for step in path:
        node = (
            next(value for name, value in node.value if name.value == step)
            if isinstance(step, str) else node.value[step]
        )  # fmt: skip
    return node


def some_edit(chance: random.Random, data: dict[str, Any], value: Any) -> Edit:
    path = chance.choice(paths(data))
    kind = chance.choice(["set", "new", "append", "remove"])
    old, parent = part(data, path), part(data, path[:-1])
    if kind == "append" and isinstance(old, list):
        return Append(path, value)
    if kind == "remove":
        return Remove(path)
    if kind == "new" and isinstance(old, dict | None):
        return Set((*path, "new"), value)
    if kind == "new" and isinstance(parent, dict):
        return Set((*path[:-1], "new"), value, after=path[-1])
    return Set(path, value)


def assert_all_else_is_kept(text: str, new: str, data: dict[str, Any], edit: Edit) -> None:
    if isinstance(edit, Remove):
        # Only the empty brackets of what has nothing left are new.
        assert is_subsequence(new.replace("{}", "").replace("[]", ""), text)
    elif isinstance(edit, Append) or edit.path[-1] == "new":
        empty = part(data, edit.path if isinstance(edit, Append) else edit.path[:-1])
        assert is_subsequence(text, new) or not empty
    elif not isinstance(part(data, edit.path), dict | list | None):
        node = node_of(text, edit.path)
        assert new.startswith(text[: node.start_mark.index])
        assert new.endswith(text[node.end_mark.index :].lstrip("\r\n"))


@settings(max_examples=400, deadline=None)
@given(ROOTS, st.integers(0, 2**32), DATA, st.booleans())
def test_every_edit_gives_what_was_asked_and_keeps_all_else(
    data: dict[str, Any], seed: int, value: Any, windows: bool
) -> None:
    chance = random.Random(seed)
    text = Writer(chance).mapping(data, "")
    text = text.replace("\n", "\r\n") if windows else text
    assert same(read(text), plain(data)), text
    edit = some_edit(chance, data, value)
    diagnostics = Diagnostics()
    try:
        new = edited("spec.yaml", text, [edit], diagnostics)
    except CompileError:
        (found,) = diagnostics.in_order()
        assert isinstance(edit, Remove)
        assert "shares its line" in found.message or "a comment stands" in found.message
        return
    assert same(read(new), wanted(plain(data), edit))
    assert_all_else_is_kept(text, new, data, edit)
    assert new.count("\n") == (new.count("\r\n") if windows else new.count("\n"))
