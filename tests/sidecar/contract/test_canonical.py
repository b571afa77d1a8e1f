"""The sidecar and the compiler give a document the same bytes and the same name."""

from __future__ import annotations

import json
import random

from compiler.model import contract
from sidecar.contract import accept, canonical
from tests.sidecar.contract.documents import document, drawn, text_of


def test_both_sides_write_the_same_canonical_bytes_of_many_documents() -> None:
    dice = random.Random(21)
    count = 0
    while count < 300:
        value = drawn(dice)
        if isinstance(value, dict):
            count += 1
            assert canonical.canonical(value) == contract.canonical(value).encode()
            assert canonical.revision(value) == contract.revision(value)


def test_layout_and_order_of_the_text_do_not_change_the_name() -> None:
    value = document()
    shuffled = dict(reversed(value.items()))
    texts = (
        contract.text(value).encode(),
        text_of(shuffled),
        json.dumps(value, indent=4, ensure_ascii=False).encode(),
    )
    assert {accept.read(text, machine="amd64").revision for text in texts} == {
        contract.revision(value)
    }
