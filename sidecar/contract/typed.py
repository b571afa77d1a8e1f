"""The typed form of a config document, with every default filled in.

It expects a document that the validator accepted, and checks nothing itself.
"""

from __future__ import annotations

from typing import Any

from sidecar.model.config import (
    ANONYMOUS,
    Activation,
    Artifact,
    Ask,
    Bundle,
    Chunks,
    Config,
    Golden,
    Hook,
    Limits,
    Network,
    Node,
    Peers,
    Probe,
    Release,
    Reports,
    Server,
    Source,
    Store,
    Stream,
    Surface,
    Tenant,
    Unpack,
    View,
    Window,
)


def config_of(document: dict[str, Any], revision: str) -> Config:
    """The typed form of a valid document."""
    stores = {entry["name"]: _store(entry) for entry in document.get("stores", ())}
    return Config(
        revision=revision,
        contract=document["contract"],
        tenant=Tenant(**document["tenant"]),
        node=Node(**{"host": "", **document["node"]}),
        limits=_limits(document["store"]),
        network=_network(document.get("network", {})),
        stores=tuple(stores.values()),
        server=_server(document.get("server", {})),
        artifacts=tuple(_artifact(entry, stores) for entry in document["artifacts"]),
        bundles=tuple(
            Bundle(entry["name"], tuple(entry["members"])) for entry in document.get("bundles", ())
        ),
        release=_release(document.get("release")),
        outbox=tuple(_stream(entry, stores) for entry in document.get("outbox", ())),
        peers=_peers(document.get("peers", {})),
        reports=_reports(document.get("reports"), stores),
        surface=Surface(**document["surface"]),
    )


def _picked(entry: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {ours: entry[theirs] for theirs, ours in names.items() if theirs in entry}


def _store(entry: dict[str, Any]) -> Store:
    return Store(
        **_picked(
            entry,
            {
                "name": "name",
                "endpoint": "endpoint",
                "region": "region",
                "pathStyle": "path_style",
                "credentials": "credentials",
            },
        )
    )


def _limits(entry: dict[str, Any]) -> Limits:
    return Limits(
        **_picked(
            entry,
            {
                "root": "root",
                "maxBytes": "max_bytes",
                "minFree": "min_free",
                "minFreePercent": "min_free_percent",
                "keepPrevious": "keep_previous",
                "grace": "grace",
            },
        )
    )


def _network(entry: dict[str, Any]) -> Network:
    found = _picked(
        entry, {"streams": "streams", "rate": "rate", "timeout": "timeout", "proxy": "proxy"}
    )
    found |= _picked(entry.get("lowSpeed", {}), {"rate": "low_rate", "seconds": "low_seconds"})
    found |= _picked(entry, {"caFile": "ca_file"})
    return Network(
        windows=tuple(map(_window, entry.get("windows", ()))),
        no_proxy=tuple(entry.get("noProxy", ())),
        **found,
    )


def _window(entry: dict[str, Any]) -> Window:
    return Window(entry["from"], entry["to"], entry["zone"])


def _server(entry: dict[str, Any]) -> Server:
    return Server(entry.get("name", ""), entry.get("image", ""), tuple(entry.get("ports", ())))


def _source(entry: dict[str, Any], stores: dict[str, Store]) -> Source:
    return Source(entry["url"], stores.get(entry.get("store", ""), ANONYMOUS))


def _artifact(entry: dict[str, Any], stores: dict[str, Store]) -> Artifact:
    view, unpack = entry["view"], entry.get("unpack")
    return Artifact(
        kind=entry["kind"],
        name=entry["name"],
        version=entry["version"],
        variant=entry.get("variant", ""),
        sources=tuple(_source(one, stores) for one in entry["sources"]),
        sha256=entry["sha256"],
        size=entry.get("size", -1),
        unpacked=entry.get("unpacked", -1),
        chunks=_chunks(entry.get("chunks")),
        unpack=Unpack(
            unpack["format"],
            unpack["maxBytes"],
            **_picked(unpack, {"maxFiles": "max_files"}),
        )
        if unpack
        else None,
        arch=tuple(entry.get("arch", ())),
        required=entry.get("required", True),
        private=entry.get("private", False),
        view=View(view["type"], view.get("model", entry["name"]), view.get("number", 0)),
        link=entry.get("link", ""),
        activation=_activation(entry["activation"], entry["name"], stores),
    )


def _chunks(entry: dict[str, Any] | None) -> Chunks | None:
    return Chunks(entry["size"], entry["count"], entry["root"]) if entry else None


def _activation(entry: dict[str, Any], name: str, stores: dict[str, Store]) -> Activation:
    hook, probe, golden = entry.get("hook"), entry.get("probe"), entry.get("golden")
    return Activation(
        update=entry["update"],
        hook=Hook(**{"model": name, **hook, "command": tuple(hook.get("command", ()))})
        if hook
        else Hook(model=name),
        probe=Probe(**probe) if probe else None,
        golden=Golden(
            golden["url"],
            _source(golden["input"], stores),
            _source(golden["expect"], stores),
            tuple((one["name"], float(one["value"])) for one in golden.get("tolerance", ())),
        )
        if golden
        else None,
        window=_window(entry["window"]) if "window" in entry else None,
    )


def _release(entry: dict[str, Any] | None) -> Release | None:
    if entry is None:
        return None
    ask = entry.get("ask")
    return Release(entry["model"], entry["version"], entry["digest"], Ask(**ask) if ask else None)


def _stream(entry: dict[str, Any], stores: dict[str, Store]) -> Stream:
    found = _picked(
        entry,
        {
            "name": "name",
            "to": "to",
            "priority": "priority",
            "maxBytes": "max_bytes",
            "overflow": "overflow",
            "ttl": "ttl",
        },
    )
    return Stream(store=stores.get(entry.get("store", ""), ANONYMOUS), **found)


def _peers(entry: dict[str, Any]) -> Peers:
    return Peers(entry.get("serve", 0), tuple(entry.get("members", ())), entry.get("tokenFile", ""))


def _reports(entry: dict[str, Any] | None, stores: dict[str, Store]) -> Reports | None:
    if entry is None:
        return None
    store = stores.get(entry.get("store", ""), ANONYMOUS)
    return Reports(entry["url"], store, entry.get("interval", 300))
