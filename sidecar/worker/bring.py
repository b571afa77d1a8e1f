"""Brings an artifact into the store: fetched, verified, unpacked, sealed. Activates nothing."""

from __future__ import annotations

from typing import Any

from sidecar.activation import forms
from sidecar.disk import locks, space, trees
from sidecar.model.config import LIST, Artifact, Unpack
from sidecar.model.reasons import ReasonError
from sidecar.transfer import engine, folder
from sidecar.transfer.context import Stopped
from sidecar.worker.bench import Bench, Note


def run(bench: Bench, body: dict[str, Any], note: Note) -> dict[str, Any]:
    """See `model.tasks.bring`.

    Raises:
        ReasonError: why the artifact is not there now.
    """
    artifact = bench.config.artifact(body["artifact"])
    if artifact is None:
        raise ReasonError("ConfigInvalid", f"no artifact {body['artifact']}")
    if artifact.arch and bench.config.node.arch not in artifact.arch:
        raise ReasonError("ArchMismatch", f"{artifact.key} is for {', '.join(artifact.arch)}")
    how, first = artifact.unpack, body["first"]
    is_list = how is not None and how.format == LIST
    stored = folder.listing(artifact) if is_list else artifact
    fetched = engine.fetch(stored, bench.context, bench.layout, bench.owner, note, first=first)
    came, resumed, source = fetched.bytes, fetched.resumed, fetched.source
    if how is not None and is_list and not _is_known(bench, artifact):
        from sidecar.worker.gather import gather

        files = gather(bench, artifact, how, note, first=first)
        came, resumed = came + files.bytes, resumed + files.resumed
        source = files.source or source
    note("progress", {"phase": "unpack", "bytes": came + resumed})
    tree, file = _tree(bench, artifact)
    return {"tree": tree, "file": file, "bytes": came, "resumed": resumed, "source": source}


def _is_known(bench: Bench, artifact: Artifact) -> bool:
    form = forms.form_of(artifact)
    known = trees.known(bench.layout, artifact.sha256, form)
    return known is not None and _suits(bench, artifact, known, "")


def _tree(bench: Bench, artifact: Artifact) -> tuple[str, str]:
    """The tree of a blob that is there, and its single file's name where it is one file."""
    form = forms.form_of(artifact)
    name = "" if artifact.unpack else forms.file_name(artifact)
    path = bench.layout.lock(f"unpack-{artifact.sha256}.{form}")
    lock = locks.wait_lock(path, bench.context.stop)
    if lock is None:
        raise Stopped
    try:
        known = trees.known(bench.layout, artifact.sha256, form)
        if known is None or not _suits(bench, artifact, known, name):
            known = _made(bench, artifact, name)
            trees.remember(bench.layout, bench.owner, artifact.sha256, form, known)
    finally:
        lock.remove()
    return known, name


def _suits(bench: Bench, artifact: Artifact, tree: str, name: str) -> bool:
    """Whether a tree that is known is right still: its manifest may be lost, or of older rules."""
    manifest = trees.manifest(bench.layout, tree)
    try:
        first = next(iter(manifest), None)
        if name and manifest.single != name:
            return False
    except (OSError, ValueError):
        return False
    return first is None or bool(first.mode & 0o004) != artifact.private


def _made(bench: Bench, artifact: Artifact, name: str) -> str:
    digest, private = artifact.sha256, artifact.private
    if artifact.unpack is None:
        return trees.from_blob(bench.layout, bench.owner, digest, name, private)
    limits = bench.config.limits
    if artifact.unpack.format == LIST:
        size = max(artifact.unpacked, 0) if private else 0
        with space.hold(bench.layout, bench.owner, limits, size, 0):
            return _linked(bench, artifact, artifact.unpack)
    # What an archive unpacks to is told by the lock; where it is not, it is at least its own size.
    size = artifact.unpacked if artifact.unpacked >= 0 else max(artifact.size, 0)
    with space.hold(bench.layout, bench.owner, limits, size, 0):
        writer = trees.TreeWriter(bench.layout, bench.owner, private=private, limits=limits)
        try:
            return _unpacked(bench, digest, artifact.unpack, writer)
        except BaseException:
            writer.abandon()
            raise


def _linked(bench: Bench, artifact: Artifact, how: Unpack) -> str:
    """The tree of a list whose files are all here as blobs."""
    from sidecar.unpack import listed

    writer = trees.TreeWriter(bench.layout, bench.owner, private=artifact.private)
    try:
        for entry in listed.entries(bench.layout.blob(artifact.sha256), how):
            bench.context.check()
            if entry.directory:
                writer.directory(entry.path)
            else:
                writer.blob(entry.path, entry.sha256)
        tree = writer.finish()
    except BaseException:
        writer.abandon()
        raise
    if tree != artifact.sha256 and not artifact.private:
        raise ReasonError("ArchiveRefused", "the list is not in the form that lists have")
    return tree


def _unpacked(bench: Bench, digest: str, how: Unpack, writer: trees.TreeWriter) -> str:
    from sidecar.unpack import StoppedError, unpack

    try:
        unpack(bench.layout.blob(digest), how, writer, bench.context.stop)
    except StoppedError as error:
        raise Stopped from error
    return writer.finish()
