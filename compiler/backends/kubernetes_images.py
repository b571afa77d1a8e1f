"""The image that a container really pulls: digest from the lock, mirror of the site.

A mirror is a pull-through host that serves the same paths, so only the host part of the
reference is replaced; the pod's annotation `edgewright.io/mirrored` names what was written.
Secrets are those of the hosts that are really pulled from. Asks no registry.
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler.backends.kubernetes_scope import Scope
from compiler.model.fleet import Registry
from compiler.model.image_reference import split
from compiler.model.record import dataclass


@dataclass(frozen=True, slots=True)
class Pull:
    """How one image is pulled: its final `reference`, and `source` where a mirror stands in."""

    reference: str
    secret: str = ""
    source: str = ""


def pull(image: str, scope: Scope) -> Pull:
    """The final reference of an image at the site."""
    pinned = scope.context.images.get(image, image)
    if not scope.registries:
        return Pull(pinned)
    host, path = split(pinned)
    rule = _rule(host, scope.registries)
    if rule is None:
        return Pull(pinned)
    if rule.mirror:
        return Pull(f"{rule.mirror}/{path}", rule.secret, pinned)
    return Pull(pinned, rule.secret)


def pull_secrets(pulls: Iterable[Pull]) -> list[dict[str, str]]:
    """`imagePullSecrets` of a pod, each once, sorted."""
    return [{"name": secret} for secret in sorted({p.secret for p in pulls if p.secret})]


def mirrored(pulls: Iterable[Pull]) -> str:
    """The references as written of images that come from a mirror, comma-separated."""
    return ",".join(dict.fromkeys(p.source for p in pulls if p.source))


def _rule(host: str, registries: tuple[Registry, ...]) -> Registry | None:
    return next((rule for rule in registries if rule.host == host), None)
