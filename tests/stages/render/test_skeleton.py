"""Filling a parsed structure gives exactly what rendering and parsing the whole text gives."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2.sandbox import SandboxedEnvironment
from ryaml import loads  # type: ignore[attr-defined]

from compiler.model import emit
from compiler.stages.render.skeleton import (
    FillError,
    StructureError,
    json_text,
    parse_structure,
    plain_data,
)
from compiler.stages.render.templates import (
    HOLE,
    Template,
    TemplateError,
    Templates,
    TemplateSource,
)
from tests.model.hostile import strings
from tests.stages.render.rendering import JSON_VALUES, Shape, shape_of, shipped

SOURCE = TemplateSource()
TEMPLATES = Templates(SOURCE)
EVERY_PLACE = """\
apiVersion: v1
kind: Everything
metadata: {name: {{ name }}}
{{ key }}: {{ value }}
list:
- {{ value }}
- - {{ value }}
  - a: {{ value }}
    {{ key }}: [{{ value }}, {a: {{ value }}}]
  - {{ key }}: {{ value }}
    b: {{ other.value }}
items:
{% for item in items %}
- name: {{ item.name }}
  {% if item.note and not item.flag %}
  note: {{ item.note }}
  {% elif item.flag %}
  flag: {{ item.flag }}
  {% else %}
  nothing: {{ item['note'] }}
  {% endif %}
{% else %}
- none
{% endfor %}
text: |
  kept as it is
"""


class Plain(SandboxedEnvironment):
    """The plainest renderer: ordinary Jinja output, each value written as JSON."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return obj[attribute]


