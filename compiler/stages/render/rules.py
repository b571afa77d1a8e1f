"""What a template may hold: layout and holes, nothing that computes.

Two judgements of a template's text, before it ever runs: its syntax tree may hold only `for`,
`if` and names, and every hole `{{ ... }}` stands where a whole YAML key or value stands.
Nothing here renders; the shipped templates and a user's own are judged alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jinja2 import Environment, nodes

from compiler.model.codes import render as codes
from compiler.model.diagnostics import Code
from compiler.model.record import dataclass

DEPTH_LIMIT = 8
"""How deep `for` and `if` may nest: no manifest needs more, and Python's own parser stops at 20."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a template: `line` and `column` count from 1 in its file."""

    code: Code
    line: int
    message: str
    hint: str = ""
    column: int = 1


def faults(environment: Environment, text: str, tree: nodes.Template) -> tuple[Fault, ...]:
    """Everything that a template holds and may not hold, by line; empty when it is sound."""
    found = [*_forbidden(tree), *_misplaced(environment, text)]
    return tuple(sorted(found, key=lambda fault: (fault.line, fault.column, fault.message)))


def _forbidden(tree: nodes.Template) -> Iterator[Fault]:
    for node in tree.body:
        yield from _statement(node, 1)


def _statement(node: nodes.Node, depth: int) -> Iterator[Fault]:
    """Faults of one statement of a template and of what it holds."""
    if depth > DEPTH_LIMIT:
        yield _fault(node, f"`for` and `if` nest more than {DEPTH_LIMIT} deep")
    elif isinstance(node, nodes.Output):
        for child in node.nodes:
            if not isinstance(child, nodes.TemplateData):
                yield from _path(child, "a hole")
    elif isinstance(node, nodes.For):
        yield from _loop(node, depth)
    elif isinstance(node, nodes.If):
        yield from _condition(node, depth)
    else:
        yield _fault(node, f"`{_word(node)}` is not allowed in a template", _ALLOWED)


def _condition(node: nodes.If, depth: int) -> Iterator[Fault]:
    yield from _test(node.test)
    for branch in node.elif_:
        yield from _statement(branch, depth)
    for child in (*node.body, *node.else_):
        yield from _statement(child, depth + 1)


def _loop(node: nodes.For, depth: int) -> Iterator[Fault]:
    if node.recursive:
        yield _fault(node, "`for ... recursive` is not allowed in a template", _ALLOWED)
    targets = node.target.items if isinstance(node.target, nodes.Tuple) else [node.target]
    for target in targets:
        if not isinstance(target, nodes.Name):
            yield _fault(node, "the variables of a `for` are names")
        else:
            yield from _path(target, "`for`")
    yield from _path(node.iter, "`for ... in`")
    if node.test is not None:
        yield from _test(node.test)
    for child in (*node.body, *node.else_):
        yield from _statement(child, depth + 1)


def _test(node: nodes.Node) -> Iterator[Fault]:
    """Faults of an `if`'s test: names, `and`, `or`, `not`, and `==` or `!=` with a constant."""
    if isinstance(node, nodes.And | nodes.Or):
        yield from _test(node.left)
        yield from _test(node.right)
    elif isinstance(node, nodes.Not):
        yield from _test(node.node)
    elif isinstance(node, nodes.Compare):
        yield from _test(node.expr)
        for operand in node.ops:
            if operand.op not in ("eq", "ne") or not isinstance(operand.expr, nodes.Const):
                yield _fault(node, "a test compares only by `==` or `!=` with a constant")
    else:
        yield from _path(node, "`if`")


def _path(node: nodes.Node, where: str) -> Iterator[Fault]:
    """Faults of what should be a name followed by attributes and constant items."""
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getitem) and not _is_constant_item(node.arg):
            yield _fault(node, f"{where} takes an item only by a constant, such as `a['b']`")
        node = node.node
    if not isinstance(node, nodes.Name):
        yield _fault(node, f"{where} takes a name with attributes, not `{_word(node)}`", _ALLOWED)
    elif node.name in _RESERVED:
        yield _fault(node, f"`{node.name}` is not allowed in a template", _ALLOWED)


def _is_constant_item(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Const) and type(node.value) in (str, int)


def _fault(node: nodes.Node, message: str, hint: str = "") -> Fault:
    return Fault(codes.TEMPLATE_CONSTRUCT, node.lineno, message, hint)


def _word(node: nodes.Node) -> str:
    """What a person calls a node of the syntax tree."""
    name = type(node).__name__
    return _WORDS.get(name, name.lower())


def _misplaced(environment: Environment, text: str) -> Iterator[Fault]:
    """Holes that are part of a longer text, judged by the characters around them."""
    if foreign := _CONTROL.search(text):
        line = text.count("\n", 0, foreign.start()) + 1
        message = f"the template holds the control character U+{ord(foreign[0]):04X}"
        yield Fault(codes.TEMPLATE_UNREADABLE, line, message)
        return
    for line, skeleton in enumerate(_without_tags(environment, text).split("\n"), 1):
        for hole in _HOLE.finditer(skeleton):
            before, after = skeleton[: hole.start()], skeleton[hole.end() :]
            if not _BEFORE(before) or not _AFTER(after):
                message = "a hole is part of a longer text"
                yield Fault(codes.TEMPLATE_HOLE, line, message, _ALONE, hole.start() + 1)


def _without_tags(environment: Environment, text: str) -> str:
    """The template with each hole as one mark and each tag gone; every line stays in its place."""
    pieces: list[str] = []
    inside, reached = "", 1
    for line, kind, value in environment.lex(text):
        pieces.append("\n" * (line - reached))
        reached = max(line, reached)
        if inside:
            inside = "" if kind == inside else inside
        elif kind in _CLOSES:
            inside = _CLOSES[kind]
            pieces.append(_MARK if kind == "variable_begin" else "")
        else:
            pieces.append(value)
            reached += value.count("\n")
    return "".join(pieces)


_MARK = "\x00"
_HOLE = re.compile(_MARK)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_BEFORE = re.compile(r"\s*|.*[:\-]\s+|.*[,\[{]\s*", re.DOTALL).fullmatch
_AFTER = re.compile(r"\s*(?:[,\]}].*|:(?:\s.*)?)?|\s+#.*", re.DOTALL).fullmatch
_CLOSES = {
    "variable_begin": "variable_end",
    "block_begin": "block_end",
    "comment_begin": "comment_end",
    "raw_begin": "raw_end",
}

_RESERVED = frozenset({"loop", "self", "super", "caller", "varargs", "kwargs"})
_ALLOWED = "Allowed are for, if, and names with attributes"
_ALONE = "Let {{ ... }} stand alone as a key or a value; it brings its own quotes"
_WORDS = {
    "Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "Pow": "**",
    "Concat": "~", "Neg": "-", "Pos": "+", "Call": "a call", "Filter": "a filter", "Test": "is",
    "CondExpr": "a conditional expression", "Compare": "a comparison", "Const": "a constant",
    "Tuple": "a tuple", "List": "a list", "Dict": "a mapping", "Slice": "a slice",
    "Assign": "set", "AssignBlock": "set", "CallBlock": "call", "FilterBlock": "filter",
    "FromImport": "import", "ScopedEvalContextModifier": "autoescape", "ExprStmt": "do",
}  # fmt: skip
