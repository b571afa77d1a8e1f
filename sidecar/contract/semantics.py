"""What a schema cannot say of a document: what must be unique, lead somewhere or fit together.

It expects a document that the schema accepted, and looks at text only: no name is resolved, no
path opened.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from sidecar.contract.addresses import Address, address_of, is_forbidden
from sidecar.model.config import LIST

Document = Mapping[str, Any]

MAX_NAME: Final = 255
"""Bytes that a file system allows for one name."""

MAX_SOCKET: Final = 107
"""Bytes that the kernel allows for the path of a unix socket."""

_HOOK_NEEDS: Final = {
    "triton": ("url",),
    "ovms": ("url",),
    "torchserve": ("url",),
    "openinference": ("url",),
    "http": ("url",),
    "exec": ("command",),
    "signal": ("signal", "process"),
    "touch": ("path",),
}
_MACHINES: Final = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv6l": "arm",
    "armv7l": "arm",
    "armv8l": "arm",
}


class Problem(NamedTuple):
    """One thing that is wrong: the code of its reason, where it is and what it is."""

    code: str
    path: str
    words: str


def problems(document: Document, machine: str = "") -> list[Problem]:
    """Everything that does not fit; `machine` is the processor of this node unless stated."""
    found: list[Problem] = []
    for check in _CHECKS:
        found += check(document)
    found += _architecture(document, machine or this_machine())
    return found


def this_machine() -> str:
    """The processor architecture of this process in the contract's words."""
    machine = os.uname().machine
    # A 32-bit system on a 64-bit kernel runs 32-bit programs only.
    if machine == "aarch64" and sys.maxsize < 2**32:
        return "arm"
    return _MACHINES.get(machine, machine)


def _wrong(path: str, words: str) -> Problem:
    return Problem("ConfigInvalid", path, words)


def _key(artifact: Document) -> str:
    return f"{artifact['kind']}/{artifact['name']}"


def _artifacts(document: Document) -> Iterator[tuple[str, Any]]:
    for index, artifact in enumerate(document["artifacts"]):
        yield f"$.artifacts[{index}]", artifact


# Names.


def _names(document: Document) -> Iterator[Problem]:
    lists: dict[str, Iterable[str]] = {
        "artifacts": map(_key, document["artifacts"]),
        "bundles": (one["name"] for one in document.get("bundles", ())),
        "stores": (one["name"] for one in document.get("stores", ())),
        "outbox": (one["name"] for one in document.get("outbox", ())),
    }
    for where, names in lists.items():
        seen: set[str] = set()
        for index, name in enumerate(names):
            if name in seen:
                yield _wrong(f"$.{where}[{index}]", f"{name} is listed twice")
            seen.add(name)


def _lengths(document: Document) -> Iterator[Problem]:
    tenant = document["tenant"]
    parts = [tenant["job"], tenant["role"], *filter(None, [tenant.get("revision")])]
    names = [("$.tenant", ".".join(parts))]
    names += [(path, f"{one['kind']}.{one['name']}") for path, one in _artifacts(document)]
    names += [
        (f"$.bundles[{index}]", f"bundle.{one['name']}")
        for index, one in enumerate(document.get("bundles", ()))
    ]
    for path, name in names:
        if len(name) > MAX_NAME:
            yield _wrong(path, f"its directory would need {len(name)} bytes for a name")
    if len(document["surface"]["socket"].encode()) > MAX_SOCKET:
        yield _wrong("$.surface.socket", f"a socket's path has at most {MAX_SOCKET} bytes")


# References.


def _references(document: Document) -> Iterator[Problem]:
    listed = {one["name"] for one in document.get("stores", ())}
    for path, place in _places(document):
        if "store" in place and place["store"] not in listed:
            yield _wrong(f"{path}.store", f"{place['store']} is not in stores")


def _places(document: Document) -> Iterator[tuple[str, Any]]:
    """Everything with a URL and perhaps a store."""
    yield from _read_places(document)
    for index, stream in enumerate(document.get("outbox", ())):
        yield f"$.outbox[{index}]", {**stream, "url": stream["to"]}
    if "reports" in document:
        yield "$.reports", document["reports"]


def _read_places(document: Document) -> Iterator[tuple[str, Any]]:
    for path, artifact in _artifacts(document):
        for index, source in enumerate(artifact["sources"]):
            yield f"{path}.sources[{index}]", source
        golden = artifact["activation"].get("golden", {})
        for part in ("input", "expect"):
            if part in golden:
                yield f"{path}.activation.golden.{part}", golden[part]


def _members(document: Document) -> Iterator[Problem]:
    updates = {_key(one): one["activation"]["update"] for one in document["artifacts"]}
    homes: dict[str, str] = {}
    for index, bundle in enumerate(document.get("bundles", ())):
        path = f"$.bundles[{index}].members"
        for member in bundle["members"]:
            if member not in updates:
                yield _wrong(path, f"{member} is no artifact")
            if homes.setdefault(member, bundle["name"]) != bundle["name"]:
                yield _wrong(path, f"{member} is in bundle {homes[member]} as well")
        if len({updates[one] for one in bundle["members"] if one in updates}) > 1:
            yield _wrong(path, "members change together, so `update` must be the same for all")