PLAIN = Plain(
    undefined=jinja2.StrictUndefined,
    finalize=json_text,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@lru_cache  # compiling takes longer than rendering
def plainly(text: str) -> jinja2.Template:
    return PLAIN.from_string(text)


@lru_cache
def shape(text: str) -> Shape:
    return shape_of(text)


def differences(template: Template, text: str, values: dict[str, Any]) -> None:
    """Assert that the fast and the plain way make the same data, and that its text reads back."""
    try:
        run = template.run(values)
    except TemplateError:
        with pytest.raises((jinja2.TemplateError, KeyError, TypeError)):
            plainly(text).render(values)
        return
    wanted: Any
    try:
        wanted = loads(plainly(text).render(values))
    except Exception:
        # What YAML refuses in the whole text, the skeleton refuses as well.
        with pytest.raises((StructureError, FillError)):
            parse_structure(run.structure).data(run.holes)
        return
    skeleton = template.derived.setdefault(run.structure, parse_structure(run.structure))
    data = skeleton.data(run.holes)
    assert (
        json.dumps(data) == json.dumps(wanted) == json.dumps(plain_data(run.structure, run.holes))
    )
    assert skeleton.text(run.holes) == emit.dump(data)


@pytest.mark.parametrize("name", SOURCE.names())
@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_a_shipped_template_gives_the_same_both_ways(name: str, data: st.DataObject) -> None:
    text = SOURCE.read(name)[0]
    differences(TEMPLATES.get(name), text, data.draw(shape(text).strategy()))


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return shipped(tmp_path_factory.mktemp("t"), t=EVERY_PLACE).get("k/t.yaml.j2")


@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_holes_in_every_place_give_the_same_both_ways(
    everything: Template, data: st.DataObject
) -> None:
    differences(everything, EVERY_PLACE, data.draw(shape(EVERY_PLACE).strategy()))


def test_two_drafts_of_one_shape_share_a_skeleton_and_its_constant_parts(tmp_path: Path) -> None:
    template = shipped(tmp_path, t="a: {{ a }}\nb: {c: [1]}\n").get("k/t.yaml.j2")
    first, second = (template.run({"a": value}) for value in ("x", {"deep": [1]}))
    assert first.structure == second.structure
    skeleton = parse_structure(first.structure)
    one, two = skeleton.data(first.holes), skeleton.data(second.holes)
    assert (one["a"], two["a"]) == ("x", {"deep": [1]})
    assert one["b"] is two["b"]


HOSTILE = """\
map:
  {% for entry in entries %}
  {{ entry.text }}: {{ entry.text }}
  {% endfor %}
list:
{% for entry in entries %}
- {{ entry.text }}
{% endfor %}
flow: [{% for entry in entries %}{{ entry.text }}, {% endfor %}]
end: here
"""


def test_hostile_strings_stay_inside_their_holes(tmp_path: Path, campaign: bool) -> None:
    template = shipped(tmp_path, t=HOSTILE).get("k/t.yaml.j2")
    texts = [text for text in strings(200_000 if campaign else 5_000, 11) if len(text) < 500]
    for start in range(0, len(texts), 1_000):
        part = texts[start : start + 1_000]
        run = template.run({"entries": [{"text": text} for text in part]})
        wanted = {"map": {text: text for text in part}, "list": part, "flow": part, "end": "here"}
        skeleton = template.derived.setdefault(run.structure, parse_structure(run.structure))
        assert plain_data(run.structure, run.holes) == wanted
        assert skeleton.data(run.holes) == wanted
        assert loads(skeleton.text(run.holes)) == wanted


def test_a_careless_renderer_does_not_keep_hostile_strings_in_their_holes() -> None:
    careless = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(HOSTILE)
    broken = 0
    for text in strings(500, 11):
        try:
            data = loads(careless.render(entries=[{"text": text}]))
        except Exception:
            data = None
        broken += data != {"map": {text: text}, "list": [text], "flow": [text], "end": "here"}
    assert broken > 250


@pytest.mark.parametrize(
    "structure",
    [
        f'a: "x {HOLE}"',
        f"a: x {HOLE}",
        f"a: |\n  {HOLE}\n",
        f"a: 1 # {HOLE}",
        f"a: &x {HOLE}\nb: *x",
        f"a: '{HOLE}'",
        f"a: {HOLE} {HOLE}",
    ],
)
def test_a_hole_that_is_no_whole_value_is_refused(structure: str) -> None:
    with pytest.raises(StructureError):
        parse_structure(structure)


@pytest.mark.parametrize(
    "structure",
    [
        "",
        "- a",
        "a: 1\na: 2",
        "1: a",
        "a: 1\n---\nb: 2",
        "a: [",
        "a: !!x {b: *c}",
        "a: " + "[" * 99_999,
    ],
)
def test_a_structure_that_is_no_one_mapping_is_refused(structure: str) -> None:
    with pytest.raises(StructureError):
        parse_structure(structure)


def test_a_text_that_looks_like_a_mark_is_refused() -> None:
    with pytest.raises(StructureError):
        parse_structure(f'a: {HOLE}\nb: "\\u0001hole0."\n')
    with pytest.raises(StructureError):
        parse_structure(f'a: {HOLE}\nb: |\n  : "\\u0001hole0."\n  x\n')


@pytest.mark.parametrize(("key", "words"), [("a", "twice"), (1, "no text"), ({}, "no text")])
def test_a_key_from_a_hole_is_a_new_text(key: Any, words: str) -> None:
    skeleton = parse_structure(f"a: 1\n{HOLE}: 2\n")
    with pytest.raises(FillError, match=words):
        skeleton.data([key])


def test_a_text_beyond_the_limit_of_an_object_is_refused() -> None:
    skeleton = parse_structure(f"a: {HOLE}\nb: {HOLE}\n")
    with pytest.raises(FillError, match="more than"):
        skeleton.text(["x" * 600_000, "x" * 600_000])


@given(value=JSON_VALUES)
def test_json_text_is_read_back_by_json_and_yaml(value: Any) -> None:
    written = json_text(value)
    assert "\n" not in written
    assert json.dumps(json.loads(written)) == json.dumps(value)
    assert json.dumps(loads(f"a: {written}")["a"]) == json.dumps(value)


def test_a_literal_text_in_a_template_may_hold_escapes() -> None:
    structure = 'a: |\n  - "\\u0001hole."\nb: "\\u0001"\n'
    assert parse_structure(structure).data([]) == loads(structure)
