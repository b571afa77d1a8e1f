"""Edits of a YAML text at key paths that keep every other byte: comments, quotes, layout.

A change is a splice of the text; the new text is read again, and an edit whose result is not
exactly what was asked for is refused. It refuses values that have an anchor or are an alias,
since whoever edits one place would change others. It decides nothing of the meaning of a spec.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NoReturn

from compiler.adapters import edit_splice, edit_text
from compiler.adapters.edit_places import LIST, MAPPING, Node, column, roots
from compiler.adapters.edit_splice import LayoutError, Splice
from compiler.adapters.edit_wanted import (
    Append,
    Edit,
    Remove,
    Set,
    document_of,
    nested,
    new_value,
    plain,
    same,
    wanted,
)
from compiler.model import source
from compiler.model.codes import text as codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.marks import Map, Path
from compiler.model.yaml_faults import span_at

__all__ = ["Append", "Edit", "Remove", "Set", "edited", "edited_spec", "holder"]

_MARK: Final = "\ufeff"


def edited(file: str, text: str, edits: Iterable[Edit], diagnostics: Diagnostics) -> str:
    """The text of one file after the edits, one by one. `file` is the name that spans carry.

    Raises:
        CompileError: the text is not read without a fault, or a place cannot be edited.
        KeyError: a path to remove does not exist, or leads through a single value.
    """
    mark = _MARK if text.startswith(_MARK) else ""
    text = text.removeprefix(_MARK)
    data = _read(file, text, diagnostics)
    for edit in edits:
        text, data = _applied(file, text, data, edit, diagnostics)
    return mark + text


def edited_spec(
    data: Map, texts: Mapping[str, str], edits: Sequence[Edit], diagnostics: Diagnostics
) -> dict[str, str]:
    """The new text of each file that the edits change, by its shown name.

    `data` is the loaded spec, whose marks say which file holds what; `texts` are its files.

    Raises:
        CompileError: a place cannot be edited.
        KeyError: as for `edited`.
    """
    grouped: dict[str, list[Edit]] = {}
    for edit in edits:
        grouped.setdefault(holder(data, edit.path), []).append(edit)
    changed = {}
    for file, mine in grouped.items():
        if file not in texts or not file.lower().endswith((".yaml", ".yml")):
            place = ".".join(map(str, mine[0].path))
            diagnostics.fail(
                codes.EDIT_LAYOUT, f"{place} is not written in a YAML file", Span(file, 1, 1),
                "change it by hand",
            )  # fmt: skip
        changed[file] = edited(file, texts[file], mine, diagnostics)
    return {file: text for file, text in changed.items() if text != texts[file]}


def holder(data: Map, path: Path) -> str:
    """The file that holds the entry at a path, or its nearest ancestor that is written."""
    return data.marks.at(path).file


def _read(file: str, text: str, diagnostics: Diagnostics) -> list[Any]:
    documents = source.parse(file, text, diagnostics)
    diagnostics.raise_errors()
    return [plain(document.data) for document in documents]


def _applied(
    file: str, text: str, data: list[Any], edit: Edit, diagnostics: Diagnostics
) -> tuple[str, list[Any]]:
    """The text and its data after one edit; the data is what the text reads as."""
    place = document_of(data, edit.path)
    asked = list(data)
    asked[place : place + 1] = [wanted(data[place] if data else None, edit)]
    try:
        new = edit_splice.spliced(text, _splices(file, text, place, edit, diagnostics))
    except LayoutError as reason:
        _refuse(file, text, edit, str(reason), diagnostics)
    again = Diagnostics()
    read = [plain(document.data) for document in source.parse(file, new, again)]
    if again.has_errors or not same(read, asked):
        _refuse(file, text, edit, "its layout leaves no place for the change", diagnostics)
    return new, asked


def _refuse(file: str, text: str, edit: Edit, reason: str, diagnostics: Diagnostics) -> NoReturn:
    shown = ".".join(map(str, edit.path))
    marks = [d.marks for d in source.parse(file, text, Diagnostics()) if isinstance(d.data, Map)]
    span = marks[0].at(edit.path) if marks else Span(file, 1, 1)
    diagnostics.fail(
        codes.EDIT_LAYOUT, f"{shown} cannot be edited by a program: {reason}", span,
        "change it by hand",
    )  # fmt: skip


def _splices(
    file: str, text: str, place: int, edit: Edit, diagnostics: Diagnostics
) -> list[Splice]:
    found = roots(text)
    if not found:
        whole = nested(edit.path, new_value(edit))
        return [(len(text), len(text), _on_a_line(text, whole))]
    root = found[place]
    trail = _trail(file, text, root, edit.path, diagnostics)
    parent, index, node = trail[-1]
    rest = edit.path[len(trail) - 1 :]
    if isinstance(edit, Remove):
        if rest or parent is None:
            raise KeyError(edit.path)
        return edit_splice.remove(text, parent, index)
    if not rest and isinstance(edit, Append) and node.kind == LIST and node.entries:
        return edit_splice.append(text, node, edit.value)
    if not rest:
        value = [edit.value] if isinstance(edit, Append) else edit.value
        return edit_splice.replace(text, parent, index, value, root)
    return _added(text, trail, rest, edit)


def _added(text: str, trail: list[Any], rest: Path, edit: Edit) -> list[Splice]:
    """The splices that write an entry which is not there, below the last node that is."""
    parent, index, node = trail[-1]
    new = nested(rest[1:], new_value(edit))
    after = edit.after if isinstance(edit, Set) and len(rest) == 1 else None
    if node.kind == MAPPING and (node.entries or node.style == "flow"):
        return edit_splice.insert(text, node, str(rest[0]), new, after)
    in_block = parent is not None and parent.style == "block" and parent.kind == MAPPING
    if node.missing and in_block:
        key = parent.entries[index][0]
        indent = column(text, parent.start)
        return edit_splice.fill(text, key, node, {str(rest[0]): new}, indent)
    return edit_splice.replace(text, parent, index, {str(rest[0]): new}, node)


def _trail(
    file: str, text: str, root: Node, path: Path, diagnostics: Diagnostics
) -> list[tuple[Node | None, int, Node]]:
    """Parent, place and node of the root and of every step that is written."""
    trail: list[tuple[Node | None, int, Node]] = [(None, 0, root)]
    for step in path:
        node = trail[-1][2]
        place = node.find(step)
        if place is None:
            break
        trail.append((node, place, node.entries[place][1]))
    shared = next((node for _, _, node in trail if node.shared), None)
    whole = len(trail) == len(path) + 1 and trail[-1][2].anything_shared
    if shared is not None or whole:
        at = (shared or trail[-1][2]).start
        shown = ".".join(map(str, path))
        diagnostics.fail(
            codes.EDIT_SHARED,
            f"{shown} is shared by an anchor or alias; an edit would change other places too",
            span_at(file, text, at),
            "write the value out at each place, without & and *",
        )
    return trail


def _on_a_line(text: str, value: Any) -> str:
    lines = edit_text.block(value, 0)
    return lines if not text or text.endswith(("\n", "\r")) else f"\n{lines}"