# Activation.


def _activations(document: Document) -> Iterator[Problem]:
    ports = set(document.get("server", {}).get("ports", ()))
    for path, artifact in _artifacts(document):
        activation = artifact["activation"]
        hook = activation.get("hook", {})
        for key in _HOOK_NEEDS.get(hook.get("type", "none"), ()):
            if key not in hook:
                yield _wrong(f"{path}.activation.hook", f"type {hook['type']} needs {key}")
        for part in ("hook", "probe", "golden"):
            url = activation.get(part, {}).get("url", "")
            found = _address(url)
            if url and (isinstance(found, str) or found.port not in ports):
                yield _wrong(f"{path}.activation.{part}.url", "its port is not in server.ports")


def _views(document: Document) -> Iterator[Problem]:
    links: dict[str, str] = {}
    numbers: dict[tuple[str, str, int], str] = {}
    for path, artifact in _artifacts(document):
        view, link, key = artifact["view"], artifact.get("link", ""), _key(artifact)
        model = view.get("model", artifact["name"])
        if "/" in model or not model.isprintable() or model in (".", ".."):
            yield _wrong(f"{path}.view.model", "it is no name of a directory")
        if view["type"] != "flat" and "number" not in view:
            yield _wrong(f"{path}.view", f"type {view['type']} needs number")
        if link and links.setdefault(link, key) != key:
            yield Problem("ViewClash", f"{path}.link", f"{links[link]} has the same link")
        place = (view["type"], model, view.get("number", 0))
        if view["type"] != "flat" and numbers.setdefault(place, key) != key:
            words = f"{numbers[place]} has number {place[2]} of model {model} already"
            yield Problem("ViewClash", f"{path}.view", words)


def _folders(document: Document) -> Iterator[Problem]:
    for path, artifact in _artifacts(document):
        is_list = artifact.get("unpack", {}).get("format") == LIST
        for index, source in enumerate(artifact["sources"]):
            url = source["url"]
            if url == "peer:":
                continue
            if url.endswith("/") != is_list:
                words = "format manifest, and nothing else, comes from a folder: a URL with / last"
                yield _wrong(f"{path}.sources[{index}].url", words)
            elif is_list and url.startswith("oci:"):
                yield _wrong(f"{path}.sources[{index}].url", "a registry has no folders")


def _chunks(document: Document) -> Iterator[Problem]:
    for path, artifact in _artifacts(document):
        chunks, size = artifact.get("chunks"), artifact.get("size")
        if chunks and size is not None and chunks["count"] != max(1, -(-size // chunks["size"])):
            yield _wrong(f"{path}.chunks.count", f"{size} bytes have another number of chunks")
        asks = any(source["url"] == "peer:" for source in artifact["sources"])
        if artifact.get("private") and asks:
            yield _wrong(f"{path}.sources", "private bytes are never asked of peers")


# Addresses.


def _addresses(document: Document) -> Iterator[Problem]:
    for path, url in (*_stored(document), *_services(document)):
        found = _address(url)
        if isinstance(found, str):
            yield _wrong(path, found)
        elif found.scheme in ("http", "https", "oci") and is_forbidden(found.host):
            yield Problem("AddressRefused", path, "such addresses are for metadata services")


def _stored(document: Document) -> Iterator[tuple[str, str]]:
    for path, place in _places(document):
        if place["url"] != "peer:":
            yield f"{path}.{'to' if 'to' in place else 'url'}", place["url"]


def _services(document: Document) -> Iterator[tuple[str, str]]:
    for index, store in enumerate(document.get("stores", ())):
        if "endpoint" in store:
            yield f"$.stores[{index}].endpoint", store["endpoint"]
    if "proxy" in document.get("network", {}):
        yield "$.network.proxy", document["network"]["proxy"]
    for index, member in enumerate(document.get("peers", {}).get("members", ())):
        yield f"$.peers.members[{index}]", member
    if "ask" in document.get("release", {}):
        yield "$.release.ask.url", document["release"]["ask"]["url"]


def _address(url: str) -> Address | str:
    if re.search(r"[\x00-\x1f\x7f]", url):
        return "a URL holds no control character"
    try:
        found = address_of(url)
    except ValueError as fault:
        return str(fault)
    if found.scheme == "file":
        parts = url.removeprefix("file://").split("/")
        return "a file's path is absolute and plain" if parts[0] or ".." in parts else found
    return found if found.host else "it names no host"


def _architecture(document: Document, machine: str) -> Iterator[Problem]:
    wanted = document["node"]["arch"]
    if wanted != machine:
        yield Problem("ArchMismatch", "$.node.arch", f"it is {wanted}, this node is {machine}")


_CHECKS: Final = (
    _names,
    _lengths,
    _references,
    _members,
    _activations,
    _views,
    _folders,
    _chunks,
    _addresses,
)
