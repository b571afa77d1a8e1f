"""Template files and the sandbox: overriding, missing values, and runs that may not run away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compiler.model.codes import render as codes
from compiler.model.diagnostics import Code
from compiler.stages.render.templates import (
    HOLE,
    SOURCE_LIMIT,
    TemplateError,
    Templates,
    TemplateSource,
)
from tests.stages.render.rendering import folder, overridden, shipped


def failing(templates: Templates, values: dict[str, Any]) -> tuple[Code, int, str, str]:
    """Code, line, message and hint of a run that must fail."""
    with pytest.raises(TemplateError) as caught:
        templates.get("k/t.yaml.j2").run(values)
    (fault,) = caught.value.faults
    return fault.code, fault.line, fault.message, fault.hint


def test_a_run_gives_structure_and_holes_apart(tmp_path: Path) -> None:
    template = shipped(tmp_path, t="a: {{ b.c }}\nd:\n{% for e in f %}\n- {{ e }}\n{% endfor %}\n")
    values = {"b": {"c": "x"}, "f": [1, {"y": 2}]}
    run = template.get("k/t.yaml.j2").run(values)
    assert run.structure == f"a: {HOLE}\nd:\n- {HOLE}\n- {HOLE}\n"
    assert run.holes == ["x", 1, {"y": 2}]


def test_a_user_overrides_file_by_file(tmp_path: Path) -> None:
    source = TemplateSource(
        own=folder(tmp_path / "own", {"k/a.yaml.j2": "own: 1\n", "README.md": "why"}),
        shipped=folder(tmp_path / "shipped", {"k/a.yaml.j2": "a: 1\n", "k/b.yaml.j2": "b: 1\n"}),
    )
    assert source.names() == ("k/a.yaml.j2", "k/b.yaml.j2")
    assert source.overridden() == ("k/a.yaml.j2",)
    assert source.read("k/a.yaml.j2")[0] == "own: 1\n"
    assert source.read("k/b.yaml.j2") == ("b: 1\n", "templates/k/b.yaml.j2", False)
    assert Templates(source).check() == []


def test_digests_change_with_the_template_in_use_alone(tmp_path: Path) -> None:
    base = folder(tmp_path / "shipped", {"k/a.yaml.j2": "a: 1\n", "k/b.yaml.j2": "b: 1\n"})
    own = folder(tmp_path / "own", {"k/a.yaml.j2": "a: 2\n"})
    before, after = TemplateSource(shipped=base).digests(), TemplateSource(own, base).digests()
    assert {name for name in before if before[name] != after[name]} == {"k/a.yaml.j2"}


def test_the_repository_ships_templates_with_its_code() -> None:
    assert "kubernetes/deployment.yaml.j2" in TemplateSource().names()


def test_a_file_that_overrides_nothing_is_reported_with_the_nearest_name(tmp_path: Path) -> None:
    source = TemplateSource(
        own=folder(tmp_path / "own", {"k/deploment.yaml.j2": "a: 1\n"}),
        shipped=folder(tmp_path / "shipped", {"k/deployment.yaml.j2": "a: 1\n"}),
    )
    (error,) = Templates(source).check()
    assert error.faults[0].code is codes.TEMPLATE_USELESS
    assert error.faults[0].hint == "Did you mean k/deployment.yaml.j2?"


def test_check_judges_overriding_templates_that_nothing_uses(tmp_path: Path) -> None:
    (error,) = overridden(tmp_path, "a: {{ b() }}\n").check()
    assert error.file.endswith("own/k/t.yaml.j2")


def test_a_missing_value_names_its_line_and_the_nearest_one(tmp_path: Path) -> None:
    templates = shipped(tmp_path, t="a: 1\nb:\n  c: {{ nmae }}\n")
    code, line, message, hint = failing(templates, {"name": "x", "other": 1})
    assert (code, line, message) == (codes.TEMPLATE_VALUE, 3, "'nmae' is undefined")
    assert hint == "Did you mean name?"


@pytest.mark.parametrize(
    "text",
    ["a: {{ b.imag }}\n", "{% if b.imag %}\n{% endif %}\n", "{% for c in b.imag %}{% endfor %}"],
)
def test_a_missing_attribute_is_an_error_wherever_it_stands(tmp_path: Path, text: str) -> None:
    code, line, message, hint = failing(shipped(tmp_path, t=text), {"b": {"image": "x"}})
    assert (code, line, message) == (codes.TEMPLATE_VALUE, 1, "the mapping has no 'imag'")
    assert hint == "Did you mean image?"


@pytest.mark.parametrize("text", ["{% if no %}\n{% endif %}", "{% for a in no %}{% endfor %}"])
def test_a_missing_name_is_an_error_in_a_tag(tmp_path: Path, text: str) -> None:
    code, line, message, _ = failing(shipped(tmp_path, t=f"x: 1\n{text}"), {"a": 1})
    assert (code, line, message) == (codes.TEMPLATE_VALUE, 2, "'no' is undefined")


@pytest.mark.parametrize(
    "path",
    [
        "__class__",
        "items",
        "keys",
        "b.__class__",
        "b.upper",
        "b.format",
        "c.append",
        "d['__len__']",
    ],
)
def test_no_attribute_of_python_can_be_reached(tmp_path: Path, path: str) -> None:
    templates = shipped(tmp_path, t=f"a: {{{{ v.{path} }}}}\n")
    code, *_ = failing(templates, {"v": {"b": "text", "c": [1], "d": {"x": 1}}})
    assert code is codes.TEMPLATE_VALUE


def test_a_value_may_have_the_name_of_a_method(tmp_path: Path) -> None:
    template = shipped(tmp_path, t="a: {{ v.items }}\n").get("k/t.yaml.j2")
    assert template.run({"v": {"items": [1]}}).holes == [[1]]


@pytest.mark.parametrize("value", [None, "abc", {"a": 1}, 7])
def test_a_loop_over_no_list_is_an_error(tmp_path: Path, value: Any) -> None:
    templates = shipped(tmp_path, t="{% for a in b %}\n- {{ a }}\n{% endfor %}\n")
    code, line, message, _ = failing(templates, {"b": value})
    assert (code, line) == (codes.TEMPLATE_VALUE, 1)
    assert "runs over a list" in message


def test_loops_within_loops_cannot_run_away(tmp_path: Path) -> None:
    nested = "{% for a in b %}" * 8 + "{% endfor %}" * 8
    code, *_ = failing(overridden(tmp_path, f"x: 1\n{nested}\n"), {"b": list(range(500))})
    assert code is codes.TOO_LARGE


def test_a_text_without_end_is_cut_off(tmp_path: Path) -> None:
    text = "{% for a in b %}" + "x: 1\n" * 1000 + "{% endfor %}"
    code, *_ = failing(overridden(tmp_path, text), {"b": [0] * 90_000})
    assert code is codes.TOO_LARGE


def test_values_never_become_template_text(tmp_path: Path) -> None:
    template = shipped(tmp_path, t="a: {{ b }}\n").get("k/t.yaml.j2")
    run = template.run({"b": "{{ c }}{% raw %}"})
    assert run.structure == f"a: {HOLE}\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\n{% if %}\n", 2),
        ("{{ a", 1),
        ("a: 1\n\n{% endfor %}\n", 3),
        ("{% for a in b %}\n", 1),
        ("a: {{ b c }}\n", 1),
    ],
)
def test_a_syntax_error_names_its_line(tmp_path: Path, text: str, line: int) -> None:
    code, found, _, _ = failing(overridden(tmp_path, text), {})
    assert (code, found) == (codes.TEMPLATE_SYNTAX, line)


@pytest.mark.parametrize(
    "text",
    [
        "{{ " + "(" * 5000,
        "a: {{ a" + ".b" * 9000 + " }}\n",
        "{% if " + "not " * 9000 + "a %}{% endif %}",
    ],
)
def test_a_template_that_is_nested_too_deeply_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(TemplateError):
        overridden(tmp_path, text).get("k/t.yaml.j2").run({"a": 1})


def test_a_failing_template_fails_the_same_way_again(tmp_path: Path) -> None:
    templates = overridden(tmp_path, "a: {{ b() }}\n")
    for _ in range(2):
        with pytest.raises(TemplateError, match="a call"):
            templates.get("k/t.yaml.j2")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a: \xff\n", codes.TEMPLATE_UNREADABLE),
        (b"x" * (SOURCE_LIMIT + 1), codes.TEMPLATE_UNREADABLE),
        (None, codes.TEMPLATE_MISSING),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(
    tmp_path: Path, content: bytes | None, code: Code
) -> None:
    if content is not None:
        (tmp_path / "t.yaml.j2").write_bytes(content)
    with pytest.raises(TemplateError) as caught:
        Templates(TemplateSource(shipped=tmp_path)).get("t.yaml.j2")
    assert caught.value.faults[0].code is code


def test_line_ends_of_other_systems_do_not_matter(tmp_path: Path) -> None:
    template = shipped(tmp_path, t="a: {{ b }}\r\nc: 1\r\n").get("k/t.yaml.j2")
    assert template.run({"b": 1}).structure == f"a: {HOLE}\nc: 1\n"
