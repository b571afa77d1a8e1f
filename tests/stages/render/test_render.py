"""Drafts to directories: names, references, patches, headers, and every fault with its line."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from compiler.model import emit
from compiler.model.codes import render as codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.manifest import Draft, Naming, Origin, Reference, Unit, UnitRole
from compiler.model.source import parse
from compiler.stages.render.patches import PatchRule, kinds_by_subject, report_unused
from compiler.stages.render.render import SKELETON_LIMIT, check_templates
from compiler.stages.render.templates import Templates
from tests.stages.render.rendering import (
    CONFIG_MAP,
    ORIGIN,
    UNIT,
    draft,
    only_text,
    overridden,
    raw,
    rendered,
    shipped,
)

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: {{ name }}
  namespace: {{ namespace }}
spec:
  volumes: {{ volumes }}
  {% if config %}
  nodeName: {{ config }}
  {% endif %}
"""


@pytest.fixture
def templates(tmp_path: Path) -> Templates:
    return shipped(tmp_path, t=CONFIG_MAP, pod=POD)


def config(name: str = "c", text: str = "x", **others: Any) -> Draft:
    return draft({"name": name, "entries": [{"key": "k", "value": text}]}, **others)


def pod(name: str = "p", volumes: Any = (), ref: Any = None, **others: Any) -> Draft:
    values = {"name": name, "namespace": "shop", "volumes": volumes, "config": ref}
    return draft(values, template="pod", **others)


def test_an_object_is_a_file_with_a_header(templates: Templates) -> None:
    (directory,), complaints = rendered([config()], templates)
    assert not complaints
    assert directory.unit == UNIT
    assert directory.files["configmap-c.yaml"].decode() == (
        "# edgewright: jobs.watch @ store-001, do not edit\n"
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  k: x\n"
    )
    (item,) = directory.objects
    assert (item.file, item.template) == ("configmap-c.yaml", "k/t.yaml.j2")


def test_units_become_directories_by_path_and_drafts_in_any_order_the_same_bytes(
    templates: Templates,
) -> None:
    units = [Unit("shop/default/hub", UnitRole.SITES, f"s{place}") for place in range(5)]
    drafts = [config(f"c{n}", unit=unit) for unit in units for n in range(4)]
    wanted, _ = rendered(drafts, templates)
    assert [directory.unit for directory in wanted] == units
    random.Random(3).shuffle(drafts)
    found, _ = rendered(drafts, templates)
    assert [directory.files for directory in found] == [directory.files for directory in wanted]


def test_a_content_name_reaches_everyone_who_refers_to_it(templates: Templates) -> None:
    volumes = [{"name": "v", "configMap": {"name": Reference("cfg")}}]
    drafts = [
        pod(volumes=volumes, ref=Reference("cfg"), key="pod", naming=Naming.CONTENT),
        draft({"name": "c", "entries": [{"key": "pod", "value": Reference("pod")}]}),
        config(key="cfg", naming=Naming.CONTENT),
    ]
    (directory,), complaints = rendered(drafts, templates)
    assert not complaints
    final = {
        item.data["kind"] + item.data["metadata"]["name"][:2]: item for item in directory.objects
    }
    name = final["ConfigMapc-"].data["metadata"]["name"]
    assert name.startswith("c-")
    assert len(name) == len("c-12345678")
    spec = final["Podp-"].data["spec"]
    assert spec == {"volumes": [{"name": "v", "configMap": {"name": name}}], "nodeName": name}
    assert final["ConfigMapc"].data["data"]["pod"] == final["Podp-"].data["metadata"]["name"]


def test_changed_content_renames_what_depends_on_it_and_nothing_else(templates: Templates) -> None:
    def files(text: str) -> set[str]:
        drafts = [
            config(text=text, key="cfg", naming=Naming.CONTENT),
            pod(ref=Reference("cfg"), naming=Naming.CONTENT),
            pod("q", naming=Naming.CONTENT),
        ]
        (directory,), _ = rendered(drafts, templates)
        return {item.file for item in directory.objects}

    assert len(files("x") & files("y")) == 1


def test_a_content_name_is_the_same_in_data_text_and_file(templates: Templates) -> None:
    for one in (config(naming=Naming.CONTENT), raw_config(naming=Naming.CONTENT)):
        (directory,), _ = rendered([one], templates)
        (item,) = directory.objects
        name = item.data["metadata"]["name"]
        assert item.file == f"configmap-{name}.yaml"
        assert f"  name: {name}\n" in item.text


def raw_config(**others: Any) -> Draft:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: r}\ndata: {number: 012, s: no}\n"
    (document,) = parse("objects.yaml", text, Diagnostics())
    return raw(document.data, **others)


