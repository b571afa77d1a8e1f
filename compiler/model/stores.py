"""Where a `uri` of the spec points: a store's address, and places below it.

Pure: joins texts, and knows Secrets by name only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from compiler.model.inputs import Location
from compiler.model.spec.project import StoreSpec


def store_location(name: str, store: StoreSpec) -> Location:
    """The store itself."""
    return Location(
        url=store.url,
        store=name,
        endpoint=store.endpoint or "",
        region=store.region or "",
        read_secret=store.read.secret if store.read else "",
        write_secret=store.write.secret if store.write else "",
    )


def locate(stores: Mapping[str, StoreSpec], uri: str) -> Location:
    """Where a uri points; `host:/path` stays as it is, a store's path is joined to its URL."""
    name, separator, path = uri.partition(":")
    store = stores.get(name)
    if not separator or store is None or path.startswith("//"):
        return Location(uri, path=path if name == "host" else "")
    url = f"{store.url.rstrip('/')}/{path.lstrip('/')}"
    return replace(store_location(name, store), url=url, path=path)
