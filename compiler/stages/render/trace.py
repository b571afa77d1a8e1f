"""Which line of a template, and which of its values, made each line of a generated file.

Runs a template once more with its syntax tree marked at every line, hole and round of a loop.
Slow, and only for `explain` and for errors; nothing here decides what is rendered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from jinja2 import nodes

from compiler.model.diagnostics import Diagnostics
from compiler.model.manifest import Draft
from compiler.model.marks import Map, Path, lines_of_paths
from compiler.model.record import dataclass
from compiler.model.source import parse
from compiler.stages.render.templates import HOLE, Template, TemplateError, Templates


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One line of a generated file: the template's line (0: none), and the value's path if any.

    The path leads through the draft's values, such as `containers[0].image`.
    """

    generated: int
    template: int
    path: str = ""


def trace(draft: Draft, templates: Templates, text: str) -> list[TraceLine]:
    """The origin of each line of `text`, the generated file of a draft, from line 1 on.

    A line that no template made has template line 0: the header, what a patch added, and every
    line of an object that the user wrote.

    Raises:
        TemplateError: the template no longer renders.
    """
    count = text.rstrip("\n").count("\n") + 1
    if draft.raw is not None:
        return [TraceLine(line, 0) for line in range(1, count + 1)]
    run = _traced(templates.get(draft.template), draft.values)
    found = {1: TraceLine(1, 0)}
    structure = _document(run.named())
    lines = dict(lines_of_paths(structure))
    for path, line in lines_of_paths(_document(text)):
        found[line] = TraceLine(line, *run.origin(path, structure, lines))
    for line in range(2, count + 1):
        # A further line of a literal block belongs to the key above it.
        above = found[line - 1]
        found.setdefault(line, TraceLine(line, above.template, above.path))
    return [found[line] for line in range(1, count + 1)]


def template_line(template: Template, values: Mapping[str, Any], message: str) -> int:
    """The template's line for the `at line N` of a YAML error; 1 where the error names none."""
    place = re.search(r"at line (\d+)", message)
    try:
        run = _traced(template, values)
    except TemplateError:
        return 1
    return run.lines[min(int(place[1]), len(run.lines)) - 1] if place else 1


@dataclass(frozen=True, slots=True)
class _Hole:
    """Where a hole stands in the template, the path of its value, and the value."""

    line: int
    path: str
    value: Any


@dataclass(slots=True)
class _Traced:
    """A structure, the template's line of each of its lines, and where its holes come from."""

    structure: str = ""
    lines: list[int] = field(default_factory=lambda: [0])
    holes: list[_Hole] = field(default_factory=list)

    def named(self) -> str:
        """The structure with a unique name in each hole; a hole that is a key has its value."""
        pieces = self.structure.split(HOLE)
        written = [pieces[0]]
        for number, (hole, piece) in enumerate(zip(self.holes, pieces[1:], strict=True)):
            is_key = piece.startswith(":") and isinstance(hole.value, str)
            written.append(json.dumps(hole.value if is_key else f"{_NAME}{number}"))
            written.append(piece)
        return "".join(written)

    def origin(self, path: Path, structure: Any, lines: Mapping[Path, int]) -> tuple[int, str]:
        """The template's line and the value's path for a path of the generated object."""
        value = structure
        for depth, step in enumerate(path, 1):
            try:
                value = value[step]
            except (KeyError, IndexError):
                return 0, ""
            if isinstance(value, str) and value.startswith(_NAME):
                hole = self.holes[int(value.removeprefix(_NAME))]
                return hole.line, hole.path + "".join(map(_step, path[depth:]))
        return self.lines[lines[path] - 1], ""


def _traced(template: Template, values: Mapping[str, Any]) -> _Traced:
    """Run a template with marks, and read the marks off its text."""
    run = template.rewritten(_add_marks).run(values)
    reader = _Reader(iter(run.holes))
    for place, piece in enumerate(run.structure.split(_MARK)):
        if place % 2:
            reader.mark(json.loads(piece))
        else:
            reader.text(piece)
    return reader.done()


