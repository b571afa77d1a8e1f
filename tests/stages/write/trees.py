"""Small output trees for the tests of the write stage, and a reader of what lies on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compiler.adapters.exchange import KernelExchange
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.ledger import LEDGER_FILE, LedgerEntry, format_ledger
from compiler.model.manifest import Directory, Object, Origin, Unit, UnitRole
from compiler.stages.write.write import Changes, WriteOptions, write

TARGET = "shop/prod/hub"


def body(subject: str, site: str, name: str, text: str, kind: str = "Deployment") -> bytes:
    """A generated file: the header line, then JSON, which is YAML too."""
    origin = Origin(subject, site)
    data = {"kind": kind, "metadata": {"name": name}, "spec": {"text": text}}
    return f"{origin.header}\n{json.dumps(data)}\n".encode()


def read_body(text: str) -> dict[str, Any]:
    """The data of a generated file."""
    found: dict[str, Any] = json.loads(text.split("\n", 1)[1])
    return found


def directory(unit: Unit, objects: Mapping[str, bytes]) -> Directory:
    """A directory of `<kind>-<name>.yaml` files with its kustomization and its ledger."""
    files = dict(objects)
    resources = "".join(f"- {name}\n" for name in sorted(objects))
    files["kustomization.yaml"] = f"resources:\n{resources}".encode()
    entries = []
    made = []
    for name, data in files.items():
        id_ = "-"
        if name != "kustomization.yaml":
            found = read_body(data.decode())
            id_ = f"{found['kind'].lower()}.apps/shop/{found['metadata']['name']}"
            span = Span("specs/jobs.yaml", 3, 5)
            made.append(Object(unit, Origin("jobs.x", "", span), found, data.decode(), name))
        entries.append(LedgerEntry(hashlib.sha256(data).hexdigest(), id_, name))
    files[LEDGER_FILE] = format_ledger(entries)
    return Directory(unit, tuple(made), files)


def site(name: str, texts: Mapping[str, str], target: str = TARGET) -> Directory:
    """A site's directory with one Deployment per job, whose content is the text."""
    return directory(
        Unit(target, UnitRole.SITES, name),
        {
            f"deployment-{name}-{job}.yaml": body(f"jobs.{job}", name, f"{name}-{job}", text)
            for job, text in texts.items()
        },
    )


def tree(*directories: Directory) -> dict[str, Directory]:
    """Directories by path."""
    return {item.unit.path: item for item in directories}


def options(**changes: Any) -> WriteOptions:
    """Write options with the real exchange."""
    return WriteOptions(**{"exchange": KernelExchange(), **changes})


def put(out: Path, *directories: Directory, **changes: Any) -> Changes:
    """Write a tree and answer the changes; a fault is a CompileError."""
    return write(tree(*directories), out, options(**changes), Diagnostics())


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by its relative path, links and all."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def expected(*directories: Directory) -> dict[str, bytes]:
    """What `content` answers when the output is exactly these directories."""
    return {
        f"{item.unit.path}/{name}": data
        for item in directories
        for name, data in item.files.items()
    }
