"""A thin client of a real API server: the file's own text goes in, parsed JSON comes out.

A generated client would parse, default and drop fields on the way; here nothing stands between
a compiled file and the server. It retries nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

Json = Mapping[str, Any]
MANAGER = "edgewright-test"


@dataclass(frozen=True, slots=True)
class Resource:
    """How the server addresses a kind."""

    plural: str
    namespaced: bool


class RefusedError(Exception):
    """The server answered with an error: `code` is HTTP's, `body` its Status object."""

    def __init__(self, code: int, body: Json) -> None:
        super().__init__(f"{code}: {body.get('message', body)}")
        self.code = code
        self.body = body

    @property
    def reason(self) -> str:
        """The machine-readable reason, such as `Invalid`."""
        return str(self.body.get("reason", ""))

    @property
    def causes(self) -> Sequence[Json]:
        """What the server found, one entry for each field."""
        return list((self.body.get("details") or {}).get("causes") or [])


class Api:
    """One server as one user. `warnings` collects what the server says beside its answers."""

    def __init__(self, url: str, token: str, authority: str) -> None:
        self.url = url
        self.warnings: list[str] = []
        self._headers = {"Authorization": f"Bearer {token}"}
        self._pool = urllib3.PoolManager(ca_certs=authority, maxsize=8, retries=False, timeout=60)
        self._resources: dict[str, dict[str, Resource]] = {}

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content: str = "application/json",
        query: Mapping[str, str] = {},
        accept: str = "application/json",
    ) -> Any:
        """One request; the parsed answer.

        Raises:
            RefusedError: the status is 400 or more.
        """
        address = f"{self.url}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {**self._headers, "Content-Type": content, "Accept": accept}
        answer = self._pool.request(method, address, body=body, headers=headers)
        self.warnings += answer.headers.getlist("Warning")
        is_json = "json" in answer.headers.get("Content-Type", "")
        found = json.loads(answer.data) if is_json else answer.data.decode()
        if answer.status >= 400:
            raise RefusedError(
                answer.status, found if isinstance(found, dict) else {"message": found}
            )
        return found

    def resource(self, api_version: str, kind: str) -> Resource:
        """How a kind is addressed, asked of the server once for each group and version.

        Raises:
            KeyError: the server does not serve the kind.
        """
        known = self._resources.get(api_version, {})
        if kind not in known:
            prefix = "/apis/" if "/" in api_version else "/api/"
            listed = self.call("GET", prefix + api_version)["resources"]
            known = {
                one["kind"]: Resource(one["name"], one["namespaced"])
                for one in listed
                if "/" not in one["name"]
            }
            self._resources[api_version] = known
        return known[kind]

    def path(self, api_version: str, kind: str, name: str = "", namespace: str = "") -> str:
        """The address of an object, or of its collection where no name is given."""
        resource = self.resource(api_version, kind)
        prefix = "/apis/" if "/" in api_version else "/api/"
        scope = f"/namespaces/{namespace}" if resource.namespaced and namespace else ""
        end = f"/{quote(name, safe='')}" if name else ""
        return f"{prefix}{api_version}{scope}/{resource.plural}{end}"

    def path_of(self, data: Json) -> str:
        """The address of an object that a file holds; no namespace is `default`."""
        metadata = data["metadata"]
        namespace = metadata.get("namespace", "default")
        return self.path(data["apiVersion"], data["kind"], metadata["name"], namespace)

    def apply(
        self,
        data: Json,
        text: str | None = None,
        *,
        dry_run: bool = False,
        manager: str = MANAGER,
        force: bool = False,
        subresource: str = "",
    ) -> Json:
        """Server-side apply with strict field validation: `text` if given, else `data` as JSON."""
        query = {"fieldManager": manager, "fieldValidation": "Strict", "force": str(force).lower()}
        if dry_run:
            query["dryRun"] = "All"
        body = (text if text is not None else json.dumps(data)).encode()
        path = self.path_of(data) + (f"/{subresource}" if subresource else "")
        answer: Json = self.call("PATCH", path, body, "application/apply-patch+yaml", query)
        return answer

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Json:
        """One object."""
        answer: Json = self.call("GET", self.path(api_version, kind, name, namespace))
        return answer

    def items(
        self, api_version: str, kind: str, namespace: str = "", **query: str
    ) -> Iterator[Json]:
        """Every object of a kind, page by page."""
        path, token = self.path(api_version, kind, namespace=namespace), ""
        while True:
            more = {"continue": token} if token else {}
            page = self.call("GET", path, query={"limit": "500", **query, **more})
            yield from page["items"]
            token = page["metadata"].get("continue", "")
            if not token:
                return

    def create(self, data: Json) -> Json:
        """Create an object."""
        path = self.path_of(data).rpartition("/")[0]
        answer: Json = self.call("POST", path, json.dumps(data).encode())
        return answer

    def merge(self, data: Json, change: Json, subresource: str = "") -> Json:
        """Merge a change into the object that `data` names."""
        path = self.path_of(data) + (f"/{subresource}" if subresource else "")
        answer: Json = self.call(
            "PATCH", path, json.dumps(change).encode(), "application/merge-patch+json"
        )
        return answer

    def delete(self, data: Json, **options: Any) -> None:
        """Delete an object; `options` are those of DeleteOptions."""
        body = {"kind": "DeleteOptions", "apiVersion": "v1", **options}
        self.call("DELETE", self.path_of(data), json.dumps(body).encode())

    def events(
        self, api_version: str, kind: str, namespace: str, since: str, seconds: int = 1
    ) -> list[Json]:
        """What became of a collection since a resource version, in order: a watch that ends."""
        path = self.path(api_version, kind, namespace=namespace)
        query = urlencode({"watch": "true", "resourceVersion": since, "timeoutSeconds": seconds})
        answer = self._pool.request("GET", f"{self.url}{path}?{query}", headers=self._headers)
        return [json.loads(line) for line in answer.data.splitlines()]
