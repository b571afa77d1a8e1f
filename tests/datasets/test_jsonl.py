from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from compiler.model.splitting import Splits
from tests.datasets.held import count, examples, problems, refusal


def test_labels_are_counted_whatever_their_type() -> None:
    lines = ['"a"', "1", "true", '["a","b"]', "null", '""', "[]", '{"x":1}', "1.5"]
    text = "\n".join(f'{{"label": {value}}}' for value in lines)
    found = count("jsonl", {"t.jsonl": text})
    assert found.samples == 9
    assert found.classes == {"a": 2, "b": 1, "1": 1, "true": 1, "1.5": 1}
    assert problems(found) == {"bad-value": 1, "unlabelled": 4}


BAD = {
    "a truncated line": '{"label": "a"',
    "two objects on a line": '{"label": "a"} {"label": "b"}',
    "a comma at the end": '{"label": "a"},',
    "no object": '["a"]',
    "NaN": '{"x": NaN}',
    "deep nesting": '{"x": ' + "[" * 200_000 + "]" * 200_000 + "}",
    "a lone word": "label",
}


@pytest.mark.parametrize("name", BAD)
def test_a_line_that_is_no_object_is_counted_with_its_number(name: str) -> None:
    text = '{"label": "a"}\n\n' + BAD[name] + '\n{"label": "b"}\n'
    found = count("jsonl", {"t.jsonl": text})
    assert found.samples == 2
    assert problems(found) == {"bad-record": 1}
    assert examples(found, "bad-record")[0].startswith("t.jsonl:3: ")


def test_a_key_that_comes_twice_is_found_however_it_is_spelt() -> None:
    for second in ('"label"', '"l\\u0061bel"', '"label" '):
        text = f'{{"label": "label"}}\n{{"label": "a", {second}: "b"}}\n'
        found = count("jsonl", {"t.jsonl": text})
        assert found.samples == 1
        assert problems(found) == {"duplicate-key": 1}


def test_numbers_that_no_reader_keeps_are_counted() -> None:
    large = ["9007199254740993", "7" * 30]
    text = "".join(f'{{"id": {number}}}\n' for number in (*large, 1))
    text += f'{{"label": {"9" * 5000}}}\n'
    found = count("jsonl", {"t.jsonl": text})
    assert problems(found) == {"bad-value": 3}


def test_ids_that_only_hash_alike_are_not_the_same() -> None:
    text = f'{{"id": 1}}\n{{"id": {2**61}}}\n{{"id": "1"}}\n'
    assert "duplicate-id" not in problems(count("jsonl", {"t.jsonl": text}))
    assert problems(count("jsonl", {"t.jsonl": '{"id":1}\n{"id":1}\n'})) == {"duplicate-id": 1}


def test_a_file_without_a_single_object_is_refused() -> None:
    error = refusal("jsonl", {"t.jsonl": '[\n{"label": "a"},\n{"label": "b"}]\n'})
    assert error.code.id == "E9102"
    assert refusal("jsonl", {"t.jsonl": b'\xff\xfe{\0"\0'}).code.id == "E9101"
    assert count("jsonl", {"t.jsonl": b""}).samples == 0


def test_many_ids_are_told_apart_after_the_first_hundred_thousand() -> None:
    ids = [*range(250_000), 17, 249_999, 17]
    text = "".join(f'{{"id":{i}}}\n' for i in ids)
    found = count("jsonl", {"t.jsonl": text})
    assert found.samples == len(ids)
    assert problems(found) == {"duplicate-id": 3}


def test_hostile_lines_count_as_they_were_written() -> None:
    chance = random.Random(3)
    names = ["a", "ä", "\u2028", "x\ny", '"label":', "label", "\\u0061", "💡"]
    for _ in range(100):
        rows = [
            {
                "id": i,
                "label": chance.choice(names),
                "x": chance.choice([None, [1, {"label": 2}], "}"]),
            }
            for i in range(chance.randrange(1, 40))
        ]
        text = "".join(
            json.dumps(row, ensure_ascii=chance.random() < 0.5)
            + chance.choice(["\n", "\r\n", "\n\n"])
            for row in rows
        )
        found = count("jsonl", {"t.jsonl": text})
        assert found.samples == len(rows)
        assert sorted(found.classes.values()) == sorted(Counter(r["label"] for r in rows).values())
        assert problems(found) == {}


def test_a_split_knows_a_record_again_in_any_order_of_its_keys() -> None:
    splits = Splits(1, (("train", 0.5), ("test", 0.5)))
    one = "".join(f'{{"id": {i}, "a": {i}, "b": 1}}\n' for i in range(500))
    other = "".join(f'{{"b":1,"id":"x{i}","a":{i}}}\n' for i in range(500))
    assert (
        count("jsonl", {"t.jsonl": one}, splits=splits).splits
        == count("jsonl", {"t.jsonl": other}, splits=splits).splits
    )
