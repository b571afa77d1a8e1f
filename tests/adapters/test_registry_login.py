"""Logins as other clients keep them: written down, in a helper, as a token that is exchanged."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from compiler.adapters.registry import Registries
from compiler.adapters.registry_login import Login, login
from compiler.model.stored import StoreError
from tests.adapters.test_registry import push
from tests.adapters.test_stores_faults import Answer, served
from tests.sidecar.support import registry
from tests.sidecar.support.registry import PASSWORD, USER

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="http://$HOST/token",service="s"'}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the config and the programs of a user."""
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def helper(home: Path, knows: dict[str, tuple[str, str]]) -> None:
    """A program that answers as credential helpers do, and writes down what it was asked."""
    program = home / "docker-credential-keyring"
    program.write_text(
        f"#!{sys.executable}\nimport json, sys\nasked = sys.stdin.read().strip()\n"
        f"open({str(home / 'asked')!r}, 'a').write(asked + '\\n')\n"
        f"found = {knows!r}.get(asked)\n"
        "if sys.argv[1] != 'get' or found is None:\n"
        "    print('credentials not found in native keychain'); sys.exit(1)\n"
        "print(json.dumps({'ServerURL': asked, 'Username': found[0], 'Secret': found[1]}))\n"
    )
    program.chmod(0o755)


def configure(home: Path, **config: object) -> None:
    (home / "config.json").write_text(json.dumps(config))


def test_a_helper_is_asked_once_and_its_login_opens_the_registry(home: Path) -> None:
    (home / "registry").mkdir()
    with registry.running(home / "registry", token=True) as there:
        for tag in ("1", "2"):
            push(there, "shop/ovms", tag, "linux/amd64")
        helper(home, {there.host: (USER, PASSWORD)})
        configure(home, credHelpers={there.host: "keyring"})
        registries = Registries()
        for tag in ("1", "2"):
            image = registries.image(f"{there.host}/shop/ovms:{tag}")
            assert image.platforms == ("linux/amd64",)
        assert (home / "asked").read_text() == f"{there.host}\n"


def test_the_store_of_all_logins_is_asked_and_what_is_written_down_counts_first(
    home: Path,
) -> None:
    helper(home, {"r.example.com": ("u", "p"), "https://index.docker.io/v1/": ("hub", "p")})
    configure(home, credsStore="keyring", auths={"other.example.com": {"auth": "YTpi"}})
    assert login("other.example.com") == Login(basic="YTpi")
    assert login("r.example.com") == Login(basic="dTpw")
    assert login("docker.io") == Login(basic="aHViOnA=")
    assert login("unknown.example.com") == Login()


def test_a_helper_that_is_not_installed_is_named(home: Path) -> None:
    for name in ("missing", "../keyring"):
        configure(home, credHelpers={"r.example.com": name})
        with pytest.raises(StoreError, match=r"docker-credential-.* is not there") as caught:
            login("r.example.com")
        assert "installed" in caught.value.hint


def test_a_helper_that_talks_rubbish_shows_none_of_it(home: Path) -> None:
    program = home / "docker-credential-keyring"
    program.write_text("#!/bin/sh\necho test-secret\n")
    program.chmod(0o755)
    configure(home, credHelpers={"r.example.com": "keyring"})
    with pytest.raises(StoreError, match="does not answer") as caught:
        login("r.example.com")
    assert "test-secret" not in caught.value.message


def test_the_file_of_podman_is_read_as_well(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(home, auths={"r.example.com": {"auth": "YTpi"}})
    (home / "auth.json").write_text('{"auths": {"r.example.com": {"auth": "YzpkCg=="}}}')
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(home / "auth.json"))
    assert login("r.example.com") == Login(basic="YzpkCg==")
    (home / "auth.json").write_text("no JSON")
    assert login("r.example.com") == Login(basic="YTpi")


def test_a_token_that_stands_for_a_login_is_exchanged(home: Path) -> None:
    index = json.dumps({"manifests": [{"platform": {"os": "linux", "architecture": "arm64"}}]})
    answers: dict[str, list[Answer]] = {
        "/v2/app/manifests/1": [(401, CHALLENGE, b""), (200, {}, index.encode())],
        "/token": [(200, {}, b'{"access_token": "test-token"}')],
    }
    posted: list[bytes] = []
    with served(answers, posted) as host:
        configure(home, auths={host: {"identitytoken": "test-identity"}})
        assert Registries().image(f"{host}/app:1").platforms == ("linux/arm64",)
    assert b"grant_type=refresh_token" in posted[0]
    assert b"refresh_token=test-identity" in posted[0]
