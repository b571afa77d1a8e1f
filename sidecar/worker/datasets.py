"""Pulls what the other nodes of the site have written about the datasets of this config."""

from __future__ import annotations

from typing import Any

from sidecar.model.reasons import ReasonError
from sidecar.peers import datasets
from sidecar.transfer.exchange import Answer
from sidecar.transfer.neighbours import ask, near
from sidecar.worker.bench import Bench, Note

_PATIENCE = 10


def run(bench: Bench, body: dict[str, Any], note: Note) -> dict[str, Any]:
    """See `model.tasks.datasets`.

    Raises:
        ReasonError: the disk failed. Nodes that do not answer are noted, and asked again next time.
    """
    del body
    context = near(bench.context, _PATIENCE)

    def get(url: str, tag: str) -> datasets.Fetched:
        try:
            return _fetched(ask(context, url, {"If-None-Match": tag} if tag else {}))
        except ReasonError as error:
            raise datasets.PeerError(str(error)) from error

    environment = bench.context.environment
    node = datasets.Node(
        environment.get("EDGEWRIGHT_HOST", ""), environment.get("EDGEWRIGHT_POD_IP", "")
    )
    changed: list[str] = []
    failed: dict[str, str] = {}
    try:
        for dataset in datasets.public(bench.config):
            pulled = datasets.pull(
                bench.layout, bench.owner, dataset, bench.config.peers.members, node, get
            )
            changed += [f"{dataset}/{writer}" for writer in pulled.changed]
            failed |= pulled.failed
    finally:
        context.close()
    for member, words in sorted(failed.items()):
        note("note", {"event": "no-list", "peer": member, "detail": words})
    return {"changed": sorted(changed)}


def _fetched(answer: Answer) -> datasets.Fetched:
    tag, host = answer.headers.get("ETag", ""), answer.headers.get("Edgewright-Host", "")
    if answer.status == 200:
        return datasets.Fetched(200, answer.read(datasets.BYTES), tag, host)
    answer.refusal()
    return datasets.Fetched(answer.status, b"", tag, host)
