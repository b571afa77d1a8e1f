"""What templates may hold: each forbidden construct and each misplaced hole is refused by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.model.codes import render as codes
from compiler.stages.render.rules import Fault
from compiler.stages.render.templates import TemplateError, Templates, TemplateSource
from tests.stages.render.rendering import folder, overridden

FORBIDDEN = [
    ("{% macro a() %}{% endmacro %}", "macro"),
    ("{% import 'x' as x %}", "import"),
    ("{% from 'x' import y %}", "import"),
    ("{% include 'x' %}", "include"),
    ("{% extends 'x' %}", "extends"),
    ("{% block a %}{% endblock %}", "block"),
    ("{% call a() %}{% endcall %}", "call"),
    ("{% set a = 1 %}", "set"),
    ("{% set a %}x{% endset %}", "set"),
    ("{% filter upper %}x{% endfilter %}", "filter"),
    ("{% with a = b %}{% endwith %}", "with"),
    ("{% for a in b recursive %}{% endfor %}", "recursive"),
    ("{% for a in [1, 2] %}{% endfor %}", "a list"),
    ("{% for a in range(9) %}{% endfor %}", "a call"),
    ("{% for a in b.items() %}{% endfor %}", "a call"),
    ("{% for a, (b, c) in d %}{% endfor %}", "names"),
    ("{% if a is defined %}{% endif %}", "is"),
    ("{% if a > 1 %}{% endif %}", "== or !=".replace("== or !=", "`==` or `!=`")),
    ("{% if a == b %}{% endif %}", "a constant"),
    ("{% if a | length %}{% endif %}", "a filter"),
    ("{% if a %}{% elif a + 1 %}{% endif %}", "`+`"),
    ("{% if a %}{% else %}{{ a() }}{% endif %}", "a call"),
    ("{{ a + 1 }}", "`+`"),
    ("{{ a ~ b }}", "`~`"),
    ("{{ 'x' }}", "a constant"),
    ("{{ a | tojson }}", "a filter"),
    ("{{ a if b else c }}", "conditional"),
    ("{{ a[b] }}", "constant"),
    ("{{ a[1:2] }}", "constant"),
    ("{{ super() }}", "a call"),
    ("{{ self.a }}", "self"),
    ("{{ loop.index }}", "loop"),
    ("{{ {'a': b} }}", "a mapping"),
    ("{% for a in b %}" * 9 + "{% endfor %}" * 9, "deep"),
]

MISPLACED = [
    'a: "{{ b }}"',
    "a: x{{ b }}",
    "a: x {{ b }}",
    "a: {{ b }}x",
    "a: {{ b }} x",
    "a: {{ b }}{{ c }}",
    "a:{{ b }}",
    "-{{ b }}",
    "a: '{{ b }}'",
    "a: !!str {{ b }}",
    "a: &x {{ b }}",
    "a: {{ b }}:80",
    "http://{{ b }}/: 1",
    "# {{ b }}",
    "{% if c %}x{% endif %}{{ b }}",
]

ALLOWED = """\
a: {{ b }}
{{ c.d }}: {{ e['f'][0] }}
list: [{{ g }}, {{ h }}]
map: {a: {{ i }}, {{ j }}: 1}
{# a note with {{ braces }} #}
{% for k in l if k.m and not k.n %}
- {{ k.o }}
- - {{ k.o }}
{% else %}
- none
{% endfor %}
{% if p == "q" or r != 1 %}
s: {{ t }} # why
{% endif %}
pairs:
{% for u, v in w %}
  {{ u }}: {{ v }}
{% endfor %}
"""


def judged(path: Path, text: str) -> tuple[Fault, ...]:
    """The faults of a template as a user's own."""
    try:
        overridden(path, text).get("k/t.yaml.j2")
    except TemplateError as error:
        return error.faults
    return ()


@pytest.mark.parametrize(("construct", "word"), FORBIDDEN)
def test_a_construct_that_computes_is_refused_at_its_line(
    tmp_path: Path, construct: str, word: str
) -> None:
    found = judged(tmp_path, f"a: 1\nb: 2\n{construct}\n")
    assert (codes.TEMPLATE_CONSTRUCT, 3) in {(fault.code, fault.line) for fault in found}
    assert any(word in fault.message for fault in found)


@pytest.mark.parametrize("line", MISPLACED)
def test_a_hole_in_a_longer_text_is_refused_at_its_line(tmp_path: Path, line: str) -> None:
    found = judged(tmp_path, f"z: 1\n{{# two\nlines #}}\n{line}\n")
    assert {(fault.code, fault.line) for fault in found} == {(codes.TEMPLATE_HOLE, 4)}


def test_layout_with_whole_holes_is_allowed(tmp_path: Path) -> None:
    assert judged(tmp_path, ALLOWED) == ()


def test_all_faults_are_found_in_one_run_in_order(tmp_path: Path) -> None:
    found = judged(tmp_path, "a: x{{ b }}\nb: {{ c + 1 }}\nc: {{ d() }}\n")
    assert [fault.line for fault in found] == [1, 2, 3]


def test_a_raw_part_is_text_and_never_a_hole(tmp_path: Path) -> None:
    assert judged(tmp_path, 'a: "{% raw %}{{ b }}{% endraw %}"\n') == ()


@pytest.mark.parametrize("character", ["\x00", "\x02", "\x1b", "\x85", "\u2028", "\ufeff"])
def test_a_control_character_in_a_template_is_refused(tmp_path: Path, character: str) -> None:
    (fault,) = judged(tmp_path, f"a: 1\nb: '{character}'\n")
    assert (fault.code, fault.line) == (codes.TEMPLATE_UNREADABLE, 2)


@pytest.mark.parametrize("name", TemplateSource().names())
def test_every_shipped_template_keeps_the_rules(tmp_path: Path, name: str) -> None:
    shipped = TemplateSource()
    text, _, _ = shipped.read(name)
    own = TemplateSource(own=folder(tmp_path, {name: text}), shipped=shipped.shipped)
    assert Templates(own).check() == []
