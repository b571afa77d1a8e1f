"""Whether somebody whom this node trusts vouches for a config: only where the node has such keys.

A child process does the mathematics and ends. It is asked about configs that are new to this
process alone, so an envelope that expires later stops nothing that was accepted in its time.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from sidecar.contract.accept import Accepted
from sidecar.model.reasons import REASONS, ReasonError

ROOTS: Final = "/etc/edgewright/trust/keys.json"
"""The same as in `sidecar.contract.envelope`, which most nodes never need to load."""

_PATIENCE: Final = 30.0
_LIMIT: Final = 65_536


def insist(accepted: Accepted, path: str, command: Sequence[str], roots: str = ROOTS) -> None:
    """Insist on a valid envelope beside the config at `path`, where the node has a file of keys.

    `command` starts this program as a worker.

    Raises:
        ReasonError: SignatureInvalid, or ClockSkew.
    """
    if not path or not os.path.exists(roots):
        return
    from sidecar.contract import envelope

    beside = f"{os.path.dirname(path)}/{envelope.NAME}"
    found = _asked([*command[:-1], "signature", beside, roots])
    if "reason" in found:
        code = str(found["reason"])
        detail = str(found.get("detail", ""))
        raise ReasonError(code if code in REASONS else "SignatureInvalid", detail)
    try:
        statement = envelope.Statement(**found)
    except TypeError as fault:
        raise ReasonError("SignatureInvalid", "it could not be checked") from fault
    envelope.judge(statement, accepted.revision, accepted.config.node.site, time.time())


def _asked(command: list[str]) -> dict[str, Any]:
    ours, theirs = os.pipe()
    try:
        process = os.posix_spawn(
            command[0], command, dict(os.environ), file_actions=[(os.POSIX_SPAWN_DUP2, theirs, 1)]
        )
    except OSError as fault:
        os.close(ours)
        raise ReasonError("SignatureInvalid", f"it could not be checked: {fault}") from fault
    finally:
        os.close(theirs)
    try:
        found = json.loads(_read(ours))
    except ValueError:
        found = {}
    finally:
        os.close(ours)
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
    return found if isinstance(found, dict) else {}


def _read(descriptor: int) -> bytes:
    """What the child says until it ends, or until nobody waits any longer."""
    told, deadline = b"", time.monotonic() + _PATIENCE
    while len(told) < _LIMIT:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            return b""
        piece = os.read(descriptor, _LIMIT)
        if not piece:
            break
        told += piece
    return told
