"""Logins of registries as `docker login` and `podman login` keep them, helpers included.

Reads config files and runs the credential helpers that they name. What is found goes to no message
and to no file.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from compiler.model.codes import world as codes
from compiler.model.image_reference import DOCKER_HUB
from compiler.model.record import dataclass
from compiler.model.stored import StoreError

_HUB_LOGIN = "https://index.docker.io/v1/"
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TOKEN_USER = "<token>"  # noqa: S105 - a helper's word for a login without a password
_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Login:
    """User and password in base64, or a token that is exchanged for others."""

    basic: str = ""
    identity: str = ""


def login(registry: str) -> Login:
    """The login of a registry; empty where there is none.

    Raises:
        StoreError: a helper that the config names cannot be asked.
    """
    keys = (registry, f"https://{registry}", *((_HUB_LOGIN,) if registry == DOCKER_HUB else ()))
    for config in _configs():
        if found := _of(config, keys):
            return found
    return Login()


def _configs() -> Iterator[Mapping[str, Any]]:
    """Every config that there is, in the order in which clients look."""
    docker = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    named = os.environ.get("REGISTRY_AUTH_FILE")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    places = [Path(named)] if named else []
    places.append(docker)
    places += [Path(runtime) / "containers/auth.json"] if runtime else []
    for place in places:
        try:
            config = json.loads(place.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(config, dict):
            yield config


def _of(config: Mapping[str, Any], keys: tuple[str, ...]) -> Login | None:
    helpers = _mapping(config, "credHelpers")
    for key in keys:
        if isinstance(helper := helpers.get(key), str):
            return _helped(helper, key)
    auths = _mapping(config, "auths")
    for key in keys:
        if found := _written(_mapping(auths, key)):
            return found
    store = config.get("credsStore")
    if not isinstance(store, str):
        return None
    # What is logged in through a helper is listed by name, without its secret.
    listed = [key for key in keys if key in auths]
    return next((found for key in listed or keys if (found := _helped(store, key))), None)


def _written(entry: Mapping[str, Any]) -> Login | None:
    if isinstance(token := entry.get("identitytoken"), str) and token:
        return Login(identity=token)
    if isinstance(pair := entry.get("auth"), str) and pair:
        return Login(basic=pair)
    if entry.get("username"):
        return Login(basic=_pair(str(entry["username"]), str(entry.get("password", ""))))
    return None


def _helped(helper: str, key: str) -> Login | None:
    """What a helper says; None where it knows no such registry."""
    name = f"docker-credential-{helper}"
    hint = "the config of `docker login` names it; see whether it is installed and works"
    program = shutil.which(name) if _HELPER.fullmatch(helper) else None
    if program is None:
        raise StoreError(codes.STORE_FAILED, f"{key}: {name} is not there", hint)
    try:
        done = subprocess.run(  # noqa: S603 - a list, and a name without a path
            [program, "get"], input=key, capture_output=True, text=True, timeout=_SECONDS,
            check=False,
        )  # fmt: skip
        found = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        message = f"{key}: {name} does not answer ({type(error).__name__})"
        raise StoreError(codes.STORE_FAILED, message, hint) from None
    if not isinstance(found, dict) or not found.get("Secret"):
        return None
    user, secret = str(found.get("Username", "")), str(found["Secret"])
    return Login(identity=secret) if user == _TOKEN_USER else Login(basic=_pair(user, secret))


def _pair(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def _mapping(said: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = said.get(key)
    return found if isinstance(found, dict) else {}
