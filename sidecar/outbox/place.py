"""Where the items of one tenant on one node lie: `<to>/<site>/<host>/<tenant>/[<round>/]`."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

from sidecar.outbox.names import Item


class Place(NamedTuple):
    """Below which prefix the objects of one tenant on one node lie."""

    to: str
    site: str
    host: str
    tenant: str

    def item(self, item: Item) -> str:
        """The URL of an item: the same for the same bytes, whoever sends them and however often."""
        return f"{self.folder(item.round)}{item.sha256}-{item.name}"

    def manifest(self, within: str) -> str:
        """The URL of the object that lists what was delivered, of a round or of no round."""
        return f"{self.folder(within)}manifest.json"

    def folder(self, within: str) -> str:
        """The prefix of a round, or of what has no round."""
        parts = [self.site, self.host, self.tenant, *([within] if within else [])]
        path = "/".join(quote(part, safe="") for part in parts)
        return f"{self.to.rstrip('/')}/{path}/"
