"""Helpers of the render tests: folders of templates, drafts, and values that fit a template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from jinja2 import Environment, nodes

from compiler.model.diagnostics import Diagnostic, Diagnostics, Span
from compiler.model.manifest import Directory, Draft, Naming, Origin, Unit, UnitRole
from compiler.stages.render.patches import PatchRule
from compiler.stages.render.render import render
from compiler.stages.render.templates import Templates, TemplateSource
from tests.model.hostile import strings

UNIT = Unit("shop/default/hub", UnitRole.SITES, "store-001")
ORIGIN = Origin("jobs.watch", "store-001", Span("specs/shop/jobs.yaml", 3, 5))

CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ name }}
data:
  {% for entry in entries %}
  {{ entry.key }}: {{ entry.value }}
  {% endfor %}
"""


def folder(path: Path, files: Mapping[str, str]) -> Path:
    """Write files below a folder."""
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(text.encode())
    return path


def shipped(path: Path, **files: str) -> Templates:
    """Templates `k/<name>.yaml.j2` as if they shipped."""
    found = {f"k/{name}.yaml.j2": text for name, text in files.items()}
    return Templates(TemplateSource(shipped=folder(path / "shipped", found)))


def overridden(path: Path, text: str, original: str = CONFIG_MAP) -> Templates:
    """One template `k/t.yaml.j2` that a user's own folder overrides."""
    return Templates(
        TemplateSource(
            own=folder(path / "own", {"k/t.yaml.j2": text}),
            shipped=folder(path / "shipped", {"k/t.yaml.j2": original}),
        )
    )


def draft(values: Mapping[str, Any], *, template: str = "t", **others: Any) -> Draft:
    """A draft of the usual unit and origin."""
    naming = others.pop("naming", Naming.FIXED)
    return Draft(
        others.pop("unit", UNIT),
        others.pop("origin", ORIGIN),
        f"k/{template}.yaml.j2",
        values,
        naming=naming,
        **others,
    )


def raw(data: Mapping[str, Any], **others: Any) -> Draft:
    """A draft of an object that a user wrote."""
    return Draft(others.pop("unit", UNIT), others.pop("origin", ORIGIN), raw=data, **others)


def rendered(
    drafts: Sequence[Draft], templates: Templates, patches: Sequence[PatchRule] = ()
) -> tuple[list[Directory], tuple[Diagnostic, ...]]:
    """Directories and diagnostics of drafts."""
    diagnostics = Diagnostics()
    found = render(drafts, templates, diagnostics, namespace="shop", patches=patches)
    return found, diagnostics.in_order()


def only_text(drafts: Sequence[Draft], templates: Templates) -> str:
    """The text of the one object that drafts make without a complaint."""
    (directory,), complaints = rendered(drafts, templates)
    assert not complaints
    (item,) = directory.objects
    return item.text


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(strings(300)),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=5,
)


@dataclass
class Shape:
    """What a template expects of one value, read off its syntax tree."""

    attributes: dict[str, Shape] = field(default_factory=dict)
    item: Shape | None = None
    is_key: bool = False
    is_tested: bool = False

    def strategy(self) -> st.SearchStrategy[Any]:
        """Values of the shape; a tested value is sometimes empty."""
        found = self._filled()
        return st.one_of(st.none(), found) if self.is_tested and self.attributes else found

    def _filled(self) -> st.SearchStrategy[Any]:
        if self.item is not None:
            return st.lists(self.item.strategy(), max_size=3)
        if self.attributes:
            fields = {name: shape.strategy() for name, shape in self.attributes.items()}
            return st.fixed_dictionaries(fields)
        return st.text(max_size=8) if self.is_key else JSON_VALUES


def shape_of(text: str) -> Shape:
    """The shape of all values of a template."""
    root = Shape()
    tree = Environment(trim_blocks=True, lstrip_blocks=True).parse(text)
    _read(tree.body, root, {})
    return root


def _read(body: Sequence[nodes.Node], root: Shape, scope: dict[str, Shape]) -> None:
    for node in body:
        if isinstance(node, nodes.Output):
            _read_holes(node, root, scope)
        elif isinstance(node, nodes.For):
            over = _resolve(node.iter, root, scope)
            over.item = over.item or Shape()
            assert isinstance(node.target, nodes.Name)
            _read(node.body, root, {**scope, node.target.name: over.item})
            _read(node.else_, root, scope)
        elif isinstance(node, nodes.If):
            _read_test(node.test, root, scope)
            _read([*node.body, *node.elif_, *node.else_], root, scope)


def _read_test(node: nodes.Node, root: Shape, scope: dict[str, Shape]) -> None:
    if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
        _resolve(node, root, scope).is_tested = True
    elif not isinstance(node, nodes.Const):
        for child in node.iter_child_nodes():
            _read_test(child, root, scope)


def _read_holes(node: nodes.Output, root: Shape, scope: dict[str, Shape]) -> None:
    for place, child in enumerate(node.nodes):
        if not isinstance(child, nodes.TemplateData):
            after = node.nodes[place + 1] if place + 1 < len(node.nodes) else None
            shape = _resolve(child, root, scope)
            if isinstance(after, nodes.TemplateData) and after.data.startswith(":"):
                shape.is_key = True


def _resolve(node: nodes.Node, root: Shape, scope: dict[str, Shape]) -> Shape:
    if isinstance(node, nodes.Name):
        return scope.get(node.name) or root.attributes.setdefault(node.name, Shape())
    assert isinstance(node, nodes.Getattr | nodes.Getitem)
    name = node.attr if isinstance(node, nodes.Getattr) else node.arg.as_const()
    return _resolve(node.node, root, scope).attributes.setdefault(name, Shape())
