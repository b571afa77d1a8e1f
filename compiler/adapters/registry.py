"""Registries of images by the OCI distribution protocol: the digest behind a tag, its platforms.

Credentials are those of `docker login`, bound to their registry; they are sent to that registry and
to the token service that it names, over TLS or loopback, and never after a redirect.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from threading import Lock
from typing import Any, BinaryIO
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request

from compiler.adapters import web
from compiler.adapters.registry_login import Login, login
from compiler.adapters.stores_faults import byte_range, stated_length, whole
from compiler.model.codes import world as codes
from compiler.model.image_reference import DOCKER_HUB, split
from compiler.model.inputs import Location
from compiler.model.lock import LockedImage
from compiler.model.record import dataclass
from compiler.model.stored import StoreError

_HUB_HOST = "registry-1.docker.io"
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_LOCAL = ("localhost", "127.0.0.1", "::1")
_MOST = 8 * 1024 * 1024
_SECONDS = 30
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Reference:
    """An image reference in its parts; `name` is a tag or a digest."""

    registry: str
    repository: str
    name: str

    @property
    def shown(self) -> str:
        """The repository, for messages."""
        return f"{self.registry}/{self.repository}"

    @property
    def base(self) -> str:
        """The address of the registry; loopback has no TLS, as everywhere else."""
        host = _HUB_HOST if self.registry == DOCKER_HUB else self.registry
        scheme = "http" if urlsplit(f"//{host}").hostname in _LOCAL else "https"
        return f"{scheme}://{host}"


class Registries:
    """Asks the registry of each reference. Thread-safe."""

    def __init__(self) -> None:
        self._headers: dict[tuple[str, str], str] = {}
        self._logins: dict[str, Login] = {}
        self._mutex = Lock()

    def image(self, reference: str) -> LockedImage:
        """The digest behind a reference and the platforms that it covers.

        Raises:
            StoreError: the registry does not say.
        """
        place = parse(reference)
        body, found = self.document(place, f"manifests/{place.name}")
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if found.get("mediaType") in _INDEXES or "manifests" in found:
            platforms = [_platform(_part(one, "platform")) for one in _list(found.get("manifests"))]
        else:
            config = str(_part(found, "config").get("digest", ""))
            platforms = [_platform(self.document(place, f"blobs/{config}")[1])]
        known = sorted({one for one in platforms if one})
        return LockedImage(digest=digest, platforms=tuple(known))

    def manifest(self, reference: str, digest: str) -> bytes:
        """The manifest or index with that digest in the repository of a reference."""
        return self.document(parse(reference), f"manifests/{digest}")[0]

    def blob(
        self, reference: str, digest: str, *, start: int = 0
    ) -> AbstractContextManager[BinaryIO]:
        """A stream of a blob's bytes."""
        return self.stream(parse(reference), digest, start=start)

    @contextmanager
    def stream(
        self, place: Reference, digest: str, *, start: int = 0, length: int | None = None
    ) -> Iterator[BinaryIO]:
        """A stream of a part of a blob.

        Raises:
            StoreError: the registry does not give it.
        """
        wanted = byte_range(start, length)
        at = Location(f"{place.shown}@{digest}")
        with self.opened(place, f"blobs/{digest}", {"Range": wanted} if wanted else {}) as answer:
            if wanted and answer.status != 206:
                raise StoreError(codes.STORE_FAILED, f"{at.url}: the registry gives no ranges")
            size = stated_length(answer)
            yield whole(answer, at, size, lambda _: self.told(place, "blob"))

    def document(self, place: Reference, path: str) -> tuple[bytes, dict[str, Any]]:
        """A manifest or config: its bytes, and what they say.

        Raises:
            StoreError: the registry does not give it.
        """
        with self.opened(place, path) as answer, self.told(place, path):
            body: bytes = answer.read(_MOST + 1)
        name = path.partition("/")[2]
        if name.startswith("sha256:") and name != f"sha256:{hashlib.sha256(body).hexdigest()}":
            message = f"{place.shown}: the registry gives other bytes than {name}"
            raise StoreError(codes.STORE_FAILED, message, "see what answers there")
        try:
            found = json.loads(body) if len(body) <= _MOST else None
        except ValueError:
            found = None
        if not isinstance(found, dict):
            message = f"{place.shown}: the registry's answer is no manifest"
            raise StoreError(codes.STORE_FAILED, message, "see what answers there")
        return body, found

    @contextmanager
    def opened(
        self, place: Reference, path: str, headers: Mapping[str, str] | None = None
    ) -> Iterator[Any]:
        """The answer to a question about a repository.

        Raises:
            StoreError: the registry does not give it.
        """
        url = f"{place.base}/v2/{place.repository}/{path}"
        with self.told(place, path):
            answer = self._asked(place, url, headers or {})
        with closing(answer):
            yield answer

    @contextmanager
    def told(self, place: Reference, path: str) -> Iterator[None]:
        """What goes wrong inside is told of the repository."""
        try:
            yield
        except HTTPError as error:
            with error:
                raise _answered(place.shown, path, error) from None
        except web.UNANSWERED as error:
            raise web.unreachable(place.shown, error) from error

    def _asked(self, place: Reference, url: str, headers: Mapping[str, str]) -> Any:
        key = (place.registry, place.repository)
        with self._mutex:
            header = self._headers.get(key, "")
        try:
            return _get(url, header, headers)
        except HTTPError as error:
            if error.code != 401:
                raise
            # A token lives for minutes; a refusal of an old one says nothing of the next.
            with error:
                challenge = error.headers.get("WWW-Authenticate", "")
                header = _authorised(place, challenge, self._login(place.registry))
            if not header:
                raise
        with self._mutex:
            self._headers[key] = header
        return _get(url, header, headers)

    def _login(self, registry: str) -> Login:
        # A helper may ask a keyring or a cloud: once for a registry, and not for each image.
        with self._mutex:
            if registry not in self._logins:
                self._logins[registry] = login(registry)
            return self._logins[registry]


