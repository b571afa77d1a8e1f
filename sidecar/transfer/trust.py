"""Which certificates are trusted: the system's, and those of the config's bundle besides.

A bundle that cannot be read or holds no certificate is an error before it is used; nothing is ever
less verified because something is missing.
"""

from __future__ import annotations

import os
import ssl
from threading import Lock

from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean


class Trust:
    """The certificates that connections are checked with; read again when their file changes."""

    def __init__(self, ca_file: str) -> None:
        self._file = ca_file
        self._lock = Lock()
        self._context: ssl.SSLContext | None = None
        self._mark: tuple[int, ...] = ()

    def context(self) -> ssl.SSLContext:
        """The settings for one more connection.

        Raises:
            ReasonError: TlsVerify, because the bundle is missing or holds no certificate.
        """
        with self._lock:
            mark = _mark(self._file)
            if self._context is None or mark != self._mark:
                self._context, self._mark = _made(self._file), mark
            return self._context


def _made(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not ca_file:
        return context
    try:
        with open(ca_file, encoding="ascii", errors="replace") as file:
            text = file.read()
        _check(text, ca_file)
        context.load_verify_locations(cadata=text)
    except (OSError, ValueError) as error:
        words = clean(getattr(error, "strerror", "") or str(error), 200)
        raise ReasonError("TlsVerify", f"caFile {ca_file}: {words}") from error
    return context


def _check(text: str, ca_file: str) -> None:
    # Into an empty set first: what the system trusts would hide that the bundle adds nothing.
    alone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    alone.load_verify_locations(cadata=text)
    if not alone.cert_store_stats()["x509"]:
        raise ReasonError("TlsVerify", f"caFile {ca_file}: there is no certificate in it")


def _mark(path: str) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size
