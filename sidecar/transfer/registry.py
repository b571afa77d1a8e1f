"""Being allowed into a registry: the token dance, or a plain user and password.

The user and password are the two AWS-named files of the store's directory, or a mounted pull
secret (`.dockerconfigjson`). They are only sent to the registry itself or to the token service that
it names, and never over a connection that is less guarded than the registry's own.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from sidecar.model.config import Store
from sidecar.model.reasons import ReasonError
from sidecar.transfer import credentials, exchange, failures
from sidecar.transfer.exchange import Request
from sidecar.transfer.failures import Refusal
from sidecar.transfer.sigv4 import Keys

if TYPE_CHECKING:
    from sidecar.transfer.context import Context

_CHALLENGE = re.compile(r"\s*(Bearer|Basic)\s+(.*)", re.IGNORECASE | re.DOTALL)
_FIELD = re.compile(r'([a-zA-Z_]+)="([^"]*)"')
_LIMIT = 262_144
_LIFETIME, _EARLY = 60.0, 10.0


class RegistryAccess:
    """Access to one repository."""

    def __init__(self, context: Context, store: Store, base: str, repository: str) -> None:
        self._context = context
        self._store = store
        self._base = base
        self._repository = repository
        self._value = ""
        self._tried = 0

    def headers(self, request: Request) -> dict[str, str]:
        """What the registry asked for before, or nothing at first."""
        del request
        return {"Authorization": self._value} if self._value else {}

    def renew(self, refusal: Refusal) -> bool:
        """Do what a refusal asks for; once more where a token that was remembered has ended."""
        found = _CHALLENGE.fullmatch(refusal.headers.get("WWW-Authenticate", ""))
        if refusal.status != 401 or found is None or self._tried > 1:
            return False
        anew, self._tried = self._tried > 0, self._tried + 1
        if found[1].lower() == "basic":
            value = self._basic()
        else:
            value = self._bearer(dict(_FIELD.findall(found[2])), anew=anew)
        changed, self._value = bool(value) and value != self._value, value
        return changed

    def _basic(self) -> str:
        pair = user_of(self._context, self._store, urlsplit(self._base).netloc)
        if pair is None:
            return ""
        return "Basic " + base64.b64encode(f"{pair[0]}:{pair[1]}".encode()).decode()

    def _bearer(self, fields: dict[str, str], *, anew: bool) -> str:
        scope = fields.get("scope") or f"repository:{self._repository}:pull"
        name = f"registry {self._base} {self._store.credentials} {scope}"
        kept = self._context.remembered(name, lambda: self._token(fields, scope), anew)
        return f"Bearer {kept.token}"

    def _token(self, fields: dict[str, str], scope: str) -> tuple[Keys, float]:
        realm = fields.get("realm", "")
        if urlsplit(self._base).scheme == "https" and not realm.startswith("https://"):
            raise ReasonError("RedirectRefused", f"{self._base}: its token service is not https")
        query = urlencode({"service": fields.get("service", ""), "scope": scope})
        basic = self._basic()
        headers = {"Authorization": basic} if basic else {}
        mark = "&" if "?" in realm else "?"
        answer = exchange.send(self._context, Request("GET", f"{realm}{mark}{query}", headers))
        if answer.status != 200:
            raise failures.of_refusal(answer.refusal(), answer.label)
        return _token_of(answer.read(_LIMIT), answer.label)


def user_of(context: Context, store: Store, host: str) -> tuple[str, str] | None:
    """User and password for a registry, or None where access is anonymous.

    Raises:
        ReasonError: CredentialsMissing.
    """
    if not store.credentials:
        return None
    path = f"{store.credentials}/.dockerconfigjson"
    if os.path.exists(path):
        return _of_pull_secret(path, host)
    keys = credentials.keys(context, store)
    return (keys.access, keys.secret) if keys else None


def _of_pull_secret(path: str, host: str) -> tuple[str, str] | None:
    try:
        with open(path, encoding="utf-8") as file:
            entries = json.loads(file.read(_LIMIT))["auths"]
        for name in (host, f"https://{host}", f"http://{host}", f"https://{host}/v1/"):
            if name in entries:
                return _pair(entries[name])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise ReasonError("CredentialsMissing", f"{path}: no pull secret") from error
    return None


def _pair(entry: dict[str, str]) -> tuple[str, str]:
    if "auth" in entry:
        user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
        return user, password
    return entry["username"], entry["password"]


def _token_of(body: bytes, label: str) -> tuple[Keys, float]:
    try:
        found = json.loads(body)
        token = str(found.get("token") or found["access_token"])
        lifetime = float(found.get("expires_in") or _LIFETIME)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ReasonError("Protocol", f"{label}: the answer holds no token") from error
    if re.fullmatch(r"[!-~]+", token) is None:
        raise ReasonError("Protocol", f"{label}: the token is not one word")
    return Keys("", "", token), time.monotonic() + max(lifetime - _EARLY, 0.0)
