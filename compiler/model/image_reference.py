"""An image reference in its parts: host and path, as every client splits it."""

from __future__ import annotations

DOCKER_HUB = "docker.io"


def split(image: str) -> tuple[str, str]:
    """Host and path of a reference; a bare name belongs to Docker Hub's `library`."""
    first, slash, rest = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return DOCKER_HUB, image if slash else f"library/{image}"
