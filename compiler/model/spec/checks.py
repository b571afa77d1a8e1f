"""Checks of single texts that a regular expression cannot word well: URLs, paths, times.

Each takes the text and returns what is wrong with it, or None. None of them shows a value
that may hold a credential.
"""

from __future__ import annotations

import re

from pydantic_core import PydanticCustomError

from compiler.model.codes import spec as codes
from compiler.model.licensing import LicenseError, canonical
from compiler.model.spec.base import fault

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_STORE = re.compile(r"^([a-z0-9](?:[a-z0-9-]*[a-z0-9])?):(.*)$", re.DOTALL)
_USER = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]*@")
_SIGNED = re.compile(
    r"[?&](?:x-amz-signature|x-amz-security-token|x-goog-signature|sig|signature|token|password|"
    r"access_token|awsaccesskeyid)=",
    re.IGNORECASE,
)
_CREDENTIAL = re.compile(
    r"\bA(?:KI|SI)A[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}|\bglpat-[\w-]{20,}|\bxox[abprs]-[\w-]{10,}"
    r"|\bhf_[A-Za-z0-9]{30,}|-----BEGIN [A-Z ]*PRIVATE KEY-----|\beyJ[\w-]{10,300}\.eyJ[\w-]{10}"
    r"|\bsk-[A-Za-z0-9_-]{32,}"
)
_IMAGE = re.compile(
    r"^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?$"
)
_CRON_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_CRON_NAMES = (
    "",
    "",
    "",
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "sun mon tue wed thu fri sat",
)


def holds_credential(url: str) -> bool:
    """True when a URL carries a user, a password or a signature."""
    return bool(_USER.match(url) or (_SCHEME.match(url) and _SIGNED.search(url)))


def looks_like_credential(text: str) -> bool:
    """True for texts with the form of well-known credentials."""
    return bool(_CREDENTIAL.search(text))


def check_url(text: str) -> PydanticCustomError | None:
    """A full URL with a host and without a credential."""
    if holds_credential(text):
        return fault(
            codes.PASSWORD_IN_URL,
            "the URL contains a credential (value not shown)",
            "Remove it and name a Kubernetes Secret instead, for example `secret: NAME`.",
        )
    # A folder of this machine has no host: file:///srv/models.
    if not re.match(r"^(?:file://(?=/)|[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#]+)(?:[/?#]\S*)?$", text):
        return _form("URL", text, "SCHEME://HOST/PATH", "https://s3.eu.example.com")
    return _parts(text.split("://", 1)[1])


def check_uri(text: str) -> PydanticCustomError | None:
    """`store:path`, a full URL, or `host:/path`."""
    if _SCHEME.match(text):
        return check_url(text)
    match = _STORE.match(text)
    if match is None and text.startswith(("./", "../", "/")):
        return fault(
            codes.PATH_LEAVES_DIRECTORY,
            f"{text} is a path without a store; a uri is STORE:PATH, a full URL, or host:/PATH",
            f"Write host:{text} for bytes on the host." if text.startswith("/") else "",
        )
    if match is None or not match.group(2):
        return _form(
            "uri", text, "STORE:PATH, a full URL, or host:/PATH", "main:shelf/1.4.0.tar.gz"
        )
    store, path = match.groups()
    if store == "host":
        return check_absolute(path)
    if path.startswith("/"):
        return fault(
            codes.PATH_LEAVES_DIRECTORY,
            f"{text} begins with a slash after the store; a path in a store is relative",
            f"Write {store}:{path.lstrip('/')}, or host:{path} for bytes that are on the host.",
        )
    return _parts(path)


def check_absolute(text: str) -> PydanticCustomError | None:
    """An absolute path without `..` parts."""
    if not text.startswith("/"):
        return fault(
            codes.PATH_NOT_ABSOLUTE,
            f"{text} is not an absolute path",
            f"Did you mean /{text.lstrip('./')}?",
        )
    return _parts(text)