@dataclass(slots=True)
class _Reader:
    """Reads a marked structure from its beginning to its end."""

    values: Iterator[Any]
    result: _Traced = field(default_factory=_Traced)
    line: int = 1
    rounds: dict[str, int] = field(default_factory=dict)
    bound: dict[str, str] = field(default_factory=dict)

    def text(self, piece: str) -> None:
        """Template text: its first character in a line gives that line its origin."""
        lines = self.result.lines
        for place, part in enumerate(piece.split("\n")):
            if place:
                lines.append(0)
            if part.strip() and not lines[-1]:
                lines[-1] = self.line
        self.result.structure += piece

    def mark(self, mark: list[Any]) -> None:
        """One mark: a line's beginning, a hole, or the beginning or a round of a loop."""
        kind, *rest = mark
        if kind == "line":
            (self.line,) = rest
        elif kind == "hole":
            self.line, path = rest
            self.result.holes.append(_Hole(self.line, self._resolved(path), next(self.values)))
        elif kind == "loop":
            self.rounds[rest[0]] = -1
        else:
            self._round(*rest)

    def _round(self, loop: str, over: str, targets: list[str]) -> None:
        self.rounds[loop] += 1
        item = f"{self._resolved(over)}[{self.rounds[loop]}]"
        for place, target in enumerate(targets):
            self.bound[target] = item if len(targets) == 1 else f"{item}[{place}]"

    def _resolved(self, path: str) -> str:
        """A path in terms of the draft's values: names of loops are replaced."""
        name = re.split(r"[.\[]", path, maxsplit=1)[0]
        return self.bound.get(name, name) + path[len(name) :]

    def done(self) -> _Traced:
        """The result, with an origin for lines of white space, too."""
        self.result.lines = [line or self.line for line in self.result.lines]
        return self.result


def _add_marks(tree: nodes.Template) -> None:
    tree.body = list(_marked(tree.body))


def _marked(body: list[nodes.Node]) -> Iterator[nodes.Node]:
    """Statements with marks among their text."""
    for node in body:
        if isinstance(node, nodes.Output):
            node.nodes = [child for old in node.nodes for child in _marked_output(old)]
        elif isinstance(node, nodes.If):
            node.body, node.else_ = list(_marked(node.body)), list(_marked(node.else_))
            node.elif_ = [one for one in _marked(list(node.elif_)) if isinstance(one, nodes.If)]
        elif isinstance(node, nodes.For):
            loop = f"{node.lineno}:{_path_of(node.iter)}"
            yield nodes.Output([_mark("loop", loop)])
            start = nodes.Output([_mark("round", loop, _path_of(node.iter), _targets(node.target))])
            node.body = [start, *_marked(node.body)]
            node.else_ = list(_marked(node.else_))
        yield node


def _marked_output(node: nodes.Expr) -> Iterator[nodes.Expr]:
    if not isinstance(node, nodes.TemplateData):
        yield _mark("hole", node.lineno, _path_of(node))
        yield node
        return
    for offset, line in enumerate(node.data.split("\n")):
        yield nodes.TemplateData("\n" if offset else "")
        yield _mark("line", node.lineno + offset)
        yield nodes.TemplateData(line)


def _mark(*content: Any) -> nodes.TemplateData:
    return nodes.TemplateData(f"{_MARK}{json.dumps(content)}{_MARK}")


def _path_of(node: nodes.Node) -> str:
    """The path that a name with attributes and items spells."""
    if isinstance(node, nodes.Getattr):
        return f"{_path_of(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return _path_of(node.node) + _step(node.arg.value)
    return node.name if isinstance(node, nodes.Name) else "?"


def _targets(node: nodes.Node) -> list[str]:
    """The names that a `for` binds."""
    items = node.items if isinstance(node, nodes.Tuple) else [node]
    return [_path_of(item) for item in items]


def _step(step: Any) -> str:
    """One step of a path: `.key`, or `[0]` and `['a key']`."""
    return f".{step}" if isinstance(step, str) and step.isidentifier() else f"[{step!r}]"


def _document(text: str) -> Any:
    """A text's first document as positioned data; an unreadable one is empty."""
    documents = parse("", text, Diagnostics())
    return documents[0].data if documents else Map()


_MARK = "\x02"
_NAME = "\x03hole"
