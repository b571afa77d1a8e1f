"""Every reason is used, tested and told: the table, the code, the tests and the page agree."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from sidecar.model.reasons import REASONS, Kind, Reason, ReasonError

ROOT = Path(__file__).parents[3]
TABLE = ROOT / "sidecar" / "model" / "reasons.py"


def texts(folder: Path, *without: Path) -> str:
    found = (path for path in sorted(folder.rglob("*.py")) if path not in without)
    return "\n".join(path.read_text(encoding="utf-8") for path in found)


CODE = texts(ROOT / "sidecar", TABLE)
TESTS = texts(ROOT / "tests" / "sidecar", Path(__file__))
PAGE = (ROOT / "docs" / "sidecar-reasons.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", REASONS)
def test_a_reason_is_given_somewhere_and_tested_somewhere_and_on_the_page(code: str) -> None:
    assert f'"{code}"' in CODE
    assert re.search(rf"\b{code}\b", TESTS)
    assert f"| `{code}` |" in PAGE


def test_no_other_reason_is_raised() -> None:
    raised = set(re.findall(r'ReasonError\(\s*"(\w+)"', CODE))
    assert len(raised) > 20
    assert raised <= set(REASONS)


def test_a_code_that_is_not_in_the_table_cannot_be_raised() -> None:
    with pytest.raises(KeyError):
        raise ReasonError("NoSuchReason")


@pytest.mark.parametrize("reason", REASONS.values(), ids=lambda reason: reason.code)
def test_a_reason_is_told_in_plain_words(reason: Reason) -> None:
    code, kind, meaning, advice = reason
    assert re.fullmatch("[A-Z][A-Za-z]+", code)
    assert kind in get_args(Kind)
    assert meaning[0].islower()
    assert not meaning.endswith(".")
    assert advice.endswith(".")