def parse(reference: str) -> Reference:
    """The parts of a reference, with the defaults that every client fills in."""
    first, rest = split(reference)
    path, at, digest = rest.partition("@")
    head, colon, tag = path.rpartition(":")
    repository, tag = (head, tag) if colon and "/" not in tag else (path, "latest")
    if first == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return Reference(first, repository, digest if at else tag)


def _get(
    url: str, authorization: str, headers: Mapping[str, str], body: bytes | None = None
) -> Any:
    request = Request(url, body, dict(headers))  # noqa: S310 - the scheme is ours
    request.add_header("Accept", ", ".join((*_INDEXES, *_MANIFESTS, "*/*")))
    request.add_header("User-Agent", "edgewright")
    if authorization:
        request.add_unredirected_header("Authorization", authorization)
    return web.ask(request, _SECONDS)


def _authorised(place: Reference, challenge: str, known: Login) -> str:
    """The header that answers a challenge, empty where there is none."""
    kind, _, rest = challenge.partition(" ")
    if kind.lower() == "basic":
        return f"Basic {known.basic}" if known.basic else ""
    given = dict(_PARAMETER.findall(rest))
    realm = given.get("realm", "")
    parts = urlsplit(realm)
    if kind.lower() != "bearer" or not (parts.scheme == "https" or parts.hostname in _LOCAL):
        return ""
    scope = given.get("scope") or f"repository:{place.repository}:pull"
    asked = {"service": given.get("service", ""), "scope": scope}
    with _token(realm, asked, known) as answer:
        try:
            found = json.loads(answer.read(_MOST))
        except ValueError:
            found = None
    if not isinstance(found, dict):
        message = f"{place.shown}: the token service {parts.hostname} gives no token"
        raise StoreError(codes.STORE_FAILED, message, "see what answers there")
    token = found.get("token") or found.get("access_token") or ""
    return f"Bearer {token}" if token else ""


def _token(realm: str, asked: Mapping[str, str], known: Login) -> Any:
    """The answer of a token service; a login that is a token itself is exchanged."""
    if known.identity:
        fields = {**asked, "grant_type": "refresh_token", "client_id": "edgewright",
                  "refresh_token": known.identity}  # fmt: skip
        return _get(realm, "", {}, urlencode(fields).encode())
    return _get(f"{realm}?{urlencode(asked)}", f"Basic {known.basic}" if known.basic else "", {})


def _answered(shown: str, path: str, error: HTTPError) -> StoreError:
    if error.code == 404:
        return StoreError(codes.STORE_ABSENT, f"{shown} has no {path.partition('/')[2]}")
    hint = f"run `docker login {shown.partition('/')[0]}` as somebody who may read it"
    return web.refused(shown, error.code, hint)


def _part(said: Any, key: str) -> dict[str, Any]:
    """A mapping inside of one; empty where there is none."""
    found = said.get(key) if isinstance(said, dict) else None
    return found if isinstance(found, dict) else {}


def _list(said: Any) -> list[Any]:
    return said if isinstance(said, list) else []


def _platform(said: dict[str, Any]) -> str:
    """`linux/arm64` or `linux/arm/v7`; empty for what is no image, such as an attestation."""
    system, arch = said.get("os"), said.get("architecture")
    if not system or not arch or "unknown" in (system, arch):
        return ""
    variant = said.get("variant")
    return f"{system}/{arch}/{variant}" if variant else f"{system}/{arch}"
