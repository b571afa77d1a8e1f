"""`rollback`: back to the version before, offline too; once more lets the newer one come again."""

from __future__ import annotations

import json

from sidecar.activation import links
from sidecar.model.reasons import ReasonError
from sidecar.resident import asking, offline, plan
from sidecar.resident.asking import Said
from sidecar.resident.groups import Group

_USAGE = 2


def main(flags: dict[str, str], words: list[str]) -> int:
    """Roll one artifact's group back, or all that can be.

    Raises:
        ReasonError: there is nothing to go back to and nothing that waits for another try.
    """
    base = flags.get("view", links.VIEW)
    accepted = asking.config(flags["config"], base)
    name = words[0] if words else ""
    try:
        said = asking.post(accepted.config.surface.socket, "/v1/rollback", name)
        if said is None:
            _print(offline.change(accepted, base, lambda groups: _either(groups, name)), flags)
            return 0
    except ReasonError as fault:
        if fault.code != "UnableToRollBack":
            raise
        said = asking.post(accepted.config.surface.socket, "/v1/retry", name)
        if said is None:
            raise
    except LookupError:
        print(f"rollback: the config lists no {name}")
        return _USAGE
    _print(_text(said), flags)
    return 0


def _either(groups: list[Group], name: str) -> str:
    """Back, or where there is nothing before it: another try."""
    try:
        return plan.roll_back(groups, name)
    except ReasonError as fault:
        if fault.code != "UnableToRollBack" or not any(one.record.reason for one in groups):
            raise
        return plan.retry(groups, name)


def _text(said: Said) -> str:
    return str(said.document.get("done", ""))


def _print(text: str, flags: dict[str, str]) -> None:
    print(json.dumps({"done": text}) if "json" in flags else text)
