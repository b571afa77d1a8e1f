"""The registry of kinds and the folder of their modules agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import compiler.kinds
from compiler.kinds import KINDS, REGISTRY, kind
from compiler.model.kind import Kind


def test_the_tuple_lists_every_module_with_a_kind_once_and_in_order() -> None:
    folder = Path(compiler.kinds.__file__).parent
    modules = {
        path.stem.replace("_", "-")
        for path in folder.glob("*.py")
        if re.search(r"^KIND\b", path.read_text(), re.MULTILINE)
    }
    assert sorted(modules) == list(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_a_module_declares_the_kind_of_its_name(name: str) -> None:
    found = kind(name)
    assert isinstance(found, Kind)
    assert found.name == name
    assert found.spec.__doc__


def test_a_kind_that_is_not_listed_is_not_imported() -> None:
    with pytest.raises(KeyError):
        REGISTRY.load("os")
