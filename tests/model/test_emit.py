"""The emitter's promise: whatever goes in comes out of every YAML reader unchanged."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ryaml import loads  # type: ignore[attr-defined]

from compiler.model import emit
from tests.model.hostile import strings

KUBECTL = Path(sys.executable).with_name("kubectl")
COUNT = 10_000

# kustomize writes these raw into text that it reads again, and then refuses or changes them.
BEYOND_KUSTOMIZE = frozenset(map(chr, [*range(0x7F, 0xA0), 0xFFFE, 0xFFFF]))

SHORT = [text for text in strings(400) if len(text) < emit.KEY_LIMIT / 2]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(strings(400)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(SHORT), inner, max_size=3)
    ),
    max_leaves=12,
)
MAPPINGS = st.dictionaries(st.text(max_size=8), VALUES, max_size=4)


def config_map(name: str, data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def hostile_objects(texts: list[str]) -> dict[str, dict[str, str]]:
    """The texts as values and as keys, by the name of their ConfigMap."""
    short = [text for text in texts if len(emit.quoted(text)) <= emit.KEY_LIMIT]
    return {
        "values": {f"v{place}": text for place, text in enumerate(texts)},
        "keys": {text: f"k{place}" for place, text in enumerate(short)},
    }


def kubectl(*arguments: str) -> str:
    done = subprocess.run(
        [str(KUBECTL), *arguments], capture_output=True, check=True, encoding="utf-8"
    )
    return done.stdout


def read_by_kubectl(file: Path) -> dict[str, Any]:
    """What kubectl understands of a file; `label --local` prints it without a server."""
    read = kubectl("label", "--local", "-o", "json", "-f", str(file), "read=yes")
    data: dict[str, Any] = json.loads(read)["data"]
    return data


def test_hostile_values_and_keys_read_back_equal_through_kubectl(tmp_path: Path) -> None:
    for name, data in hostile_objects(strings(COUNT)).items():
        file = tmp_path / f"{name}.yaml"
        file.write_text(emit.dump(config_map(name, data), "# header"), "utf-8", newline="\n")
        assert read_by_kubectl(file) == data


def test_hostile_values_and_keys_survive_kustomize(tmp_path: Path) -> None:
    texts = [text for text in strings(COUNT) if not BEYOND_KUSTOMIZE & set(text)]
    assert len(texts) > COUNT / 2
    objects = hostile_objects(texts)
    del objects["keys"]["<<"]  # kustomize takes it for a merge key even in quotes
    files = {f"{name}.yaml": config_map(name, data) for name, data in objects.items()}
    files["kustomization.yaml"] = {"resources": list(files)}
    for name, content in files.items():
        (tmp_path / name).write_text(emit.dump(content), "utf-8", newline="\n")
    built = kubectl("kustomize", str(tmp_path))
    for document in built.split("\n---\n"):
        file = tmp_path / "built.yaml"
        file.write_text(document, "utf-8", newline="\n")
        name = "keys" if "name: keys" in document else "values"
        assert read_by_kubectl(file) == objects[name]


def test_an_ordinary_emitter_fails_the_same_test(tmp_path: Path) -> None:
    wanted = {f"v{place}": text for place, text in enumerate(strings(150))}
    file = tmp_path / "control.yaml"
    file.write_text(yaml.safe_dump(config_map("control", wanted)), "utf-8", newline="\n")
    assert read_by_kubectl(file) != wanted


@pytest.mark.parametrize("character", sorted(BEYOND_KUSTOMIZE))
def test_what_kustomize_cannot_carry_is_escaped_all_the_same(character: str) -> None:
    assert character not in emit.dump({"a": f"x{character}y", f"k{character}": "z"})


def test_hostile_values_and_keys_read_back_equal_through_python_readers() -> None:
    objects = hostile_objects(strings(COUNT))
    text = emit.dump(objects)
    assert yaml.load(text, Loader=yaml.CSafeLoader) == objects
    assert loads(text) == objects


def test_hostile_strings_read_back_equal_through_ruamel() -> None:
    objects = hostile_objects(strings(1500))
    assert YAML(typ="safe", pure=True).load(io.StringIO(emit.dump(objects))) == objects


@given(data=MAPPINGS)
def test_any_data_reads_back_equal_and_of_equal_types(data: dict[str, Any]) -> None:
    text = emit.dump(data)
    for read in (loads(text), yaml.load(text, Loader=yaml.CSafeLoader)):
        assert json.dumps(read) == json.dumps(data)


@given(data=MAPPINGS)
def test_the_pieces_for_holes_equal_the_whole(data: dict[str, Any]) -> None:
    whole = emit.dump({"k": data, "l": [data]})
    assert whole == f"k:{emit.after_key(data, '')}l:\n-{emit.after_dash(data, '')}"


def test_the_style_is_fixed() -> None:
    data: dict[str, Any] = {
        "kind": "X",
        "none": None,
        "empty": {"map": {}, "list": []},
        "list": ["a", {"name": "b", "args": ["-c"]}, [1, [True]], "two\nlines"],
        "script": "#!/bin/sh\n\nexit 0\n",
        "float": 1e16,
        "image": "registry:5000/a:1",
    }
    assert emit.dump(data, "# head") == (
        "# head\nkind: X\nnone: null\nempty:\n  map: {}\n  list: []\nlist:\n- a\n- name: b\n"
        '  args:\n  - "-c"\n- - 1\n  - - true\n- |-\n  two\n  lines\nscript: |\n  #!/bin/sh\n\n'
        '  exit 0\nfloat: 1.0e+16\nimage: "registry:5000/a:1"\n'
    )


def test_subclasses_and_tuples_are_written_as_what_they_extend() -> None:
    class Text(str):
        __slots__ = ()

    class Number(int):
        pass

    class Map(dict[str, Any]):
        pass

    data = Map(a=Text("no"), b=Number(7), c=(Map(d=1), ()))
    assert emit.dump(data) == 'a: "no"\nb: 7\nc:\n- d: 1\n- []\n'


def test_an_empty_mapping_is_a_document() -> None:
    assert emit.dump({}, "# head") == "# head\n{}\n"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "nan has no place"),
        (float("-inf"), "-inf has no place"),
        (2**63, "does not fit into 64 bits"),
        ("\ud800", "lone surrogate"),
        ("a\udfffb\n", "lone surrogate"),
        (b"bytes", "bytes has no place"),
        ({1: 2}, "key 1 is no string"),
        ({True: 2}, "key True is no string"),
        ({"k" * 1001: 2}, "a key has 1001 characters"),
        ({"\udc80": 2}, "lone surrogate"),
    ],
)
def test_what_no_manifest_can_hold_is_refused(value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        emit.dump({"a": [{"b": value}]})


def test_a_header_of_two_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="one line"):
        emit.dump({}, "# a\nkind: Secret")
