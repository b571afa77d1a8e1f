"""A connection to a cluster that can read and ask, and cannot write.

There are two requests: a GET, and a server-side apply whose address always ends in
`dryRun=All`, which makes the server answer as if and store nothing. The kubernetes library reads
the kubeconfig and makes the connection pool; objects go in as the text that was compiled, and
come back as parsed JSON, untouched by a generated model. Nothing here decides what an answer
means for a spec.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from compiler.adapters.cluster_config import Settings, concealed, login, read_settings, world
from compiler.adapters.cluster_faults import forbidden, from_transport
from compiler.model.codes import world as codes
from compiler.model.record import dataclass

Json = Mapping[str, Any]

CONNECTIONS = 8
"""Kept connections, and so how many requests are worth asking at a time."""
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0
"""The API server itself gives up after a minute."""
PAGE = 500
_BUSY = (429, 503)
_ATTEMPTS = 6
_PATIENCE = 10.0
_APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Resource:
    """How the server addresses a kind."""

    plural: str
    namespaced: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: HTTP's status, the object or Status, and its warnings."""

    status: int
    body: Json
    warnings: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether this is a Status that says no."""
        return self.status >= 400

    @property
    def message(self) -> str:
        """The words of a Status."""
        return str(self.body.get("message") or "")

    @property
    def reason(self) -> str:
        """The word of a Status for programs, such as `Invalid`."""
        return str(self.body.get("reason") or "")

    @property
    def causes(self) -> tuple[Json, ...]:
        """What a Status says of single fields."""
        details = self.body.get("details")
        found = details.get("causes") if isinstance(details, Mapping) else None
        return tuple(one for one in found or () if isinstance(one, Mapping))


def connect(kubeconfig: Path | str | None = None, context: str | None = None) -> Connection:
    """A connection as a context of a kubeconfig says; nothing is asked yet.

    Raises:
        CompileError: the kubeconfig, the context or its credentials cannot be used.
    """
    return Connection(read_settings(kubeconfig, context))


class Connection:
    """One cluster as one user. Threads may share it."""

    def __init__(self, settings: Settings) -> None:
        from kubernetes.client.rest import RESTClientObject

        configuration = settings.configuration
        configuration.connection_pool_maxsize = CONNECTIONS
        configuration.retries = False
        self.context = settings.context
        self._kubectl = settings.kubectl
        self._configuration = configuration
        self._host = str(configuration.host).rstrip("/")
        self._pool = RESTClientObject(configuration).pool_manager
        self._known: dict[str, dict[str, Resource]] = {}
        self._asking = threading.Lock()
        self._renewing = threading.Lock()

    @property
    def server(self) -> str:
        """The address as it may be shown: host and port."""
        found = urlsplit(self._host)
        return f"{found.hostname}:{found.port}" if found.port else str(found.hostname)

    @property
    def name(self) -> str:
        """What messages call this cluster."""
        return f"context {self.context} ({self.server})"

    def version(self) -> str:
        """The server's release, such as `1.34`; empty where the user may not know it.

        Raises:
            CompileError: the server cannot be asked.
        """
        answer = self._read("/version", {})
        found = [re.match(r"\d+", str(answer.body.get(part))) for part in ("major", "minor")]
        if answer.status in (401, 403) and self._judged(answer, of_user=False).refused:
            return ""
        if answer.refused or not all(found):
            raise self._strange(answer)
        return ".".join(one[0] for one in found if one)

    def served(self, api_version: str, kind: str) -> Resource | None:
        """How a kind is addressed, or None where the server has none of that version.

        The server is asked once for each API version.

        Raises:
            CompileError: the server cannot be asked.
        """
        with self._asking:
            if api_version not in self._known:
                self._known[api_version] = self._discover(api_version)
            return self._known[api_version].get(kind)

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Json | None:
        """One object, or None where there is none.

        Raises:
            CompileError: the server cannot be asked, or serves no such kind.
        """
        path = self._path(api_version, kind, namespace, name)
        answer = self._read(path, {})
        return None if answer.status == 404 else self._sound(answer).body

    def list(
        self, api_version: str, kind: str, namespace: str = "", selector: str = ""
    ) -> Iterator[Json]:
        """Every object of a kind that a label selector takes, page by page.

        Without a namespace: of all namespaces.

        Raises:
            CompileError: the server cannot be asked, or serves no such kind.
        """
        path = self._path(api_version, kind, namespace)
        query = {"limit": str(PAGE), **({"labelSelector": selector} if selector else {})}
        while True:
            page = self._sound(self._read(path, query)).body
            yield from page.get("items") or ()
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            query["continue"] = str(token)

    def dry_run(
        self, identity: tuple[str, str, str, str], text: str, manager: str, *, force: bool
    ) -> Answer:
        """What the server would say if `text` were applied by a field manager.

        `identity` is API version, kind, namespace and name. Field validation is strict. An answer
        about the object is returned, also a refusal, and that the user may not ask.

        Raises:
            CompileError: the server cannot be asked, or serves no such kind.
        """
        api_version, kind, namespace, name = identity
        path = self._path(api_version, kind, namespace, name)
        query = {"fieldManager": manager, "fieldValidation": "Strict", "force": str(force).lower()}
        return self._judged(self._ask(path, query, text.encode()), of_user=False)

    def _path(self, api_version: str, kind: str, namespace: str = "", name: str = "") -> str:
        resource = self.served(api_version, kind)
        if resource is None:
            raise world(codes.NOT_SERVED, f"{self.name} serves no {kind} of {api_version}")
        scope = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        end = f"/{quote(name, safe='')}" if name else ""
        scope = scope if resource.namespaced else ""
        return f"{_group(api_version)}{scope}/{resource.plural}{end}"

    def _discover(self, api_version: str) -> dict[str, Resource]:
        path = _group(api_version)
        answer = self._read(path, {})
        if answer.status == 404:
            # A web server that is none of Kubernetes says so too.
            self.version()
            return {}
        listed = self._sound(answer).body.get("resources")
        if not isinstance(listed, list):
            raise self._strange(answer)
        return {
            str(one["kind"]): Resource(str(one["name"]), bool(one["namespaced"]))
            for one in listed
            if "/" not in one["name"]
        }

    def _judged(self, answer: Answer, *, of_user: bool = True) -> Answer:
        """An answer about the object itself.

        Raises:
            CompileError: it is about the user or the server.
        """
        if answer.status == 401:
            text = f"{self.name} does not accept the credentials: they may have expired"
            raise world(codes.CREDENTIALS, text, login(self._kubectl))
        if of_user and answer.status == 403 and (lacking := forbidden(answer.message)):
            raise world(codes.FORBIDDEN, f"{lacking} ({self.name})")
        if answer.body.get("kind") is None:
            raise self._strange(answer)
        return answer

    def _sound(self, answer: Answer) -> Answer:
        """An answer that is no refusal.

        Raises:
            CompileError: it is one.
        """
        answer = self._judged(answer)
        if answer.status == 403:
            raise world(codes.FORBIDDEN, f"{self.name}: {concealed(answer.message)}")
        if answer.refused:
            raise self._strange(answer)
        return answer

    def _strange(self, answer: Answer) -> Exception:
        words = concealed(answer.message)
        text = f"{self.name} answers {answer.status}" + (f": {words}" if words else "")
        if answer.body.get("kind") is None:
            text += ", which is no answer of a Kubernetes API server"
        return world(codes.ANSWER, text)

    def _read(self, path: str, query: Mapping[str, str]) -> Answer:
        return self._send("GET", path, query, None)

    def _ask(self, path: str, query: Mapping[str, str], body: bytes) -> Answer:
        # The one request of this connection that has a body: a server never stores it.
        return self._send("PATCH", path, {**query, "dryRun": "All"}, body)

    def _send(self, method: str, path: str, query: Mapping[str, str], body: bytes | None) -> Answer:
        for attempt in range(_ATTEMPTS):
            found, pause = self._once(method, path, query, body)
            if found.status not in _BUSY or pause is None or attempt == _ATTEMPTS - 1:
                break
            time.sleep(pause)
        return found

    def _once(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None
    ) -> tuple[Answer, float | None]:
        """One answer, and how long a busy server asks to wait."""
        address = f"{self._host}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", **self._credentials()}
        if body is not None:
            headers["Content-Type"] = _APPLY
        found = self._transfer(method, address, headers, body)
        answer = Answer(found.status, _parsed(found), _warnings(found.headers.getlist("Warning")))
        return answer, _pause(found.headers.get("Retry-After"))

    def _transfer(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes | None
    ) -> Any:
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError, ProtocolError

        timeout = Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS)
        for last in (False, True):
            try:
                return self._pool.request(
                    method, address, headers=headers, body=body, timeout=timeout,
                    retries=False, redirect=False,
                )  # fmt: skip
            except ProtocolError as error:
                # A server may close a kept connection just when it is used again.
                if last:
                    raise from_transport(error, self.name, self._kubectl) from None
            except (HTTPError, OSError, ValueError) as error:
                raise from_transport(error, self.name, self._kubectl) from None
        raise AssertionError("the loop above returns or raises")

    def _credentials(self) -> dict[str, str]:
        with self._renewing:
            settings = self._configuration.auth_settings()
        return {one["key"]: one["value"] for one in settings.values() if one.get("in") == "header"}


def _group(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _parsed(found: Any) -> Json:
    try:
        body = json.loads(found.data)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _pause(seconds: str | None) -> float | None:
    return min(float(seconds), _PATIENCE) if seconds and seconds.isdigit() else None


def _warnings(headers: list[str]) -> tuple[str, ...]:
    """The texts of `299 - "text"`."""
    found = []
    for header in headers:
        _, _, text = header.partition('"')
        text = text.rpartition('"')[0] or header
        found.append(text.replace('\\"', '"').replace("\\\\", "\\"))
    return tuple(dict.fromkeys(found))