def test_an_object_of_the_user_is_taken_as_it_is(templates: Templates) -> None:
    (directory,), _ = rendered([raw_config()], templates)
    (item,) = directory.objects
    assert item.data["data"] == {"number": 12, "s": "no"}
    assert type(item.data["data"]["number"]) is int
    assert item.text.endswith('data:\n  number: 12\n  s: "no"\n')


def test_a_reference_to_nobody_is_our_own_mistake(templates: Templates) -> None:
    with pytest.raises(LookupError, match="nobody"):
        rendered([pod(ref=Reference("nobody"))], templates)


def test_references_in_a_circle_are_our_own_mistake(templates: Templates) -> None:
    drafts = [pod("a", ref=Reference("b"), key="a"), pod("b", ref=Reference("a"), key="b")]
    with pytest.raises(ValueError, match="circle"):
        rendered(drafts, templates)


def test_values_and_objects_given_are_never_changed(templates: Templates) -> None:
    volumes = [{"name": "v", "configMap": {"name": Reference("cfg")}}]
    rendered([pod(volumes=volumes), config(key="cfg", naming=Naming.CONTENT)], templates)
    assert volumes == [{"name": "v", "configMap": {"name": Reference("cfg")}}]


def test_a_patch_meets_the_job_and_kind_that_it_names(templates: Templates) -> None:
    rule = PatchRule("watch", "ConfigMap", {"data": {"k": None, "new": "1"}})
    other = Origin("jobs.other", "store-001")
    drafts = [config(), config("d", origin=other), pod()]
    (directory,), complaints = rendered(drafts, templates, [rule])
    assert not complaints
    by_file = {item.file: item for item in directory.objects}
    assert by_file["configmap-c.yaml"].data["data"] == {"new": "1"}
    assert by_file["configmap-d.yaml"].data["data"] == {"k": "x"}
    assert by_file["configmap-c.yaml"].text.endswith('data:\n  new: "1"\n')


def test_a_patch_comes_before_the_hash(templates: Templates) -> None:
    plain, _ = rendered([config(naming=Naming.CONTENT)], templates)
    rule = PatchRule("watch", "ConfigMap", {"data": {"new": "1"}})
    patched, _ = rendered([config(naming=Naming.CONTENT)], templates, [rule])
    assert plain[0].objects[0].file != patched[0].objects[0].file


def test_a_patch_that_meets_nothing_is_reported_over_the_whole_output(templates: Templates) -> None:
    directories, _ = rendered([config(), pod()], templates)
    diagnostics = Diagnostics()
    rules = [PatchRule("watch", "Pod", {}), PatchRule("watch", "Pot", {}, Span("a.yaml", 1, 1))]
    report_unused(rules, kinds_by_subject(directories), diagnostics)
    (complaint,) = diagnostics.in_order()
    assert complaint.message == "no object of job watch is a Pot; it has ConfigMap, Pod"


def test_a_patch_that_does_not_fit_is_reported_at_the_patch(templates: Templates) -> None:
    rule = PatchRule("watch", "ConfigMap", {"data": "x"}, Span("specs/shop/jobs.yaml", 9, 3))
    _, (complaint,) = rendered([config()], templates, [rule])
    assert (complaint.code, complaint.span) == (codes.PATCH_SHAPE, rule.span)


def test_a_template_fault_names_file_line_job_and_site_and_is_told_once(tmp_path: Path) -> None:
    templates = overridden(tmp_path, CONFIG_MAP.replace("entry.value", "entry.valeu"))
    drafts = [config(f"c{place}") for place in range(3)]
    directories, (complaint,) = rendered(drafts, templates)
    assert complaint.code is codes.TEMPLATE_VALUE
    assert complaint.span is not None
    assert complaint.span.file.endswith("own/k/t.yaml.j2")
    assert complaint.span.line == 7
    assert "(for jobs.watch @ store-001)" in complaint.message
    assert complaint.hint == "Did you mean value?"
    assert complaint.related[0].span == ORIGIN.span
    assert directories[0].objects == ()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: [\nc: {{ name }}\n", 4, "did not find"),
        ("a: 1\na: 2\n", 1, "duplicate"),
        ("- {{ name }}\n", 1, "no mapping"),
        ("{% for e in entries %}\n{% endfor %}\n", 1, "no mapping"),
        ("a: |\n  {{ name }}\n", 1, "not the whole"),
        ("a: 1\n---\nb: 1\n", 1, "more than one document"),
    ],
)
def test_a_template_that_makes_no_object_is_an_error(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    _, (complaint,) = rendered([config()], overridden(tmp_path, text))
    assert complaint.code is codes.TEMPLATE_YAML
    assert words in complaint.message
    assert complaint.span is not None
    assert complaint.span.line == line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"apiVersion": None}, "apiVersion is missing"),
        ({"kind": 7}, "kind is 7"),
        ({"kind": "../x"}, "kind is '../x'"),
        ({"metadata": {"name": "a/b"}}, "metadata.name is 'a/b'"),
        ({"metadata": {"name": "a\nb"}}, "metadata.name is 'a\\nb'"),
        ({"metadata": {}}, "metadata.name is missing"),
        ({"metadata": []}, "metadata.name is missing"),
        ({"metadata": {"name": "a", "namespace": ".."}}, "metadata.namespace is '..'"),
    ],
)
def test_an_object_without_identity_is_an_error(
    templates: Templates, change: dict[str, Any], words: str
) -> None:
    data = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, **change}
    _, (complaint,) = rendered([raw(data)], templates)
    assert complaint.code is codes.OBJECT_UNNAMED
    assert words in complaint.message
    assert complaint.span == ORIGIN.span


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "data.k: nan"),
        ("\ud800", "data.k: "),
        (2**70, "data.k: "),
        ({"deep": [1, float("inf")]}, "data.k.deep[1]: inf"),
    ],
)
def test_a_value_without_a_place_in_a_manifest_names_its_path(
    templates: Templates, value: Any, words: str
) -> None:
    _, (complaint,) = rendered([config(text=value)], templates)
    assert complaint.code is codes.VALUE_UNFIT
    assert words in complaint.message


