"""Checks a signed envelope against the keys of this node, and what it says of site and time."""

from __future__ import annotations

import time
from typing import Any

from sidecar.contract import envelope
from sidecar.model.reasons import ReasonError
from sidecar.transfer import signature
from sidecar.worker.bench import Bench, Note


def run(bench: Bench, body: dict[str, Any], note: Note) -> dict[str, Any]:
    """See `model.tasks.signature`; which config it is for is compared by who asks.

    Raises:
        ReasonError: SignatureInvalid, or ClockSkew.
    """
    del note
    statement = signature.check(body["envelope"].encode(), _roots())
    envelope.judge(statement, statement.revision, bench.config.node.site, time.time())
    return {"revision": statement.revision, "site": statement.site}


def _roots() -> envelope.Roots:
    try:
        with open(envelope.ROOTS, "rb") as file:
            return envelope.roots(file.read(envelope.MAX_BYTES + 1))
    except OSError as fault:
        words = f"{envelope.ROOTS}: {fault.strerror}"
        raise ReasonError("SignatureInvalid", words) from fault
