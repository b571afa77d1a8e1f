"""Triton's model repository extension, in the control mode `explicit`.

A load is answered once the version serves or has failed; the version before stays until then. The
same call takes back a version whose directory is gone. An unload of what is not loaded is granted
by Triton itself.
"""

from __future__ import annotations

from sidecar.hooks.call import Call, Protocol, post


def _load(call: Call) -> None:
    post(call, f"/v2/repository/models/{call.model}/load")


def _unload(call: Call) -> None:
    post(call, f"/v2/repository/models/{call.model}/unload")


PROTOCOL = Protocol("triton", _load, _unload)
