"""What a config said of a stream, kept with its files so that they can be sent without it."""

from __future__ import annotations

from typing import Any, Final

from sidecar.disk import documents, owner
from sidecar.model.config import Store, Stream

NAME: Final = "stream.json"


def remember(own: owner.Owner, path: str, stream: Stream) -> None:
    """Keep with a stream's files what the config says of it.

    Raises:
        ReasonError: the disk fails.
    """
    document = {**stream._asdict(), "store": stream.store._asdict()}
    if documents.read(f"{path}/{NAME}") != document:
        documents.write(own, f"{path}/{NAME}", document)


def recalled(path: str) -> Stream | None:
    """What was kept with a stream's files, or None where nothing sensible was."""
    found: dict[str, Any] = documents.read(f"{path}/{NAME}") or {}
    try:
        return Stream(**{**found, "store": Store(**found["store"])})
    except (KeyError, TypeError):
        return None
