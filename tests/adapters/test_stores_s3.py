"""What S3 answers when all is not well: a real server behind a relay that harms its answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.adapters.stores import AllStores
from compiler.adapters.stores_s3 import ATTEMPTS
from compiler.model.inputs import Location
from compiler.model.stored import StoreError
from tests.sidecar.support.proxy import Fault, Relay, answer
from tests.sidecar.support.s3 import ACCESS, READER_ACCESS, READER_SECRET, S3, SECRET

CODES = [
    ("SlowDown", "503 Slow Down", "asked too often", "run it again later"),
    ("ExpiredToken", "400 Bad Request", "credentials have expired", "log in again"),
    ("InvalidToken", "400 Bad Request", "access is denied", "--profile STORE=NAME"),
    ("PermanentRedirect", "301 Moved", "another region", "region:"),
    ("AuthorizationHeaderMalformed", "400 Bad Request", "another region", "region:"),
    ("RequestTimeTooSkewed", "403 Forbidden", "clock", "set the clock"),
    ("InvalidObjectState", "403 Forbidden", "archived", "restore the object"),
    ("InternalError", "500 Oops", "fault of its own", "run it again later"),
]


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # The library waits seconds between attempts otherwise.
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", _no_delay)


def _no_delay(self: object, context: object) -> float:
    del self, context
    return 0.0


def said(code: str, status: str) -> Fault:
    body = f"<Error><Code>{code}</Code><Message>test-secret</Message></Error>".encode()
    return Fault(answer=answer(status, "Content-Type: application/xml", body=body))


def test_a_store_that_throttles_for_a_while_is_asked_again(s3: S3) -> None:
    bucket = s3.bucket("throttled")
    s3.put(bucket, "m.onnx", b"weights")
    slow = said("SlowDown", "503 Slow Down")
    with Relay(s3.port, *[slow] * (ATTEMPTS - 1)) as relay:
        at = Location(f"s3://{bucket}/m.onnx", endpoint=relay.url(s3.endpoint, s3.port))
        with AllStores().open(at) as stream:
            assert stream.read() == b"weights"
        assert len(relay.asked) == ATTEMPTS


@pytest.mark.parametrize(("code", "status", "words", "hint"), CODES)
def test_each_refusal_says_what_it_is_and_what_to_do(
    s3: S3, code: str, status: str, words: str, hint: str
) -> None:
    with Relay(s3.port, always=said(code, status)) as relay:
        at = Location("s3://bucket/", endpoint=relay.url(s3.endpoint, s3.port))
        with pytest.raises(StoreError, match=words) as caught:
            list(AllStores().list(at))
    assert hint in caught.value.hint
    assert "test-secret" not in caught.value.message


def test_what_is_cut_off_in_the_middle_is_no_object(s3: S3) -> None:
    bucket = s3.bucket("torn")
    s3.put(bucket, "m.onnx", b"x" * 100_000)
    with Relay(s3.port, always=Fault(cut=1_000)) as relay:
        at = Location(f"s3://{bucket}/m.onnx", endpoint=relay.url(s3.endpoint, s3.port))
        with (
            pytest.raises(StoreError, match=r"cannot be asked|broke off"),
            AllStores().open(at) as stream,
        ):
            stream.read()


def test_folders_that_a_console_made_are_no_files(s3: S3) -> None:
    bucket = s3.bucket("console")
    s3.client.put_object(Bucket=bucket, Key="images/", Body=b"")
    s3.put(bucket, "images/1.jpg", b"1")
    s3.put(bucket, "images/empty.txt", b"")
    found = AllStores().list(Location(f"s3://{bucket}/images/", endpoint=s3.endpoint))
    assert [one.name for one in found] == ["1.jpg", "empty.txt"]


def test_a_profile_goes_to_its_own_store_and_to_no_other(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3.bucket("profiles")
    s3.put(bucket, "m.onnx", b"weights")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "credentials").write_text(
        f"[reader]\naws_access_key_id = {READER_ACCESS}\naws_secret_access_key = {READER_SECRET}\n"
    )
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-other-secret")
    stores = AllStores({"main": "reader"})
    at = Location(f"s3://{bucket}/m.onnx", store="main", endpoint=s3.endpoint)
    assert stores.look(at).size == 7
    with pytest.raises(StoreError, match="access is denied"):
        stores.look(Location(at.url, store="other", endpoint=s3.endpoint))
    with pytest.raises(StoreError, match="access is denied"):
        stores.put(at, b"more")
    with pytest.raises(StoreError, match="nope") as caught:
        AllStores({"main": "nope"}).look(at)
    assert "--profile" in caught.value.hint
