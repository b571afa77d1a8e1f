"""Datasets of the tests: files held in memory, as `Files` gives them, and how to count them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

import pytest

from compiler.datasets import dataset_format
from compiler.model.counted import Counted, CountRequest, UncountableError
from compiler.model.inputs import Location
from compiler.model.stored import Stored


class Held:
    """Files by name; `opened` counts how often each was read."""

    def __init__(self, files: Mapping[str, bytes | str], vouched: Mapping[str, str] = {}) -> None:
        self.files = {
            name: data.encode() if isinstance(data, str) else data for name, data in files.items()
        }
        self.vouched = vouched
        self.opened: dict[str, int] = {}

    def names(self) -> Iterator[Stored]:
        for name, data in sorted(self.files.items()):
            digest = self.vouched.get(name, "")
            yield Stored(Location(f"s3://bucket/{name}"), name, len(data), sha256=digest)

    def open(self, name: str, *, start: int = 0) -> AbstractContextManager[BinaryIO]:
        self.opened[name] = self.opened.get(name, 0) + 1
        return io.BytesIO(self.files[name][start:])


def count(form: str, files: Mapping[str, bytes | str] | Held, **asked: Any) -> Counted:
    held = files if isinstance(files, Held) else Held(files)
    return dataset_format(form).count(held, CountRequest(**asked))


def problems(found: Counted) -> dict[str, int]:
    return {problem.kind: problem.count for problem in found.problems}


def examples(found: Counted, kind: str) -> tuple[str, ...]:
    return next(problem.examples for problem in found.problems if problem.kind == kind)


def refusal(form: str, files: Mapping[str, bytes | str] | Held, **asked: Any) -> UncountableError:
    with pytest.raises(UncountableError) as raised:
        count(form, files, **asked)
    assert raised.value.hint
    return raised.value
