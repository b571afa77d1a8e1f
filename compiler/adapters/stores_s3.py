"""S3 and what speaks like it, through boto3: credentials by the library's own chain, else none.

A bucket and a key are taken from the URL as they are; the endpoint is the location's. No secret
appears in an error.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from threading import Lock
from typing import Any, BinaryIO

from compiler.adapters.stores_faults import byte_range, changed, whole
from compiler.adapters.web import LATER
from compiler.model.codes import world as codes
from compiler.model.inputs import Location
from compiler.model.stored import Stored, StoreError

CONNECTIONS = 32
ATTEMPTS = 5
_ABSENT = ("404", "NoSuchKey", "NoSuchBucket", "NotFound")
_CHANGED = ("412", "PreconditionFailed")
_LOGIN = "set AWS_PROFILE, pass --profile STORE=NAME, or set the keys of somebody who may read it"
_REGION = "write the bucket's region: at the store"
_CLOCK = "set the clock of this machine; signatures hold for minutes"
_ARCHIVED = "restore the object from its archive class first"
_WORDS: dict[tuple[str, ...], tuple[str, str]] = {
    ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"): (
        "the credentials have expired",
        "log in again, such as by `aws sso login`, or set fresh keys",
    ),
    ("401", "403", "AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "InvalidToken",
     "SignatureDoesNotMatch"): ("access is denied", _LOGIN),
    ("301", "307", "PermanentRedirect", "AuthorizationHeaderMalformed",
     "IllegalLocationConstraintException"): (
        "the bucket is in another region", _REGION,
    ),
    ("429", "503", "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded",
     "TooManyRequests", "ServiceUnavailable"): (
        f"it is asked too often, also after {ATTEMPTS} attempts", LATER,
    ),
    ("RequestTimeTooSkewed",): ("this machine's clock and the store's differ too much", _CLOCK),
    ("InvalidObjectState",): ("the object is archived and cannot be read", _ARCHIVED),
    ("416", "InvalidRange"): ("the object is shorter than it was", "run it again"),
    ("500", "502", "504", "InternalError"): ("the store has a fault of its own", LATER),
}  # fmt: skip
"""What an answer's code says, and what to do."""


class S3Store:
    """Objects by URL; one client for each endpoint, region and profile."""

    def __init__(self, profiles: Mapping[str, str]) -> None:
        self._profiles = profiles
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._mutex = Lock()

    def list(self, prefix: Location) -> Iterator[Stored]:
        """Every object below a prefix, in name order."""
        bucket, key = _parts(prefix)
        with _told(prefix):
            pages = self._client(prefix).get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=bucket, Prefix=key):
                for entry in page.get("Contents", ()):
                    name = entry["Key"][len(key) :]
                    if not entry["Size"] and entry["Key"].endswith("/"):
                        # What consoles make where somebody clicks on "new folder".
                        continue
                    yield Stored(
                        prefix, name, entry["Size"], entry["ETag"].strip('"'),
                        modified=entry["LastModified"].timestamp(),
                    )  # fmt: skip

    def look(self, at: Location) -> Stored:
        """What is at a location now."""
        bucket, key = _parts(at)
        with _told(at):
            found = self._client(at).head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        version = found.get("VersionId", "")
        return Stored(
            at, "", found["ContentLength"], found["ETag"].strip('"'),
            "" if version == "null" else version, _digest(found),
            found["LastModified"].timestamp(),
        )  # fmt: skip

    def put(self, at: Location, data: bytes, *, absent: bool = False) -> Stored:
        """Store an object."""
        bucket, key = _parts(at)
        more = {"IfNoneMatch": "*"} if absent else {}
        with _told(at):
            self._client(at).put_object(Bucket=bucket, Key=key, Body=data, **more)
        return self.look(at)

    @contextmanager
    def open(
        self, at: Location, *, start: int = 0, length: int | None = None, etag: str = ""
    ) -> Iterator[BinaryIO]:
        """A stream of an object's bytes."""
        bucket, key = _parts(at)
        more = {"IfMatch": etag} if etag else {}
        if wanted := byte_range(start, length):
            more["Range"] = wanted
        with _told(at):
            found = self._client(at).get_object(Bucket=bucket, Key=key, **more)
        with closing(found["Body"]) as body:
            yield whole(body, at, found.get("ContentLength"), _told)

    def _client(self, at: Location) -> Any:
        with self._mutex:
            # A profile goes with its store, so that it is sent to no other endpoint.
            profile = self._profiles.get(at.store, "")
            key = (at.endpoint, at.region, profile)
            if key not in self._clients:
                self._clients[key] = _made(at, profile)
            return self._clients[key]


def _made(at: Location, profile: str) -> Any:
    # Slow to load, and only needed where a store is of this kind.
    from boto3.session import Session
    from botocore import UNSIGNED
    from botocore.config import Config

    session = Session(profile_name=profile or None)
    known = session.get_credentials() is not None
    return session.client(
        "s3",
        endpoint_url=at.endpoint or None,
        region_name=at.region or session.region_name or "us-east-1",
        config=Config(
            signature_version="s3v4" if known else UNSIGNED,
            s3={"addressing_style": "path" if at.endpoint else "auto"},
            max_pool_connections=CONNECTIONS,
            connect_timeout=10,
            read_timeout=60,
            retries={"mode": "standard", "max_attempts": ATTEMPTS},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


@contextmanager
def _told(at: Location) -> Iterator[None]:
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        HTTPClientError,
        NoCredentialsError,
        ProfileNotFound,
        TokenRetrievalError,
    )

    try:
        yield
    except (NoCredentialsError, ProfileNotFound, TokenRetrievalError) as error:
        hint = "see `aws configure list-profiles`; AWS_PROFILE and --profile name one of them"
        raise StoreError(codes.STORE_FAILED, f"{at.url}: {error}", hint) from error
    except ClientError as error:
        raise _answered(at, error.response.get("Error", {})) from error
    except (BotoCoreError, HTTPClientError, OSError) as error:
        where = at.endpoint or "the provider"
        message = f"{at.url}: {where} cannot be asked: {type(error).__name__}"
        hint = "see whether the endpoint is right and reachable from this machine"
        raise StoreError(codes.STORE_FAILED, message, hint) from error


def _answered(at: Location, said: dict[str, Any]) -> StoreError:
    code = str(said.get("Code", ""))
    if code in _ABSENT:
        return StoreError(codes.STORE_ABSENT, f"{at.url} is not there")
    if code in _CHANGED:
        return changed(at)
    for named, (words, hint) in _WORDS.items():
        if code in named:
            return StoreError(codes.STORE_FAILED, f"{at.url}: {words} ({code})", hint)
    return StoreError(codes.STORE_FAILED, f"{at.url}: the store answers {code}", "run it again")


def _digest(found: dict[str, Any]) -> str:
    """The digest of the whole object, where the store has computed it."""
    given = found.get("ChecksumSHA256", "")
    if not given or "-" in given or found.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return ""
    return base64.b64decode(given).hex()


def _parts(at: Location) -> tuple[str, str]:
    bucket, _, key = at.url.removeprefix("s3://").partition("/")
    return bucket, key