@pytest.mark.parametrize("character", ["\x7f", "\x85", "\x9f", "\ufffe", "\uffff"])
def test_a_character_that_kustomize_cannot_carry_is_refused(
    templates: Templates, character: str
) -> None:
    for one in (
        config(text=f"a{character}b"),
        draft({"name": "c", "entries": [{"key": character, "value": 1}]}),
    ):
        _, (complaint,) = rendered([one], templates)
        assert complaint.code is codes.TEXT_BEYOND_KUSTOMIZE
        assert f"U+{ord(character):04X}" in complaint.message
        assert character not in complaint.message


def test_the_key_that_kustomize_takes_for_a_merge_is_refused(templates: Templates) -> None:
    one = draft({"name": "c", "entries": [{"key": "<<", "value": 1}]})
    _, (complaint,) = rendered([one], templates)
    assert complaint.code is codes.TEXT_BEYOND_KUSTOMIZE


@pytest.mark.parametrize("text", ["<<", "a << b", "\\u0085", "\\uffff", "\u2028", "\x00"])
def test_what_only_looks_like_trouble_is_taken(templates: Templates, text: str) -> None:
    assert only_text([config(text=text)], templates)


def test_an_object_beyond_the_size_limit_is_an_error(templates: Templates) -> None:
    _, (complaint,) = rendered([config(text="x" * 1_100_000)], templates)
    assert complaint.code is codes.TOO_LARGE


def test_faults_of_one_object_leave_the_others(templates: Templates) -> None:
    drafts = [
        config("a", text="\uffff"),
        config("b"),
        pod(ref=Reference("bad")),
        config("bad", text="\ud800", key="bad"),
    ]
    (directory,), complaints = rendered(drafts, templates)
    assert [item.file for item in directory.objects] == ["configmap-b.yaml"]
    assert len(complaints) == 2


def test_own_templates_are_judged_before_anything_is_rendered(tmp_path: Path) -> None:
    diagnostics = Diagnostics()
    check_templates(overridden(tmp_path, "a: x{{ b }}\n{% set c = 1 %}\n"), diagnostics)
    found = [(complaint.code, complaint.span) for complaint in diagnostics.in_order()]
    file = (tmp_path / "own/k/t.yaml.j2").as_posix()
    assert found == [
        (codes.TEMPLATE_HOLE, Span(file, 1, 5)),
        (codes.TEMPLATE_CONSTRUCT, Span(file, 2, 1)),
    ]


def test_a_missing_template_is_reported(templates: Templates) -> None:
    _, (complaint,) = rendered([draft({}, template="nowhere")], templates)
    assert complaint.code is codes.TEMPLATE_MISSING
    assert complaint.span == Span("templates/k/nowhere.yaml.j2", 1, 1)


def test_the_text_is_what_the_emitter_makes_of_the_data(templates: Templates) -> None:
    drafts = [config(text="a\nb\n"), pod(volumes=[{"name": "v", "emptyDir": {}}]), raw_config()]
    (directory,), _ = rendered(drafts, templates)
    for item in directory.objects:
        assert item.text == emit.dump(item.data, ORIGIN.header)


def test_many_structures_of_one_template_are_not_kept_for_ever(templates: Templates) -> None:
    entries = [{"key": f"k{place}", "value": 1} for place in range(SKELETON_LIMIT + 5)]
    drafts = [draft({"name": f"c{n}", "entries": entries[:n]}) for n in range(1, len(entries))]
    rendered(drafts, templates)
    assert 0 < len(templates.get("k/t.yaml.j2").derived) <= SKELETON_LIMIT
