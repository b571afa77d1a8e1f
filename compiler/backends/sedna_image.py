"""The image that a Sedna worker really pulls: digest from the lock, mirror of the site.

A mirror is a pull-through host that serves the same paths, so only the host part is replaced.
Asks no registry.
"""

from __future__ import annotations

from compiler.model.backend import EmitContext
from compiler.model.image_reference import split
from compiler.model.record import dataclass


@dataclass(frozen=True, slots=True)
class Pull:
    """How one image is pulled: its final `reference` and the pull `secret`, or empty."""

    reference: str
    secret: str = ""


def pull(image: str, site: str, context: EmitContext) -> Pull:
    """The final reference of an image at a site."""
    pinned = context.images.get(image, image)
    host, path = split(pinned)
    for rule in context.registries.get(site, ()):
        if rule.host == host:
            return Pull(f"{rule.mirror}/{path}" if rule.mirror else pinned, rule.secret)
    return Pull(pinned)
