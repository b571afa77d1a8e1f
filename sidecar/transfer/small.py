"""Small objects that are looked at and never kept: golden inputs and outputs, questions."""

from __future__ import annotations

from sidecar.model.config import Source
from sidecar.model.reasons import ReasonError
from sidecar.transfer import verdict
from sidecar.transfer.context import Context
from sidecar.transfer.scheme import Remote, Wanted
from sidecar.transfer.schemes import find


def get(source: Source, context: Context, limit: int) -> bytes:
    """All bytes of an object, `limit` at most.

    Raises:
        ReasonError: TooLarge, or why it cannot be had.
    """
    failures: list[ReasonError] = []
    for remote in find((source,), Wanted(), context):
        try:
            return _whole(remote, limit)
        except ReasonError as error:
            failures.append(error)
    raise verdict.of(failures)


def _whole(remote: Remote, limit: int) -> bytes:
    flow = remote.open(0, "")
    try:
        if flow.total > limit:
            raise ReasonError("TooLarge", f"{remote.label}: more than {limit} bytes")
        view, filled = memoryview(bytearray(limit + 1)), 0
        while filled <= limit and (count := flow.readinto(view[filled:])):
            filled += count
        if filled > limit:
            raise ReasonError("TooLarge", f"{remote.label}: more than {limit} bytes")
        if flow.total >= 0 and filled != flow.total:
            raise ReasonError("Protocol", f"{remote.label}: ended after {filled} bytes")
        return bytes(view[:filled])
    finally:
        flow.close()
