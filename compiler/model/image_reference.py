"""An image reference in its parts: host and path, as every client splits it."""

from __future__ import annotations

DOCKER_HUB = "docker.io"
_HUB_NAMES = (DOCKER_HUB, "index.docker.io", "registry-1.docker.io")


def split(image: str) -> tuple[str, str]:
    """Host and path of a reference; a bare name belongs to Docker Hub's `library`."""
    first, slash, rest = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        if first not in _HUB_NAMES:
            return first, rest
        return DOCKER_HUB, rest if "/" in rest else f"library/{rest}"
    return DOCKER_HUB, image if slash else f"library/{image}"
