"""A rendered directory: its files, its list of resources, its ledger.

Takes finished objects and decides on files only; no object is changed here.
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler.model.codes import render as codes
from compiler.model.diagnostics import Code, Diagnostics, Related
from compiler.model.hashing import object_id, sha256
from compiler.model.ledger import LEDGER_FILE, NO_OBJECT, LedgerEntry, format_ledger
from compiler.model.manifest import Directory, Identity, Object, Unit

KUSTOMIZATION_FILE = "kustomization.yaml"


def directory(unit: Unit, objects: Iterable[Object], diagnostics: Diagnostics) -> Directory:
    """The directory of a unit: objects by file name, `kustomization.yaml` and the ledger.

    Two objects with one identity or one file are reported; the first one is kept.
    """
    by_file: dict[str, Object] = {}
    owners: dict[Identity, Object] = {}
    for item in objects:
        identity = item.identity
        if identity in owners:
            _report(codes.SAME_OBJECT, f"{identity}", owners[identity], item, diagnostics)
        elif item.file in by_file:
            _report(codes.SAME_FILE, f"file {item.file}", by_file[item.file], item, diagnostics)
        else:
            owners[identity] = by_file[item.file] = item
    ids = {item.file: object_id(identity) for identity, item in owners.items()}
    files = {file: by_file[file].text.encode() for file in sorted(by_file)}
    ordered = tuple(by_file[file] for file in files)
    return Directory(unit, ordered, _with_lists(files, list(files), ids))


def shard_directory(unit: Unit, sites: Iterable[str]) -> Directory:
    """The directory of a shard: nothing but the list of the site directories that it applies."""
    resources = [f"../../sites/{site}" for site in sorted(sites)]
    return Directory(unit, (), _with_lists({}, resources, {}))


def kustomization(resources: Iterable[str]) -> str:
    """The text of a `kustomization.yaml` that applies some files or directories, in their order.

    The names hold only letters, digits and `._-/`, so they need no quotes.
    """
    lines = "".join(f"- {resource}\n" for resource in resources)
    return f"{_KUSTOMIZATION}{lines}" if lines else f"{_KUSTOMIZATION.rstrip()} []\n"


def _with_lists(
    files: dict[str, bytes], resources: list[str], ids: dict[str, str]
) -> dict[str, bytes]:
    """The files with their `kustomization.yaml` and, over all of them, the ledger."""
    files = {**files, KUSTOMIZATION_FILE: kustomization(resources).encode()}
    entries = [
        LedgerEntry(sha256(content), ids.get(file, NO_OBJECT), file)
        for file, content in files.items()
    ]
    return {**files, LEDGER_FILE: format_ledger(entries)}


def _report(code: Code, what: str, first: Object, second: Object, diagnostics: Diagnostics) -> None:
    names = [item.origin.subject for item in (first, second)]
    message = f"{names[0]} and {names[1]} both make {what} in {first.unit.path}"
    related = (Related(first.origin.span, "first made here"),) if first.origin.span else ()
    diagnostics.add(code, message, second.origin.span, "Rename one of them", related)


_KUSTOMIZATION = """\
# edgewright: the list of this directory, do not edit
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
"""
