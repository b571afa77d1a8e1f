"""`rollback`: back to the version before, offline too; `--retry` lets the newer one come again.

Asked twice it does nothing the second time: who is in a hurry must not undo what helped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence

from sidecar.activation import links
from sidecar.disk import scrub
from sidecar.resident import asking, offline, plan
from sidecar.resident.asking import Said
from sidecar.resident.groups import Group

_USAGE = 2

Change = Callable[[Sequence[Group], str], str]


def main(flags: dict[str, str], words: list[str]) -> int:
    """Roll one artifact's group back, or all that can be; or let them be tried again.

    Raises:
        ReasonError: there is nothing to go back to.
    """
    if len(words) > 1:
        print(f"rollback: one KIND/NAME at a time, not {' '.join(words)}", file=sys.stderr)
        return _USAGE
    base = flags.get("view", links.VIEW)
    accepted = asking.config(flags["config"], base)
    name = words[0] if words else ""
    path, change = (
        ("/v1/retry", plan.retry) if "retry" in flags else ("/v1/rollback", plan.roll_back)
    )
    try:
        said = asking.post(accepted.config.surface.socket, path, name)
        if said is None:
            text = offline.change(accepted, base, lambda groups: _changed(groups, name, change))
        else:
            text = _text(said)
    except LookupError:
        known = ", ".join(sorted(one.key for one in accepted.config.artifacts))
        print(f"rollback: the config lists no {name}; it lists {known}", file=sys.stderr)
        return _USAGE
    _print(text, flags)
    return 0


def _changed(groups: Sequence[Group], name: str, change: Change) -> str:
    """Hash what might be returned to before it is: nobody has since the process that served it."""
    import hashlib  # noqa: F401 - hashes several times faster once it is loaded

    for group in plan.chosen(groups, name) if change is plan.roll_back else ():
        for member in group.before.members if group.before else ():
            scrub.check(group.means.layout, member.digest)
        group.look()
    return change(groups, name)


def _text(said: Said) -> str:
    return str(said.document.get("done", ""))


def _print(text: str, flags: dict[str, str]) -> None:
    print(json.dumps({"done": text}) if "json" in flags else text)
