"""SHA-256 for the resident process: the interpreter's own, since hashlib loads all of OpenSSL."""

from __future__ import annotations

try:
    from _sha2 import sha256
except ImportError:  # Python 3.11
    from _sha256 import sha256

__all__ = ["sha256"]
