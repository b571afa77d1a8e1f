"""Registries of images: the digest behind a reference and its platforms."""

from __future__ import annotations

from compiler.model.codes import world as codes
from compiler.model.lock import LockedImage
from compiler.model.stored import StoreError


class Registries:
    """Asks the registry of each reference. Thread-safe."""

    def image(self, reference: str) -> LockedImage:
        """The digest behind a reference.

        Raises:
            StoreError: always; no registry can be asked yet.
        """
        hint = "write the image as NAME@sha256:DIGEST"
        raise StoreError(codes.STORE_FAILED, f"{reference}: no registry can be asked yet", hint)
