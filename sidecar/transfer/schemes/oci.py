"""`oci:` artifacts of an image registry: raw files, tar layers, ModelPack.

    oci://<registry>/<repository>:<tag>[#<file>]
    oci://<registry>/<repository>@sha256:<manifest>[#<file>]

An artifact is one layer. Whose digest is known is asked for by it, since a registry keeps blobs by
digest and a tag may have moved. Else the manifest names it: by the file after `#`, or because it
is the only one; of an index, the entry for the node's architecture counts. Manifests and layers
are hashed wherever nobody else would.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from sidecar.model.config import Source
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean
from sidecar.transfer import failures, oci_store
from sidecar.transfer.addresses import is_loopback
from sidecar.transfer.exchange import Request, origin_of, send
from sidecar.transfer.ranged import HttpRemote
from sidecar.transfer.registry import RegistryAccess
from sidecar.transfer.scheme import Flow, Nowhere, Remote, Scheme, Wanted

if TYPE_CHECKING:
    from sidecar.transfer.context import Context

_URL = re.compile(
    r"oci://(?P<registry>[^/@#]+)/(?P<repository>[a-z0-9._/-]+?)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
    r"(?:#(?P<file>.+))?"
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)
_MANIFEST = 4 << 20
_DEPTH = 3
_TITLES = ("org.opencontainers.image.title", "org.cncf.model.filepath")
_HUB = "registry-1.docker.io"


class Reference(NamedTuple):
    """What a URL names. `base` is the address of the registry, `name` a tag or digest."""

    base: str
    repository: str
    name: str
    file: str


class OciRemote:
    """An artifact in a registry."""

    peer = False

    def __init__(self, context: Context, source: Source, wanted: Wanted) -> None:
        self.label = clean(source.url)
        self._reference = reference(source)
        self.host = str(origin_of(self._reference.base))
        self._context = context
        self._wanted = wanted
        self._access = RegistryAccess(
            context, source.store, self._reference.base, self._reference.repository
        )

    def open(self, start: int, identity: str) -> Flow:
        """The bytes from `start` on; a blob never changes, so that no version is pinned.

        Raises:
            PastEnd: there is no byte at `start`.
            ReasonError: why they cannot be had.
        """
        del identity
        if self._wanted.sha256:
            return self._blob(f"sha256:{self._wanted.sha256}", start)
        digest = layer_of(self._manifest(self._reference.name, 0), self._reference.file, self.label)
        return Hashed(self._blob(digest, start), digest, self.label)

    def blame(self) -> None:
        """Nothing is held against an origin."""

    def _blob(self, digest: str, start: int) -> Flow:
        url = f"{self._reference.base}/v2/{self._reference.repository}/blobs/{digest}"
        remote = HttpRemote(self._context, url, self._access, self._wanted, label=self.label)
        flow = remote.open(start, "")
        flow.identity = digest
        return flow

    def _manifest(self, name: str, depth: int) -> dict[str, Any]:
        url = f"{self._reference.base}/v2/{self._reference.repository}/manifests/{name}"
        answer = send(self._context, Request("GET", url, {"Accept": _ACCEPT}), self._access)
        if answer.status != 200:
            raise failures.of_refusal(answer.refusal(), self.label)
        stated = name if _DIGEST.fullmatch(name) else answer.headers.get("Docker-Content-Digest")
        body = answer.read(_MANIFEST)
        if stated and stated != f"sha256:{hashlib.sha256(body).hexdigest()}":
            raise ReasonError("DigestMismatch", f"{self.label}: the manifest is not {stated}")
        found = _document(body, self.label)
        if "manifests" not in found:
            return found
        if depth >= _DEPTH:
            raise ReasonError("Protocol", f"{self.label}: an index in an index in an index")
        return self._manifest(
            entry_of(found, self._context.config.node.arch, self.label), depth + 1
        )


class Hashed:
    """A flow whose digest nobody but us knows: compared at its end."""

    def __init__(self, flow: Flow, digest: str, label: str) -> None:
        self.start, self.total = flow.start, flow.total
        self.identity, self.web_page = digest, flow.web_page
        self._flow = flow
        self._hash = hashlib.sha256()
        self._label = label

    def readinto(self, view: memoryview) -> int:
        """Read at most `view`; 0 at the end.

        Raises:
            ReasonError: DigestMismatch, or why there is no more.
        """
        count = self._flow.readinto(view)
        self._hash.update(view[:count])
        if view and not count and not self.start:
            self._compare()
        return count

    def close(self) -> None:
        """Be done with it."""
        self._flow.close()

    def _compare(self) -> None:
        if self.identity != f"sha256:{self._hash.hexdigest()}":
            raise ReasonError("DigestMismatch", f"{self._label}: not {self.identity}")


def reference(source: Source) -> Reference:
    """What a URL names.

    Raises:
        ReasonError: SchemeUnsupported, because it names nothing.
    """
    found = _URL.fullmatch(source.url)
    if found is None:
        raise ReasonError("SchemeUnsupported", f"{clean(source.url)} names no artifact")
    registry = found["registry"]
    if registry in ("docker.io", "index.docker.io"):
        registry = _HUB
    plain = is_loopback(registry.rpartition(":")[0] or registry)
    base = source.store.endpoint.rstrip("/") or f"{'http' if plain else 'https'}://{registry}"
    name = found["digest"] or found["tag"] or "latest"
    return Reference(base, found["repository"], name, found["file"] or "")


def entry_of(index: dict[str, Any], arch: str, label: str) -> str:
    """The digest of an index's manifest for an architecture.

    Raises:
        ReasonError: ArchMismatch, Protocol.
    """
    entries = _descriptors(index, "manifests", label)
    wanted = ("linux", arch)
    fitting = [one for one in entries if _platform(one) == wanted]
    if not fitting and len(entries) == 1 and _platform(entries[0]) is None:
        fitting = entries
    if fitting:
        return str(fitting[0]["digest"])
    raise ReasonError("ArchMismatch", f"{label}: nothing for {arch} in the index")


def layer_of(manifest: dict[str, Any], file: str, label: str) -> str:
    """The digest of the layer that is meant.

    Raises:
        ReasonError: NotFound, Protocol.
    """
    layers = _descriptors(manifest, "layers", label)
    named = [one for one in layers if not file or file in _titles(one)]
    if len(named) == 1:
        return str(named[0]["digest"])
    names = ", ".join(sorted(title for one in layers for title in _titles(one)))
    what = f"no one file {file!r}" if file else "more than one file, so name one after #"
    raise ReasonError("NotFound", clean(f"{label}: {what if layers else 'no file'} ({names})"))


def _platform(entry: dict[str, Any]) -> tuple[str, str] | None:
    """Operating system and architecture of an index's entry, or None where it does not say."""
    found = entry.get("platform")
    if not isinstance(found, dict):
        return None
    return str(found.get("os", "linux")), str(found.get("architecture"))


def _titles(layer: dict[str, Any]) -> list[str]:
    notes = layer.get("annotations")
    if not isinstance(notes, dict):
        return []
    return [str(notes[title]) for title in _TITLES if title in notes]


def _descriptors(document: dict[str, Any], name: str, label: str) -> list[dict[str, Any]]:
    found = document.get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ReasonError("Protocol", f"{label}: no {name} in the manifest")
    if not all(_DIGEST.fullmatch(str(one.get("digest"))) for one in found):
        raise ReasonError("Protocol", f"{label}: a digest of the manifest is none")
    return found


def _document(body: bytes, label: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ReasonError("Protocol", f"{label}: the manifest is no JSON") from error
    if not isinstance(found, dict):
        raise ReasonError("Protocol", f"{label}: the manifest is no object")
    return found


def _find(source: Source, wanted: Wanted, context: Context) -> Iterator[Remote]:
    try:
        yield OciRemote(context, source, wanted)
    except ReasonError as error:
        yield Nowhere(source.url, error)


SCHEME = Scheme(("oci",), _find, storing=oci_store.storing())
