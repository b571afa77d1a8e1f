"""Storing in an image registry: a file is one raw layer under a manifest of its own.

    oci://<registry>/<repository>:<tag>[#<file>]      as it says
    oci://<registry>/<repository>/<name>              the last part becomes the tag

A registry keeps blobs by digest, so bytes that it has are not sent again. A tag that names other
bytes is left alone unless it is to be replaced. Large blobs go in pieces, and after an interruption
the registry says how far it got.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote, urljoin

from sidecar.model.config import Source
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean
from sidecar.transfer import failures
from sidecar.transfer.addresses import is_loopback
from sidecar.transfer.exchange import Body, Request, body_of, origin_of, send
from sidecar.transfer.outgoing import Outgoing, State, Stored, Written
from sidecar.transfer.registry import RegistryAccess
from sidecar.transfer.scheme import Storing

if TYPE_CHECKING:
    from sidecar.transfer.context import Context

PIECE: Final = 32 << 20
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
ARTIFACT: Final = "application/vnd.edgewright.file"
_EMPTY, _EMPTY_TYPE = b"{}", "application/vnd.oci.empty.v1+json"
_OCTETS = {"Content-Type": "application/octet-stream"}
_LIMIT = 4 << 20
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,18})")
_STATED = re.compile(
    r"(?P<path>[^#]+?):(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127})(?:#(?P<file>.+))?"
)


class Place(NamedTuple):
    """Where a file goes: `base` is the registry's address, `title` the file's name for people."""

    base: str
    repository: str
    tag: str
    title: str


class _Blob(NamedTuple):
    """Bytes on their way; `part` gives a piece of them anew for each try."""

    digest: str
    size: int
    whole: Body
    out: Outgoing | None = None


def storing() -> Storing:
    """How files are stored in a registry."""
    return Storing(_put, _write, _abandon)


def place_of(source: Source) -> Place:
    """Where a URL says that a file goes.

    Raises:
        ReasonError: SchemeUnsupported, because it names no place in a registry.
    """
    registry, _, path = source.url.removeprefix("oci://").partition("/")
    stated = _STATED.fullmatch(path)
    if stated:
        repository, tag, title = stated["path"], stated["tag"], stated["file"] or stated["tag"]
    else:
        repository, _, title = path.rpartition("/")
        tag = re.sub(r"[^A-Za-z0-9._-]", "_", title)[:128]
        repository = "/".join(map(_component, repository.split("/"))) if repository else ""
    if not registry or not repository or not _TAG.fullmatch(tag):
        raise ReasonError("SchemeUnsupported", f"{clean(source.url)} names no place")
    plain = is_loopback(registry.rpartition(":")[0] or registry)
    base = source.store.endpoint.rstrip("/") or f"{'http' if plain else 'https'}://{registry}"
    return Place(base, repository, tag, title)


def _component(part: str) -> str:
    """A part of a repository's name as the distribution specification wants it."""
    return "-".join(re.findall(r"[a-z0-9]+(?:\.[a-z0-9]+)*", part.lower())) or "-"


def _put(out: Outgoing, context: Context) -> Stored:
    push = _Push(context, out.source, out.source.label, out.state)
    digest = f"sha256:{out.sha256}"
    if push.names(digest, replace=False):
        out.state.clear()
        return Stored(out.source.url, already=True)
    push.blob(_Blob(digest, out.size, out.body(context), out))
    push.manifest(digest, out.size)
    out.state.clear()
    return Stored(out.source.url)


def _write(written: Written, context: Context) -> Stored:
    push = _Push(context, written.source, written.source.label, State())
    digest = _digest(written.data)
    if push.names(digest, replace=True):
        return Stored(written.source.url, already=True)
    if not written.replace and push.exists():
        return Stored(written.source.url, already=True)
    push.blob(_Blob(digest, len(written.data), body_of(written.data)))
    push.manifest(digest, len(written.data))
    return Stored(written.source.url)


def _abandon(out: Outgoing, context: Context) -> None:
    location = out.state.read().get("location")
    if isinstance(location, str):
        push = _Push(context, out.source, out.source.label, out.state)
        answer = send(context, Request("DELETE", location), push.access())
        refusal = answer.refusal()
        if answer.status not in {200, 202, 204, 404}:
            raise failures.of_refusal(refusal, out.source.label)


