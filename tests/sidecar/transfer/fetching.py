"""What tests of fetching share: an artifact of known bytes, a store for it, and counts."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import pytest

from sidecar.contract.canonical import revision
from sidecar.contract.schema import problems
from sidecar.contract.typed import config_of
from sidecar.disk import store
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner, enter
from sidecar.model.config import Artifact, Config
from sidecar.model.reasons import ReasonError
from sidecar.transfer import engine
from sidecar.transfer.context import Context
from sidecar.transfer.pull import Fetched

MIB = 1 << 20


def content(size: int, seed: int = 1) -> bytes:
    """Bytes that do not repeat, so that a piece in the wrong place shows."""
    made, block = bytearray(), hashlib.sha256(f"{seed}".encode()).digest()
    while len(made) < size:
        block = hashlib.sha512(block).digest()
        made += block * 16 if size > 4 * MIB else block
        # A counter keeps long runs apart where blocks are repeated for speed.
        made += len(made).to_bytes(8, "big")
    return bytes(made[:size])


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def chunk_list(data: bytes, size: int) -> tuple[bytes, dict[str, Any]]:
    """The list of a chunked artifact, and what its config says about it."""
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    listing = b"".join(hashlib.sha256(part).digest() for part in parts)
    return listing, {"size": size, "count": len(parts), "root": digest_of(listing)}


def entry(data: bytes, *urls: str, **more: Any) -> dict[str, Any]:
    """An artifact of a config; a URL followed by ` @ store` names its store."""
    sources = []
    for url in urls:
        place, _, name = url.partition(" @ ")
        sources.append({"url": place, **({"store": name} if name else {})})
    return {
        "name": "shelf-detector",
        "kind": "model",
        "version": "1",
        "sources": sources,
        "sha256": digest_of(data),
        "size": len(data),
        "view": {"type": "flat"},
        "activation": {"update": "hot"},
        **more,
    }


def document(
    root: Path | str,
    artifacts: Sequence[Mapping[str, Any]],
    *,
    stores: Sequence[Mapping[str, Any]] = (),
    network: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A config that the contract's validator accepts."""
    made: dict[str, Any] = {
        "contract": 1,
        "tenant": {"job": "watch", "role": "serve"},
        "node": {
            "project": "shop", "environment": "prod", "namespace": "shop", "cluster": "edge",
            "site": "store-1", "layer": "edge", "arch": "amd64",
        },
        "store": {"root": str(root), "minFree": 0, "minFreePercent": 0},
        "network": {"timeout": 5, **(network or {})},
        "stores": list(stores),
        "artifacts": list(artifacts),
        "surface": {"port": 9000, "socket": "/edgewright/run/sidecar.sock"},
        **more,
    }  # fmt: skip
    assert problems(made) == []
    return made


class Bench(NamedTuple):
    """An open store and a context to fetch with. `said` is every event that was noted."""

    config: Config
    context: Context
    layout: Layout
    owner: Owner
    said: list[tuple[str, dict[str, Any]]]

    @property
    def artifact(self) -> Artifact:
        return self.config.artifacts[0]

    def fetch(self, artifact: Artifact | None = None, *, first: bool = True) -> Fetched:
        def note(event: str, body: dict[str, Any]) -> None:
            self.said.append((event, body))

        return engine.fetch(
            artifact or self.artifact, self.context, self.layout, self.owner, note, first=first
        )

    def refused(self, artifact: Artifact | None = None, *, first: bool = True) -> ReasonError:
        """The reason for which an artifact cannot be fetched."""
        with pytest.raises(ReasonError) as caught:
            self.fetch(artifact, first=first)
        return caught.value

    def blob(self) -> bytes:
        """The bytes that the store has for the artifact."""
        return Path(self.layout.blob(self.artifact.sha256)).read_bytes()

    def partials(self) -> list[str]:
        """Unfinished files."""
        return sorted(
            path.name for path in Path(self.layout.store("partial")).iterdir()
            if path.name.endswith(".part")
        )  # fmt: skip


@contextmanager
def bench(
    made: dict[str, Any],
    environment: Mapping[str, str] | None = None,
    *,
    clock: Callable[[], float] = time.time,
) -> Iterator[Bench]:
    """A store and a context for a config, as a worker process has them."""
    config = config_of(made, revision(made))
    layout = store.open_store(config.limits.root)
    context = Context(config, dict(environment or {}), Event(), clock=clock)
    with enter(layout) as owner:
        try:
            yield Bench(config, context, layout, owner, [])
        finally:
            context.close()


def refusal(made: dict[str, Any], environment: Mapping[str, str] | None = None) -> ReasonError:
    """The reason for which a config's first artifact cannot be fetched; nothing of it is kept."""
    with bench(made, environment) as b:
        caught = b.refused()
        assert not Path(b.layout.blob(b.artifact.sha256)).exists()
        return caught
