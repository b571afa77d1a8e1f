"""The keys of a store: read anew for every request, so that a rotated Secret is used at once.

A directory of files with the AWS names, a web identity from the environment, or nothing. What
needs more than that is left to `resolver`, in a process of its own. Keys never reach a log.
"""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sidecar.model.config import Store
from sidecar.model.reasons import ReasonError
from sidecar.transfer import exchange, failures
from sidecar.transfer.sigv4 import Keys

if TYPE_CHECKING:
    from sidecar.transfer.context import Context

_LIMIT = 16_384
_VALUE = re.compile(r"[!-~]*")
_EARLY = 300.0
"""Seconds before their end at which temporary keys are replaced."""
_FIELD = re.compile(r"<(AccessKeyId|SecretAccessKey|SessionToken|Expiration)>([^<]+)</")


ENVIRONMENT = "environment:"
"""In the place of a directory: keys are in the environment. No config can say so, only a program
that stands in for one which has them there."""


def keys(context: Context, store: Store, *, anew: bool = False) -> Keys | None:
    """The keys of a store, or None where access is anonymous; `anew` drops remembered ones.

    Raises:
        ReasonError: CredentialsMissing, AccessDenied, or why the token service did not answer.
    """
    environment = context.environment
    if store.credentials == ENVIRONMENT:
        secret, token = environment["AWS_SECRET_ACCESS_KEY"], environment.get("AWS_SESSION_TOKEN")
        return Keys(environment["AWS_ACCESS_KEY_ID"], secret, token or "")
    if store.credentials:
        return _of_directory(context, store, anew=anew)
    role, token = environment.get("AWS_ROLE_ARN"), environment.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    if store.name and role and token:
        return context.remembered(
            f"web-identity {role} {token}", lambda: _web_identity(context, store, role, token), anew
        )
    return None


def _of_directory(context: Context, store: Store, *, anew: bool) -> Keys:
    folder = store.credentials
    if not os.path.exists(f"{folder}/AWS_ACCESS_KEY_ID") and _is_exotic(folder):
        from sidecar.transfer.resolver import resolve

        return context.remembered(f"resolver {folder}", lambda: resolve(folder), anew)
    return Keys(
        _value(folder, "AWS_ACCESS_KEY_ID"),
        _value(folder, "AWS_SECRET_ACCESS_KEY"),
        _value(folder, "AWS_SESSION_TOKEN", required=False),
    )


def _is_exotic(folder: str) -> bool:
    return any(os.path.exists(f"{folder}/{name}") for name in ("config", "credentials"))


def _value(folder: str, name: str, *, required: bool = True) -> str:
    try:
        with open(f"{folder}/{name}", encoding="utf-8") as file:
            found = file.read(_LIMIT).strip()
    except FileNotFoundError:
        found = ""
    except (OSError, UnicodeDecodeError) as error:
        words = getattr(error, "strerror", "") or "not text"
        raise ReasonError("CredentialsMissing", f"{folder}/{name}: {words}") from error
    if required and not found:
        raise ReasonError("CredentialsMissing", f"{folder}/{name} is missing or empty")
    if _VALUE.fullmatch(found) is None:
        raise ReasonError("CredentialsMissing", f"{folder}/{name} is not one word of ASCII")
    return found


def _web_identity(context: Context, store: Store, role: str, path: str) -> tuple[Keys, float]:
    """Temporary keys for the pod's own token: one request, which needs no signature."""
    try:
        with open(path, encoding="utf-8") as file:
            token = file.read(_LIMIT).strip()
    except OSError as error:
        raise ReasonError("CredentialsMissing", f"{path}: {error.strerror}") from error
    environment = context.environment
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or store.region
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    url = environment.get("AWS_ENDPOINT_URL_STS") or f"https://sts.{region}.{suffix}"
    form = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": role,
        "RoleSessionName": environment.get("AWS_ROLE_SESSION_NAME") or "edgewright-sidecar",
        "WebIdentityToken": token,
    }
    body = urlencode(form).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/xml"}
    request = exchange.Request("POST", f"{url.rstrip('/')}/", headers, exchange.body_of(body))
    answer = exchange.send(context, request)
    if answer.status != 200:
        raise failures.of_refusal(answer.refusal(), answer.label)
    return temporary(answer.read(_LIMIT * 4), answer.label)


def temporary(body: bytes, label: str) -> tuple[Keys, float]:
    """The keys of a token service's answer, and until when they are used, in monotonic time.

    Raises:
        ReasonError: Protocol.
    """
    found = dict(_FIELD.findall(body.decode("utf-8", "replace")))
    try:
        made = Keys(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
    except KeyError as error:
        raise ReasonError("Protocol", f"{label}: the answer holds no credentials") from error
    return made, time.monotonic() + _lifetime(found.get("Expiration", ""))


def _lifetime(expiration: str) -> float:
    """Seconds that keys are used for; a clock that is wrong must not make us ask every time."""
    try:
        ends = time.mktime(time.strptime(expiration[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
    except ValueError:
        return _EARLY
    return max(60.0, min(43_200.0, ends - time.time() - _EARLY))
