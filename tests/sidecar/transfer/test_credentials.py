"""Keys that expire, are rotated, come from a token or from boto3: row N8 of the failure matrix."""

from __future__ import annotations

import datetime
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from sidecar.model.config import Source, Store
from sidecar.model.reasons import ReasonError
from sidecar.transfer import credentials, sigv4, small
from tests.sidecar.support import s3 as s3_server
from tests.sidecar.support.proxy import Asked, Fault, Relay, answer
from tests.sidecar.support.s3 import S3
from tests.sidecar.support.web import Reply, Web
from tests.sidecar.transfer.fetching import MIB, bench, content, document, entry, refusal

SIZE = 8 * MIB
DATA = content(SIZE, seed=8)
EXPIRED = answer(
    "400 Bad Request", body=b"<Error><Code>ExpiredToken</Code><Message>old</Message></Error>"
)


def test_n8_a_secret_rotated_in_mid_fetch_is_used_and_nothing_begins_anew(
    s3: S3, tmp_path: Path
) -> None:
    folder = tmp_path / "secret"
    keys = s3_server.credentials(folder, token="test-token")
    url = s3.put("row-n8", "model.onnx", DATA)

    def rotate() -> None:
        (folder / "AWS_SESSION_TOKEN").unlink()
        s3_server.credentials(folder, s3_server.READER_ACCESS, s3_server.READER_SECRET)

    with Web({"/row-n8/model.onnx": DATA}) as web, Relay(web.port) as relay:
        # The first keys work until the cut; then they have expired, and the Secret follows late.
        relay.faults = [Fault(cut=3 * MIB), Fault(answer=EXPIRED, then=rotate)]
        store = {**s3.store(credentials=keys), "endpoint": f"http://{relay.address}"}
        made = document(tmp_path / "store", [entry(DATA, f"{url} @ main")], stores=[store])
        with bench(made) as b:
            done = b.fetch()
            assert b.blob() == DATA
        assert done.bytes == SIZE
        assert [one.headers.get("range") for one in relay.asked] == [
            None, f"bytes={3 * MIB}-", f"bytes={3 * MIB}-",
        ]  # fmt: skip
        users = [one.headers["authorization"].split("=")[1].split("/")[0] for one in relay.asked]
        assert users == ["test-access", "test-access", "test-reader"]
        assert "x-amz-security-token" not in relay.asked[2].headers


def test_n8_a_real_store_goes_on_with_the_new_keys(s3: S3, tmp_path: Path) -> None:
    folder = tmp_path / "secret"
    keys = s3_server.credentials(folder)
    url = s3.put("row-n8", "real.onnx", DATA)

    def rotate() -> None:
        s3_server.credentials(folder, s3_server.READER_ACCESS, s3_server.READER_SECRET)

    with Relay(s3.port, Fault(cut=3 * MIB, then=rotate)) as relay:
        store = {**s3.store(credentials=keys), "endpoint": f"http://{relay.address}"}
        made = document(tmp_path / "store", [entry(DATA, f"{url} @ main")], stores=[store])
        with bench(made) as b:
            assert b.fetch().bytes == SIZE
        assert "Credential=test-reader/" in relay.asked[1].headers["authorization"]


def test_n8_keys_that_stay_refused_are_tried_once(tmp_path: Path) -> None:
    keys = s3_server.credentials(tmp_path / "secret")
    with Web(script=lambda _: Reply(403, body=b"<Error><Code>AccessDenied</Code></Error>")) as web:
        store = {"name": "main", "endpoint": web.url(""), "credentials": keys}
        made = document(tmp_path / "s", [entry(DATA, "s3://bucket/key @ main")], stores=[store])
        assert refusal(made).code == "AccessDenied"
        assert len(web.asked) == 1


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "all"])
def test_missing_keys_name_the_file_and_never_a_value(tmp_path: Path, missing: str) -> None:
    folder = tmp_path / "secret"
    keys = s3_server.credentials(folder)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if missing == "all" else (missing,):
        (folder / name).unlink()
    store = {"name": "main", "endpoint": "http://127.0.0.1:1", "credentials": keys}
    made = document(tmp_path / "s", [entry(DATA, "s3://bucket/key @ main")], stores=[store])
    caught = refusal(made)
    assert caught.code == "CredentialsMissing"
    assert "AWS_" in caught.detail
    assert "test-access" not in caught.detail
    assert "test-secret" not in caught.detail


def test_keys_that_cannot_be_header_values_are_no_keys(tmp_path: Path) -> None:
    keys = s3_server.credentials(tmp_path / "secret", access="test\r\nX-Evil: 1")
    store = {"name": "main", "endpoint": "http://127.0.0.1:1", "credentials": keys}
    made = document(tmp_path / "s", [entry(DATA, "s3://bucket/key @ main")], stores=[store])
    assert refusal(made).code == "CredentialsMissing"


