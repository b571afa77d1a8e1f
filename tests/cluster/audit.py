"""What an engine asked of the API server: its requests, counted from the audit log.

Only the users FLUX and ARGO are in that log. A request is counted when it ends, whatever the
answer; whether a write changed what is stored is not in the log, so `versions` tells that from
the objects themselves.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.cluster.api import Api
from tests.cluster.control_plane import ControlPlane

Versions = Mapping[tuple[str, str, str, str], str]
READS = {"get": "GETs", "list": "lists", "watch": "watches"}


@dataclass(frozen=True, slots=True)
class Request:
    """One request that ended; `sort` is GETs, lists, watches, dry runs, writes or status writes."""

    user: str
    sort: str
    verb: str
    resource: str
    name: str
    code: int

    @property
    def refused(self) -> bool:
        """Whether the server answered with an error."""
        return self.code >= 400


def now() -> str:
    """A moment, to count requests since."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def requests(plane: ControlPlane, user: str, since: str = "", until: str = "9") -> list[Request]:
    """The requests of a user that were received from one moment to before another."""
    return [
        _request(line)
        for line in _lines(plane)
        if line["user"]["username"] == user and since <= line["requestReceivedTimestamp"] < until
    ]


def sorts(found: Iterable[Request]) -> Counter[str]:
    """How many requests of each sort."""
    return Counter(one.sort for one in found)


def versions(api: Api, kinds: Iterable[tuple[str, str]], namespace: str) -> Versions:
    """The resource version of every object of some kinds: equal where nothing was persisted."""
    return {
        (api_version, kind, namespace, one["metadata"]["name"]): one["metadata"]["resourceVersion"]
        for api_version, kind in kinds
        for one in api.items(api_version, kind, namespace)
    }


def changed(before: Versions, after: Versions) -> frozenset[tuple[str, str, str, str]]:
    """What was written, made or deleted between two moments."""
    return frozenset(one for one in {*before, *after} if before.get(one) != after.get(one))


def _lines(plane: ControlPlane) -> Iterator[Mapping[str, Any]]:
    # A full log is put aside under a name with its time.
    for log in sorted(plane.folder.glob("audit*.log")):
        with log.open(encoding="utf-8") as stream:
            # The server may be in the middle of its last line.
            yield from (json.loads(line) for line in stream if line.endswith("}\n"))


def _request(line: Mapping[str, Any]) -> Request:
    what = line.get("objectRef") or {}
    return Request(
        line["user"]["username"],
        _sort(line["verb"], what.get("subresource", ""), line["requestURI"]),
        line["verb"],
        what.get("resource", ""),
        what.get("name", ""),
        (line.get("responseStatus") or {}).get("code", 0),
    )


def _sort(verb: str, subresource: str, address: str) -> str:
    if verb in READS:
        return READS[verb]
    if "dryRun=All" in address:
        return "dry runs"
    return "status writes" if subresource == "status" else "writes"
