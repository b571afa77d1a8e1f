"""Verifies a signed envelope with Ed25519. Needs the extra `signature`; nobody else imports it.

Whom to trust is the caller's file of keys. A node that has such a file and lacks the package
refuses every new config, since it cannot know better.
"""

from __future__ import annotations

from sidecar.contract import envelope
from sidecar.contract.envelope import Roots, Statement
from sidecar.model.reasons import ReasonError


def check(text: bytes, trusted: Roots) -> Statement:
    """What enough of the trusted keys have signed. Its time is not judged here.

    Raises:
        ReasonError: SignatureInvalid.
    """
    found = envelope.read(text)
    signers = sum(_signed(key, found.signed, found.signatures) for key in trusted.keys)
    if signers < trusted.threshold:
        words = f"{signers} of the {trusted.threshold} keys that it needs have signed it"
        raise ReasonError("SignatureInvalid", words)
    return found.statement


def _signed(key: bytes, data: bytes, signatures: tuple[bytes, ...]) -> bool:
    """Whether one of the signatures is a key's; what the envelope says of keys is not believed."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as fault:
        words = "this image lacks the package to verify it; install edgewright-sidecar[signature]"
        raise ReasonError("SignatureInvalid", words) from fault
    public = Ed25519PublicKey.from_public_bytes(key)
    for signature in signatures:
        try:
            public.verify(signature, data)
        except InvalidSignature:
            continue
        return True
    return False
