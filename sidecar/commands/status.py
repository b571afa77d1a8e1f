"""`status`: what is wanted, what is active, what waits and why; from the sidecar or the disk."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from sidecar.activation import links
from sidecar.model.reasons import REASONS
from sidecar.resident import asking, offline
from sidecar.resident.service import host
from sidecar.surface.pages import status_document

DISK = "the disk"
_COLUMNS = ("ARTIFACT", "WANTED", "SERVES", "STATE", "PHASE", "REASON")


def main(flags: dict[str, str], words: list[str]) -> int:
    """Print it.

    Raises:
        ReasonError: there is no config.
    """
    del words
    accepted = asking.config(flags["config"], flags.get("view", links.VIEW))
    said = asking.get(accepted.config.surface.socket, "/v1/status")
    if said is not None and said.status == 200:
        document, source = said.document, "the running sidecar"
    else:
        found = offline.look(accepted, host(os.environ.get("EDGEWRIGHT_HOST", "")))
        document, source = status_document(found, accepted.config, time.time()), DISK
    print(json.dumps(document, indent=2) if "json" in flags else text(document, source))
    return 0


def text(document: dict[str, Any], source: str) -> str:
    """The table that people read, with what to do about what is wrong."""
    artifacts = document["artifacts"]
    rows = [_COLUMNS, *(_row(one) for one in artifacts)]
    ready = f"started {_word(document['started'])}, ready {_word(document['ready'])}"
    if source == DISK:
        ready = "no sidecar answers, so nothing is fetched, switched or sent now"
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS))]
    lines = [
        f"{document['tenant']} at {document['site']}/{document['host']}: {document['state']} "
        f"(from {source})",
        f"config {document['revision'][:12]}, {ready}",
    ]
    if document.get("rejected"):
        lines.append(f"the newest config is not accepted: {_advice(document['rejected'])}")
    if document.get("reason"):
        lines.append(f"{document['reason']}: {document.get('detail', '')}".rstrip(": "))
    lines.append("")
    lines += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    for one in artifacts:
        if one.get("reason"):
            name, detail = f"{one['kind']}/{one['name']}", one.get("detail", "")
            lines += ["", f"{name}: {one['reason']}: {detail}".rstrip(": ")]
            lines.append(f"  {_advice(one['reason'])}")
    for one in document.get("held", ()):
        lines += ["", f"outbox {one['stream']}: {one['files']} not taken: {one['reason']}"]
        lines.append(f"  {_advice(one['reason'])}")
    return "\n".join(lines)


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    key = f"{one['kind']}/{one['name']}"
    serves = one.get("serves", "-")
    return (key, one["version"], serves, one["state"], one["phase"], one.get("reason", ""))


def _advice(code: str) -> str:
    return REASONS[code].advice if code in REASONS else code


def _word(value: object) -> str:
    return "yes" if value else "no"
