"""Where the files of a folder lie, and the list that names them: addresses, made of the folder's.

A folder's address ends with a slash. Its list lies beside it under its own digest, so that the
lists of several states of a folder never meet.
"""

from __future__ import annotations

from urllib.parse import quote

from sidecar.disk.manifests import Entry
from sidecar.model.config import PEERED, Artifact, Source


def listing(artifact: Artifact) -> Artifact:
    """The list of an artifact that is a folder, as an artifact of its own."""
    sources = tuple(
        source if source.url == "peer:" else source._replace(url=_list(source.url, artifact.sha256))
        for source in artifact.sources
    )
    return artifact._replace(sources=sources, unpacked=-1, unpack=None)


def file(artifact: Artifact, entry: Entry) -> Artifact:
    """One file of the folder as an artifact of its own."""
    sources = tuple(
        source if source.url == "peer:" else _below(source, entry.path)
        for source in artifact.sources
        if source.url != "peer:" or entry.size >= PEERED
    )
    return artifact._replace(
        sources=sources, sha256=entry.sha256, size=entry.size, unpacked=-1, unpack=None
    )


def _list(url: str, digest: str) -> str:
    bare = url.removesuffix("/")
    # Above a bucket or a host there is no place beside the folder.
    beside = "/" in bare.partition("://")[2]
    return f"{bare if beside else url}.{digest}.manifest"


def _below(source: Source, path: str) -> Source:
    plain = source.url.startswith("s3:")
    return source._replace(url=f"{source.url}{path if plain else quote(path)}")
