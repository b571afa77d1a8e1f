"""`s3:` objects of AWS and of everything that speaks its protocol. A key is taken as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from sidecar.model.config import Source, Store
from sidecar.model.text import clean
from sidecar.transfer import s3_store
from sidecar.transfer.addresses import literal
from sidecar.transfer.aws import AwsAccess
from sidecar.transfer.exchange import origin_of
from sidecar.transfer.ranged import HttpRemote
from sidecar.transfer.scheme import Scheme, Target, Wanted

if TYPE_CHECKING:
    from sidecar.transfer.context import Context

_PLAIN = "/-._~"


def _find(source: Source, wanted: Wanted, context: Context) -> Iterator[HttpRemote]:
    url, access = _target(source, context)
    yield HttpRemote(context, url, access, wanted, label=clean(source.url))


def _target(source: Source, context: Context) -> Target:
    bucket, _, key = source.url.removeprefix("s3://").partition("/")
    url = _address(source.store, bucket, quote(key, safe=_PLAIN))
    return Target(url, AwsAccess(context, source.store, origin_of(url).host))


def _address(store: Store, bucket: str, path: str) -> str:
    suffix = "amazonaws.com.cn" if store.region.startswith("cn-") else "amazonaws.com"
    base = (store.endpoint or f"https://s3.{store.region}.{suffix}").rstrip("/")
    parts = urlsplit(base)
    # Below an address there are no host names, and no certificate covers a bucket with dots.
    in_path = store.path_style or literal(parts.hostname or "") is not None or "." in bucket
    if in_path:
        return f"{base}/{bucket}/{path}"
    return f"{parts.scheme}://{bucket}.{parts.netloc}{parts.path}/{path}"


SCHEME = Scheme(("s3",), _find, _target, s3_store.storing(_target))
