"""Asks the other part of a joint model once whether it serves the release."""

from __future__ import annotations

from typing import Any

from sidecar.model.reasons import ReasonError
from sidecar.transfer.context import Context
from sidecar.transfer.exchange import Request, send
from sidecar.worker.bench import Bench, Note


def run(bench: Bench, body: dict[str, Any], note: Note) -> dict[str, Any]:
    """See `model.tasks.ask`.

    Raises:
        ReasonError: nobody answered.
    """
    del body, note
    release = bench.config.release
    if release is None or release.ask is None:
        return {"ready": True}
    network = bench.config.network._replace(
        timeout=release.ask.timeout, low_seconds=release.ask.timeout
    )
    # A connection of its own each time: behind one address may be many replicas, and a kept
    # connection would ask the same one again.
    context = Context(
        bench.config._replace(network=network), bench.context.environment, bench.context.stop
    )
    try:
        answer = send(context, Request("GET", release.ask.url))
        ready = answer.status == 200
        answer.refusal()
    except ReasonError as error:
        if error.code in ("AccessDenied", "Protocol"):
            return {"ready": False}
        raise
    finally:
        context.close()
    return {"ready": ready}
