"""The one way from the text of a config to a document that the sidecar acts upon.

It is accepted whole or not at all. Who refuses says every problem at once, with its place in the
document and without any value that stands there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sidecar import CONTRACTS
from sidecar.contract import reading, schema, semantics
from sidecar.contract.canonical import revision
from sidecar.contract.typed import config_of
from sidecar.model.config import Config
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean

MAX_BYTES = reading.MAX_BYTES


class Accepted(NamedTuple):
    """A document that may be acted upon, its typed form and its identity."""

    document: dict[str, Any]
    config: Config
    revision: str


def read(text: bytes, *, machine: str = "") -> Accepted:
    """The document of a config's text; `machine` is this node's processor unless stated.

    Raises:
        ReasonError: ConfigTooLarge, ConfigInvalid, ContractUnknown, ArchMismatch, ViewClash or
            AddressRefused; the detail begins with the path of the first problem.
    """
    document = _contract(reading.parse(text))
    rules = schema.contract()
    faults = schema.problems(document, rules)
    if faults:
        raise _refused("ConfigInvalid", faults)
    document = schema.whole(document, rules, rules)
    found = semantics.problems(document, machine)
    if found:
        # The plainest fault names the reason: a document that makes no sense is invalid first.
        codes = [one.code for one in found]
        code = "ConfigInvalid" if "ConfigInvalid" in codes else codes[0]
        first = sorted(found, key=lambda one: one.code != code)
        raise _refused(code, [f"{one.path}: {one.words}" for one in first])
    name = revision(document)
    return Accepted(document, config_of(document, name), name)


def _contract(value: object) -> dict[str, Any]:
    """The value as an object whose contract is known, or of no stated contract at all."""
    if not isinstance(value, dict):
        raise ReasonError("ConfigInvalid", "$: must be of type object")
    version = value.get("contract")
    is_number = isinstance(version, int | float) and not isinstance(version, bool)
    if is_number and version not in CONTRACTS:
        spoken = ", ".join(map(str, CONTRACTS))
        words = f"$.contract: it is {clean(str(version), 32)}, this sidecar speaks {spoken}"
        raise ReasonError("ContractUnknown", words)
    return value


def _refused(code: str, faults: list[str]) -> ReasonError:
    more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
    return ReasonError(code, clean("; ".join(faults[:3]), 480) + more)
