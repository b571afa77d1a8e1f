"""Storing in S3: small files by one request, large ones in parts that survive any interruption.

The upload's name at the server is remembered before its first part is sent; after an interruption
the server says which parts it has. A large file is hashed whole before its upload begins, since no
service can compare the digest of the whole later. Uploads that nobody remembers but that are for
the very same name are taken over: names hold the digest, so their bytes are the same.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import suppress
from html import unescape
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote, urlencode

from sidecar.model.config import Source
from sidecar.model.reasons import ReasonError
from sidecar.transfer import failures, http_store
from sidecar.transfer.exchange import Answer, Request, body_of, send
from sidecar.transfer.outgoing import Outgoing, Stored, digests, verify
from sidecar.transfer.scheme import Storing, Target, TargetOf

if TYPE_CHECKING:
    from sidecar.transfer.context import Context

IN_PARTS_FROM: Final = 64 << 20
PART: Final = 8 << 20
MOST_PARTS: Final = 9000
"""Services allow 10,000."""

_LIST = 4 << 20
_TRIES = 3
_UPLOAD_ID = re.compile(r"<UploadId>([^<]{1,2048})</UploadId>")
_UPLOAD = re.compile(r"<Upload>(.*?)</Upload>", re.DOTALL)
_PART = re.compile(r"<Part>(.*?)</Part>", re.DOTALL)
_FIELD = re.compile(r"<(Key|UploadId|Initiated|PartNumber|ETag|Size)>([^<]*)</")
_MORE = re.compile(r"<IsTruncated>true</IsTruncated>")
_NEXT = re.compile(r"<NextPartNumberMarker>([0-9]+)</")
_PASSING = frozenset(("Offline", "Stalled", "Busy", "ServerFailed"))
_FAILED = re.compile(r"<Error>")
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')


class _Lost(Exception):  # noqa: N818 - told to nobody
    """The server does not know the upload any longer."""


class _Upload(NamedTuple):
    """An upload under way."""

    out: Outgoing
    context: Context
    target: Target
    name: str
    part: int


def storing(target_of: TargetOf) -> Storing:
    """How objects are stored where `target_of` says where they lie."""

    def put(out: Outgoing, context: Context) -> Stored:
        target = target_of(out.source, context)
        if out.size < IN_PARTS_FROM:
            return http_store.put(out, context, target)
        return _put_parts(out, context, target, target_of)

    def abandon(out: Outgoing, context: Context) -> None:
        remembered = out.state.read()
        name = remembered.get("upload")
        if name and remembered.get("url") == out.source.url:
            _abort(_Upload(out, context, target_of(out.source, context), name, 1))

    return Storing(put, http_store.storing(target_of).write, abandon)


def _put_parts(out: Outgoing, context: Context, target: Target, target_of: TargetOf) -> Stored:
    if http_store.is_there(context, target, out.size, out.source.label):
        out.state.clear()
        return Stored(out.source.url, already=True)
    for _ in range(_TRIES):
        upload = _remembered(out, context, target) or _begun(out, context, target, target_of)
        with suppress(_Lost):
            already = _finish(upload, _send_parts(upload))
            out.state.clear()
            return Stored(out.source.url, already=already)
        # The server forgot the upload, perhaps because it was ended and we did not hear of it.
        out.state.clear()
        if http_store.is_there(context, target, out.size, out.source.label):
            return Stored(out.source.url, already=True)
    raise ReasonError("Protocol", f"{out.source.label}: the server loses every upload")


def _remembered(out: Outgoing, context: Context, target: Target) -> _Upload | None:
    found = out.state.read()
    name, part = found.get("upload"), found.get("part")
    same = found.get("url") == out.source.url and found.get("size") == out.size
    if not same or not isinstance(name, str) or not isinstance(part, int) or part < 1:
        return None
    return _Upload(out, context, target, name, part)


def _begun(out: Outgoing, context: Context, target: Target, target_of: TargetOf) -> _Upload:
    """An upload whose name is remembered: a new one, or one that an earlier process began."""
    verify(out, context)
    part = part_size(out.size)
    names = [name for _, name in sorted(_others(out, context, target_of), reverse=True)]
    name = names[0] if names else _create(out, context, target)
    out.state.write({"url": out.source.url, "upload": name, "part": part, "size": out.size})
    for other in names[1:]:
        _abort(_Upload(out, context, target, other, part))
    return _Upload(out, context, target, name, part)


def part_size(size: int) -> int:
    """Bytes of each part but the last."""
    step = 1 << 20
    return max(PART, -(-size // MOST_PARTS // step) * step)


def _create(out: Outgoing, context: Context, target: Target) -> str:
    headers = {"Content-Type": "application/octet-stream"}
    request = Request("POST", f"{target.url}?uploads=", headers, body_of(b""))
    text = _text(send(context, request, target.access), out.source.label)
    found = _UPLOAD_ID.search(text)
    if found is None:
        raise ReasonError("Protocol", f"{out.source.label}: an upload without a name")
    return unescape(found[1])


def _others(out: Outgoing, context: Context, target_of: TargetOf) -> Iterator[tuple[str, str]]:
    """When and under which name uploads for the very same object were begun, where we may know."""
    bucket, _, key = out.source.url.removeprefix("s3://").partition("/")
    target = target_of(Source(f"s3://{bucket}/", out.source.store), context)
    query = urlencode({"uploads": "", "prefix": key}, quote_via=quote)
    try:
        answer = send(context, Request("GET", f"{target.url}?{query}"), target.access)
        text = _text(answer, out.source.label)
    except (ReasonError, _Lost) as fault:
        if isinstance(fault, ReasonError) and fault.code in _PASSING:
            raise
        return  # who may write may not always list
    for entry in _UPLOAD.findall(text):
        fields = dict(_FIELD.findall(entry))
        if unescape(fields.get("Key", "")) == key and "UploadId" in fields:
            yield fields.get("Initiated", ""), unescape(fields["UploadId"])


def _send_parts(upload: _Upload) -> dict[int, str]:
    """Send what the server lacks; the entity tags of all parts by number."""
    out, there = upload.out, _parts(upload)
    count = -(-out.size // upload.part)
    tags: dict[int, str] = {}
    for number in range(1, count + 1):
        start = (number - 1) * upload.part
        length = min(upload.part, out.size - start)
        tag, size = there.get(number, ("", -1))
        tags[number] = tag if size == length else _send_part(upload, number, start, length)
    return tags


def _parts(upload: _Upload) -> dict[int, tuple[str, int]]:
    """Entity tag and size of each part that the server has."""
    found: dict[int, tuple[str, int]] = {}
    marker = ""
    while True:
        query = {"uploadId": upload.name, **({"part-number-marker": marker} if marker else {})}
        text = _asked(upload, "GET", query)
        for entry in _PART.findall(text):
            fields = dict(_FIELD.findall(entry))
            with suppress(KeyError, ValueError):
                found[int(fields["PartNumber"])] = (unescape(fields["ETag"]), int(fields["Size"]))
        further = _NEXT.search(text)
        if not _MORE.search(text) or further is None or further[1] == marker:
            return found
        marker = further[1]


def _send_part(upload: _Upload, number: int, start: int, length: int) -> str:
    out, context = upload.out, upload.context
    strong, weak = digests(out, context, start, length)
    query = urlencode({"partNumber": number, "uploadId": upload.name}, quote_via=quote)
    headers = {"Content-MD5": base64.b64encode(weak).decode()}
    body = out.part(context, start, length)
    request = Request("PUT", f"{upload.target.url}?{query}", headers, body, strong)
    answer = send(context, request, upload.target.access)
    encrypted = answer.headers.get("x-amz-server-side-encryption", "AES256") != "AES256"
    if answer.status == 404:
        answer.refusal()
        raise _Lost
    etag = http_store.done(answer, out.source.label)
    found = _MD5.fullmatch(etag)
    if found and not encrypted and found[1] != weak.hex():
        raise ReasonError("Protocol", f"{out.source.label}: part {number} arrived otherwise")
    return etag


def _finish(upload: _Upload, tags: dict[int, str]) -> bool:
    """Make the parts one object; whether something lay there already."""
    out, context = upload.out, upload.context
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
        for number, tag in sorted(tags.items())
    )
    data = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    for headers in ({"If-None-Match": "*"}, {}):
        query = urlencode({"uploadId": upload.name}, quote_via=quote)
        request = Request("POST", f"{upload.target.url}?{query}", headers, body_of(data))
        answer = send(context, request, upload.target.access)
        if answer.status == 412:
            answer.refusal()
            _abort(upload)
            http_store.is_there(context, upload.target, out.size, out.source.label)
            return True
        if answer.status == 501 and headers:
            answer.refusal()
            continue
        _text(answer, out.source.label)
        break
    http_store.confirm(context, upload.target, out.size, out.source.label, "")
    return False


def _abort(upload: _Upload) -> None:
    query = urlencode({"uploadId": upload.name}, quote_via=quote)
    request = Request("DELETE", f"{upload.target.url}?{query}")
    answer = send(upload.context, request, upload.target.access)
    refusal = answer.refusal()
    if answer.status not in {200, 202, 204, 404}:
        raise failures.of_refusal(refusal, upload.out.source.label)


def _asked(upload: _Upload, method: str, query: dict[str, str]) -> str:
    url = f"{upload.target.url}?{urlencode(query, quote_via=quote)}"
    answer = send(upload.context, Request(method, url), upload.target.access)
    return _text(answer, upload.out.source.label)


def _text(answer: Answer, label: str) -> str:
    """The body of an answer that says that all is well.

    Raises:
        _Lost: the upload is not known.
        ReasonError: all is not well, which a server may also say behind a 200.
    """
    if answer.status != 200:
        refusal = answer.refusal()
        if answer.status == 404 and refusal.code == "NoSuchUpload":
            raise _Lost
        if answer.status == 409:
            raise ReasonError("Busy", f"{label}: 409 {refusal.words}".rstrip())
        raise failures.of_refusal(refusal, label)
    text = answer.read(_LIST).decode("utf-8", "replace")
    answer.close()
    if _FAILED.search(text):
        raise ReasonError("ServerFailed", f"{label}: the server could not do it")
    return text
