"""What an API server's answer to a dry run means, in the compiler's codes and in few words.

Pure: an answer goes in, findings come out. The server's own words are kept where they say what
a person needs, without the name of the object, which the finding's place says already, and
without whole quoted values. Which object it was and who wrote it is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from compiler.model.codes import world as codes
from compiler.model.diagnostics import Code
from compiler.model.quantity import compare_quantities
from compiler.model.record import dataclass

_PREFIX = re.compile(r'^[\w.]+ "[^"]*" is (?:invalid|forbidden): ')
_TYPED = re.compile(r"^failed to create typed patch object \([^)]*\): ")
_UNKNOWN = ": field not declared in schema"
_IMMUTABLE = re.compile(r"field is immutable|may not be changed|updates to \w+ spec .* forbidden")
_QUOTED_VALUE = re.compile(r"(Invalid value): .{120,}: (?=[^:]+$)", re.DOTALL)
_POLICIES = (
    "denied the request",
    "denied request",
    "exceeded quota",
    "failed quota",
    "PodSecurity",
)
_SECURITY = "PodSecurity"
_QUOTA = re.compile(
    r"exceeded quota: (?P<quota>[^,]+), requested: (?P<requested>.+), used: .+, "
    r"limited: (?P<limited>.+)$"
)
_WEBHOOK = "failed calling webhook"
_NO_DRY_RUN = "does not support dry run"
_ACCOUNT = re.compile(r'error looking up service account [^:]*: serviceaccount "([^"]*)" not found')
_SHOWN = 600


LIVE_VALUE = (
    "A value of the live object may be at fault: compare with `kubectl get … -o yaml`, and mend or "
    "delete the live object."
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One finding about one object."""

    code: Code
    text: str
    hint: str = ""


def is_missing_namespace(status: int, body: Mapping[str, Any]) -> bool:
    """Whether the object's namespace does not exist."""
    details = body.get("details")
    return status == 404 and isinstance(details, Mapping) and details.get("kind") == "namespaces"


def is_conflict(status: int, causes: tuple[Mapping[str, Any], ...]) -> bool:
    """Whether other field managers own fields with other values."""
    return status == 409 and any(one.get("reason") == "FieldManagerConflict" for one in causes)


def conflicts(
    causes: tuple[Mapping[str, Any], ...], fixed: frozenset[str] = frozenset()
) -> Iterator[Verdict]:
    """Who owns which fields that the engine will take over; one finding for each owner.

    What lies at or below a `fixed` field is left out: no force changes it.
    """
    fields: dict[str, list[str]] = {}
    for one in causes:
        field = str(one.get("field", "")).lstrip(".")
        if any(f"{field}.".startswith((f"{path}.", f"{path}[")) for path in fixed):
            continue
        owner = str(one.get("message", "")).removeprefix("conflict with ").replace('"', "")
        fields.setdefault(owner, []).append(field)
    for owner, found in sorted(fields.items()):
        hint = "The engine applies with force and takes these fields over."
        yield Verdict(codes.TAKEN_OVER, f"{', '.join(sorted(found))}: owned by {owner}", hint)


def fixed_fields(causes: tuple[Mapping[str, Any], ...]) -> frozenset[str]:
    """The fields that a refusal says may not change."""
    told = (one for one in causes if _IMMUTABLE.search(str(one.get("message", ""))))
    return frozenset(str(one["field"]) for one in told if one.get("field"))


def blames_values(verdict: Verdict, reason: str) -> bool:
    """Whether a refusal may be due to what the live object holds beside the compiled text."""
    return verdict.code is codes.REFUSED and reason == "Invalid"


def told_once(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """The findings without warnings of pod security where it is an error already."""
    found = tuple(dict.fromkeys(verdicts))
    denied = any(one.code is codes.DENIED and _SECURITY in one.text for one in found)
    return tuple(
        one
        for one in found
        if not (denied and one.code is codes.SERVER_WARNING and _SECURITY in one.text)
    )


def unknown_account(message: str) -> str:
    """The ServiceAccount that a pod names and the namespace lacks, or nothing."""
    found = _ACCOUNT.search(message)
    return found[1] if found else ""


def refusals(
    status: int, message: str, reason: str, causes: tuple[Mapping[str, Any], ...]
) -> tuple[Verdict, ...]:
    """What a refusal of an object means; at least one finding."""
    if _TYPED.match(message):
        return tuple(_typed(_TYPED.sub("", message)))
    named = [one for one in causes if one.get("field")]
    if reason == "Invalid" and named:
        return tuple(dict.fromkeys(_cause(one) for one in named))
    return (_whole(status, _PREFIX.sub("", message)),)


def _whole(status: int, words: str) -> Verdict:
    """The one finding of a refusal that says nothing of single fields."""
    if _WEBHOOK in words:
        return Verdict(codes.WEBHOOK, _short(words.partition(": ")[2] or words))
    if _NO_DRY_RUN in words:
        return Verdict(codes.NOT_JUDGED, _short(words))
    if status == 403 or any(policy in words for policy in _POLICIES):
        return _denied(words)
    code = codes.ANSWER if status >= 500 else codes.REFUSED
    return Verdict(code, f"the server answers {status}: {_short(words)}")


def _typed(text: str) -> Iterator[Verdict]:
    """Faults that the server finds before it looks at values: unknown fields, wrong types."""
    lines = [line.strip() for line in text.splitlines() if line.strip() != "errors:"]
    for line in filter(None, lines):
        words = line.lstrip(".")
        if words.endswith(_UNKNOWN):
            words = f"{words.removesuffix(_UNKNOWN)} is not known to the server"
        yield Verdict(codes.REFUSED, _short(words))


def _cause(one: Mapping[str, Any]) -> Verdict:
    field = str(one.get("field", ""))
    message = str(one.get("message", ""))
    code = codes.CHANGED_IMMUTABLE if _IMMUTABLE.search(message) else codes.REFUSED
    if code is codes.CHANGED_IMMUTABLE:
        message = "the live object has another value, and the field is immutable"
    path = f"{field}: " if field and field != "<nil>" else ""
    return Verdict(code, path + _short(message))


def _denied(words: str) -> Verdict:
    quota = _QUOTA.search(words)
    if quota is not None and not _above(quota["requested"], quota["limited"]):
        return Verdict(codes.QUOTA_FULL, _short(words))
    return Verdict(codes.DENIED, _short(words))


def _above(requested: str, limited: str) -> bool:
    """Whether more is requested than the quota has when nothing else runs."""
    limits = _amounts(limited)
    try:
        return any(
            compare_quantities(amount, limits[name]) > 0
            for name, amount in _amounts(requested).items()
            if name in limits
        )
    except ValueError:
        return True


def _amounts(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(","))
    return {name.strip(): amount.strip() for name, _, amount in pairs}


def _short(text: str) -> str:
    text = _QUOTED_VALUE.sub(r"\1: ", text.strip())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
