"""Each line of a generated file leads to a line of its template and to a value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compiler.stages.render.patches import PatchRule
from compiler.stages.render.templates import Templates, TemplateSource
from compiler.stages.render.trace import TraceLine, _traced, template_line, trace
from tests.stages.render.rendering import draft, raw, rendered, shape_of, shipped

TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ name }}
  {# a comment
     of two lines #}
  {% if labels %}
  labels: {{ labels }}
  {% endif %}
data:
  {% for entry in entries %}
  {{ entry.key }}: {{ entry.text }}
  {% else %}
  none: "here"
  {% endfor %}
  {% for pair in pairs %}
  {% for name, text in pair.items %}
  {{ name }}: {{ text }}
  {% endfor %}
  {% endfor %}
  last: {{ deep['a key'][0].b }}
"""
VALUES: dict[str, Any] = {
    "name": "c",
    "labels": {"a": "1"},
    "entries": [{"key": "one", "text": "x"}, {"key": "two", "text": "l1\nl2\n"}],
    "pairs": [{"items": [("p", "1")]}, {"items": [("q", "2"), ("r", "3")]}],
    "deep": {"a key": [{"b": "z"}]},
}


def traced(path: Path, values: dict[str, Any], **others: Any) -> list[tuple[str, int, str]]:
    """Each generated line with its template line and value path."""
    templates, one = shipped(path, t=TEMPLATE), draft(values)
    (directory,), complaints = rendered([one], templates, **others)
    assert not complaints
    text = directory.objects[0].text
    found = trace(one, templates, text)
    assert [line.generated for line in found] == list(range(1, text.count("\n") + 1))
    pairs = zip(text.splitlines(), found, strict=True)
    return [(line.strip(), origin.template, origin.path) for line, origin in pairs]


def test_lines_lead_to_template_lines_and_values(tmp_path: Path) -> None:
    assert traced(tmp_path, VALUES) == [
        ("# edgewright: jobs.watch @ store-001, do not edit", 0, ""),
        ("apiVersion: v1", 1, ""),
        ("kind: ConfigMap", 2, ""),
        ("metadata:", 3, ""),
        ("name: c", 4, "name"),
        ("labels:", 8, "labels"),
        ('a: "1"', 8, "labels.a"),
        ("data:", 10, ""),
        ("one: x", 12, "entries[0].text"),
        ("two: |", 12, "entries[1].text"),
        ("l1", 12, "entries[1].text"),
        ("l2", 12, "entries[1].text"),
        ('p: "1"', 18, "pairs[0].items[0][1]"),
        ('q: "2"', 18, "pairs[1].items[0][1]"),
        ('r: "3"', 18, "pairs[1].items[1][1]"),
        ("last: z", 21, "deep['a key'][0].b"),
    ]


def test_a_branch_leads_to_its_own_line(tmp_path: Path) -> None:
    found = traced(tmp_path, {**VALUES, "entries": [], "labels": {}})
    assert ("none: here", 14, "") in found


def test_a_line_that_a_patch_added_has_no_template_line(tmp_path: Path) -> None:
    rule = PatchRule(
        "watch", "ConfigMap", {"data": {"added": "1"}, "metadata": {"labels": {"b": "2"}}}
    )
    found = traced(tmp_path, VALUES, patches=[rule])
    assert ('added: "1"', 0, "") in found
    assert ("last: z", 21, "deep['a key'][0].b") in found


def test_an_object_of_the_user_has_no_template(tmp_path: Path) -> None:
    found = trace(raw({}), shipped(tmp_path), "# head\na: 1\n")
    assert found == [TraceLine(1, 0), TraceLine(2, 0)]


@pytest.mark.parametrize("message", ["bad at line 3 column 1", "bad"])
def test_a_yaml_error_finds_its_template_line(tmp_path: Path, message: str) -> None:
    text = "{% for a in b %}\n- {{ a }}\n{% endfor %}\nx: 1\n"
    template = shipped(tmp_path, t=text).get("k/t.yaml.j2")
    assert template_line(template, {"b": [1, 2]}, message) == (4 if "line" in message else 1)


@pytest.mark.parametrize("name", TemplateSource().names())
def test_marks_never_change_what_a_shipped_template_makes(name: str) -> None:
    text = TemplateSource().read(name)[0]
    template = Templates(TemplateSource()).get(name)
    values = example(shape_of(text))
    assert _traced(template, values).structure == template.run(values).structure


def example(shape: Any) -> Any:
    """One value of a shape, with two items in every list."""
    if shape.item is not None:
        return [example(shape.item)] * 2
    if shape.attributes:
        return {name: example(inner) for name, inner in shape.attributes.items()}
    return "x"