def test_without_credentials_a_store_is_asked_without_a_signature(s3: S3, tmp_path: Path) -> None:
    url = s3.put(s3_server.PUBLIC, "open.onnx", DATA)
    made = document(tmp_path, [entry(DATA, f"{url} @ main")], stores=[s3.store()])
    with bench(made, {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}) as b:
        b.fetch()
        assert b.blob() == DATA


# --- web identity


def sts(key: str, lifetime: float = 3600) -> bytes:
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=lifetime)
    return (
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
        f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>test-secret</SecretAccessKey>"
        f"<SessionToken>test-session</SessionToken><Expiration>{ends:%Y-%m-%dT%H:%M:%SZ}"
        "</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
        "</AssumeRoleWithWebIdentityResponse>"
    ).encode()


class Cloud:
    """A token service and a store in one, which takes the newest keys only."""

    def __init__(self) -> None:
        self.web = Web({"/bucket/key": DATA}, script=self._answer)
        self.exchanges: list[dict[str, list[str]]] = []

    def _answer(self, asked: Asked) -> Reply | None:
        if asked.method == "POST":
            self.exchanges.append(parse_qs(asked.body.decode()))
            assert "authorization" not in asked.headers, "the request itself needs no signature"
            return Reply(200, {"Content-Type": "text/xml"}, sts(f"test-{len(self.exchanges)}"))
        if f"Credential=test-{len(self.exchanges)}/" not in asked.headers.get("authorization", ""):
            return Reply(403, body=b"<Error><Code>ExpiredToken</Code></Error>")
        return None

    def environment(self, token: Path) -> dict[str, str]:
        return {
            "AWS_ROLE_ARN": "arn:aws:iam::000000000000:role/edge",
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "AWS_ENDPOINT_URL_STS": self.web.url(""),
        }

    def store(self) -> dict[str, Any]:
        return {"name": "main", "endpoint": self.web.url(""), "region": "eu-west-1"}


def test_a_web_identity_is_exchanged_once_for_keys_that_serve_many_transfers(
    tmp_path: Path,
) -> None:
    token, cloud = tmp_path / "token", Cloud()
    token.write_text("test-web-identity\n")
    artifacts = [entry(DATA, "s3://bucket/key @ main"), entry(DATA[:-1], "s3://bucket/key @ main")]
    artifacts[1]["name"] = "other"
    with cloud.web:
        made = document(tmp_path / "s", artifacts, stores=[cloud.store()])
        with bench(made, cloud.environment(token)) as b:
            b.fetch()
            assert b.blob() == DATA
            assert b.refused(b.config.artifacts[1]).code == "TooLarge"
        (asked,) = cloud.exchanges
        assert asked["WebIdentityToken"] == ["test-web-identity"]
        assert asked["RoleArn"] == ["arn:aws:iam::000000000000:role/edge"]


def test_keys_of_a_web_identity_that_are_refused_are_asked_for_anew(tmp_path: Path) -> None:
    token, cloud = tmp_path / "token", Cloud()
    token.write_text("test-web-identity")
    with cloud.web:
        made = document(
            tmp_path / "s", [entry(DATA, "s3://bucket/key @ main")], stores=[cloud.store()]
        )
        with bench(made, cloud.environment(token)) as b:
            store = b.config.stores[0]
            credentials.keys(b.context, store)
            cloud.exchanges.append({})  # the store takes other keys from now on
            b.fetch()
            assert len(cloud.exchanges) == 3


def test_a_wrong_clock_does_not_make_us_ask_for_keys_each_time() -> None:
    for lifetime in (-7200, 0, 10**9):
        made, until = credentials.temporary(sts("test-1", lifetime), "sts")
        assert made == sigv4.Keys("test-1", "test-secret", "test-session")
        assert 59 < until - time.monotonic() < 43_201


def test_a_source_without_a_store_is_anonymous_whatever_the_environment_has(
    tmp_path: Path,
) -> None:
    token, cloud = tmp_path / "token", Cloud()
    token.write_text("test-web-identity")
    with cloud.web, bench(document(tmp_path / "s", []), cloud.environment(token)) as b:
        assert credentials.keys(b.context, Store()) is None
    assert cloud.exchanges == []


def test_profiles_of_boto3_are_resolved_in_a_process_of_its_own(s3: S3, tmp_path: Path) -> None:
    folder = tmp_path / "secret"
    folder.mkdir()
    (folder / "credentials").write_text(
        "[default]\naws_access_key_id = test-access\naws_secret_access_key = test-secret\n"
    )
    url = s3.put("resolver", "small", b"hello")
    store = s3.store(credentials=str(folder))
    made = document(tmp_path / "s", [entry(b"hello", f"{url} @ main")], stores=[store])
    with bench(made) as b:
        source = Source(url, b.config.stores[0])
        assert small.get(source, b.context, 100) == b"hello"
        assert b.fetch().bytes == 5
    (folder / "credentials").write_text("[default]\n")
    with bench(made) as b, pytest.raises(ReasonError) as caught:
        small.get(source, b.context, 100)
    assert caught.value.code == "CredentialsMissing"
