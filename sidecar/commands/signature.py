"""`signature ENVELOPE ROOTS`: checks a signed envelope for the resident process that started it.

Cryptography is large, so it is never loaded where it would stay. The answer is one JSON object:
what was signed, or the reason against it.
"""

from __future__ import annotations

import json

from sidecar.contract import envelope
from sidecar.model.reasons import ReasonError
from sidecar.transfer import signature


def main(flags: dict[str, str], words: list[str]) -> int:
    """Print the answer; exit code 1 with a reason."""
    del flags
    path, roots = words
    try:
        statement = signature.check(_text(path), envelope.roots(_text(roots)))
    except ReasonError as fault:
        print(json.dumps({"reason": fault.code, "detail": fault.detail}))
        return 1
    print(json.dumps(statement._asdict()))
    return 0


def _text(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(envelope.MAX_BYTES + 1)
    except OSError as fault:
        raise ReasonError("SignatureInvalid", f"{path}: {fault.strerror}") from fault
