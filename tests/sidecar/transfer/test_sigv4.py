"""Signatures, held against those that botocore makes of the same requests."""

from __future__ import annotations

import random
import time
from importlib import import_module
from typing import Any

import pytest

from sidecar.transfer import sigv4

NOW = 1_800_000_000.0
KEYS = sigv4.Keys("test-access", "test-secret")


def theirs(method: str, url: str, headers: dict[str, str], keys: sigv4.Keys, payload: str) -> str:
    """The Authorization header that botocore would send."""
    auth: Any = import_module("botocore.auth")
    request_class = import_module("botocore.awsrequest").AWSRequest
    credentials = import_module("botocore.credentials").Credentials

    class At(auth.S3SigV4Auth):  # type: ignore[misc]
        def payload(self, request: Any) -> str:
            del request
            return payload

        def add_auth(self, request: Any) -> None:
            request.context["timestamp"] = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(NOW))
            self._modify_request_before_signing(request)
            canonical = self.canonical_request(request)
            signature = self.signature(self.string_to_sign(request, canonical), request)
            self._inject_signature_to_request(request, signature)

    request = request_class(method, url, headers=headers)
    signer = At(credentials(keys.access, keys.secret, keys.token or None), "s3", "eu-central-1")
    signer.add_auth(request)
    return str(request.headers["Authorization"])


def ours(method: str, url: str, headers: dict[str, str], keys: sigv4.Keys, payload: str) -> str:
    host = url.split("/")[2]
    return sigv4.signed(
        method, url, headers, keys, host=host, region="eu-central-1", payload=payload, now=NOW
    )["Authorization"]


@pytest.mark.parametrize(
    ("method", "url", "headers"),
    [
        ("GET", "https://bucket.s3.eu-central-1.amazonaws.com/key", {}),
        ("GET", "http://127.0.0.1:8333/bucket/a/b%20c/d%2Be~f.tar.gz", {}),
        ("GET", "https://host.example/bucket//double//slashes/", {}),
        ("GET", "https://host.example/bucket?list-type=2&prefix=a%2Fb&delimiter=%2F", {}),
        ("PUT", "https://host.example/b/k?partNumber=2&uploadId=x%2By", {"x-amz-meta-a": " v  w"}),
        ("POST", "https://host.example/b/k?uploads", {}),
        ("GET", "https://host.example/b/k?a-b=1&a=2&a=1&A=3", {}),
        ("DELETE", "https://host.example:8443/b/%C3%A4", {"x-amz-tagging": "q=1"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("token", ["", "test-token"])
def test_a_signature_is_the_one_that_botocore_makes(
    method: str, url: str, headers: dict[str, str], token: str
) -> None:
    keys = KEYS._replace(token=token)
    for payload in (sigv4.EMPTY, sigv4.UNSIGNED):
        assert ours(method, url, headers, keys, payload) == theirs(
            method, url, headers, keys, payload
        )


def test_signatures_agree_on_random_requests(campaign: bool) -> None:
    seeded = random.Random(4)
    letters = "abcXYZ019-._~%/ +=&?:@!$'()*,;é"
    import urllib.parse

    count = 2_000 if campaign else 200
    for _ in range(count):
        key = "".join(seeded.choices(letters, k=seeded.randint(0, 20)))
        pairs = [
            ("".join(seeded.choices(letters, k=3)), "".join(seeded.choices(letters, k=5)))
            for _ in range(seeded.randint(0, 4))
        ]
        path = urllib.parse.quote(key, safe="/-._~")
        query = "&".join(
            f"{urllib.parse.quote(k, safe='-._~')}={urllib.parse.quote(v, safe='-._~')}"
            for k, v in pairs
        )
        url = f"https://host.example/bucket/{path}" + (f"?{query}" if query else "")
        assert ours("GET", url, {}, KEYS, sigv4.EMPTY) == theirs(
            "GET", url, {}, KEYS, sigv4.EMPTY
        ), url
    print(f"{count} random requests are signed as botocore signs them")


def test_a_signature_over_something_else_differs() -> None:
    url = "https://host.example/b/k"
    assert ours("GET", url, {}, KEYS, sigv4.EMPTY) != theirs("PUT", url, {}, KEYS, sigv4.EMPTY)