class _Push:
    """Requests to one repository."""

    def __init__(self, context: Context, source: Source, label: str, state: State) -> None:
        self._context = context
        self._store = source.store
        self._label = label
        self._state = state
        self._place = place_of(source)
        self._url = f"{self._place.base}/v2/{self._place.repository}"

    def access(self) -> RegistryAccess:
        """A new access: each renews its token a few times only, and remembered ones are reused."""
        place = self._place
        return RegistryAccess(self._context, self._store, place.base, place.repository)

    def names(self, digest: str, *, replace: bool) -> bool:
        """Whether the tag names these bytes.

        Raises:
            ReasonError: DigestMismatch, because it names others that are not to be replaced.
        """
        found = self._manifest()
        if found is None:
            return False
        layers = found.get("layers")
        if isinstance(layers, list) and [one.get("digest") for one in layers] == [digest]:
            return True
        if not replace:
            raise ReasonError("DigestMismatch", f"{self._label}: the tag names something else")
        return False

    def exists(self) -> bool:
        """Whether the tag names anything."""
        return self._manifest() is not None

    def blob(self, blob: _Blob) -> None:
        """Have the registry hold bytes."""
        access = self.access()
        head = send(self._context, Request("HEAD", f"{self._url}/blobs/{blob.digest}"), access)
        status = head.status
        head.refusal()
        if status == 200:
            return
        if blob.size <= PIECE or blob.out is None:
            self._at_once(blob)
        else:
            self._in_pieces(blob, blob.out)

    def manifest(self, digest: str, size: int) -> None:
        """Give a blob its tag."""
        self.blob(_Blob(_digest(_EMPTY), len(_EMPTY), body_of(_EMPTY)))
        made = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": ARTIFACT,
            "config": {"mediaType": _EMPTY_TYPE, "digest": _digest(_EMPTY), "size": len(_EMPTY)},
            "layers": [
                {
                    "mediaType": "application/octet-stream",
                    "digest": digest,
                    "size": size,
                    "annotations": {"org.opencontainers.image.title": self._place.title},
                }
            ],
        }
        body = body_of(json.dumps(made, sort_keys=True, separators=(",", ":")).encode())
        url = f"{self._url}/manifests/{self._place.tag}"
        self._done(Request("PUT", url, {"Content-Type": MANIFEST}, body), self.access(), 201)

    def _manifest(self) -> dict[str, Any] | None:
        url = f"{self._url}/manifests/{self._place.tag}"
        answer = send(self._context, Request("GET", url, {"Accept": MANIFEST}), self.access())
        if answer.status == 404:
            answer.refusal()
            return None
        if answer.status != 200:
            raise failures.of_refusal(answer.refusal(), self._label)
        try:
            found = json.loads(answer.read(_LIMIT))
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _at_once(self, blob: _Blob) -> None:
        access = self.access()
        location = self._begin(access)
        url = _with_digest(location, blob.digest)
        self._done(Request("PUT", url, _OCTETS, blob.whole), access, 201)

    def _in_pieces(self, blob: _Blob, out: Outgoing) -> None:
        location, offset = self._resumed(out)
        if not location:
            self._check(out)
            location = self._begin(self.access())
            self._remember(out, location)
        while offset < out.size:
            access = self.access()
            offset = self._offset(location, access)
            length = min(PIECE, out.size - offset)
            headers = {**_OCTETS, "Content-Range": f"{offset}-{offset + length - 1}"}
            body = out.part(self._context, offset, length)
            location = self._done(Request("PATCH", location, headers, body), access, 202)
            offset += length
            self._remember(out, location)
        url = _with_digest(location, blob.digest)
        self._done(Request("PUT", url, {}, body_of(b"")), self.access(), 201)

    def _check(self, out: Outgoing) -> None:
        with out.body(self._context).open() as file:
            while file.read(262_144):
                pass

    def _resumed(self, out: Outgoing) -> tuple[str, int]:
        """Where an upload that was begun goes on, and from where; nothing where there is none."""
        found = out.state.read()
        location = found.get("location")
        if found.get("url") != out.source.url or not isinstance(location, str):
            return "", 0
        try:
            return location, self._offset(location, self.access())
        except ReasonError as fault:
            if fault.code not in {"NotFound", "Protocol"}:
                raise
            out.state.clear()
            return "", 0

    def _offset(self, location: str, access: RegistryAccess) -> int:
        """How many bytes of an upload the registry has."""
        answer = send(self._context, Request("GET", location), access)
        stated = answer.headers.get("Range", "")
        refusal = answer.refusal()
        if answer.status != 204:
            raise failures.of_refusal(refusal, self._label)
        found = _RANGE.fullmatch(stated.strip())
        # `0-0` is what registries say of no byte, too; nobody stops after one.
        return int(found[1]) + 1 if found and int(found[1]) else 0

    def _begin(self, access: RegistryAccess) -> str:
        request = Request("POST", f"{self._url}/blobs/uploads/", {}, body_of(b""))
        return self._done(request, access, 202)

    def _remember(self, out: Outgoing, location: str) -> None:
        out.state.write({"url": out.source.url, "location": location})

    def _done(self, request: Request, access: RegistryAccess, wanted: int) -> str:
        """Where the registry goes on after a request that it accepted."""
        answer = send(self._context, request, access)
        location = urljoin(request.url, answer.headers.get("Location", ""))
        refusal = answer.refusal()
        if answer.status != wanted:
            raise failures.of_refusal(refusal, self._label)
        if origin_of(location) != origin_of(self._url):
            raise ReasonError("RedirectRefused", f"{self._label} would have us send elsewhere")
        return location


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _with_digest(location: str, digest: str) -> str:
    return f"{location}{'&' if '?' in location else '?'}digest={quote(digest, safe=':')}"
