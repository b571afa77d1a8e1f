"""Posts an artifact's golden input to the server that just loaded it, and compares the answer."""

from __future__ import annotations

from typing import Any

from sidecar.hooks import golden as comparison
from sidecar.model.reasons import ReasonError
from sidecar.transfer import small
from sidecar.wire import client
from sidecar.worker.bench import Bench, Note

_LIMIT = 8 << 20
_PATIENCE = 60.0


def run(bench: Bench, body: dict[str, Any], note: Note) -> dict[str, Any]:
    """See `model.tasks.golden`.

    Raises:
        ReasonError: GoldenFailed, WaitingForServer, or why the expected output cannot be had.
    """
    del note
    artifact = bench.config.artifact(body["artifact"])
    golden = artifact.activation.golden if artifact else None
    if golden is None:
        return {}
    given = small.get(golden.input, bench.context, _LIMIT)
    expected = small.get(golden.expect, bench.context, _LIMIT)
    try:
        answer = client.request(
            "POST",
            golden.url,
            body=given,
            headers={"Content-Type": _type_of(given)},
            timeout=_PATIENCE,
            limit=_LIMIT,
            ports=bench.config.server.ports,
        )
    except client.UnansweredError as error:
        code = "GoldenFailed" if error.reached else "WaitingForServer"
        raise ReasonError(code, f"golden input: {error.detail}") from error
    if answer.status != 200:
        raise ReasonError("GoldenFailed", f"{answer.status} to the golden input")
    comparison.compare(expected, answer.body, golden.tolerance)
    return {}


def _type_of(body: bytes) -> str:
    return "application/json" if body.lstrip()[:1] in (b"{", b"[") else "application/octet-stream"