def check_relative(text: str) -> PydanticCustomError | None:
    """A relative path without `..` parts."""
    if text.startswith(("/", "~")) or "\\" in text:
        return fault(
            codes.PATH_LEAVES_DIRECTORY,
            f"{text} must be a relative path with forward slashes",
            "Name a file below the directory of this file.",
        )
    return _parts(text)


def check_image(text: str) -> PydanticCustomError | None:
    """An image reference with a tag or a digest, without a scheme or a credential."""
    if _SCHEME.match(text):
        return (
            check_url(text)
            if holds_credential(text)
            else fault(
                codes.MALFORMED_TEXT,
                f"an image has no scheme: {text}",
                f"Write {text.split('://', 1)[1]}.",
            )
        )
    if not _IMAGE.match(text):
        return _form(
            "image",
            text,
            "REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGEST",
            "registry.example.com/ort-server:1.19",
        )
    return None


def check_license(text: str) -> PydanticCustomError | None:
    """An SPDX expression of known licences."""
    try:
        canonical(text)
    except LicenseError as error:
        return fault(codes.UNKNOWN_WORD, str(error), error.hint)
    return None


def check_one_license(text: str) -> PydanticCustomError | None:
    """One licence, with its exception where it has one."""
    wrong = check_license(text)
    if wrong is None and any(word in canonical(text).split(" ") for word in ("AND", "OR")):
        listed = ", ".join(one for one in re.split(r" (?:AND|OR) ", canonical(text)))
        return fault(
            codes.MALFORMED_TEXT,
            f"{text} is an expression, and a list of licences has one in each entry",
            f"Write them apart: [{re.sub(r'[()]', '', listed)}].",
        )
    return wrong


def check_window(text: str) -> PydanticCustomError | None:
    """`HH:MM-HH:MM` with hours to 23, minutes to 59 and two different ends."""
    begin, end = text.split("-")
    for time in (begin, end):
        hour, minute = time.split(":")
        if int(hour) > 23 or int(minute) > 59:
            return fault(
                codes.OUT_OF_RANGE,
                f"{time} is no time of day; times are 00:00 to 23:59",
                "Midnight is 00:00; a window may cross it." if time == "24:00" else "",
            )
    if begin == end:
        return fault(
            codes.CONTRADICTION,
            f"the window {text} begins and ends at the same time",
            "Leave the key out where there is no restriction.",
        )
    return None


def check_cron(text: str) -> PydanticCustomError | None:
    """Five cron fields within their ranges."""
    fields = text.split()
    if len(fields) != 5:
        return _form(
            "schedule", text, "five cron fields: minute, hour, day, month, weekday", "0 2 * * *"
        )
    for field, bounds, names in zip(fields, _CRON_RANGES, _CRON_NAMES, strict=True):
        if not all(_cron_part(part, bounds, names.split()) for part in field.lower().split(",")):
            return fault(
                codes.MALFORMED_TEXT,
                f"{field} in the schedule {text} is not *, a number from {bounds[0]} to "
                f"{bounds[1]}, a range or a step",
            )
    return None


def _cron_part(part: str, bounds: tuple[int, int], names: list[str]) -> bool:
    span, _, step = part.partition("/")
    if "/" in part and not (step.isdecimal() and 0 < int(step) <= bounds[1]):
        return False
    if span == "*":
        return True
    ends = [bounds[0] + names.index(end) if end in names else end for end in span.split("-")]
    if not all(str(end).isascii() and str(end).isdecimal() for end in ends) or len(ends) > 2:
        return False
    numbers = [int(end) for end in ends]
    return bounds[0] <= numbers[0] <= numbers[-1] <= bounds[1]


def _parts(path: str) -> PydanticCustomError | None:
    if ".." in path.replace("\\", "/").split("/"):
        return fault(
            codes.PATH_LEAVES_DIRECTORY, f"{path} has a .. part", "Write the path without .. parts."
        )
    return None


def _form(noun: str, text: str, rule: str, example: str) -> PydanticCustomError:
    return fault(
        codes.MALFORMED_TEXT, f"{text} is no {noun}; a {noun} is {rule}", f"Example: {example}"
    )
