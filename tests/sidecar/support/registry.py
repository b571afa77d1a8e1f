"""A real image registry for the tests, Debian's `docker-registry`, and what is pushed into it.

With `token` it wants a signed token of a service that the tests run themselves. Loopback only.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.sidecar.support.proxy import Asked
from tests.sidecar.support.web import Reply, Web

NEEDS = "a real registry needs Debian's package docker-registry"
USER, PASSWORD = "test-user", "test-password"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class Registry(NamedTuple):
    """A running registry at `host`, `127.0.0.1:port`."""

    host: str
    tokens: Tokens | None

    def blob(self, repository: str, data: bytes) -> str:
        """Push bytes; their digest."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        start = self._ask(repository, "POST", f"/v2/{repository}/blobs/uploads/")
        mark = "&" if "?" in start else "?"
        parts = urlsplit(start)
        place = f"{parts.path}?{parts.query}{mark}digest={digest}"
        self._ask(repository, "PUT", place, data, {"Content-Type": "application/octet-stream"})
        return digest

    def manifest(
        self,
        repository: str,
        name: str,
        layers: Mapping[str, bytes],
        kind: str = "application/vnd.cncf.model.weight.v1.raw",
        artifact: str = "application/vnd.cncf.model.manifest.v1+json",
    ) -> dict[str, Any]:
        """Push an artifact of named files; the descriptor of its manifest."""
        config = b"{}"
        made = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": artifact,
            "config": self._descriptor(repository, config, "application/vnd.oci.empty.v1+json"),
            "layers": [
                {
                    **self._descriptor(repository, data, kind),
                    "annotations": {"org.cncf.model.filepath": title},
                }
                for title, data in layers.items()
            ],
        }
        return self.document(repository, name, made, MANIFEST)

    def document(
        self, repository: str, name: str, made: Mapping[str, Any], kind: str
    ) -> dict[str, Any]:
        """Push a manifest or index as it is; its descriptor."""
        body = json.dumps(made).encode()
        self._ask(repository, "PUT", f"/v2/{repository}/manifests/{name}", body,
                  {"Content-Type": kind})  # fmt: skip
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        return {"mediaType": kind, "digest": digest, "size": len(body)}

    def _descriptor(self, repository: str, data: bytes, kind: str) -> dict[str, Any]:
        return {"mediaType": kind, "digest": self.blob(repository, data), "size": len(data)}

    def _ask(
        self, repository: str, method: str, target: str, body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> str:  # fmt: skip
        more = {}
        if self.tokens:
            token = self.tokens.issue(repository, ["pull", "push"])
            more["Authorization"] = f"Bearer {token}"
        connection = HTTPConnection(self.host, timeout=30)
        connection.request(method, target, body, {**(headers or {}), **more})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status in (201, 202), (answer.status, text)
        return answer.headers.get("Location", "")


class Tokens:
    """A token service: it signs what the registry believes, for those who know the password."""

    def __init__(self, folder: Path) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec

        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._certified(folder / "tokens.pem")
        self.lifetime = 300
        self.web = Web(script=self._answer)

    def issue(self, repository: str, actions: list[str]) -> str:
        """A token for a repository."""
        now = int(time.time())
        header = {"typ": "JWT", "alg": "ES256", "x5c": [self._certificate]}
        claims = {
            "iss": "tests", "sub": USER, "aud": "registry", "exp": now + 300, "nbf": now - 30,
            "iat": now, "jti": uuid.uuid4().hex,
            "access": [{"type": "repository", "name": repository, "actions": actions}],
        }  # fmt: skip
        text = f"{_packed(header)}.{_packed(claims)}"
        return f"{text}.{self._signed(text.encode())}"

    def _answer(self, asked: Asked) -> Reply:
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {pair}":
            return Reply(401, body=b'{"errors": [{"code": "UNAUTHORIZED", "message": "who?"}]}')
        scope = parse_qs(urlsplit(asked.target).query)["scope"][0]
        _, repository, actions = scope.split(":")
        token = self.issue(repository, actions.split(","))
        answer = {"token": token, "expires_in": self.lifetime}
        return Reply(200, {"Content-Type": "application/json"}, json.dumps(answer).encode())

    def _signed(self, data: bytes) -> str:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(hashes.SHA256())))
        return _text(r.to_bytes(32, "big") + s.to_bytes(32, "big"))

    def _certified(self, path: Path) -> str:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization

        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()


@contextmanager
def running(folder: Path, *, token: bool = False) -> Iterator[Registry]:
    """A registry below a folder, until the block ends."""
    program = shutil.which("docker-registry")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail(NEEDS)
        pytest.skip(NEEDS)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    tokens = Tokens(folder) if token else None
    (folder / "config.yml").write_text(json.dumps(_config(folder, port, tokens)))
    command = [program, "serve", str(folder / "config.yml")]
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        _wait(process, port)
        yield Registry(f"127.0.0.1:{port}", tokens)
    finally:
        process.kill()
        process.wait()
        if tokens:
            tokens.web.close()


def _config(folder: Path, port: int, tokens: Tokens | None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "test-secret"},
    }
    if tokens:
        made["auth"] = {
            "token": {
                "realm": tokens.web.url("/token"),
                "service": "registry",
                "issuer": "tests",
                "rootcertbundle": str(folder / "tokens.pem"),
            }
        }
    return made


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, "the registry ended"
            assert time.monotonic() < deadline, "the registry did not come up"
            time.sleep(0.05)
        else:
            return


def _packed(value: Mapping[str, Any]) -> str:
    return _text(json.dumps(value, separators=(",", ":")).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
